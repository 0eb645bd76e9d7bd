import { writeFile } from 'node:fs/promises';
import { Session } from 'node:inspector/promises';

/** Records where this process spends its time: `begin()`, and `save(file)`, which `node --cpu-prof` users can read. */
export function makeProfiler() {
  const session = new Session();
  return {
    async begin() {
      session.connect();
      await session.post('Profiler.enable');
      await session.post('Profiler.setSamplingInterval', { interval: 200 });
      await session.post('Profiler.start');
    },
    async save(file) {
      const { profile } = await session.post('Profiler.stop');
      session.disconnect();
      await writeFile(file, JSON.stringify(profile));
    },
  };
}
