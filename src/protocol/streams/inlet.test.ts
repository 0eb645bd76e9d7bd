import { expect, test } from 'vitest';
import { codeOf } from '../../testing/fixtures/peer.js';
import { turns } from '../../testing/recorder.js';
import { Inlet } from './inlet.js';

const full = (): Uint8Array => new Uint8Array(64 * 1024);

/** A reader, and the `next`s that are out, in order. */
function setUp(most?: number) {
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
    most,
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

test('answers with megabytes each are bounded, together: what is there is read, then it is an error', async () => {
  const { inlet, asks, answer } = setUp(1_000_000);
  // Eight are out, of who reads as fast as it comes.
  for (let n = 0; n < 40; n++) {
    void inlet.read(inlet);
    answer();
    await turns(1);
  }
  expect(asks.length).toBeGreaterThan(4);
  const out = asks.length;
  for (const ask of asks.splice(0)) ask({ values: [new Uint8Array(400_000)] });
  await turns(1);
  // No more is asked of it.
  expect([out > 4, asks.length]).toEqual([true, 0]);
  const outcomes: unknown[] = [];
  for (let n = 0; n < 4; n++) outcomes.push(await codeOf(inlet.read(inlet)));
  expect(outcomes).toMatchObject([
    { resolved: { done: false } },
    { resolved: { done: false } },
    'ERR_LIMIT',
    { resolved: { done: true } },
  ]);
});

test('of what is large less is asked for at a time', async () => {
  const { inlet, asks } = setUp(100_000_000);
  for (let n = 0; n < 40; n++) {
    void inlet.read(inlet);
    asks.shift()?.({ values: [new Uint8Array(400_000)] });
    await turns(1);
    expect(asks.length).toBeLessThanOrEqual(2);
  }
});
