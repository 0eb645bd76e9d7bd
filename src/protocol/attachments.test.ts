import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Attached, Collector, steady } from './attachments.js';
import { Bytes } from './bytes.js';

const filled = (length: number, seed: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + seed) % 251);

test('the same bytes, each in a buffer of its own, wherever pieces are cut, given or lent', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1, maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }),
      fc.boolean(),
      fc.nat(40),
      (lengths, cuts, gives, before) => {
        const parts = lengths.map((length, i) => filled(length, i));
        const all = new Uint8Array(before + lengths.reduce((sum, length) => sum + length, 0));
        let at = before;
        for (const part of parts) {
          all.set(part, at);
          at += part.length;
        }
        let got: Attached | undefined;
        const following = { lengths, keep: true, done: (them?: Attached) => void (got = them) };
        const collector = new Collector(following, () => {});
        let charged = 0;
        at = 0;
        for (let n = 0; at < all.length; n++) {
          // Each piece fills its buffer, as what a socket reads may do.
          const piece = all.slice(at, at + (cuts[n % cuts.length] ?? 1));
          const from = Math.max(0, Math.min(before - at, piece.length));
          at += piece.length;
          charged += collector.take(piece, from, { gives });
          if (!gives) piece.fill(0);
        }
        expect(charged).toBe(all.length - before);
        expect(collector.complete).toBe(true);
        collector.finish();
        expect(got).toEqual(parts);
        for (const each of got ?? []) expect(each.buffer.byteLength).toBe(each.length);
        expect(new Set(got?.map(({ buffer }) => buffer)).size).toBe(lengths.length);
      },
    ),
  );
});

test('a buffer of just the length is the value, without a copy, where it is given', () => {
  const take = (gives: boolean): boolean => {
    let got: Attached | undefined;
    const following = {
      lengths: [1_000],
      keep: true,
      done: (them?: Attached) => void (got = them),
    };
    const collector = new Collector(following, () => {});
    const piece = filled(1_000, 1);
    collector.take(piece, 400, { gives });
    collector.take(filled(400, 2), 0, { gives });
    collector.finish();
    expect(got?.[0]?.subarray(0, 600)).toEqual(filled(1_000, 1).subarray(400));
    expect(got?.[0]?.subarray(600)).toEqual(filled(400, 2));
    return got?.[0]?.buffer === piece.buffer;
  };
  expect([take(true), take(false)]).toEqual([true, false]);
});

test('memory is asked for where there is some, and wholly written before it is handed over', () => {
  const asked: number[] = [];
  const allocate = (size: number): Uint8Array<ArrayBuffer> => {
    asked.push(size);
    return new Uint8Array(size).fill(99);
  };
  let got: Attached | undefined;
  const length = 3 * 1024 * 1024;
  const following = { lengths: [length], keep: true, done: (them?: Attached) => void (got = them) };
  const collector = new Collector(following, () => {});
  const whole = filled(length, 4);
  for (let at = 0; at < length; at += 65_536)
    collector.take(whole.subarray(at, at + 65_536), 0, { allocate });
  collector.finish();
  expect(asked).toEqual([1024 * 1024, length]);
  // Not by `toEqual`, which looks at each byte.
  expect(got?.[0]?.every((byte, i) => byte === whole[i])).toBe(true);
});

test('what is lent is copied to be kept, and nothing else', () => {
  const own = filled(10, 1);
  const kept: Attached = [own];
  expect(steady(kept)).toBe(kept);
  const copy = steady(Object.assign([own], { lent: true }));
  expect(copy).toEqual([own]);
  expect(copy[0]).not.toBe(own);
  expect(copy.lent).toBeUndefined();
});

test('what comes in shared memory is copied', () => {
  let got: Attached | undefined;
  // A page that is not isolated has shared memory by no other name.
  const { buffer } = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true });
  const lengths = [buffer.byteLength];
  const following = { lengths, keep: true, done: (them?: Attached) => void (got = them) };
  const collector = new Collector(following, () => {});
  const piece = new Uint8Array(buffer).fill(1);
  collector.take(piece, 0, { gives: true });
  collector.finish();
  piece.fill(9);
  expect(got?.[0]?.buffer).toBeInstanceOf(ArrayBuffer);
  expect(got?.[0]).toEqual(new Uint8Array(buffer.byteLength).fill(1));
});

test('what may change its length follows a line in a copy, since a WebSocket of a page refuses it', () => {
  // Not in every runtime that we support, nor in the library's types.
  const Resizable = ArrayBuffer as new (
    length: number,
    options: object,
  ) => ArrayBuffer & { readonly resizable?: boolean };
  const view = new Uint8Array(new Resizable(1_000, { maxByteLength: 2_000 })).fill(1);
  const attached = new Bytes(view).attach();
  const { resizable } = attached.buffer as { readonly resizable?: boolean };
  expect(resizable ?? false).toBe(false);
  expect(attached).toEqual(new Uint8Array(1_000).fill(1));
});
