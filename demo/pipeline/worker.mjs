// Works on a pipeline, beside any number of others: node pipeline/worker.mjs <store> <file>
import { appendFile } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import { pipeline } from 'dservice/pipeline';

const [store, file] = process.argv.slice(2);
const names = pipeline('names', { store });

// A module of 2013, by its path.
names.step('./pipeline/steps/resolve.cjs', {
  ...{ concurrency: 4, timeout: '1s' },
  ...{ retries: 2, backoff: { first: '200ms', longest: '500ms' } },
});

// What it does can be seen: a line in a file. It takes its time, so that there is something to interrupt.
names.step(
  'store',
  async ({ name, address }, step) => {
    await pause(150 + Math.random() * 100);
    await appendFile(file, `${step.id} ${name} ${address}\n`);
    await pause(150 + Math.random() * 100);
  },
  { concurrency: 6, timeout: '1s' },
);

await names.start();
console.log(`works, as process ${process.pid}`);

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => void names.stop());
