import { expect, test } from 'vitest';
import { receiptAge, Receipts } from './receipts.js';

const op = (seq: number, worker = 'w') => ({ worker, seq });

test('a worker has eight, and what is older is refused', () => {
  const receipts = new Receipts<string>();
  for (let seq = 0; seq < 12; seq++) receipts.set(op(seq), `a${seq}`, 0);
  for (let seq = 4; seq < 12; seq++) expect(receipts.get(op(seq), 0)).toBe(`a${seq}`);
  expect(() => receipts.get(op(3), 0)).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
  expect(receipts.get(op(12), 0)).toBeUndefined();
  expect(receipts.get(op(4, 'other'), 0)).toBeUndefined();
});

test('a worker is forgotten when its age has passed since its last operation', () => {
  const receipts = new Receipts<string>();
  receipts.set(op(0), 'a', 1_000);
  receipts.set(op(1), 'b', 2_000);
  receipts.set(op(0, 'other'), 'c', 3_000);
  expect(receipts.get(op(0), 1_999 + receiptAge)).toBe('a');
  expect(receipts.get(op(0), 2_000 + receiptAge)).toBeUndefined();
  receipts.set(op(1, 'other'), 'd', 2_000 + receiptAge);
  // Gone from the list too: a clock that is set back does not bring it back.
  expect(receipts.get(op(0), 2_000)).toBeUndefined();
  expect(receipts.get(op(0, 'other'), 2_000)).toBe('c');
});
