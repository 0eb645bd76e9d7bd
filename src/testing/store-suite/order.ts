import type { On } from './place.js';
import { is, same } from './same.js';
import { done, ids, numbered } from './worker.js';

export function orderTests(on: On): void {
  on('what is pushed is claimed in order, once', async (place) => {
    const worker = await place.worker();
    const first = await worker.push(['a', 'b']);
    same(first.states, ['queued', 'queued'], 'the first states');
    same(first.claims, [], 'claims of who wants nothing');
    await worker.push(['c']);
    same(ids(await worker.claim(2)), ['a', 'b'], 'the first two');
    same(ids(await worker.claim(2)), ['c'], 'what is left');
    same(ids(await worker.claim(2)), [], 'what is left then');
  });

  on('a claim tells all of a command', async (place) => {
    const worker = await place.worker();
    const pushed = place.clock.wall();
    await worker.push([
      { id: 'a', key: 'k', data: { n: 1 } },
      { id: 'b', given: false },
    ]);
    await place.clock.advance(50);
    const [a, b] = await worker.claim(2);
    if (a === undefined || b === undefined) throw new Error('two were to be claimed');
    same(worker.store.unpack(a.body), { n: 1 }, 'the data');
    same(
      { ...a, body: 0, token: '' },
      { ref: 'k\u001fa', queue: 'q', token: '', given: true, key: 'k', body: 0, tries: 0, pushed },
      'the first',
    );
    same(
      { ...b, body: 0, token: '' },
      { ref: 'b', queue: 'q', token: '', given: false, body: 0, tries: 0, pushed },
      'the second',
    );
    same(a.token, b.token, 'one token for a claim');
  });

  on('queues are apart, and one call claims of several', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', { id: 'b', queue: 'r' }, 'c', { id: 'd', queue: 'r' }]);
    const { claims } = await worker.turn([], [{ queue: 'r', max: 1 }, { max: 5 }, { queue: 's' }]);
    same(ids(claims), ['b', 'a', 'c'], 'claims, in the order of the wants');
    same(
      claims.map(({ queue }) => queue),
      ['r', 'q', 'q'],
      'their queues',
    );
    same(ids(await worker.claim(5, { queue: 'r' })), ['d'], 'the rest of r');
  });

  on('a push claims too, what it pushed or what was there', async (place) => {
    const worker = await place.worker();
    const { states, claims } = await worker.push(['a', 'b'], [{ max: 1 }]);
    same([states, ids(claims)], [['queued', 'queued'], ['a']], 'states and claims');
    same(ids((await worker.push(['c'], [{ max: 5 }])).claims), ['b', 'c'], 'claims then');
  });

  on('a turn commits first and claims then', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'b']);
    const a = await worker.one();
    const { held, claims } = await worker.turn([done(a, [worker.entry('new')])], [{ max: 5 }]);
    same([held, ids(claims)], [[true], ['b', 'new']], 'held and claims');
  });

  on('calls are carried out in the order in which they were made', async (place) => {
    const worker = await place.worker();
    const pushes = numbered(7).map((id) => worker.push([id]));
    const claimed = worker.claim(10);
    await Promise.all(pushes);
    same(ids(await claimed), numbered(7), 'what was claimed');
  });

  on('nobody gets what somebody has, of many who ask at once', async (place) => {
    const workers = await Promise.all(numbered(4, 'w').map((name) => place.worker(name)));
    const [first] = workers;
    await first?.push(numbered(100));
    const all: string[] = [];
    for (;;) {
      const claims = await Promise.all(workers.map((worker) => worker.claim(7)));
      all.push(...claims.flatMap(ids));
      if (claims.every(({ length }) => length === 0)) break;
    }
    same([...all].sort(), numbered(100).sort(), 'all, each once');
    is(new Set(all).size === all.length, 'each was claimed once');
  });
}
