// A worker in a process of its own: `node worker.mjs <settings as JSON>`, told over IPC what to do.
import { openSync, writeSync } from 'node:fs';
import { lmdb, pipeline, redis } from 'dservice/pipeline';
import { makeWorker } from './steps.mjs';

const settings = JSON.parse(process.argv[2]);
const file = openSync(settings.file, 'a');
const log = {
  /** In the hands of the system: it outlives this process. */
  write(fact) {
    const at = Number(process.hrtime.bigint()) / 1e6;
    writeSync(file, `${JSON.stringify({ at, ...fact })}\n`);
  },
  settled: () => undefined,
};

const { folder, url, partitions } = settings.store;
const store = folder === undefined ? redis(url, { partitions }) : lmdb(folder);
const worker = makeWorker(pipeline, store, log, settings);

let stopping = false;
process.on('message', (asked) => void answer(asked));
// Whoever hunts is gone.
process.on('disconnect', () => stopping || process.exit(1));

await worker.start();
process.send({ up: true });

async function answer({ id, what, args }) {
  stopping ||= what === 'stop';
  try {
    const value = await worker[what](...args);
    if (process.connected) process.send({ id, value });
  } catch (error) {
    if (process.connected) process.send({ id, error: String(error?.stack ?? error) });
  }
  // It has to end by itself.
  if (what === 'stop') process.disconnect();
}
