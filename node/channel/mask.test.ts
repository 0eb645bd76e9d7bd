import fc from 'fast-check';
import { expect, test } from 'vitest';
import { applyMask } from './mask.js';

test('masks as RFC 6455 has it, wherever the bytes stand and a frame is cut', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 70 }),
      fc.integer({ min: 0, max: 7 }),
      fc.nat({ max: 70 }),
      fc.uint8Array({ minLength: 4, maxLength: 4 }),
      (payload, offset, cut, key) => {
        const room = new Uint8Array(offset + payload.length + 8).fill(7);
        const bytes = room.subarray(offset, offset + payload.length);
        bytes.set(payload);
        const at = Math.min(cut, payload.length);
        const number = new DataView(key.buffer).getInt32(0, true);
        applyMask(bytes.subarray(0, at), number);
        applyMask(bytes.subarray(at), number, at);
        expect([...bytes]).toEqual([...payload].map((byte, i) => byte ^ (key[i % 4] ?? 0)));
        const around = [...room.subarray(0, offset), ...room.subarray(offset + payload.length)];
        expect(around.every((byte) => byte === 7)).toBe(true);
      },
    ),
  );
});
