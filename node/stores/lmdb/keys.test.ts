import { expect, test } from 'vitest';
import { after, isOutside, keyOf, kinds, numberIn, textOf, tokenIn } from './keys.js';

test('keys are in the order of their numbers, and what begins with one stands behind it', () => {
  const orders = [
    0,
    1,
    255,
    256,
    2 ** 32,
    1_577_836_800_000,
    1_577_836_800_000.5,
    2 ** 52,
    2 ** 53,
  ];
  const keys = orders.map((order) => keyOf(kinds.input, 7, order));
  expect(keys.toSorted(Buffer.compare)).toEqual(keys);
  expect(keys.map(numberIn)).toEqual(orders);
  const all = keyOf(kinds.input, 7);
  for (const key of keys) {
    expect(Buffer.compare(all, key)).toBe(-1);
    expect(Buffer.compare(key, after(all))).toBe(-1);
    expect(Buffer.compare(key, keyOf(kinds.input, 8))).toBe(-1);
  }
});

test('what is in a key comes out of it', () => {
  const working = keyOf(kinds.working, 3, 1_000, 'worker-1_00000001z', 12);
  expect([numberIn(working), tokenIn(working)]).toEqual([1_000, 'worker-1_00000001z']);
  expect(isOutside(keyOf(kinds.waiting, 3, 1_000, 2 ** 52, 1))).toBe(true);
  expect(isOutside(keyOf(kinds.waiting, 3, 1_000, 2 ** 52, 0))).toBe(false);
});

test('any text gets a key that LMDB can have, and none that another has', () => {
  const texts = [
    'a',
    'é',
    '€'.repeat(513),
    `${'€'.repeat(5_000)}a`,
    `${'€'.repeat(5_000)}b`,
    'a\0b',
    '\ud800',
    '\ud801',
    '\ufffd',
  ];
  const keys = texts.map((text) => keyOf(kinds.held, 2 ** 32 - 1, textOf(text), 1));
  expect(Math.max(...keys.map(({ length }) => length))).toBeLessThanOrEqual(1_978);
  expect(new Set(keys.map((key) => key.toString('hex'))).size).toBe(texts.length);
  expect(textOf('€'.repeat(513))).toBe('€'.repeat(513));
});
