import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameTap } from './frame-tap.js';
import { applyMask } from './mask.js';

interface Frame {
  readonly first: number;
  readonly payload: Uint8Array;
}

const [text, binary, last] = [1, 2, 128];

/** A frame as it is on the wire. */
function wire({ first, payload }: Frame, masked: boolean): Buffer {
  const { length } = payload;
  const mask = masked ? 128 : 0;
  let head = Buffer.from([first, mask | length]);
  if (length >= 65_536) {
    head = Buffer.from([first, mask | 127, ...Array<number>(8).fill(0)]);
    head.writeBigUInt64BE(BigInt(length), 2);
  } else if (length >= 126) {
    head = Buffer.from([first, mask | 126, length >> 8, length & 255]);
  }
  if (!masked) return Buffer.concat([head, payload]);
  const key = Buffer.from([length & 255, 200, 3, 77]);
  const hidden = Uint8Array.from(payload);
  applyMask(hidden, key.readInt32LE());
  return Buffer.concat([head, key, hidden]);
}

/** What becomes of bytes that come cut like that: what was taken, and what was passed, in order. */
function tap(all: Uint8Array, masked: boolean, cuts: readonly number[]) {
  const went: { taken: boolean; bytes: Buffer }[] = [];
  let left = 0;
  const go = (taken: boolean, bytes: Uint8Array): void => {
    const before = went.at(-1);
    if (before?.taken === taken) before.bytes = Buffer.concat([before.bytes, bytes]);
    else went.push({ taken, bytes: Buffer.from(bytes) });
  };
  const it = new FrameTap(masked, {
    take: (bytes) => go(true, bytes),
    pass: (bytes) => go(false, bytes),
    leave: () => left++,
  });
  const edges = [...new Set([0, ...cuts.map((cut) => cut % (all.length + 1)), all.length])];
  edges.sort((a, b) => a - b);
  for (const [i, edge] of edges.entries())
    it.push(Uint8Array.from(all.subarray(edge, edges[i + 1])));
  return { went, left };
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => (i * 31) % 251);

const frames = fc.oneof(
  fc.record({ first: fc.constant(last | text), payload: fc.uint8Array({ maxLength: 300 }) }),
  fc.record({
    first: fc.constantFrom(last | 9, last | 10),
    payload: fc.uint8Array({ maxLength: 125 }),
  }),
  fc
    .constantFrom(0, 1, 125, 126, 300, 65_535, 65_536, 65_537)
    .map((length) => ({ first: last | binary, payload: bytes(length) })),
);
/** One, or a message in several, with something between. */
const messages = fc.oneof(
  frames.map((frame) => [frame]),
  fc.tuple(fc.constantFrom(text, binary), fc.uint8Array(), fc.uint8Array()).map(([kind, a, b]) => [
    { first: kind, payload: a },
    { first: last | 9, payload: bytes(3) },
    { first: last, payload: b },
  ]),
);

test('takes whole binary frames of 64 KiB and less, and passes all else as it came, however it is cut', () => {
  fc.assert(
    fc.property(
      fc.array(messages, { maxLength: 6 }),
      fc.boolean(),
      fc.array(fc.nat({ max: 400_000 }), { maxLength: 12 }),
      (lists, masked, cuts) => {
        const all = lists.flat();
        const expected: { taken: boolean; bytes: Buffer }[] = [];
        for (const frame of all) {
          const taken = frame.first === (last | binary) && frame.payload.length <= 65_536;
          const part = taken ? Buffer.from(frame.payload) : wire(frame, masked);
          if (part.length === 0) continue;
          const before = expected.at(-1);
          if (before?.taken === taken) before.bytes = Buffer.concat([before.bytes, part]);
          else expected.push({ taken, bytes: part });
        }
        const { went, left } = tap(
          Buffer.concat(all.map((frame) => wire(frame, masked))),
          masked,
          cuts,
        );
        expect(left).toBe(0);
        expect(went.map(({ taken }) => taken)).toEqual(expected.map(({ taken }) => taken));
        for (const [i, each] of went.entries()) {
          expect(Buffer.compare(each.bytes, expected[i]?.bytes ?? Buffer.alloc(0))).toBe(0);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test.each<[string, Frame | Uint8Array]>([
  ['a close', { first: last | 8, payload: bytes(2) }],
  ['a reserved bit', { first: last | 64 | binary, payload: bytes(10) }],
  ['an unknown kind', { first: last | 3, payload: bytes(10) }],
  ['a continuation of nothing', { first: last, payload: bytes(10) }],
  ['a ping in parts', { first: 9, payload: bytes(10) }],
  ['a long ping', { first: last | 9, payload: bytes(126) }],
  ['a length beyond all', Buffer.from([0x82, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255])],
  ['no mask', Buffer.from([0x82, 1, 5])],
])('leaves with %s: it and what follows is passed', (_, odd) => {
  const good = wire({ first: last | binary, payload: bytes(200) }, true);
  const bad = odd instanceof Uint8Array ? Buffer.from(odd) : wire(odd, true);
  const all = Buffer.concat([good, bad, good]);
  for (let cut = 1; cut < all.length; cut++) {
    const { went, left } = tap(all, true, [cut]);
    expect(left).toBe(1);
    expect(went).toEqual([
      { taken: true, bytes: Buffer.from(bytes(200)) },
      { taken: false, bytes: Buffer.concat([bad, good]) },
    ]);
  }
});

test('what begins within a message of several frames, as only its next part may, leaves', () => {
  const frame = (first: number) => wire({ first, payload: bytes(5) }, false);
  const all = Buffer.concat([frame(binary), frame(last | binary)]);
  expect(tap(all, false, [])).toEqual({ went: [{ taken: false, bytes: all }], left: 1 });
});

test('a frame is handed over as it comes: nothing of it is kept', () => {
  const taken: number[] = [];
  const it = new FrameTap(false, {
    take: ({ length }) => taken.push(length),
    pass: () => {},
    leave: () => {},
  });
  const all = wire({ first: last | binary, payload: bytes(60_000) }, false);
  for (let at = 0; at < all.length; at += 1000) it.push(all.subarray(at, at + 1000));
  expect(taken.slice(0, 3)).toEqual([996, 1000, 1000]);
});
