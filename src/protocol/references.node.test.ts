import { expect, test } from 'vitest';
import { sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

/** Collects, and lets the registries tell. */
async function collect(until: () => boolean): Promise<void> {
  for (let i = 0; i === 0 || (i < 50 && !until()); i++) {
    globalThis.gc?.();
    await turns(2);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('what nobody holds is collected, and the peer told', async () => {
  const { a, b } = await sessionPair({ b: { api: { take: (fn: () => unknown) => fn() } } });
  for (let n = 0; n < 100; n++) expect(await a.call('take', [() => n])).toBe(n);
  await collect(() => a.tables.local === 0);
  expect([a.tables.local, b.tables.references]).toEqual([0, 0]);
});

test('what somebody holds stays', async () => {
  const kept: (() => Promise<unknown>)[] = [];
  const { a, b } = await sessionPair({
    b: { api: { keep: (fn: () => Promise<unknown>) => void kept.push(fn) } },
  });
  await a.call('keep', [() => 'kept']);
  for (let n = 0; n < 20; n++) await a.call('keep', [() => n]);
  kept.length = 1;
  await collect(() => a.tables.local === 1);
  expect([a.tables.local, b.tables.references]).toEqual([1, 1]);
  expect(await kept[0]?.()).toBe('kept');
});

test('a callback that a handler will answer by its outcome stays, though the handler does not name it', async () => {
  let finish: (value: unknown) => void = () => {};
  const { a, b } = await sessionPair({
    b: { api: { late: () => new Promise((resolve) => (finish = resolve)) } },
  });
  const heard: unknown[] = [];
  const call = a.call('late', [(value: unknown) => void heard.push(value)]);
  await turns(2);
  for (let i = 0; i < 6; i++) await collect(() => true);
  finish('done');
  await call;
  await turns(2);
  expect(heard).toEqual(['done']);
  await collect(() => a.tables.local === 0);
  expect([a.tables.local, b.tables.references]).toEqual([0, 0]);
});

test('a callback sent over and over leaves tables and heap where they were', async () => {
  const { a, b } = await sessionPair({ b: { api: { take: (fn: () => unknown) => fn() } } });
  const rounds = async (count: number): Promise<number> => {
    for (let n = 0; n < count; n++)
      await Promise.all([1, 2, 3, 4].map((i) => a.call('take', [() => i])));
    await collect(() => a.tables.local === 0);
    for (let i = 0; i < 6; i++) await collect(() => true);
    return process.memoryUsage().heapUsed;
  };
  const before = await rounds(500);
  const after = await rounds(1_500);
  expect([a.tables.local, b.tables.references]).toEqual([0, 0]);
  expect(after - before).toBeLessThan(5e6);
});

test('functions in outcomes that were too late are let go at the peer', async () => {
  let finish: (value: unknown) => void = () => {};
  const { a, b, clock } = await sessionPair({
    b: { api: { late: () => new Promise((resolve) => (finish = resolve)) } },
  });
  const call = expect(a.call('late', [], { deadline: 5 })).rejects.toMatchObject({
    code: 'ERR_DEADLINE',
  });
  await clock.advance(5);
  await call;
  finish([() => 1, () => 2]);
  await turns(3);
  expect(b.tables.local).toBe(1);
});
