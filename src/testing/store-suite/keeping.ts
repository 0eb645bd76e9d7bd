import { minute, type On, type StoreSuite } from './place.js';
import { rejects, same } from './same.js';
import { dead, done, ids, leaseOf, retry } from './worker.js';

export function keepingTests(on: On, supports: StoreSuite['supports']): void {
  on('a store says what it can', async (place) => {
    const { durability, shared } = (await place.open()).supports;
    same({ durability, shared }, supports, 'supports');
  });

  on('who opens it again finds everything', async (place) => {
    const before = await place.worker('before');
    const rate = { n: 1, per: minute };
    const names = ['dead', 'finished', 'retried', 'leased'];
    await before.push(names);
    const [ofDead, ofFinished, ofRetried, leased] = await before.claim(4, { lease: minute });
    if (!ofDead || !ofFinished || !ofRetried || !leased) throw new Error('four were to be claimed');
    await before.turn([dead(ofDead), done(ofFinished), retry(ofRetried, 500)]);
    await before.push([
      { id: 'late', delay: 800 },
      { id: 'k1', key: 'k' },
      { id: 'k2', key: 'k' },
      'last',
    ]);
    await before.push(
      [
        { id: 'r1', queue: 'r' },
        { id: 'r2', queue: 'r' },
      ],
      [{ queue: 'r', rate }],
    );
    const op = before.op();
    const pushed = await before.push(['x', 'last'], [], op);
    const look = async (it: typeof before) => ({
      counts: await it.store.counts(),
      found: await it.store.find([...names, 'late', 'k\u001fk1', 'k\u001fk2', 'last', 'x']),
      lists: await Promise.all(
        (['input', 'held', 'working', 'waiting', 'dead'] as const).map(async (state) =>
          (await it.list('q', state)).map((each) => ({
            ...each,
            body: it.store.unpack(each.body),
          })),
        ),
      ),
    });
    const kept = await look(before);
    await before.store.flush();
    await place.restart();

    const after = await place.worker('after');
    same(await look(after), kept, 'what is kept');
    same(
      await after.store.push([after.entry('x'), after.entry('last')], [], op),
      pushed,
      'the receipt',
    );
    same(await after.claim(1, { queue: 'r', rate }), [], 'the window');
    same(await after.store.extend([leaseOf(leased)], minute), [true], 'the lease');
    same((await after.turn([done(leased)])).held, [true], 'its commit');
    await place.clock.advance(800);
    same(ids(await after.claim(9)), ['retried', 'k1', 'last', 'x', 'late'], 'the order');
    await place.restart();
    const last = await place.worker('last');
    await place.clock.advance(minute);
    same((await last.reap(5, ['q', 'r'])).expired.length, 6, 'leases that ended');
    same(ids(await last.claim(9)), ['retried', 'k1', 'last', 'x', 'late'], 'the order again');
  });

  on('pipelines that something is kept of are known', async (place) => {
    same(await place.factory.pipelines(), [], 'at first');
    for (const name of ['b', 'a']) {
      const store = await place.open({}, name);
      await store.push([{ ref: 'x', given: true, queue: 'q', body: store.pack(1).body }], [], {
        worker: 'w',
        seq: 0,
      });
    }
    same((await place.factory.pipelines()).toSorted(), ['a', 'b'], 'their names');
    await place.restart();
    same((await place.factory.pipelines()).toSorted(), ['a', 'b'], 'their names, later');
  });

  on('after the close every call rejects', async (place) => {
    const worker = await place.worker();
    const { store } = worker;
    await worker.push(['a']);
    const a = await worker.one();
    await Promise.all([store.close(), store.close()]);
    await store.close();
    const calls: [string, () => Promise<unknown>][] = [
      ['push', () => store.push([], [], worker.op())],
      ['turn', () => store.turn([done(a)], [], worker.op())],
      ['extend', () => store.extend([leaseOf(a)], 1)],
      ['reap', () => worker.reap()],
      ['counts', () => store.counts()],
      ['find', () => store.find(['a'])],
      ['range', () => store.range('q', 'input', { limit: 1 })],
      ['redrive', () => store.redrive(['a'], undefined, true)],
      ['purge', () => store.purge(['a'])],
      ['flush', () => store.flush()],
    ];
    for (const [name, call] of calls) await rejects(call(), 'ERR_CLOSED', name);
    const other = await place.worker('other');
    same(await other.store.find(['a']), [{ state: 'working', queue: 'q' }], 'nothing was done');
  });

  on('what is under way at the close comes to its end', async (place) => {
    const worker = await place.worker();
    const pushes = ['a', 'b', 'c'].map((id) => worker.push([id]));
    const closed = worker.store.close();
    same(
      (await Promise.all(pushes)).map(({ states }) => states[0]),
      ['queued', 'queued', 'queued'],
      'states',
    );
    await closed;
    const other = await place.worker('other');
    same(ids(await other.claim(9)), ['a', 'b', 'c'], 'what is there');
  });

  on('one that closes leaves the others alone', async (place) => {
    const [one, two] = [await place.worker('one'), await place.worker('two')];
    await one.push(['a']);
    await one.store.close();
    same(ids(await two.claim(1)), ['a'], 'what is claimed');
    await two.store.flush();
  });
}
