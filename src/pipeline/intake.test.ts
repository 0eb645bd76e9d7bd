import { expect, test } from 'vitest';
import { lines, setup } from './fixtures/setup.js';
import { DserviceError } from '../errors.js';
import { makePipeline } from './make-pipeline.js';
import type { PipelineOptions } from './pipeline-options.js';

test('a push resolves when the store has the command', async () => {
  const { open } = setup();
  const p = open();
  const { id, state } = await p.push('a', { n: 1 });
  expect(state).toBe('queued');
  expect(id).toMatch(/^[\w-]{19}$/);
  expect(await p.peek('a')).toMatchObject([{ id, queue: 'a', data: { n: 1 }, tries: 0 }]);
});

test('ids that are made are in the order of the pushes, and different', async () => {
  const { clock, open } = setup();
  const p = open();
  const ids = [];
  for (let i = 0; i < 5; i++) {
    ids.push((await p.push('a')).id, (await p.push('a')).id);
    await clock.advance(1);
  }
  expect([...ids].sort()).toEqual(ids);
  expect(new Set(ids).size).toBe(10);
});

test('nothing is data too, and what structured cloning takes is given as it was', async () => {
  const { open } = setup();
  const p = open();
  const data = { at: new Date(0), map: new Map([[1, new Set(['a'])]]), bytes: new Uint8Array(3) };
  await p.pushAll([{ queue: 'a' }, { queue: 'a', data: null }, { queue: 'a', data }]);
  expect((await p.peek('a')).map((each) => each.data)).toEqual([undefined, null, data]);
});

test('an id is one command while it is known', async () => {
  const { open } = setup();
  const p = open();
  p.step('a', (data, step) => {
    if (data === 'bad') step.fail(new Error('bad'));
  });
  expect(await p.push('a', 1, { id: 'x' })).toEqual({ id: 'x', state: 'queued' });
  expect(await p.push('b', 2, { id: 'x' })).toEqual({ id: 'x', state: 'known' });
  await p.push('a', 'bad', { id: 'y' });
  await p.start();
  expect(await p.finished('x')).toMatchObject({ state: 'finished' });
  expect(await p.finished('y')).toMatchObject({ state: 'dead' });
  expect((await p.push('a', 1, { id: 'x' })).state).toBe('finished');
  expect((await p.push('a', 1, { id: 'y' })).state).toBe('dead');
  expect((await p.push('a', 1, { id: 'x', key: 'k' })).state).toBe('queued');
});

test('ids are forgotten by age and by number', async () => {
  const { clock, open } = setup();
  const p = open({ dedupe: '1h', dedupeMax: 2 });
  p.step('a', () => {});
  await p.start();
  for (const id of ['1', '2', '3']) {
    await p.push('a', 0, { id });
    await p.finished(id);
  }
  expect((await p.push('a', 0, { id: '3' })).state).toBe('finished');
  expect((await p.push('a', 0, { id: '1' })).state).toBe('queued');
  await clock.advance(3_600_001);
  expect((await p.push('a', 0, { id: '3' })).state).toBe('queued');
});

test('known twice in one list, the second is known', async () => {
  const { open } = setup();
  const item = { queue: 'a', id: 'x' };
  const states = await open().pushAll([item, item, { ...item, key: 'k' }]);
  expect(states.map(({ state }) => state)).toEqual(['queued', 'known', 'queued']);
});

test.each([
  [{ queue: 3 }, 'queue is a string, not number'],
  [{ queue: null }, 'queue is a string, not null'],
  [{ queue: '' }, 'queue is not empty'],
  [{ queue: 'a\n' }, 'queue has no control characters'],
  [{ queue: 'x'.repeat(257) }, 'queue has at most 256 characters'],
  [{ queue: 'a', id: 3 }, 'id is a string, not number'],
  [{ queue: 'a', id: '\ud800' }, 'id is well-formed Unicode'],
  [{ queue: 'a', key: {} }, 'key is a string, not object'],
  [{ queue: 'a', delay: 'soon' }, 'delay is a time'],
  [{ queue: 'a', delay: -1 }, 'delay is a time'],
  [{ queue: 'a', delay: Infinity }, 'delay is a time'],
  [{ queue: 'a', delay: Number.NaN }, 'delay is a time'],
  [{ queue: 'a', dealy: 1 }, '"dealy" is no option'],
])('%j is refused: %s', async (item: object, text) => {
  const { open } = setup();
  const p = open();
  const { queue, data, ...options } = item as { queue: string; data?: unknown };
  const one = p.push(queue, data, options);
  await expect(one).rejects.toMatchObject({ code: 'ERR_OPTION' });
  await expect(one).rejects.toThrow(text);
  const all = p.pushAll([{ queue: 'a' }, item as { queue: string }]);
  await expect(all).rejects.toMatchObject({ code: 'ERR_OPTION' });
  await expect(all).rejects.toThrow(text.startsWith('"') ? text : `[1].${text}`);
  expect(await p.counts()).toEqual({ queues: {}, dead: 0 });
});

test('what is no object is no item', async () => {
  const { open } = setup();
  const all = open().pushAll([3 as unknown as { queue: string }]);
  await expect(all).rejects.toThrow('[0] is no object');
});

test.each([false, true])('data that cannot be stored is named (open: %s)', async (opened) => {
  const { open } = setup();
  const p = open();
  if (opened) await p.counts();
  const bad = { items: [1, { price: () => 3 }] };
  const one = p.push('a', bad);
  await expect(one).rejects.toMatchObject({ code: 'ERR_DATA' });
  await expect(one).rejects.toThrow(/^data\.items\[1\]\.price cannot be stored/);
  const all = p.pushAll([{ queue: 'a' }, { queue: 'a', data: bad }]);
  await expect(all).rejects.toMatchObject({ code: 'ERR_DATA' });
  await expect(all).rejects.toThrow(/^\[1\]\.data\.items\[1\]\.price cannot be stored/);
  expect(await p.counts()).toEqual({ queues: {}, dead: 0 });
});

test('data that is too large is refused, and the bound can be set', async () => {
  const { open } = setup();
  const [p, small] = [open(), open({ maxData: 100 })];
  await p.push('a', 'x'.repeat(200 * 1024));
  const one = p.push('a', 'x'.repeat(257 * 1024));
  await expect(one).rejects.toMatchObject({ code: 'ERR_DATA' });
  await expect(one).rejects.toThrow('data has');
  const all = small.pushAll([{ queue: 'b' }, { queue: 'b', data: 'x'.repeat(200) }]);
  await expect(all).rejects.toThrow(/^\[1\]\.data has \d+ bytes, over 100/);
  expect(Object.keys((await p.counts()).queues)).toEqual(['a']);
});

test.each([false, true])('what its giver changes later is not seen (open: %s)', async (opened) => {
  const { open } = setup();
  const p = open();
  if (opened) await p.counts();
  const data = { n: 1 };
  const pushed = p.push('a', data);
  data.n = 2;
  await pushed;
  const [letter] = await p.peek('a');
  expect(letter?.data).toEqual({ n: 1 });
  Object.assign(letter?.data as object, { n: 3 });
  expect((await p.peek('a'))[0]?.data).toEqual({ n: 1 });
});

test('a step gives a key to what comes without one; what its function throws is told', async () => {
  const { open } = setup();
  const p = open();
  p.step('a', () => {}, { key: (data: { user?: string }) => data.user });
  p.step('b', () => {}, { key: () => 3 as unknown as string });
  await p.push('a', { user: 'eve' });
  await p.push('a', { user: 'eve' }, { key: 'own' });
  await p.push('a', {});
  expect((await p.peek('a')).map(({ key }) => key)).toEqual(['eve', 'own', undefined]);
  await expect(p.push('a', null)).rejects.toBeInstanceOf(TypeError);
  await expect(p.push('b', {})).rejects.toMatchObject({ code: 'ERR_OPTION' });
  const both = p.pushAll([
    { queue: 'a', data: {} },
    { queue: 'a', data: null },
  ]);
  await expect(both).rejects.toBeInstanceOf(TypeError);
  expect((await p.counts()).queues['a']?.input).toBe(3);
});

test('nothing is pushed at once', async () => {
  const { faulty, open } = setup();
  const p = open();
  await p.counts();
  const before = faulty.calls.length;
  expect(await p.pushAll([])).toEqual([]);
  expect(faulty.calls.length).toBe(before);
});

test('commands enter in the order in which they are pushed, though the store opens late', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  faulty.away = true;
  const pushes = [p.push('a', 1)];
  for (let i = 2; i <= 20; i++) {
    await clock.advance(40);
    pushes.push(p.push('a', i));
  }
  faulty.away = false;
  await clock.advance(5_000);
  await Promise.all(pushes);
  const seen = (await p.peek('a', { limit: 30 })).map(({ data }) => data);
  expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
});

test('what is pushed meanwhile goes with one operation, and what one caller gives is not cut', async () => {
  const { faulty, open } = setup();
  const p = open();
  await p.counts();
  const many = (n: number) => Array.from({ length: n }, (_, i) => ({ queue: 'a', data: i }));
  await Promise.all([p.push('a'), p.push('a'), p.pushAll(many(900)), p.pushAll(many(1_500))]);
  const pushes = faulty.calls.filter(({ name }) => name === 'push');
  expect(pushes.map(({ args: [entries] }) => (entries as unknown[]).length)).toEqual([902, 1_500]);
});

test.each([
  ['', {}],
  [7, {}],
  ['x\u0000', {}],
  ['p', { dedupe: 'long' }],
  ['p', { maxData: 0 }],
  ['p', { concurrency: 0.5 }],
  ['p', { concurrency: '3' }],
  ['p', { deadMax: 1.5 }],
  ['p', { store: {} }],
  ['p', { logger: {} }],
  ['p', { clock: {} }],
  ['p', { colour: 'red' }],
])('the pipeline %j with %j is refused', (name, options) => {
  const { clock, factory } = setup();
  const make = makePipeline({ clock, store: () => factory });
  expect(() => make(name as string, options as PipelineOptions)).toThrow(DserviceError);
  expect(() => make('p', { logger: lines().logger })).not.toThrow();
});
