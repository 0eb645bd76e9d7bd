import { expect, test } from 'vitest';
import { sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

async function collect(until: () => boolean): Promise<void> {
  for (let i = 0; i === 0 || (i < 50 && !until()); i++) {
    globalThis.gc?.();
    await turns(2);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

test('a signal that nobody uses after its call is let go, though its sender keeps it, and those made of it', async () => {
  const { a, b } = await sessionPair({ b: { api: { work: (it: AbortSignal) => it.aborted } } });
  const program = new AbortController();
  const call = async (): Promise<void> => {
    const signal = AbortSignal.any([program.signal, new AbortController().signal]);
    expect(await a.call('work', [signal])).toBe(false);
  };
  for (let n = 0; n < 50; n++) await call();
  await a.call('work', [program.signal]);
  await collect(() => a.tables.signals === 0);
  expect([a.tables.signals, b.tables.signals, a.tables.local]).toEqual([0, 0, 0]);
  program.abort();
});

test('one that is listened to goes on after its call, also where nobody holds it', async () => {
  const heard: unknown[] = [];
  const watch = (signal: AbortSignal): void =>
    signal.addEventListener('abort', () => heard.push('fired'), { once: true });
  const { a, b } = await sessionPair({ b: { api: { watch } } });
  const controller = new AbortController();
  await a.call('watch', [controller.signal]);
  for (let i = 0; i < 5; i++) await collect(() => true);
  expect([a.tables.signals, b.tables.signals]).toEqual([1, 1]);
  controller.abort();
  await turns(2);
  expect(heard).toEqual(['fired']);
  await collect(() => a.tables.local === 0);
  expect([a.tables.signals, b.tables.signals, a.tables.local]).toEqual([0, 0, 0]);
});

test('one whose listeners went is let go', async () => {
  const watch = (signal: AbortSignal): void => {
    const listener = (): void => {};
    signal.addEventListener('abort', listener);
    signal.removeEventListener('abort', listener);
    signal.onabort = listener;
    signal.onabort = null;
  };
  const { a, b } = await sessionPair({ b: { api: { watch } } });
  const controller = new AbortController();
  await a.call('watch', [controller.signal]);
  await collect(() => a.tables.signals === 0);
  expect([a.tables.signals, b.tables.signals]).toEqual([0, 0]);
  controller.abort();
});

test('one that its sender forgot, and that nobody can abort any more, is let go where it is listened to', async () => {
  const kept: AbortSignal[] = [];
  const watch = (signal: AbortSignal): void => {
    kept.push(signal);
    signal.addEventListener('abort', () => {});
  };
  const { a, b } = await sessionPair({ b: { api: { watch } } });
  const call = (): Promise<unknown> => a.call('watch', [new AbortController().signal]);
  await call();
  await collect(() => a.tables.local === 0);
  expect([a.tables.signals, b.tables.signals, a.tables.local]).toEqual([0, 0, 0]);
  b.close();
  expect(kept[0]?.aborted).toBe(false);
});
