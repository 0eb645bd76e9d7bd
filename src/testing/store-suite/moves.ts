import type { On } from './place.js';
import { same } from './same.js';
import { boom, dead, done, ids, retry } from './worker.js';

export function moveTests(on: On): void {
  on('a command that moves keeps its id, and begins anew there', async (place) => {
    const worker = await place.worker();
    const pushed = place.clock.wall();
    await worker.push(['a']);
    await worker.turn([retry(await worker.one(), 0, { error: boom })]);
    await place.clock.advance(100);
    const a = await worker.one();
    const body = worker.store.pack({ n: 2 }).body;
    await worker.turn([done(a, [worker.moved(a, 'r', { body })])]);
    same(await worker.store.find(['a']), [{ state: 'input', queue: 'r' }], 'where');
    same(await worker.claim(9), [], 'what is left');
    const there = await worker.one({ queue: 'r' });
    same(
      [there.ref, there.tries, there.error, there.given, there.pushed],
      ['a', 0, undefined, true, pushed],
      'the command',
    );
    same(worker.store.unpack(there.body), { n: 2 }, 'its data');
    same((await worker.turn([done(a)])).held, [false], 'the lease of before');
  });

  on('a command may take a delay and an error along', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    const a = await worker.one();
    await worker.turn([done(a, [worker.moved(a, 'r', { delay: 100, error: boom })])]);
    same(await worker.store.find(['a']), [{ state: 'waiting', queue: 'r' }], 'where');
    await place.clock.advance(100);
    same((await worker.one({ queue: 'r' })).error, boom, 'the error');
  });

  on('a command becomes several, and ends', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    await place.clock.advance(100);
    const children = [
      worker.entry({ id: 'a/1', queue: 'r' }),
      worker.entry({ id: 'a/2', queue: 's', delay: 50 }),
      worker.entry({ id: 'a/3', queue: 'r', data: 3 }),
    ];
    await worker.turn([done(await worker.one(), children)]);
    same(
      await worker.store.find(['a', 'a/1', 'a/2', 'a/3']),
      [
        { state: 'finished', children: 3 },
        { state: 'input', queue: 'r' },
        { state: 'waiting', queue: 's' },
        { state: 'input', queue: 'r' },
      ],
      'where',
    );
    const claims = await worker.claim(9, { queue: 'r' });
    same(ids(claims), ['a/1', 'a/3'], 'in order');
    same(claims[0]?.pushed, place.clock.wall(), 'when it was pushed');
  });

  on('a child whose id is known is left out', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'gone', 'ended', { id: 'there', queue: 'r' }]);
    const [a, gone, ended] = await worker.claim(3);
    if (!a || !gone || !ended) throw new Error('three were to be claimed');
    await worker.turn([dead(gone), done(ended)]);
    const children = ['there', 'gone', 'ended', 'new', 'new'].map((id) =>
      worker.entry({ id, queue: 's' }),
    );
    same((await worker.turn([done(a, children)])).held, [true], 'held');
    same(ids(await worker.claim(9, { queue: 's' })), ['new'], 'what is new');
    same(
      await worker.store.find(['a', 'gone', 'ended', 'there']),
      [
        { state: 'finished', children: 5 },
        { state: 'dead', queue: 'q', error: boom },
        { state: 'finished', children: 0 },
        { state: 'input', queue: 'r' },
      ],
      'where',
    );
  });

  on('a command may move, and have children beside it', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    const a = await worker.one();
    const next = [
      worker.entry({ id: 'a/1', queue: 'r' }),
      worker.moved(a, 'r'),
      worker.entry({ id: 'a/2', queue: 'r' }),
    ];
    await worker.turn([done(a, next)]);
    same(ids(await worker.claim(9, { queue: 'r' })), ['a/1', 'a', 'a/2'], 'in order');
  });

  on('outcomes are applied in order', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'b', 'c']);
    const [a, b, c] = await worker.claim(3);
    if (!a || !b || !c) throw new Error('three were to be claimed');
    await worker.turn([
      done(c, [worker.moved(c, 'r')]),
      done(a, [worker.entry({ id: 'a/1', queue: 'r' })]),
      retry(b),
    ]);
    same(ids(await worker.claim(9, { queue: 'r' })), ['c', 'a/1'], 'of r');
    same(ids(await worker.claim(9)), ['b'], 'of q');
  });

  on('a lost outcome leaves the others of its turn alone', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'b', 'c']);
    const [a, b, c] = await worker.claim(3);
    if (!a || !b || !c) throw new Error('three were to be claimed');
    const lost = { ...b, token: a.token.replace(/.$/, '~') };
    const child = (id: string) => worker.entry({ id, queue: 'r' });
    const { held } = await worker.turn([
      done(a, [child('x')]),
      done(lost, [child('y')]),
      done(c, [child('z')]),
    ]);
    same(held, [true, false, true], 'held');
    same(ids(await worker.claim(9, { queue: 'r' })), ['x', 'z'], 'children');
    same((await worker.turn([done(b)])).held, [true], 'the one that is held');
  });
}
