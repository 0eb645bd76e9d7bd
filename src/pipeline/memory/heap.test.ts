import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Heap, type Slot } from './heap.js';

type Step =
  | { readonly kind: 'push'; readonly at: number }
  | { readonly kind: 'shift' }
  | { readonly kind: 'remove'; readonly index: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('push' as const), at: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('shift' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), index: fc.nat() }) },
);

test('it is like a list that is sorted, and keeps the order of what is equal', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100, size: 'max' }), (steps) => {
      const heap = new Heap<number>();
      let slots: Slot<number>[] = [];
      for (const [n, each] of steps.entries()) {
        if (each.kind === 'push') {
          slots.push(heap.push(n, each.at));
          slots = slots.toSorted((a, b) => a.at - b.at || a.item - b.item);
        } else if (each.kind === 'shift') {
          expect(heap.shift()).toBe(slots.shift()?.item);
        } else if (slots.length > 0) {
          const [gone] = slots.splice(each.index % slots.length, 1);
          heap.remove(gone!);
        }
        expect(heap.sorted()).toEqual(slots.map(({ item }) => item));
        expect([heap.size, heap.at]).toEqual([slots.length, slots[0]?.at]);
      }
    }),
  );
});
