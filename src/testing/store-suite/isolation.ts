import { Place, type StoreSuite } from './place.js';
import { same } from './same.js';
import { done, ids, Worker } from './worker.js';

/** That two pipelines of a place, and two places, know nothing of each other. */
export function isolationTests({ test, setup }: Pick<StoreSuite, 'test' | 'setup'>): void {
  test('two pipelines, and two places, are isolated', async () => {
    const places = (await Promise.all([setup(), setup()])).map((each) => new Place(each));
    try {
      const workers: Worker[] = [];
      for (const place of places) {
        for (const pipeline of ['one', 'two']) {
          workers.push(new Worker(await place.open({}, pipeline), 'same'));
        }
      }
      for (const [i, worker] of workers.entries()) {
        const { states } = await worker.push(['a', { id: `k${i}`, key: 'k' }]);
        same(states, ['queued', 'queued'], `states of ${i}`);
      }
      const claims = await Promise.all(workers.map((worker) => worker.claim(9)));
      same(
        claims.map(ids),
        workers.map((_, i) => ['a', `k${i}`]),
        'claims',
      );
      const [first] = claims;
      const [, ...others] = workers;
      for (const other of others) {
        const { held } = await other.turn((first ?? []).map((it) => done({ ...it, queue: 'x' })));
        same(held, [false, false], 'outcomes of another');
      }
      await workers[0]?.turn((first ?? []).map((it) => done(it)));
      for (const [i, worker] of workers.entries()) {
        const working = (await worker.store.counts()).queues['q']?.working;
        same(working, i === 0 ? undefined : 2, `leases of ${i}`);
      }
      await workers[0]?.store.close();
      for (const worker of others) same((await worker.push(['b'])).states, ['queued'], 'later');
      same((await places[0]?.factory.pipelines())?.toSorted(), ['one', 'two'], 'names');
    } finally {
      for (const place of places) await place.teardown();
    }
  });
}
