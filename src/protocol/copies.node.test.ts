import { expect, test, vi } from 'vitest';
import { peer, sessionPair } from '../testing/fixtures/peer.js';
import { Exposed } from './exposed.js';

/** What extends `Exposed` of another copy of the package than the one that serves it. */
async function foreign() {
  vi.resetModules();
  const other = await import('./exposed.js');
  expect(other.Exposed).not.toBe(Exposed);
  class Counter extends other.Exposed.with('value') {
    value = 3;
  }
  return new Counter();
}

test('what extends a class of another copy of the package is itself where it comes back', async () => {
  const counter = await foreign();
  const api = { counter: () => counter, is: (it: unknown) => it === counter };
  const { a } = await sessionPair({ b: { api } });
  expect(await a.call('is', [await a.call('counter', [])])).toBe(true);
});

test('its property is read by the callback of a plain peer, which is not written there', async () => {
  const counter = await foreign();
  const them = await peer({ api: { counter }, hello: null });
  const id = them.idOf('0', 'counter', '=value');
  await them.send({ method: id, arguments: ['[Function]'], callbacks: { 7: [0] }, links: [] });
  expect(them.last).toMatchObject({ method: 7, arguments: [3] });
  expect(counter.value).toBe(3);
});
