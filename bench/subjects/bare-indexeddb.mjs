// Queues in IndexedDB by hand, in a page: one transaction claims a batch, one commits it into the next queue, item by
// item, each flushed to disk. No fencing, no receipts, no retries, no keys.
import { command, queues } from '../three-steps.mjs';

const batch = 64;
/** ms */
const lease = 35_000;
const [input, working] = [0, 1];

const name = 'bare';
let db;
let last = 0;
let waiting = 0;

export async function prepare(_store, _way, count) {
  db = await open(name);
  for (let at = 0; at < count; at += 1_000) {
    await transact((items) => {
      for (let n = at; n < Math.min(at + 1_000, count); n++) {
        items.put(command(n), [0, input, ++last, 0]);
      }
    });
  }
  waiting = count;
}

export async function go() {
  const claim = async (i) => {
    const taken = [];
    await transact((items) => {
      const range = IDBKeyRange.bound([i, input], [i, input, []]);
      const keys = items.getAllKeys(range, batch);
      const values = items.getAll(range, batch);
      values.onsuccess = () => {
        const deadline = Date.now() + lease;
        for (const [n, key] of keys.result.entries()) {
          const to = [i, working, deadline, n];
          items.delete(key);
          items.put(values.result[n], to);
          taken.push({ key: to, value: values.result[n] });
        }
      };
    });
    return taken;
  };
  const commit = (i, taken) =>
    transact((items) => {
      for (const { key, value } of taken) {
        items.delete(key);
        if (i + 1 < queues.length) items.put(value, [i + 1, input, ++last, 0]);
      }
    });
  const start = performance.now();
  let done = 0;
  for (let i = 0; done < waiting; i = (i + 1) % queues.length) {
    const taken = await claim(i);
    if (taken.length === 0) continue;
    await commit(i, taken);
    if (i === queues.length - 1) done += taken.length;
  }
  const seconds = (performance.now() - start) / 1000;
  db.close();
  return { moves: waiting * queues.length, seconds };
}

function open() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore('items');
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function transact(use) {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction('items', 'readwrite', { durability: 'strict' });
    transaction.oncomplete = resolve;
    transaction.onabort = () => reject(transaction.error);
    use(transaction.objectStore('items'));
  });
}
