import { expect, test } from 'vitest';
import { Shelf } from './shelf.js';

function filled(...times: number[]): Shelf<{ at: number }> {
  const shelf = new Shelf<{ at: number }>();
  for (const [i, at] of times.entries()) shelf.add(`r${i}`, { at });
  return shelf;
}

function refs(shelf: Shelf<{ at: number }>): string[] {
  return [...shelf].map(({ ref }) => ref);
}

test('the oldest go by number, and by age', () => {
  const shelf = filled(1, 2, 3, 4, 5);
  shelf.trim(4, 0);
  expect(refs(shelf)).toEqual(['r1', 'r2', 'r3', 'r4']);
  shelf.trim(4, 3);
  expect(refs(shelf)).toEqual(['r3', 'r4']);
  expect([shelf.size, shelf.get('r2', 0), shelf.get('r3', 0)]).toEqual([2, undefined, { at: 4 }]);
  shelf.trim(0, 0);
  expect(refs(shelf)).toEqual([]);
});

test('what is removed is not counted, and may be added again', () => {
  const shelf = filled(1, 2, 3);
  expect([shelf.delete('r1'), shelf.delete('r1'), shelf.delete('x')]).toEqual([true, false, false]);
  shelf.add('r1', { at: 4 });
  expect(refs(shelf)).toEqual(['r0', 'r2', 'r1']);
  const orders = [...shelf].map(({ order }) => order);
  expect(orders).toEqual(orders.toSorted((a, b) => a - b));
  shelf.trim(2, 0);
  expect(refs(shelf)).toEqual(['r2', 'r1']);
});

test('what is too old is not there, also behind what is younger', () => {
  const shelf = filled(5, 1, 6);
  shelf.trim(9, 3);
  expect(refs(shelf)).toEqual(['r0', 'r1', 'r2']);
  expect(shelf.get('r1', 3)).toBeUndefined();
  expect(refs(shelf)).toEqual(['r0', 'r2']);
});
