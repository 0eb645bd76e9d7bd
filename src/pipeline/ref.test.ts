import fc from 'fast-check';
import { expect, test } from 'vitest';
import { idOf, keyOf, placeOf, refOf } from './ref.js';

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }).filter((it) => {
  return !/[\u0000-\u001f\u007f]/.test(it);
});
const key = fc.option(name, { nil: undefined });

test('a ref tells its id and its key, and no other pair has it', () => {
  fc.assert(
    fc.property(name, key, name, key, (id, ofKey, otherId, otherKey) => {
      const ref = refOf(id, ofKey);
      expect([idOf(ref), keyOf(ref)]).toEqual([id, ofKey]);
      const isSame = id === otherId && ofKey === otherKey;
      expect(refOf(otherId, otherKey) === ref).toBe(isSame);
    }),
  );
});

test('children are in the part of their parent, and commands of a key in one', () => {
  fc.assert(
    fc.property(name, key, fc.nat(), (id, ofKey, n) => {
      expect(placeOf(refOf(`${id}/${n}`, ofKey))).toBe(placeOf(refOf(id, ofKey)));
      if (ofKey !== undefined) expect(placeOf(refOf(id, ofKey))).toBe(ofKey);
    }),
  );
});
