import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Budget } from './budget.js';
import { LineReader } from './lines.js';

const encoder = new TextEncoder();

/** What a reader makes of pieces. Each is wiped after it was read, as a channel may do. */
function lines(
  pieces: readonly (Uint8Array | string)[],
  limit = 1_000_000,
  decode?: (bytes: Uint8Array) => string,
): string[] {
  const found: string[] = [];
  const reader = new LineReader(limit, { read: (line) => void found.push(line) }, decode);
  for (const piece of pieces) {
    reader.push(piece);
    if (typeof piece !== 'string') piece.fill(0);
  }
  return found;
}

const text = fc
  .string({ unit: 'grapheme', maxLength: 30 })
  .map((it) => it.replaceAll('\n', '').replaceAll('\r', ''));

/** As some runtimes have one: whole lines alone. */
const ofRuntime = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);

describe.each([
  ['piece by piece', undefined],
  ['whole lines alone', ofRuntime],
])('decoded %s', (_, decode) => {
  test('the same lines, wherever the pieces are cut', () => {
    fc.assert(
      fc.property(fc.array(text), fc.array(fc.nat(400)), (sent, cuts) => {
        const bytes = encoder.encode(sent.map((line) => `${line}\n`).join(''));
        const at = [
          ...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]),
        ].sort((a, b) => a - b);
        const pieces = at.slice(1).map((end, i) => bytes.slice(at[i], end));
        // Empty lines mean nothing, and need not all be told.
        const filled = (line: string): boolean => line !== '';
        expect(lines(pieces, undefined, decode).filter(filled)).toEqual(sent.filter(filled));
      }),
    );
  });

  test('byte by byte', () => {
    const sent = ['grüß', '語😀', '', 'x'];
    const bytes = encoder.encode(`${sent.join('\n')}\nunfinished`);
    expect(
      lines(
        Array.from(bytes, (byte) => Uint8Array.of(byte)),
        undefined,
        decode,
      ),
    ).toEqual(sent);
  });

  test('a byte order mark is data', () => {
    expect(lines([Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 10)], undefined, decode)).toEqual([
      '\ufeffa',
    ]);
  });

  test('bytes that are no UTF-8 leave the next line alone', () => {
    expect(lines([Uint8Array.of(0xff, 0xe8, 0xaa, 10, 0x61, 10)], undefined, decode)).toEqual([
      '\ufffd\ufffd',
      'a',
    ]);
  });
});

test('text is whole lines, the last newline may be missing', () => {
  expect(lines(['a\nb\n', 'c', 'd\ne'])).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('the limit holds for what came and for what has not ended, and not for the sum of lines', () => {
  const ten = encoder.encode('0123456789\n');
  expect(lines([ten.slice(), ten.slice()], 10)).toHaveLength(2);
  const over = expect.objectContaining({ code: 'ERR_LIMIT' });
  expect(() => lines([ten.slice()], 9)).toThrow(over);
  expect(() => lines(['0123456789\n'], 9)).toThrow(over);
  expect(() => lines([encoder.encode('01234'), encoder.encode('56789')], 9)).toThrow(over);
  expect(lines([encoder.encode('01234'), encoder.encode('56789')], 10)).toEqual([]);
});

test('what is kept counts against the budget until its line is whole', () => {
  const budget = new Budget(8);
  const one = new LineReader(100, { read() {} }, undefined, budget);
  const two = new LineReader(100, { read() {} }, undefined, budget);
  one.push(encoder.encode('12345'));
  two.push(encoder.encode('678'));
  expect(budget.used).toBe(8);
  two.push(encoder.encode('\n'));
  expect(budget.used).toBe(5);
  one.stop();
  expect(budget.used).toBe(0);
});

test('where there is no more room, who has kept something longest gives way; alone, who asks', () => {
  const budget = new Budget(8);
  const evicted: string[] = [];
  const [one, two] = ['one', 'two'].map((name) => {
    const reader = new LineReader(
      100,
      { read() {}, evict: ({ code }) => void evicted.push(`${name} ${code}`) },
      undefined,
      budget,
    );
    return reader;
  }) as [LineReader, LineReader];
  two.push(encoder.encode('12'));
  one.push(encoder.encode('345'));
  // Its message was begun after the other's.
  two.push(encoder.encode('\n678'));
  expect(budget.used).toBe(6);
  two.push(encoder.encode('901'));
  expect(evicted).toEqual(['one ERR_LIMIT']);
  expect(budget.used).toBe(6);
  one.push(encoder.encode('nothing more of it is kept'));
  expect(budget.used).toBe(6);
  expect(() => two.push(encoder.encode('234'))).toThrow(
    expect.objectContaining({ code: 'ERR_LIMIT' }),
  );
});

test('who is stopped in the middle hears nothing more', () => {
  const found: string[] = [];
  const reader = new LineReader(100, {
    read(line) {
      found.push(line);
      reader.stop();
      return undefined;
    },
  });
  reader.push('a\nb\nc');
  reader.push(encoder.encode('d\n'));
  expect(found).toEqual(['a']);
});

test('many small pieces of a long line take time by its length alone', () => {
  const piece = encoder.encode('x'.repeat(100));
  const found: number[] = [];
  const reader = new LineReader(10_000_000, { read: (line) => void found.push(line.length) });
  for (let i = 0; i < 40_000; i++) reader.push(piece);
  reader.push(encoder.encode('\n'));
  expect(found).toEqual([4_000_000]);
});
