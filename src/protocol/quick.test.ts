import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Digits, quickJson } from './quick.js';

test('says of a list what JSON says, or nothing', () => {
  const value = fc.oneof(
    fc.string(),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('"', '\\', '\u007f', '\u2028', '\n', ' ', '~', 'x'.repeat(40)),
    fc.constantFrom(null, true, false, undefined, 1, -0, Number.NaN, {}, []),
  );
  fc.assert(
    fc.property(fc.array(value, { maxLength: 6 }), (values) => {
      expect([undefined, JSON.stringify(values)]).toContain(quickJson(values));
    }),
  );
  expect(quickJson([null, 'HELLO'])).toBe('[null,"HELLO"]');
  expect(quickJson([])).toBe('[]');
});

test('numbers as text, in any order', () => {
  const digits = new Digits();
  for (const id of [0, 7, 999, 1_000, 1_001, 999, 12_345, 1_000_000, 1_000_001, 12_005]) {
    expect(digits.of(id)).toBe(String(id));
  }
  fc.assert(
    fc.property(fc.maxSafeNat(), (id) => {
      expect(digits.of(id)).toBe(String(id));
    }),
  );
});
