import type { On } from './place.js';
import { same } from './same.js';
import { boom, dead, done, ids, numbered, retry, type Worker } from './worker.js';

/** Pushes commands and lets them die, in order. */
async function kill(worker: Worker, names: readonly string[], queue = 'q'): Promise<void> {
  await worker.push(names.map((id) => ({ id, queue })));
  const claims = await worker.claim(names.length, { queue });
  await worker.turn(claims.map((it) => dead(it)));
}

export function deadTests(on: On): void {
  on('a dead command is out of its queue, and kept with what it died of', async (place) => {
    const worker = await place.worker();
    await worker.push([{ id: 'a', key: 'k' }]);
    const pushed = place.clock.wall();
    await worker.turn([retry(await worker.one())]);
    await place.clock.advance(100);
    await worker.turn([dead(await worker.one())]);
    same(await worker.store.counts(), { queues: {}, dead: 1 }, 'counts');
    same(
      await worker.store.find(['k\u001fa']),
      [{ state: 'dead', queue: 'q', error: boom }],
      'where',
    );
    const [listed] = await worker.list(undefined, 'dead');
    same(
      { ...listed, body: 0 },
      {
        ref: 'k\u001fa',
        queue: 'q',
        key: 'k',
        body: 0,
        tries: 2,
        error: boom,
        pushed,
        at: pushed + 100,
      },
      'listed',
    );
    same(worker.store.unpack(listed?.body), { id: 'a' }, 'the data');
  });

  on('the dead are listed in the order in which they died, of a queue or of all', async (place) => {
    const worker = await place.worker();
    await kill(worker, ['b', 'a']);
    await kill(worker, ['x'], 'r');
    await place.clock.advance(10);
    await kill(worker, ['c']);
    same(ids(await worker.list(undefined, 'dead')), ['b', 'a', 'x', 'c'], 'all');
    same(ids(await worker.list(undefined, 'dead', 1)), ['b', 'a', 'x', 'c'], 'one by one');
    same(ids(await worker.list('q', 'dead', 2)), ['b', 'a', 'c'], 'of q');
    same(ids(await worker.list('r', 'dead')), ['x'], 'of r');
  });

  on('the dead can be gone through while they are removed', async (place) => {
    const worker = await place.worker();
    await kill(worker, numbered(25));
    const seen: string[] = [];
    let after: string | undefined;
    do {
      const { commands, next } = await worker.store.range(undefined, 'dead', {
        limit: 10,
        ...(after === undefined ? {} : { after }),
      });
      seen.push(...ids(commands));
      const refs = commands.map(({ ref }) => ref);
      if (seen.length < 15) await worker.store.purge(refs);
      else await worker.store.redrive(refs, undefined, true);
      after = next;
    } while (after !== undefined);
    same(seen, numbered(25), 'who was seen');
    same((await worker.store.counts()).dead, 0, 'who is left');
  });

  on('who is redriven comes to the end, of its queue or of another', async (place) => {
    const worker = await place.worker();
    await kill(worker, ['a', 'b', 'c']);
    await worker.push(['d']);
    const refs = ['b', 'nobody', 'a', 'b', 'd'];
    same(await worker.store.redrive(refs, undefined, false), 2, 'how many');
    same(await worker.store.redrive(['c'], 'r', false), 1, 'how many, to r');
    same(ids(await worker.list('q', 'input')), ['d', 'b', 'a'], 'of q');
    same(await worker.store.find(['c']), [{ state: 'input', queue: 'r' }], 'of r');
    same((await worker.store.counts()).dead, 0, 'dead');
    same((await worker.push(['a'])).states, ['known'], 'it is known');
    same(await worker.store.redrive(['a'], undefined, false), 0, 'once more');
  });

  on('who is redriven has the tries it had, or none', async (place) => {
    const worker = await place.worker();
    await kill(worker, ['a', 'b']);
    await place.clock.advance(100);
    await worker.store.redrive(['a'], undefined, true);
    await worker.store.redrive(['b'], undefined, false);
    const [a, b] = await worker.claim(2);
    same([a?.tries, b?.tries], [0, 1], 'tries');
    same([a?.error, a?.given, a?.pushed], [boom, true, place.clock.wall() - 100], 'the rest of it');
    await place.clock.advance(1_000);
    const late = (await worker.reap(1)).expired.map(({ ref, dead: died }) => [ref, died]);
    same(
      late,
      [
        ['a', false],
        ['b', true],
      ],
      'one more failure',
    );
  });

  on('who is redriven is remembered at its end', async (place) => {
    const worker = await place.worker();
    await kill(worker, ['a']);
    await worker.store.redrive(['a'], 'r', false);
    await worker.turn([done(await worker.one({ queue: 'r' }))]);
    same(await worker.store.find(['a']), [{ state: 'finished', children: 0 }], 'where');
  });

  on('purge takes from everywhere, but what is leased', async (place) => {
    const worker = await place.worker();
    await kill(worker, ['dead']);
    await worker.push(['finished', 'leased', 'input', { id: 'waiting', delay: 100 }]);
    const [finished] = await worker.claim(2);
    if (finished !== undefined) await worker.turn([done(finished)]);
    const all = ['dead', 'finished', 'leased', 'input', 'waiting', 'nobody', 'input'];
    same(await worker.store.purge(all), 4, 'how many');
    const expected = all.map((it) =>
      it === 'leased' ? { state: 'working', queue: 'q' } : undefined,
    );
    same(await worker.store.find(all), expected, 'where');
    same(
      await worker.store.counts(),
      { queues: { q: { input: 0, held: 0, working: 1, waiting: 0 } }, dead: 0 },
      'counts',
    );
    await place.clock.advance(100);
    same(ids(await worker.claim(9)), [], 'what can be claimed');
    same((await worker.push(['dead', 'input'])).states, ['queued', 'queued'], 'pushed again');
    same(ids(await worker.claim(9)), ['dead', 'input'], 'in order');
  });

  on('the dead have a cap, the oldest go first', async (place) => {
    const worker = await place.worker('one', { deadMax: 3 });
    await kill(worker, numbered(5));
    same(ids(await worker.list(undefined, 'dead')), ['c2', 'c3', 'c4'], 'who is kept');
    same((await worker.store.counts()).dead, 3, 'counted');
    same((await worker.push(['c0', 'c4'])).states, ['queued', 'dead'], 'who is known');
    await worker.one();
    await place.clock.advance(1_000);
    await worker.reap(0);
    same(ids(await worker.list(undefined, 'dead')), ['c3', 'c4', 'c0'], 'after one that expired');
  });

  on('the dead have an age', async (place) => {
    const worker = await place.worker('one', { deadAge: 10_000 });
    await kill(worker, ['a']);
    await place.clock.advance(1);
    await kill(worker, ['b']);
    await place.clock.advance(9_998);
    same((await worker.store.counts()).dead, 2, 'a moment before');
    await place.clock.advance(1);
    same((await worker.store.counts()).dead, 1, 'counted');
    same(ids(await worker.list(undefined, 'dead')), ['b'], 'who is kept');
    same(await worker.store.find(['a']), [undefined], 'where');
    same(await worker.store.redrive(['a'], undefined, true), 0, 'redriven');
    same((await worker.push(['a', 'b'])).states, ['queued', 'dead'], 'who is known');
    await place.clock.advance(1);
    same(await worker.store.redrive(['b'], undefined, true), 0, 'redriven, first of all');
    same(await worker.store.purge(['b']), 0, 'purged');
  });
}
