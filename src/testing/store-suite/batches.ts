import type { On } from './place.js';
import { same } from './same.js';
import { done, ids, numbered, retry } from './worker.js';

export function batchTests(on: On): void {
  on('10,000 are pushed at once, and claimed', async (place) => {
    const worker = await place.worker();
    const all = numbered(10_000);
    const { states } = await worker.push([...all, ...all.slice(0, 10)]);
    same(states.filter((it) => it === 'queued').length, 10_000, 'queued');
    same(
      states.slice(10_000),
      all.slice(0, 10).map(() => 'known'),
      'twice',
    );
    same((await worker.store.counts()).queues['q']?.input, 10_000, 'counted');
    same(ids(await worker.claim(20_000)), all, 'claimed');
  });

  on('1,000 outcomes of each kind in one turn', async (place) => {
    const worker = await place.worker();
    const all = numbered(3_000);
    await worker.push(all.map((id, i) => ({ id, key: `k${i % 3_000}` })));
    const claims = await worker.claim(3_000);
    same(claims.length, 3_000, 'claimed');
    const { held, claims: again } = await worker.turn(
      claims.map((it, i) => {
        if (i < 1_000) return done(it);
        return i < 2_000 ? done(it, [worker.moved(it, 'r', { key: it.key })]) : retry(it, i);
      }),
      [{ queue: 'r', max: 3_000 }],
    );
    same(held.filter(Boolean).length, 3_000, 'held');
    same(ids(again), all.slice(1_000, 2_000), 'claimed in the next queue');
    same(
      await worker.store.counts(),
      {
        queues: {
          q: { input: 0, held: 0, working: 0, waiting: 1_000 },
          r: { input: 0, held: 0, working: 1_000, waiting: 0 },
        },
        dead: 0,
      },
      'counts',
    );
    same(ids(await worker.list('q', 'waiting')), all.slice(2_000), 'who waits');
  });

  on('1,000 are purged at once', async (place) => {
    const worker = await place.worker();
    const all = numbered(2_000);
    await worker.push(all);
    same(await worker.store.purge(all.filter((_, i) => i % 2 === 0)), 1_000, 'how many');
    same(
      ids(await worker.claim(2_000)),
      all.filter((_, i) => i % 2 === 1),
      'who is left',
    );
  });

  on('one command becomes 1,000', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    const children = numbered(1_000, 'a/');
    await worker.turn([
      done(
        await worker.one(),
        children.map((id) => worker.entry(id)),
      ),
    ]);
    same(await worker.store.find(['a']), [{ state: 'finished', children: 1_000 }], 'the parent');
    same(ids(await worker.claim(2_000)), children, 'the children');
  });
}
