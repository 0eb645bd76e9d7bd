import { tokenOf } from '../../pipeline/store.js';
import { expired } from '../../pipeline/stored-error.js';
import { minute, type On } from './place.js';
import { same } from './same.js';
import { dead, done, ids, leaseOf, numbered, retry } from './worker.js';

export function leaseTests(on: On): void {
  on('the token is that of the operation', async (place) => {
    const worker = await place.worker();
    const op = worker.op();
    const { claims } = await worker.push(['a'], [{}], op);
    same(claims[0]?.token, tokenOf(op), 'the token');
  });

  on('who finishes a command it holds is heard, once', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    const a = await worker.one();
    same((await worker.turn([done(a)])).held, [true], 'the first time');
    same((await worker.turn([done(a)])).held, [false], 'the second time');
    same((await worker.turn([done(a), retry(a), dead(a)])).held, [false, false, false], 'later');
    same(await worker.store.counts(), { queues: {}, dead: 0 }, 'what is left');
  });

  on('a lease that ended is taken back, and counted', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'b']);
    await worker.claim(1, { lease: 1_000 });
    same(await worker.reap(), { expired: [], due: 1_000 }, 'at once');
    await place.clock.advance(999);
    same(await worker.reap(), { expired: [], due: 1 }, 'a millisecond before');
    await place.clock.advance(1);
    same(
      await worker.reap(),
      { expired: [{ ref: 'a', queue: 'q', tries: 1, dead: false }] },
      'at its end',
    );
    const [a, b] = await worker.claim(2);
    same([a?.ref, a?.tries, a?.error], ['a', 1, expired], 'it comes first again');
    same([b?.ref, b?.tries, b?.error], ['b', 0, undefined], 'who was behind it');
  });

  on('who lost its lease changes nothing', async (place) => {
    const [slow, fast] = [await place.worker('slow'), await place.worker('fast')];
    await slow.push(['a']);
    const lost = await slow.one();
    await place.clock.advance(1_000);
    await fast.reap();
    same((await slow.turn([done(lost)])).held, [false], 'done, while nobody has it');
    const again = await fast.one();
    for (const outcome of [done(lost, [slow.entry('child')]), retry(lost), dead(lost)]) {
      same((await slow.turn([outcome])).held, [false], outcome.kind);
    }
    same(await slow.store.extend([leaseOf(lost)], minute), [false], 'extend');
    same(
      await slow.store.find(['a', 'child']),
      [{ state: 'working', queue: 'q' }, undefined],
      'where',
    );
    same((await fast.turn([done(again)])).held, [true], 'the other');
  });

  on('a token holds for its own command and queue alone', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', { id: 'b', queue: 'r' }]);
    const a = await worker.one();
    const b = await worker.one({ queue: 'r' });
    const wrong = [
      { ...a, token: b.token },
      { ...a, queue: 'r' },
      { ...a, ref: 'nobody' },
      { ...a, token: '' },
    ];
    same(
      (await worker.turn(wrong.map((it) => done(it)))).held,
      wrong.map(() => false),
      'held',
    );
    same((await worker.turn([done(b), done(a)])).held, [true, true], 'the right ones');
  });

  on('a lease that ended and was not reaped still counts', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    const a = await worker.one();
    await place.clock.advance(minute);
    same(ids(await worker.claim(1)), [], 'it is not there for others');
    same(await worker.store.extend([leaseOf(a)], 1_000), [true], 'extend');
    same((await worker.turn([done(a)])).held, [true], 'done');
  });

  on('a lease is extended from now', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', 'b']);
    const [a, b] = await worker.claim(2, { lease: 1_000 });
    if (a === undefined || b === undefined) throw new Error('two were to be claimed');
    await place.clock.advance(900);
    const nobody = { ...leaseOf(a), ref: 'nobody' };
    same(await worker.store.extend([leaseOf(a), nobody], 1_000), [true, false], 'extend');
    await place.clock.advance(100);
    const { expired: late, due } = await worker.reap();
    same([late.map(({ ref }) => ref), due], [['b'], 900], 'what ended, and when the next ends');
    await worker.store.extend([leaseOf(a)], 10);
    await place.clock.advance(10);
    same(
      (await worker.reap()).expired.map(({ ref }) => ref),
      ['a'],
      'what was made shorter',
    );
  });

  on('what is reaped comes in the order of deadline, token and place', async (place) => {
    const [one, two] = [await place.worker('aa'), await place.worker('ab')];
    await one.push(numbered(9));
    await two.claim(2, { lease: 1_000 });
    await one.claim(2, { lease: 1_000 });
    await one.claim(2, { lease: 500 });
    await two.claim(2, { lease: 1_500 });
    await place.clock.advance(2_000);
    const order = ['c4', 'c5', 'c2', 'c3', 'c0', 'c1', 'c6', 'c7'];
    same(
      (await one.reap()).expired.map(({ ref }) => ref),
      order,
      'what was reaped',
    );
    same(ids(await one.claim(9)), [...order, 'c8'], 'the order then');
  });

  on('who was tried too often dies', async (place) => {
    const worker = await place.worker();
    await worker.push(['a']);
    for (let tries = 1; tries <= 3; tries++) {
      await worker.one();
      await place.clock.advance(1_000);
      const expected = { ref: 'a', queue: 'q', tries, dead: tries > 2 };
      same((await worker.reap(2)).expired, [expected], `reaped, ${tries}`);
    }
    same(await worker.claim(1), [], 'what can be claimed');
    same(await worker.store.find(['a']), [{ state: 'dead', queue: 'q', error: expired }], 'where');
  });

  on('queues that are not named are not reaped', async (place) => {
    const worker = await place.worker();
    await worker.push(['a', { id: 'b', queue: 'r' }]);
    await worker.claim();
    await worker.claim(1, { queue: 'r', lease: 3_000 });
    await place.clock.advance(1_000);
    same(await worker.reap(5, ['r', 'empty']), { expired: [], due: 2_000 }, 'of r');
    await place.clock.advance(2_000);
    const { expired: late, due } = await worker.reap(5, ['r', 'q']);
    same([late.map(({ ref }) => ref), due], [['b', 'a'], undefined], 'of both, queue by queue');
  });

  on('a thousand are reaped at once, and no more', async (place) => {
    const worker = await place.worker();
    await worker.push(numbered(1_200));
    await worker.claim(1_200);
    await place.clock.advance(1_000);
    const first = await worker.reap();
    same([first.expired.length, first.due], [1_000, 0], 'the first time');
    const second = await worker.reap();
    same([second.expired.length, second.due], [200, undefined], 'the second time');
    const all = [...first.expired, ...second.expired].map(({ ref }) => ref);
    same(all, numbered(1_200), 'all of them');
  });
}
