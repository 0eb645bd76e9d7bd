import { minute, type On } from './place.js';
import { is, same } from './same.js';
import { done, ids, numbered, retry } from './worker.js';

const jumps = [-60 * minute, 3 * minute, -minute, 60 * minute, -1, 500, -3 * minute, 5 * minute];

export function clockTests(on: On): void {
  on('a clock that is set back and forth loses nothing, and no fence', async (place) => {
    const [one, two] = [await place.worker('one'), await place.worker('two')];
    const all = numbered(40);
    await one.push(
      all.map((id, i) => ({ id, delay: i % 4 === 0 ? 1_000 : 0, given: i % 2 === 0 })),
    );
    const finished: string[] = [];
    const commit = async (worker: typeof one, claims: Awaited<ReturnType<typeof one.claim>>) => {
      const { held } = await worker.turn(claims.map((it) => done(it)));
      finished.push(...ids(claims.filter((_, i) => held[i] === true)));
    };
    for (let round = 0; finished.length < all.length; round++) {
      is(round < 200, 'all is finished in 200 rounds');
      const [ofOne, ofTwo] = [await one.claim(3), await two.claim(2)];
      place.clock.jump(jumps[round % jumps.length] ?? 0);
      await one.reap(1_000);
      const [again] = await one.claim(1);
      if (again !== undefined) await one.turn([retry(again, 200)]);
      await commit(one, ofOne);
      await commit(two, ofTwo);
      await place.clock.advance(1_000);
      await two.reap(1_000);
    }
    same([...finished].sort(), all.toSorted(), 'what was finished, each once');
    same(await one.store.counts(), { queues: {}, dead: 0 }, 'what is left');
  });

  on('a clock that is set back makes no age, and no due, less than nothing', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'b', { id: 'late', delay: 1_000 }]);
    await worker.claim(1);
    place.clock.jump(-minute);
    same((await worker.store.counts()).queues['q']?.oldest, 0, 'oldest');
    same((await worker.turn([], [{ max: 0 }])).due, minute + 1_000, 'due');
    same(await worker.reap(), { expired: [], due: minute + 1_000 }, 'the lease');
    place.clock.jump(3 * minute);
    same(
      (await worker.reap()).expired.map(({ ref }) => ref),
      ['a'],
      'the lease that ended',
    );
    same(ids(await worker.claim(9)), ['a', 'b', 'late'], 'the order');
  });
}
