import { minute, type On, type Place } from './place.js';
import { same } from './same.js';
import { dead, done, ids, retry, type Spec, type Worker } from './worker.js';

const k = (id: string, more: { readonly queue?: string; readonly delay?: number } = {}): Spec => ({
  id,
  key: 'k',
  ...more,
});

/** A worker whose queue has three commands of one key and one of another, the first being leased to it. */
async function contended(place: Place) {
  const worker = await place.worker();
  await worker.push([k('k1'), k('k2'), k('k3'), { id: 'l1', key: 'l' }]);
  const first = await worker.one();
  return { worker, first };
}

/** Finishes what can be claimed, one after the other: the ids, in order. */
async function runAll(worker: Worker): Promise<string[]> {
  const order: string[] = [];
  for (;;) {
    const [claim] = await worker.claim();
    if (claim === undefined) return order;
    order.push(...ids([claim]));
    await worker.turn([done(claim)]);
  }
}

export function keyTests(on: On): void {
  on('those of a key come one at a time, in order', async (place) => {
    const { worker, first } = await contended(place);
    same(ids(await worker.claim(9)), ['l1'], 'beside it');
    const { claims } = await worker.turn([done(first)], [{ max: 9 }]);
    same(ids(claims), ['k2'], 'after it');
    same(ids(await worker.claim(9)), [], 'beside that');
    await worker.turn(claims.map((it) => done(it)));
    same(ids(await worker.claim(9)), ['k3'], 'the last');
  });

  on('counts, pages and places tell who is held', async (place) => {
    const { worker } = await contended(place);
    same(
      await worker.store.counts(),
      { queues: { q: { input: 1, held: 2, working: 1, waiting: 0, oldest: 0 } }, dead: 0 },
      'counts',
    );
    same(ids(await worker.list('q', 'held')), ['k2', 'k3'], 'held');
    same(ids(await worker.list('q', 'input')), ['l1'], 'input');
    same(await worker.store.find(['k\u001fk2']), [{ state: 'held', queue: 'q' }], 'where');
  });

  on('who moves up comes to the end', async (place) => {
    const { worker, first } = await contended(place);
    await worker.push(['u1']);
    await worker.turn([done(first)]);
    same(ids(await worker.claim(9)), ['l1', 'u1', 'k2'], 'the order');
  });

  on('a key is held through a retry, at once and later', async (place) => {
    const { worker, first } = await contended(place);
    await worker.turn([retry(first)]);
    const [again, l1] = await worker.claim(9);
    if (again === undefined || l1 === undefined) throw new Error('two were to be claimed');
    same(ids([again, l1]), ['k1', 'l1'], 'at once, at the front');
    await worker.turn([retry(again, 500), done(l1)]);
    same(ids(await worker.claim(9)), [], 'while it waits');
    await place.clock.advance(500);
    same(await runAll(worker), ['k1', 'k2', 'k3'], 'the order');
  });

  on('a key is held when a lease ends', async (place) => {
    const { worker } = await contended(place);
    await place.clock.advance(minute);
    await worker.reap();
    same(ids(await worker.claim(9)), ['k1', 'l1'], 'what can be claimed');
    await place.clock.advance(minute);
    await worker.reap();
    same(await runAll(worker), ['k1', 'l1', 'k2', 'k3'], 'the order');
  });

  on('a key goes on when its command dies', async (place) => {
    const { worker, first } = await contended(place);
    await worker.turn([dead(first)]);
    const [l1, k2] = await worker.claim(9);
    same(ids([l1, k2].flatMap((it) => it ?? [])), ['l1', 'k2'], 'what can be claimed');
    await place.clock.advance(minute);
    const late = (await worker.reap(0)).expired.map(({ ref, dead: died }) => [ref, died]);
    same(
      late,
      [
        ['l\u001fl1', true],
        ['k\u001fk2', true],
      ],
      'who died',
    );
    same(await runAll(worker), ['k3'], 'the rest');
  });

  on('a key goes on when its command is purged', async (place) => {
    const { worker, first } = await contended(place);
    const refs = (...names: string[]) => names.map((id) => `k\u001f${id}`);
    await worker.turn([retry(first, 500)]);
    same(await worker.store.purge(refs('k1')), 1, 'purged, while it waits');
    same(ids(await worker.list('q', 'input')), ['l1', 'k2'], 'input');
    same(await worker.store.purge(refs('k2')), 1, 'purged, in input');
    same(await runAll(worker), ['l1', 'k3'], 'the rest');
  });

  on('who is held can be purged', async (place) => {
    const { worker, first } = await contended(place);
    same(await worker.store.purge(['k\u001fk2']), 1, 'purged');
    same((await worker.store.counts()).queues['q']?.held, 1, 'held');
    await worker.turn([done(first)]);
    same(await runAll(worker), ['l1', 'k3'], 'the rest');
  });

  on('a key goes on when its command moves, and holds there', async (place) => {
    const { worker, first } = await contended(place);
    await worker.push([k('r1', { queue: 'r' })]);
    await worker.turn([done(first, [worker.moved(first, 'r', { key: 'k' })])]);
    same(ids(await worker.claim(9)), ['l1', 'k2'], 'here');
    const [r1] = await worker.claim(9, { queue: 'r' });
    same(r1?.ref, 'k\u001fr1', 'there');
    same(ids(await worker.list('r', 'held')), ['k1'], 'held there');
    if (r1 !== undefined) await worker.turn([done(r1)]);
    same(ids(await worker.claim(9, { queue: 'r' })), ['k1'], 'there, then');
  });

  on('a command may move to its own queue: it comes to the end of its key', async (place) => {
    const { worker, first } = await contended(place);
    await worker.turn([done(first, [worker.moved(first, 'q', { key: 'k' })])]);
    same(await runAll(worker), ['l1', 'k2', 'k3', 'k1'], 'the order');
  });

  on('a command may take another key, or none, as it moves', async (place) => {
    const worker = await place.worker();
    await worker.push([k('a'), k('b')]);
    const a = await worker.one();
    await worker.turn([done(a, [worker.moved(a, 'r', { key: 'other' })])]);
    const b = await worker.one();
    await worker.turn([done(b, [worker.moved(b, 'r')])]);
    const there = await worker.claim(9, { queue: 'r' });
    same(
      there.map(({ key }) => key),
      ['other', undefined],
      'their keys',
    );
    same((await worker.push([k('a'), k('b')])).states, ['known', 'known'], 'they have their ids');
  });

  on('a key holds in its queue alone', async (place) => {
    const worker = await place.worker();
    await worker.push([k('q1'), k('r1', { queue: 'r' })]);
    same(ids(await worker.claim(9)), ['q1'], 'of q');
    same(ids(await worker.claim(9, { queue: 'r' })), ['r1'], 'of r');
  });

  on('a delay at push takes no place until it is due', async (place) => {
    const worker = await place.worker();
    await worker.push([k('k1', { delay: 500 }), k('k2')]);
    same(ids(await worker.claim(9)), ['k2'], 'who came later');
    await place.clock.advance(500);
    same(ids(await worker.claim(9)), [], 'while that has the key');
    same((await worker.store.counts()).queues['q']?.held, 1, 'held');
    await place.clock.advance(minute);
    await worker.reap();
    same(await runAll(worker), ['k2', 'k1'], 'the order');
  });

  on('one that waits from its push on can be purged, and holds nobody', async (place) => {
    const worker = await place.worker();
    await worker.push([k('k1', { delay: 500 }), k('k2'), k('k3')]);
    await worker.store.purge(['k\u001fk1']);
    same((await worker.store.counts()).queues['q']?.held, 1, 'held');
    await place.clock.advance(500);
    same(await runAll(worker), ['k2', 'k3'], 'the order');
  });

  on('who is redriven comes to the end of its key', async (place) => {
    const { worker, first } = await contended(place);
    await worker.turn([dead(first)]);
    await worker.store.redrive([first.ref], undefined, true);
    same(await runAll(worker), ['l1', 'k2', 'k3', 'k1'], 'the order');
  });

  on('many keys side by side, each in order', async (place) => {
    const worker = await place.worker();
    const keys = ['a', 'b', 'c', 'd', 'e'];
    const specs = Array.from({ length: 50 }, (_, i) => ({
      id: `${i}`,
      key: keys[i % 5] ?? '',
    }));
    await worker.push(specs);
    const order: string[] = [];
    for (let round = 0; round < 10; round++) {
      const claims = await worker.claim(50);
      same(claims.map(({ key }) => key ?? '').sort(), keys, `keys of round ${round}`);
      order.push(...ids(claims));
      await worker.turn(claims.toReversed().map((it) => done(it)));
    }
    for (const [n] of keys.entries()) {
      const own = order.filter((id) => Number(id) % 5 === n);
      same(
        own,
        [...own].sort((a, b) => Number(a) - Number(b)),
        `the order of key ${n}`,
      );
    }
    same(order.length, 50, 'how many');
  });
}
