// Queues in LMDB by hand: one transaction claims a batch, one commits it into the next queue and is flushed to disk.
// No fencing, no receipts, no retries, no keys.
import { open } from 'lmdb';
import { command, queues } from '../three-steps.mjs';

const batch = 64;
/** ms */
const lease = 35_000;

let db;
let last = 0;
let waiting = 0;

export async function prepare(folder, _way, count) {
  db = open({ path: `${folder}/bare` });
  for (let at = 0; at < count; at += 1_000) {
    await db.transaction(() => {
      for (let n = at; n < Math.min(at + 1_000, count); n++) {
        db.putSync([0, 'input', ++last], command(n));
      }
    });
  }
  await db.flushed;
  waiting = count;
}

export async function go() {
  const claim = (i) =>
    db.transaction(() => {
      const range = { start: [i, 'input', 0], end: [i, 'input', Infinity], limit: batch };
      const taken = [...db.getRange(range)];
      const deadline = Date.now() + lease;
      for (const [n, { key, value }] of taken.entries()) {
        db.removeSync(key);
        db.putSync([i, 'working', deadline, n], value);
      }
      return taken.map(({ value }, n) => ({ key: [i, 'working', deadline, n], value }));
    });
  const commit = (i, taken) =>
    db.transaction(() => {
      for (const { key, value } of taken) {
        db.removeSync(key);
        if (i + 1 < queues.length) db.putSync([i + 1, 'input', ++last], value);
      }
    });
  const start = performance.now();
  let done = 0;
  for (let i = 0; done < waiting; i = (i + 1) % queues.length) {
    const taken = await claim(i);
    if (taken.length === 0) continue;
    await commit(i, taken);
    await db.flushed;
    if (i === queues.length - 1) done += taken.length;
  }
  const seconds = (performance.now() - start) / 1000;
  await db.close();
  return { moves: waiting * queues.length, seconds };
}
