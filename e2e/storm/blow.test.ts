import { expect, test } from 'vitest';
import { pageBlows, serviceBlows } from './blow.js';

const settings = { ms: 60_000, pauses: [200, 800], lasts: [100, 500] } as const;
const hosts = { instances: ['s0', 's1', 's2'], callers: ['c'], proxy: 'p' };

test('a seed gives the same blows again, and another one others', () => {
  const all = [1, 1, 2].map((seed) => serviceBlows({ seed, ...settings }, hosts));
  expect(all[0]).toEqual(all[1]);
  expect(all[0]).not.toEqual(all[2]);
  const pages = [1, 1, 2].map((seed) => pageBlows({ seed, ...settings }));
  expect(pages[0]).toEqual(pages[1]);
  expect(pages[0]).not.toEqual(pages[2]);
});

test('even a few are of every kind', () => {
  const kinds = serviceBlows({ seed: 1, ...settings }, hosts).map(({ kind }) => kind);
  expect(new Set(kinds.slice(0, 12)).size).toBe(11);
});
