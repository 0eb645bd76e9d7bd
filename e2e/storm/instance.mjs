// An instance in the storm: whatever runs here is written down before anything else is done.
import { openSync, writeSync } from 'node:fs';
import dservice from 'dservice';

const { name, port, ledger } = JSON.parse(process.argv[2] ?? '');
const file = openSync(ledger, 'a');
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// What was written to a file is there, though the process is killed in the next moment.
const run = (call) => {
  const at = performance.timeOrigin + performance.now();
  writeSync(
    file,
    `${JSON.stringify({ call, instance: service.id, version: service.version, at })}\n`,
  );
};
const own = () => ({ instance: service.id, version: service.version });

const service = dservice(
  name,
  {
    async work(call, ms) {
      run(call);
      await pause(ms);
      return own();
    },
    /** Asks its caller back, once. */
    async ask(call, ms, back) {
      run(call);
      await pause(ms);
      await back(call);
      return own();
    },
  },
  { reach: 'lan', port, manifest: false, logger: { warn() {} } },
);
await service.start();
console.log(`up ${service.id}`);
