import type { Op } from '../../pipeline/store.js';
import { day, type On } from './place.js';
import { rejects, same } from './same.js';
import { done, ids, numbered } from './worker.js';

export function receiptTests(on: On): void {
  on('a push that is repeated answers the same, and does nothing', async (place) => {
    const worker = await place.worker();
    const op = worker.op();
    const first = await worker.push(['a', 'b', 'a'], [{ max: 1 }], op);
    same([first.states, ids(first.claims)], [['queued', 'queued', 'known'], ['a']], 'the answer');
    await worker.push(['c']);
    same(await worker.push(['a', 'b', 'a'], [{ max: 1 }], op), first, 'the second answer');
    same(
      await worker.store.counts(),
      { queues: { q: { input: 2, held: 0, working: 1, waiting: 0, oldest: 0 } }, dead: 0 },
      'counts',
    );
  });

  on('a turn that is repeated answers the same, and does nothing', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'b', 'c', { id: 'late', delay: 500 }]);
    const a = await worker.one();
    const outcomes = [done(a, [worker.entry({ id: 'a/1', queue: 'r' })]), done(a)];
    const op = worker.op();
    const first = await worker.turn(outcomes, [{ max: 1 }], op);
    same([first.held, ids(first.claims), first.due], [[true, false], ['b'], 500], 'the answer');
    await place.clock.advance(100);
    same(await worker.turn(outcomes, [{ max: 1 }], op), first, 'the second answer');
    same(ids(await worker.claim(9)), ['c'], 'what is left');
    same(ids(await worker.claim(9, { queue: 'r' })), ['a/1'], 'the child, once');
  });

  on('of an answer that is repeated, what is not held any more is left out', async (place) => {
    const worker = await place.worker();
    await worker.push(numbered(4));
    const op = worker.op();
    const { claims } = await worker.turn([], [{ max: 4 }], op);
    const [c0, c1] = claims;
    if (c0 === undefined || c1 === undefined) throw new Error('four were to be claimed');
    await worker.turn([done(c0)]);
    same(ids((await worker.turn([], [{ max: 4 }], op)).claims), ['c1', 'c2', 'c3'], 'without c0');
    await worker.store.extend([c1], 5_000);
    await place.clock.advance(1_000);
    same(ids((await worker.turn([], [{ max: 4 }], op)).claims), ['c1', 'c2', 'c3'], 'late ones');
    await worker.reap();
    await (await place.worker('other')).claim(9);
    same(ids((await worker.turn([], [{ max: 4 }], op)).claims), ['c1'], 'what it still has');
  });

  on('eight operations of each worker are remembered', async (place) => {
    const [worker, other] = [await place.worker(), await place.worker('other')];
    const ops: Op[] = [];
    for (const id of numbered(10)) {
      const op = worker.op();
      ops.push(op);
      await worker.push([id], [], op);
    }
    await other.push(['x']);
    const [op0, op1, ...last] = ops;
    for (const [i, op] of last.entries()) {
      same((await worker.push([`c${i + 2}`], [], op)).states, ['queued'], `op ${op.seq}`);
    }
    await rejects(worker.push(['new'], [{}], op0), 'ERR_STATE', 'a push that is older');
    await rejects(worker.turn([], [{}], op1), 'ERR_STATE', 'a turn that is older');
    same(await worker.store.find(['new']), [undefined], 'nothing was done');
    same((await worker.store.counts()).queues['q']?.working, 0, 'what was claimed');
  });

  on('eight operations may be in flight, and repeated, at once', async (place) => {
    const worker = await place.worker();
    const ops = numbered(8).map((id) => ({ id, op: worker.op() }));
    const all = () => Promise.all(ops.map(({ id, op }) => worker.push([id], [{ max: 1 }], op)));
    const [first, second] = await Promise.all([all(), all()]);
    same(second, first, 'the second answers');
    same(
      first.map(({ claims }) => ids(claims)),
      numbered(8).map((id) => [id]),
      'claims',
    );
  });

  on('a worker is remembered for 24 hours after it was last seen', async (place) => {
    const [one, two] = [await place.worker('one'), await place.worker('two')];
    const [first, second] = [one.op(), two.op()];
    await one.push([{ id: 'a', given: false }], [{}], first);
    await place.clock.advance(1_000);
    await two.push([{ id: 'b', given: false }], [{}], second);
    for (const worker of [one, two]) {
      const op = worker === one ? first : second;
      const { claims } = await worker.push([], [], op);
      const [claim] = claims;
      if (claim === undefined) throw new Error('it was claimed');
      await worker.turn([done(claim)]);
    }
    await place.clock.advance(day - 1);
    const a = { id: 'a', given: false };
    same((await one.push([a], [], first)).states, ['queued'], 'repeated, a moment before');
    await place.clock.advance(1);
    same(await one.store.find(['a']), [undefined], 'nothing was done');
    same((await one.push([a], [], first)).states, ['queued'], 'done again');
    same(await one.store.find(['a']), [{ state: 'input', queue: 'q' }], 'where it is');
  });

  on('who works on is remembered', async (place) => {
    const worker = await place.worker();
    const op = worker.op();
    await worker.push(['a'], [{}], op);
    for (let i = 0; i < 5; i++) {
      await place.clock.advance(day / 2);
      await worker.turn([]);
    }
    same(ids((await worker.push(['a'], [{}], op)).claims), ['a'], 'the answer of two days ago');
  });

  on('receipts hold for a worker, whatever handle it uses', async (place) => {
    const [one, two] = [await place.worker('same'), await place.worker('same')];
    const op = one.op();
    const first = await one.push(['a'], [{}], op);
    same(await two.push(['a'], [{}], op), first, 'the answer on the other handle');
  });
}
