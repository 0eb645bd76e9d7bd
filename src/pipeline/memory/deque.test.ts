import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deque, type Seat } from './deque.js';

type Step =
  | { readonly kind: 'pushBack' | 'pushFront' | 'shift' }
  | { readonly kind: 'remove'; readonly index: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constantFrom('pushBack' as const, 'pushFront' as const, 'shift' as const) }),
  fc.record({ kind: fc.constant('remove' as const), index: fc.nat() }),
);

test('it is like an array', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const deque = new Deque<number>();
      const array: number[] = [];
      const seats = new Map<number, Seat<number>>();
      for (const [n, each] of steps.entries()) {
        if (each.kind === 'pushBack') {
          array.push(n);
          seats.set(n, deque.pushBack(n));
        } else if (each.kind === 'pushFront') {
          array.unshift(n);
          seats.set(n, deque.pushFront(n));
        } else if (each.kind === 'shift') {
          expect(deque.shift()).toBe(array.shift());
        } else if (each.kind === 'remove' && array.length > 0) {
          const [gone] = array.splice(each.index % array.length, 1);
          deque.remove(seats.get(gone ?? -1)!);
        }
        expect([...deque]).toEqual(array);
        expect([deque.size, deque.first]).toEqual([array.length, array[0]]);
      }
    }),
  );
});
