import { minute, type On } from './place.js';
import { same } from './same.js';
import { boom, ids, numbered, retry } from './worker.js';

export function delayTests(on: On): void {
  on('what has a delay is not there before it is due', async (place) => {
    const worker = await place.worker();
    const { due } = await worker.push([{ id: 'a', delay: 1_000 }, 'b'], [{ max: 1 }]);
    same(due, 1_000, 'when there is more');
    same(await worker.store.find(['a']), [{ state: 'waiting', queue: 'q' }], 'where');
    await place.clock.advance(999);
    const { claims, due: then } = await worker.turn([], [{ max: 9 }]);
    same([claims, then], [[], 1], 'a millisecond before');
    await place.clock.advance(1);
    const last = await worker.turn([], [{ max: 9 }]);
    same([ids(last.claims), last.due], [['a'], undefined], 'when it is due');
  });

  on('a delay of 0 is none', async (place) => {
    const worker = await place.worker();
    await worker.push([{ id: 'a', delay: 0 }, 'b']);
    same(ids(await worker.claim(9)), ['a', 'b'], 'the order');
  });

  on('what waits comes by when it is due, then by order of entering', async (place) => {
    const worker = await place.worker();
    const delays = [300, 100, 200, 100, 300, 200];
    await worker.push(delays.map((delay, i) => ({ id: `c${i}`, delay })));
    const order = ['c1', 'c3', 'c2', 'c5', 'c0', 'c4'];
    same(ids(await worker.list('q', 'waiting')), order, 'the order in which they wait');
    await place.clock.advance(1_000);
    same(ids(await worker.claim(9)), order, 'the order in which they come');
  });

  on('what is due joins the end, but before what is pushed then', async (place) => {
    const worker = await place.worker();
    await worker.push([{ id: 'late', delay: 100 }, 'a']);
    await place.clock.advance(50);
    await worker.push(['b']);
    await place.clock.advance(50);
    await worker.push(['c']);
    same(ids(await worker.claim(9)), ['a', 'b', 'late', 'c'], 'the order');
  });

  on('a retry that is due comes to the front, those of one moment in order', async (place) => {
    const worker = await place.worker();
    await worker.push(numbered(5));
    const [c0, c1, c2] = await worker.claim(3);
    if (!c0 || !c1 || !c2) throw new Error('three were to be claimed');
    await worker.turn([retry(c0, 200), retry(c1, 100), retry(c2, 100)]);
    same(ids(await worker.list('q', 'waiting')), ['c1', 'c2', 'c0'], 'the order of waiting');
    await place.clock.advance(200);
    same(ids(await worker.claim(9)), ['c1', 'c2', 'c0', 'c3', 'c4'], 'the order');
  });

  on('a retry at once comes to the front', async (place) => {
    const worker = await place.worker();
    await worker.push(numbered(4));
    const claims = await worker.claim(3);
    await worker.turn(claims.map((it) => retry(it)));
    same(ids(await worker.claim(9)), ['c2', 'c1', 'c0', 'c3'], 'the order: each to the front');
  });

  on('a retry counts, or not, and tells what it failed with', async (place) => {
    const worker = await place.worker();
    await worker.push([{ id: 'a', error: { name: 'Error', message: 'before' } }]);
    const first = await worker.one();
    same(first.error, { name: 'Error', message: 'before' }, 'the error of the push');
    await worker.turn([retry(first, 0, { error: boom })]);
    const second = await worker.one();
    same([second.tries, second.error], [1, boom], 'after one that counts');
    await worker.turn([retry(second, 0, { counts: false })]);
    const third = await worker.one();
    same([third.tries, third.error], [1, boom], 'after one that does not, and has no error');
    await worker.turn([retry(third, 100)]);
    const [listed] = await worker.list('q', 'waiting');
    const at = place.clock.wall() + 100;
    same([listed?.tries, listed?.error, listed?.at], [2, boom, at], 'while it waits');
  });

  on('what is due is there, however much it is', async (place) => {
    const worker = await place.worker();
    const all = Array.from({ length: 700 }, (_, i) => ({ id: `c${i}`, delay: 1 + i }));
    await worker.push(all);
    await place.clock.advance(minute);
    const order: string[] = [];
    for (;;) {
      const { claims, due } = await worker.turn([], [{ max: 1_000 }]);
      order.push(...ids(claims));
      if (due === undefined) break;
      same(due, 0, 'while there is more');
    }
    same(order, numbered(700), 'the order');
  });
}
