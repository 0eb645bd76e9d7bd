import { day, type On } from './place.js';
import { same } from './same.js';
import { dead, done, numbered, retry } from './worker.js';

export function dedupeTests(on: On): void {
  on('an id is known while its command is anywhere', async (place) => {
    const worker = await place.worker();
    const state = async () => (await worker.push(['a'])).states;
    same(await state(), ['queued'], 'at first');
    same(await state(), ['known'], 'in input');
    const a = await worker.one();
    same(await state(), ['known'], 'leased');
    await worker.turn([retry(a, 1_000)]);
    same(await state(), ['known'], 'waiting');
    await place.clock.advance(1_000);
    await worker.turn([dead(await worker.one())]);
    same(await state(), ['dead'], 'dead');
    await worker.store.redrive(['a'], undefined, true);
    same(await state(), ['known'], 'redriven');
    await worker.turn([done(await worker.one(), [])]);
    same(await state(), ['finished'], 'finished');
    same(await worker.store.purge(['a']), 1, 'purged');
    same(await state(), ['queued'], 'forgotten');
  });

  on('of one list, the first of an id counts', async (place) => {
    const worker = await place.worker();
    const { states } = await worker.push(['a', 'b', { id: 'a', queue: 'r', data: 'other' }]);
    same(states, ['queued', 'queued', 'known'], 'states');
    same(worker.store.unpack((await worker.one()).body), { id: 'a' }, 'the data');
    same(await worker.claim(1, { queue: 'r' }), [], 'in the other queue');
  });

  on('an id is known per key', async (place) => {
    const worker = await place.worker();
    const all = ['a', { id: 'a', key: 'k' }, { id: 'a', key: 'l' }, { id: 'a', key: 'k' }];
    same((await worker.push(all)).states, ['queued', 'queued', 'queued', 'known'], 'states');
    await worker.turn((await worker.claim(2)).map((it) => done(it)));
    const expected = ['finished', 'finished', 'known', 'finished'];
    same((await worker.push(all)).states, expected, 'states later');
  });

  on('an id that nobody gave is not known after the end', async (place) => {
    const worker = await place.worker();
    const a = { id: 'a', given: false };
    await worker.push([a]);
    await worker.turn([done(await worker.one())]);
    same(await worker.store.find(['a']), [undefined], 'where');
    same((await worker.push([a])).states, ['queued'], 'pushed again');
    await worker.turn([dead(await worker.one())]);
    same((await worker.push([a])).states, ['dead'], 'but it is while it is dead');
  });

  on('ids are forgotten by age, counted from the end', async (place) => {
    const worker = await place.worker('one', { dedupe: 10_000 });
    await worker.push(['a', 'b']);
    const [a, b] = await worker.claim(2);
    if (a === undefined || b === undefined) throw new Error('two were to be claimed');
    await place.clock.advance(5_000);
    await worker.turn([done(a)]);
    await place.clock.advance(1);
    await worker.turn([done(b)]);
    await place.clock.advance(9_998);
    same((await worker.push(['a', 'b'])).states, ['finished', 'finished'], 'a moment before');
    await place.clock.advance(1);
    same((await worker.push(['a', 'b'])).states, ['queued', 'finished'], 'at its end');
    same(await worker.store.find(['b']), [{ state: 'finished', children: 0 }], 'b');
    await place.clock.advance(1);
    same(await worker.store.find(['b']), [undefined], 'b, at its end');
  });

  on('ids are forgotten by number, oldest first', async (place) => {
    const worker = await place.worker('one', { dedupeMax: 3 });
    await worker.push(numbered(5));
    for (const claim of await worker.claim(5)) await worker.turn([done(claim)]);
    const finished = { state: 'finished', children: 0 };
    const expected = [undefined, undefined, finished, finished, finished];
    same(await worker.store.find(numbered(5)), expected, 'what is known');
    await worker.store.purge(['c3']);
    await worker.push(['d']);
    await worker.turn([done(await worker.one())]);
    same(
      await worker.store.find(['c2', 'c3', 'c4', 'd']),
      [finished, undefined, finished, finished],
      'after a purge',
    );
  });

  on('ids that nobody gave do not count', async (place) => {
    const worker = await place.worker('one', { dedupeMax: 2 });
    const made = numbered(20, 'made').map((id) => ({ id, given: false }));
    await worker.push(['a', 'b', ...made]);
    for (const claim of await worker.claim(22)) await worker.turn([done(claim)]);
    const finished = { state: 'finished', children: 0 };
    same(await worker.store.find(['a', 'b', 'made0']), [finished, finished, undefined], 'known');
  });

  on('without memory nothing is known after its end', async (place) => {
    const worker = await place.worker('one', { dedupeMax: 0, dedupe: day });
    await worker.push(['a']);
    await worker.turn([done(await worker.one())]);
    same((await worker.push(['a'])).states, ['queued'], 'states');
  });
}
