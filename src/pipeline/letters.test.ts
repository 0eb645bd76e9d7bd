import { expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { setup } from './fixtures/setup.js';
import type { Filter } from './letters.js';

/** Five dead letters, of two queues, and some that are alive. */
async function graveyard() {
  const bench = setup();
  const { clock, open } = bench;
  const p = open();
  const die = (data: string, step: { fail(error: unknown): never }) => {
    if (data === 'fine') return;
    step.fail(Object.assign(new Error(data), { code: `E_${data}` }));
  };
  p.step('a', die);
  p.step('b', die);
  await p.start();
  await p.push('a', 'X', { id: '1' });
  await clock.advance(1_000);
  await p.push('a', 'Y', { id: '2', key: 'k' });
  await clock.advance(1_000);
  await p.push('b', 'X', { id: '3', key: 'k' });
  await clock.advance(1_000);
  await p.push('b', 'Y', { id: '4' });
  await p.push('b', 'Y', { id: '4', key: 'l' });
  await clock.advance(0);
  await p.stop();
  await p.push('a', 'fine', { id: '5' });
  return { ...bench, p };
}

const idsOf = (letters: readonly { id: string }[]) => letters.map(({ id }) => id);

test('the dead are listed, oldest first, with what is known of them', async () => {
  const { clock, p } = await graveyard();
  const all = await p.dead();
  expect(idsOf(all)).toEqual(['1', '2', '3', '4', '4']);
  expect(all[1]).toEqual({
    id: '2',
    key: 'k',
    queue: 'a',
    data: 'Y',
    tries: 1,
    error: expect.objectContaining({ message: 'Y', code: 'E_Y' }),
    pushed: new Date(clock.wall() - 2_000),
    at: new Date(clock.wall() - 2_000),
  });
  expect(idsOf(await p.dead({ queue: 'b' }))).toEqual(['3', '4', '4']);
  expect(idsOf(await p.dead({ limit: 2 }))).toEqual(['1', '2']);
  expect(await p.counts()).toMatchObject({ queues: { a: { input: 1, oldest: 0 } }, dead: 5 });
});

const filters: [Filter, string[]][] = [
  [{}, ['1', '2', '3', '4', '4']],
  [{ id: '2' }, ['2']],
  [{ id: ['1', '4', '9'] }, ['1', '4', '4']],
  [{ id: [] }, []],
  [{ queue: 'a' }, ['1', '2']],
  [{ queue: 'none' }, []],
  [{ key: 'k' }, ['2', '3']],
  [{ code: 'E_X' }, ['1', '3']],
  [{ age: 2_000 }, ['1', '2']],
  [{ age: '3s' }, ['1']],
  [{ queue: 'b', code: 'E_Y', key: 'l' }, ['4']],
];

test.each(filters)('%j redrives, and purges, those that fit', async (filter, ids) => {
  const { open, p } = await graveyard();
  expect(await p.redrive(filter)).toBe(ids.length);
  const back = [...(await p.peek('a')), ...(await p.peek('b'))].filter(({ id }) => id !== '5');
  expect(idsOf(back)).toEqual(ids);
  expect(back.every(({ tries, error }) => tries === 0 && error !== undefined)).toBe(true);
  await open().stop();
  const { p: q } = await graveyard();
  expect(await q.purge(filter)).toBe(ids.length);
  expect((await q.counts()).dead).toBe(5 - ids.length);
  expect((await q.counts()).queues).toMatchObject({ a: { input: 1 } });
});

test('to another queue, with or without the attempts that were', async () => {
  const { clock, p } = await graveyard();
  expect(await p.redrive({ id: '1' }, { to: 'c', reset: false })).toBe(1);
  expect(await p.redrive({ id: '2' }, { to: 'c' })).toBe(1);
  expect(await p.peek('c')).toMatchObject([
    { id: '1', tries: 1, queue: 'c' },
    { id: '2', tries: 0, key: 'k' },
  ]);
  expect((await p.push('a', 'fine', { id: '1' })).state).toBe('known');
  const attempts: number[] = [];
  p.step('c', (_, { attempt }) => void attempts.push(attempt));
  await p.start();
  await clock.advance(0);
  expect(attempts).toEqual([2, 1]);
  expect(await p.finished('1')).toMatchObject({ state: 'finished' });
});

test('what is redriven is worked on at once, here and elsewhere', async () => {
  const { clock, open, p } = await graveyard();
  const q = open();
  const seen: string[] = [];
  q.step('a', (_, { id }) => void seen.push(id));
  await q.start();
  await clock.advance(0);
  await p.redrive({ id: '1' });
  await clock.advance(0);
  await q.redrive({ id: '2' });
  await clock.advance(0);
  expect(seen).toEqual(['5', '1', '2']);
});

test('a dead id is known until it is purged, or too old, or one too many', async () => {
  const { clock, open, p } = await graveyard();
  expect((await p.push('a', 'fine', { id: '1' })).state).toBe('dead');
  await p.purge({ id: '1' });
  expect((await p.push('a', 'fine', { id: '1' })).state).toBe('queued');
  await clock.advance(30 * 86_400_000 - 1_500);
  expect(idsOf(await p.dead())).toEqual(['3', '4', '4']);
  const q = open({ deadMax: 2 });
  expect(idsOf(await q.dead())).toEqual(['4', '4']);
});

test('many are gone through, page by page', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', (_, step) => step.fail(new Error('no')), { concurrency: Infinity });
  await p.start();
  await p.pushAll(Array.from({ length: 1_234 }, (_, i) => ({ queue: 'a', data: i, id: `${i}` })));
  await clock.advance(0);
  await p.stop();
  expect((await p.counts()).dead).toBe(1_234);
  expect(await p.redrive({}, { to: 'b' })).toBe(1_234);
  const moved = await p.peek('b', { limit: 2_000 });
  expect(moved.map(({ data }) => data)).toEqual(Array.from({ length: 1_234 }, (_, i) => i));
  expect(await p.purge({ id: ['3', '700'] }, { state: 'input' })).toBe(2);
  expect(await p.purge({ queue: 'b' }, { state: 'input' })).toBe(1_232);
  expect(await p.counts()).toEqual({ queues: {}, dead: 0 });
});

test('what the store has done, though the answer was lost, is done once', async () => {
  const { clock, faulty, p } = await graveyard();
  for (const name of ['redrive', 'range'] as const) faulty.next({ fails: 'during' }, name);
  let done = false;
  void p.redrive({}, { to: 'c' }).then(() => (done = true));
  while (!done) await clock.advance(1_000);
  expect(idsOf(await p.peek('c'))).toEqual(['1', '2', '4', '4']);
  expect(idsOf(await p.peek('c', { state: 'held' }))).toEqual(['3']);
});

test('each state can be looked at, and purged, but not what is in work', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', (data, step) => (data === 'late' ? step.delay('1h') : new Promise(() => {})), {
    concurrency: 2,
  });
  await p.start();
  await p.push('a', 'late', { id: 'waiting' });
  await clock.advance(0);
  await p.push('a', 0, { id: 'working', key: 'k' });
  await p.push('a', 0, { id: 'working too' });
  await p.push('a', 0, { id: 'held', key: 'k' });
  await p.push('a', 0, { id: 'input' });
  await clock.advance(0);
  const states = ['waiting', 'working', 'held', 'input'] as const;
  for (const state of states) {
    const [letter] = await p.peek('a', { state });
    expect(letter?.id).toBe(state);
    expect(letter?.at instanceof Date).toBe(state === 'waiting' || state === 'working');
    expect(await p.peek('a', { state, limit: 1 })).toHaveLength(1);
  }
  expect((await p.counts()).queues['a']).toMatchObject({
    input: 1,
    held: 1,
    working: 2,
    waiting: 1,
  });
  for (const state of states) {
    expect(await p.purge({ queue: 'a' }, { state })).toBe(state === 'working' ? 0 : 1);
  }
  expect((await p.counts()).queues['a']).toEqual({ input: 0, held: 0, working: 2, waiting: 0 });
});

test('who was behind what is purged comes up, and who waits for its end is told', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: string[] = [];
  p.step('a', (_, step) => {
    seen.push(step.id);
    if (step.id === '1') step.delay('1h');
  });
  await p.start();
  await p.push('a', 0, { id: '1', key: 'k' });
  await p.push('a', 0, { id: '2', key: 'k' });
  await clock.advance(0);
  const ending = p.finished('1', { key: 'k' });
  await clock.advance(0);
  expect(await p.purge({ id: '1' }, { state: 'waiting' })).toBe(1);
  await clock.advance(0);
  expect(seen).toEqual(['1', '2']);
  expect(await ending).toMatchObject({ state: 'forgotten' });
});

test.each([
  ['peek', ['']],
  ['peek', ['a', { state: 'done' }]],
  ['peek', ['a', { limit: 0 }]],
  ['peek', ['a', { stat: 'input' }]],
  ['dead', [{ queue: 3 }]],
  ['dead', [{ limit: 1.5 }]],
  ['redrive', [{ ids: ['1'] }]],
  ['redrive', [{ id: 1 }]],
  ['redrive', [{}, { to: '' }]],
  ['redrive', [{}, { to: 'a\n' }]],
  ['redrive', [{}, { reset: 'no' }]],
  ['purge', [{ ids: ['1'] }]],
  ['purge', [{ age: 'long' }]],
  ['purge', [{ state: 'input' }]],
  ['purge', [{}, { state: 'finished' }]],
  ['purge', ['1']],
  ['finished', ['']],
  ['finished', ['x', { key: 7 }]],
] as const)('%s(...%j) is refused', async (name, args) => {
  const { p } = await graveyard();
  const call = p[name] as (...given: unknown[]) => Promise<unknown>;
  await expect(call.apply(p, [...args])).rejects.toMatchObject({ code: 'ERR_OPTION' });
  expect((await p.counts()).dead).toBe(5);
});

test('what cannot be read any more is tried again, dies, and is shown without its data', async () => {
  const { clock, factory, open } = setup();
  const rotten = {
    ...factory,
    open: async (...args: Parameters<typeof factory.open>) => {
      const store = await factory.open(...args);
      const unpack = store.unpack.bind(store);
      store.unpack = (body) => {
        if (body === 'rotten') throw new DserviceError('ERR_STORE_CORRUPT', 'it is broken');
        return unpack(body);
      };
      return store;
    },
  };
  const p = open({ store: rotten });
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data), { retries: 1, backoff: () => 10 });
  await p.push('a', 'rotten', { id: 'x' });
  const code = 'ERR_STORE_CORRUPT';
  expect(await p.peek('a')).toMatchObject([{ id: 'x', data: undefined, error: { code } }]);
  await p.start();
  await p.push('a', 'good');
  await clock.advance(100);
  expect(seen).toEqual(['good']);
  expect(await p.dead()).toMatchObject([{ id: 'x', data: undefined, tries: 2, error: { code } }]);
});
