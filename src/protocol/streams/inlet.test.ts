import { expect, test } from 'vitest';
import { turns } from '../../testing/recorder.js';
import { Inlet } from './inlet.js';

const full = (): Uint8Array => new Uint8Array(64 * 1024);

/** A reader, and the `next`s that are out, in order. */
function setUp() {
  const asks: ((answer: unknown) => void)[] = [];
  let made = 0;
  const next = {
    call: () => {
      made++;
      return new Promise((resolve) => asks.push(resolve));
    },
    release: () => {},
  };
  const end = { call: () => Promise.resolve(), release: () => {} };
  const inlet = new Inlet(
    next,
    end,
    () => true,
    () => {},
  );
  return { inlet, asks, made: () => made, answer: () => asks.shift()?.({ values: [full()] }) };
}

test('who reads as fast as it comes asks for half of eight at a time', async () => {
  const { inlet, asks, made, answer } = setUp();
  let read = 0;
  void (async () => {
    while (!(await inlet.read(inlet)).done) read++;
  })();
  expect(asks).toHaveLength(2);
  const steps = new Set<number>();
  for (let n = 0; n < 60; n++) {
    const before = made();
    answer();
    await turns(1);
    if (n > 30 && made() > before) steps.add(made() - before);
    expect(asks.length).toBeGreaterThan(0);
    expect(asks.length).toBeLessThanOrEqual(8);
  }
  expect(read).toBe(60);
  expect([...steps]).toEqual([4]);
});

test('who does not read on has no more than was asked for', async () => {
  const { inlet, asks, made, answer } = setUp();
  void inlet.read(inlet);
  while (asks.length > 0) {
    answer();
    await turns(1);
    if (made() > 20) break;
  }
  expect(made()).toBeLessThanOrEqual(5);
});
