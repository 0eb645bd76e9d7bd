// The work that is measured: each takes a client and a time in ms, and resolves with how many calls
// it made in how many seconds.
import { deepStrictEqual } from 'node:assert';
import { inFlight } from './in-flight.mjs';

/** About 10 KB of JSON: what a list in a web page holds. */
export const object = {
  page: 1,
  rows: Array.from({ length: 68 }, (_, i) => ({
    id: 1000 + i,
    name: `Item number ${i}`,
    tags: ['new', 'red', `t${i % 7}`],
    price: i * 1.25,
    stock: { here: i, there: i * 2 },
    active: i % 3 > 0,
    note: i % 5 === 0 ? null : 'delivered within two days',
  })),
};

export const work = {
  seq: {
    title: 'one at a time',
    run: (client, ms) => inFlight(1, ms, () => client.shout('hello')),
  },
  c64: {
    title: '64 in flight',
    run: (client, ms) => inFlight(64, ms, () => client.shout('hello')),
  },
  burst: { title: '5,000 at once', run: (client, ms, { burst }) => bursts(burst, ms, client) },
  objects: {
    title: '10 KB objects',
    run: (client, ms) => inFlight(16, ms, () => client.echo(object)),
  },
};

/** Fails where a client's answers are wrong: what is measured must be the work. */
export async function check(client) {
  deepStrictEqual(await client.shout('hello'), 'HELLO');
  deepStrictEqual(await client.echo(object), object);
}

/** `count` calls at once, again and again: until the time is over. */
async function bursts(count, ms, client) {
  const start = performance.now();
  let done = 0;
  do {
    const calls = [];
    for (let i = 0; i < count; i++) calls.push(client.shout('hello'));
    await Promise.all(calls);
    done += count;
  } while (performance.now() - start < ms);
  return { calls: done, seconds: (performance.now() - start) / 1000 };
}
