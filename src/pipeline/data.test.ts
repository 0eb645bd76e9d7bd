import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packed, sizeOf } from './data.js';

function fault(data: unknown): string {
  try {
    packed(data, (value) => structuredClone(value));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ERR_DATA' });
    return (error as Error).message.replace(/ cannot be stored: [^]*$/, '');
  }
  return 'none';
}

const fn = (): void => {};

test('what can be cloned is packed', () => {
  expect(packed({ a: 1 }, (value) => structuredClone(value))).toEqual({ a: 1 });
});

test('the path is that of the innermost part', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(3), fc.stringMatching(/^[a-z]{1,5}$/)), { maxLength: 20 }),
      (path) => {
        let data: unknown = fn;
        for (const name of path.toReversed()) {
          const list = Array.from({ length: 4 }, (_, i) => (i === name ? data : i));
          data = typeof name === 'number' ? list : { before: 1, [name]: data };
        }
        const expected = path.map((it) => (typeof it === 'number' ? `[${it}]` : `.${it}`)).join('');
        expect(fault(data)).toBe(`data${expected}`);
      },
    ),
  );
});

test('paths go through whatever has parts', () => {
  const cycle: Record<string, unknown> = {};
  Object.assign(cycle, { self: cycle, list: [cycle, { fn }] });
  expect(fault(cycle)).toBe('data.list[1].fn');
  const sparse: unknown[] = [];
  sparse[1_000_000] = fn;
  expect(fault(sparse)).toBe('data[1000000]');
  expect(fault(Object.assign([1], { extra: fn }))).toBe('data.extra');
  expect(fault(new Map([[{ fn }, 1]]))).toBe('data.key(0).fn');
  expect(fault(new Map([[1, fn]]))).toBe('data.value(0)');
  expect(fault({ 'a-b': { ü1: fn } })).toBe('data["a-b"].ü1');
});

test('a property that throws is named, whatever it throws', () => {
  const thrower = (thrown: unknown) => ({
    a: {
      get b() {
        throw thrown;
      },
    },
  });
  expect(fault(thrower(new Error('no')))).toBe('data.a.b');
  expect(fault(thrower(Object.create(null)))).toBe('data.a.b');
});

test('what is nested without end is an error of data too', () => {
  let data: unknown = fn;
  for (let i = 0; i < 100_000; i++) data = { a: data };
  expect(fault(data)).toMatch(/^data(\.a){1,100}$/);
});

test('sizes are near what it takes', () => {
  expect(sizeOf('x'.repeat(1_000))).toBeGreaterThanOrEqual(1_000);
  expect(sizeOf({ ['k'.repeat(500)]: 1 })).toBeGreaterThanOrEqual(500);
  expect(sizeOf(2n ** 8_000n)).toBeGreaterThanOrEqual(1_000);
  expect(sizeOf(new Uint8Array(1_000))).toBeGreaterThanOrEqual(1_000);
  expect(sizeOf(new Set(['x'.repeat(1_000)]))).toBeGreaterThanOrEqual(1_000);
  expect(sizeOf(undefined)).toBeLessThan(100);
});

test('what is there twice counts once', () => {
  const bytes = new Uint8Array(10_000);
  expect(sizeOf([bytes, bytes.subarray(1), bytes.buffer])).toBeLessThan(11_000);
  const cycle: unknown[] = [];
  cycle.push(cycle, cycle);
  expect(sizeOf(cycle)).toBeLessThan(100);
});

test('a size has no end to what it counts', () => {
  const many = Array.from({ length: 300_000 }, (_, i): [number, number] => [i, i]);
  expect(sizeOf(new Map(many))).toBeGreaterThanOrEqual(300_000);
  expect(sizeOf(new Set(many))).toBeGreaterThanOrEqual(300_000);
});
