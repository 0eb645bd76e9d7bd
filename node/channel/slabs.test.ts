import { expect, test } from 'vitest';
import { Slabs, SlabWriter } from './slabs.js';

type Left = (error?: Error | null) => void;

/** A writer whose pieces wait until they are let go, and what has left as it was then. */
function setUp() {
  const waiting: { bytes: Buffer; left: Left }[] = [];
  const gone: Buffer[] = [];
  let holds = true;
  let made = 0;
  class Counted extends Slabs {
    override take(): Buffer {
      made++;
      return super.take();
    }
  }
  const target = {
    write(bytes: Buffer, left: Left): void {
      if (holds) return void waiting.push({ bytes, left });
      gone.push(Buffer.from(bytes));
      // The system tells later.
      setImmediate(left);
    },
    empty: () => waiting.length === 0,
  };
  const slabs = new Counted();
  return {
    writer: new SlabWriter(slabs, target),
    waiting,
    gone,
    hold: (on: boolean) => void (holds = on),
    /** The first that waits leaves. */
    let(): void {
      const first = waiting.shift();
      if (first === undefined) return;
      gone.push(Buffer.from(first.bytes));
      first.left();
    },
    taken: () => made,
  };
}

const bytes = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * seed) % 251);

test('what has not left is not overwritten, however it is changed at its owner', () => {
  const it = setUp();
  const expected: Buffer[] = [];
  for (let n = 1; n < 20; n++) {
    const own = bytes(n * 30_000, n);
    const text = `line ${n} é\n`;
    expected.push(Buffer.from(text), Buffer.from(own));
    it.writer.write(text, [own]);
    own.fill(0);
    if (n % 2 === 0) it.let();
  }
  while (it.waiting.length > 0) it.let();
  expect(Buffer.compare(Buffer.concat(it.gone), Buffer.concat(expected))).toBe(0);
});

test('what the system takes at once costs no memory but one slab', () => {
  const it = setUp();
  it.hold(false);
  const own = bytes(1_000_000, 3);
  for (let n = 0; n < 10; n++) it.writer.write('', [own]);
  expect(Buffer.concat(it.gone)).toHaveLength(10_000_000);
  const slabs = new Set(it.gone.map(({ length }) => length));
  expect(Math.max(...slabs)).toBeLessThanOrEqual(256 * 1024);
  // One after the other, each is there again for the next.
  expect(it.taken()).toBeGreaterThan(10);
  it.hold(true);
  it.writer.write('', [own]);
  const [first, second] = it.waiting;
  expect(first?.bytes.buffer).not.toBe(second?.bytes.buffer);
  while (it.waiting.length > 0) it.let();
});

test('a slab that may still be read after a failure is not used again', () => {
  const it = setUp();
  it.writer.write('a', [bytes(100_000, 5)]);
  const [flying] = it.waiting;
  flying?.left(new Error('reset'));
  it.waiting.length = 0;
  it.writer.write('b', [bytes(100_000, 7)]);
  expect(it.waiting[0]?.bytes.buffer).not.toBe(flying?.bytes.buffer);
});

test('a text longer than a slab leaves whole', () => {
  const it = setUp();
  const text = `${'ü'.repeat(200_000)}\n`;
  it.writer.write(text, [bytes(10, 1)]);
  while (it.waiting.length > 0) it.let();
  expect(Buffer.concat(it.gone).subarray(0, -10).toString()).toBe(text);
});
