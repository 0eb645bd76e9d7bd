import type { State } from '../../pipeline/store.js';
import type { On } from './place.js';
import { same } from './same.js';
import { ids, numbered, retry } from './worker.js';

export function listingTests(on: On): void {
  on('counts tell of each queue that has something, and how old its first is', async (place) => {
    const worker = await place.worker();
    same(await worker.store.counts(), { queues: {}, dead: 0 }, 'at first');
    await worker.push(['a']);
    await place.clock.advance(70);
    await worker.push(['b', { id: 'r1', queue: 'r', delay: 10 }]);
    await place.clock.advance(30);
    same(
      await worker.store.counts(),
      {
        queues: {
          q: { input: 2, held: 0, working: 0, waiting: 0, oldest: 100 },
          r: { input: 0, held: 0, working: 0, waiting: 1 },
        },
        dead: 0,
      },
      'with three',
    );
    await worker.one();
    await worker.one({ queue: 'r' });
    same(
      await worker.store.counts(),
      {
        queues: {
          q: { input: 1, held: 0, working: 1, waiting: 0, oldest: 30 },
          r: { input: 0, held: 0, working: 1, waiting: 0 },
        },
        dead: 0,
      },
      'with two of them leased',
    );
  });

  on('pages are of the size that is asked for, and in order', async (place) => {
    const worker = await place.worker();
    await worker.push(numbered(25));
    same(ids(await worker.list('q', 'input', 7)), numbered(25), 'input');
    const { commands, next } = await worker.store.range('q', 'input', { limit: 3 });
    same([ids(commands), typeof next], [['c0', 'c1', 'c2'], 'string'], 'the first page');
    await worker.claim(10, { lease: 2_000 });
    await worker.claim(10, { lease: 1_000 });
    const [late, soon] = [numbered(10), numbered(20).slice(10)];
    same(ids(await worker.list('q', 'working', 7)), [...soon, ...late], 'working, by deadline');
    const keyed = numbered(12, 'k').map((id) => ({ id, key: 'k' }));
    await worker.push(keyed);
    same(ids(await worker.list('q', 'held', 4)), numbered(12, 'k').slice(1), 'held');
    const waiting = numbered(9, 'w').map((id, i) => ({ id, delay: 900 - i }));
    await worker.push(waiting);
    same(ids(await worker.list('q', 'waiting', 2)), numbered(9, 'w').toReversed(), 'waiting');
  });

  on('a page of what is not there is empty', async (place) => {
    const worker = await place.worker();
    for (const state of ['input', 'held', 'working', 'waiting', 'dead'] as State[]) {
      same(await worker.store.range('q', state, { limit: 5 }), { commands: [] }, state);
    }
  });

  on('what is listed tells all of a command', async (place) => {
    const worker = await place.worker();
    const pushed = place.clock.wall();
    await worker.push([
      { id: 'a', data: { n: 1 } },
      { id: 'k1', key: 'k' },
      { id: 'k2', key: 'k' },
    ]);
    await place.clock.advance(10);
    const at = place.clock.wall();
    const rest = { queue: 'q', body: 0, tries: 0, pushed };
    const of = async (state: State) =>
      (await worker.list('q', state)).map((it) => ({ ...it, body: 0 }));
    const [a] = await worker.list('q', 'input', 1);
    same(worker.store.unpack(a?.body), { n: 1 }, 'the data');
    same(await of('held'), [{ ...rest, ref: 'k\u001fk2', key: 'k' }], 'held');
    const [claim] = await worker.claim(1, { lease: 500 });
    same(await of('working'), [{ ...rest, ref: 'a', at: at + 500 }], 'working');
    same(await of('input'), [{ ...rest, ref: 'k\u001fk1', key: 'k' }], 'input');
    if (claim !== undefined) await worker.turn([retry(claim, 300)]);
    same(await of('waiting'), [{ ...rest, ref: 'a', tries: 1, at: at + 300 }], 'waiting');
  });

  on('who is not known is not found', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    const input = { state: 'input', queue: 'q' };
    same(
      await worker.store.find(['x', 'a', 'y', 'a']),
      [undefined, input, undefined, input],
      'all',
    );
    same(await worker.store.find([]), [], 'nobody');
  });
}
