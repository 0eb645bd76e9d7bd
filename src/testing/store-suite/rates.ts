import type { On } from './place.js';
import { same } from './same.js';
import { ids, numbered } from './worker.js';

const rate = { n: 3, per: 1_000 };

export function rateTests(on: On): void {
  on('so many are claimed in a window, which begins with a claim', async (place) => {
    const worker = await place.worker();
    await place.clock.advance(700);
    await worker.push(numbered(10));
    const first = await worker.turn([], [{ max: 2, rate }]);
    same([ids(first.claims), first.due], [['c0', 'c1'], undefined], 'the first claim');
    await place.clock.advance(400);
    const second = await worker.turn([], [{ max: 9, rate }]);
    same([ids(second.claims), second.due], [['c2'], 600], 'the second');
    const third = await worker.turn([], [{ max: 9, rate }]);
    same([ids(third.claims), third.due], [[], 600], 'the third');
    await place.clock.advance(599);
    same(await worker.claim(9, { rate }), [], 'a millisecond before');
    await place.clock.advance(1);
    const fourth = await worker.turn([], [{ max: 9, rate }]);
    same([ids(fourth.claims), fourth.due], [['c3', 'c4', 'c5'], 1_000], 'the next window');
  });

  on('a window is one for all workers, and for a queue', async (place) => {
    const [one, two] = [await place.worker('one'), await place.worker('two')];
    await one.push([...numbered(5), { id: 'x', queue: 'r' }]);
    same(ids(await one.claim(2, { rate })), ['c0', 'c1'], 'of the one');
    same(ids(await two.claim(2, { rate })), ['c2'], 'of the other');
    same(ids(await two.claim(2, { rate, queue: 'r' })), ['x'], 'of another queue');
  });

  on('a claim that gets nothing begins no window', async (place) => {
    const worker = await place.worker();
    await worker.claim(1, { rate });
    await place.clock.advance(900);
    await worker.push(numbered(5), [{ max: 9, rate }]);
    await place.clock.advance(100);
    same(await worker.claim(9, { rate }), [], 'in the window that began with the push');
  });

  on('a clock that is set back does not stop a queue', async (place) => {
    const worker = await place.worker();
    await worker.push(numbered(9));
    await worker.claim(3, { rate });
    place.clock.jump(-3_600_000);
    same(ids(await worker.claim(9, { rate })), ['c3', 'c4', 'c5'], 'what can be claimed');
    same(await worker.claim(9, { rate }), [], 'and no more');
  });
}
