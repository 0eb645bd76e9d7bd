import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { IdTable } from './id-table.js';

const id = fc.oneof(
  fc.nat(40),
  // Those that share a place, and those that are as large as an id may be.
  fc.nat(40).map((n) => n * 1_024),
  fc.nat(8).map((n) => Number.MAX_SAFE_INTEGER - n),
);

test('is what a map is, whatever the ids', () => {
  const change = fc.record({ id, put: fc.boolean() });
  fc.assert(
    fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
      const table = new IdTable<{ readonly id: number }>();
      const map = new Map<number, { readonly id: number }>();
      for (const { id: at, put } of changes) {
        const item = { id: at };
        if (put) {
          table.set(item);
          map.set(at, item);
        } else {
          expect(table.delete(at)).toBe(map.get(at));
          map.delete(at);
        }
        expect(table.size).toBe(map.size);
        expect(table.get(at)).toBe(map.get(at));
      }
      for (const [at, item] of map) expect(table.get(at)).toBe(item);
      expect(table.inOrder()).toEqual([...map.values()].sort((a, b) => a.id - b.id));
    }),
  );
});

test('holds on to one while many come and go', () => {
  const table = new IdTable<{ readonly id: number }>();
  const first = { id: 0 };
  table.set(first);
  for (let at = 1; at <= 100_000; at++) {
    table.set({ id: at });
    if (at > 64) table.delete(at - 64);
  }
  expect(table.get(0)).toBe(first);
  expect(table.size).toBe(65);
  table.clear();
  expect([table.size, table.get(0)]).toEqual([0, undefined]);
});
