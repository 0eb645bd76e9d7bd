import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isShallow, scan } from './measure.js';

function measure(value: unknown): { depth: number; nodes: number } {
  if (typeof value !== 'object' || value === null) return { depth: 0, nodes: 1 };
  const found = Object.values(value).map(measure);
  return {
    depth: 1 + Math.max(0, ...found.map(({ depth }) => depth)),
    nodes: 1 + found.reduce((sum, { nodes }) => sum + nodes, 0),
  };
}

const json = fc.jsonValue({ maxDepth: 6 });

test('finds what parsing finds', () => {
  fc.assert(
    fc.property(json, (value) => {
      // Keys that repeat are one value after parsing, and JSON.stringify repeats none.
      const text = JSON.stringify(value);
      expect(scan(text)).toEqual(measure(JSON.parse(text)));
    }),
    { numRuns: 500 },
  );
});

test('blanks make it count too much, never too little', () => {
  fc.assert(
    fc.property(json, (value) => {
      const found = scan(JSON.stringify(value, null, 1));
      const { depth, nodes } = measure(value);
      expect(found.depth).toBe(depth);
      expect(found.nodes).toBeGreaterThanOrEqual(nodes);
    }),
  );
});

test('brackets, commas and quotes in strings are not its affair', () => {
  for (const text of [
    String.raw`"[[[,,,"`,
    String.raw`"\"[["`,
    String.raw`"\\"`,
    String.raw`"\\\"[,"`,
    '"\\\\\\\\"',
  ]) {
    expect(scan(text)).toEqual({ depth: 0, nodes: 1 });
  }
  expect(scan(String.raw`["\\",[]]`)).toEqual({ depth: 2, nodes: 3 });
});

test('any text at all, in time', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', 'x', ':') }),
      (text) => void scan(text),
    ),
  );
  for (const text of [
    '\\'.repeat(1e6),
    '"'.repeat(1e6),
    '"\\'.repeat(1e6),
    `"${'\\'.repeat(1e6)}"`,
    '['.repeat(4e6),
  ]) {
    const began = performance.now();
    scan(text);
    expect(performance.now() - began).toBeLessThan(2_000);
  }
});

test('isShallow is the same bound, after parsing', () => {
  fc.assert(
    fc.property(json, fc.nat(8), (value, bound) => {
      expect(isShallow(value, bound)).toBe(measure(value).depth <= bound);
    }),
  );
});

test('isShallow does not go where it need not', () => {
  const deep: unknown = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
  expect(isShallow(deep, 66)).toBe(false);
});
