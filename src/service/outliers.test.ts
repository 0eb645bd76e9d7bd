import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstanceRecord } from '../discovery/record.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Outliers } from './outliers.js';
import { Standing } from './standing.js';

const seconds = 1_000;

function makePeers(count: number) {
  const clock = new VirtualClock();
  // What a property lets pass, at once.
  let passed = 0;
  const told: string[] = [];
  const outliers = new Outliers({
    clock: { now: () => clock.now() + passed },
    onEjected: ({ id }, why, ms) => void told.push(`${id} rests ${ms / seconds} s: ${why}`),
    onReturned: ({ id }) => void told.push(`${id} is back`),
  });
  const peers = Array.from({ length: count }, (_, i) => {
    const record: InstanceRecord = {
      ...{ id: `i${i}`, name: 'a', version: '1.0.0', endpoints: [], relies: [] },
      state: 'up',
    };
    return { record, standing: new Standing() };
  });
  const at = (i: number) => {
    const it = peers[i];
    if (it === undefined) throw new Error(`there is no ${i}`);
    return it;
  };
  const fail = (i: number, times = 1): void => {
    for (let n = 0; n < times; n++) outliers.failed(at(i), () => peers);
  };
  const answer = (i: number, ms: number, times = 1): void => {
    for (let n = 0; n < times; n++) outliers.answered(at(i), ms, () => peers);
  };
  const pass = (ms: number): void => void (passed += ms);
  return { clock, pass, told, outliers, peers, at, fail, answer };
}

describe('an instance that fails', () => {
  test('rests after five times in a row, and not before', () => {
    const { told, fail, answer } = makePeers(2);
    fail(0, 4);
    answer(0, 1);
    fail(0, 4);
    expect(told).toEqual([]);
    fail(0);
    expect(told).toEqual(['i0 rests 5 s: failures']);
  });

  test('gets one call to come back, and rests twice as long when that fails, five minutes at most', async () => {
    const { clock, told, outliers, peers, at, fail } = makePeers(2);
    fail(0, 5);
    // Those that were out by then fail too, and are no trial.
    fail(0, 3);
    for (const rest of [5, 10, 20, 40, 80, 160, 300, 300]) {
      await clock.advance(rest * seconds - 1);
      expect(outliers.trial(peers)).toBeUndefined();
      await clock.advance(1);
      expect(outliers.trial(peers)).toBe(at(0));
      expect(outliers.trial(peers)).toBeUndefined();
      fail(0);
    }
    const rests = [5, 10, 20, 40, 80, 160, 300, 300, 300];
    expect(told).toEqual(rests.map((rest) => `i0 rests ${rest} s: failures`));
  });

  test('is back when its trial is answered; what was out before says nothing', async () => {
    const { clock, told, outliers, peers, at, fail, answer } = makePeers(3);
    fail(0, 5);
    answer(0, 1);
    expect(at(0).standing.out).toBe(true);
    await clock.advance(5 * seconds);
    outliers.trial(peers);
    answer(0, 7);
    expect(at(0).standing).toMatchObject({ out: false, latency: 7, failures: 0 });
    expect(told.at(-1)).toBe('i0 is back');
  });

  test('whose trial is never answered gets another one', async () => {
    const { clock, outliers, peers, at, fail } = makePeers(2);
    fail(0, 5);
    await clock.advance(5 * seconds);
    expect(outliers.trial(peers)).toBe(at(0));
    await clock.advance(5 * seconds);
    expect(outliers.trial(peers)).toBe(at(0));
  });

  test('begins anew with five seconds, if it was good for long', async () => {
    const { clock, told, outliers, peers, fail, answer } = makePeers(2);
    fail(0, 5);
    await clock.advance(5 * seconds);
    outliers.trial(peers);
    answer(0, 1);
    fail(0, 5);
    expect(told.at(-1)).toBe('i0 rests 10 s: failures');
    await clock.advance(10 * seconds);
    outliers.trial(peers);
    answer(0, 1);
    await clock.advance(21 * seconds);
    fail(0, 5);
    expect(told.at(-1)).toBe('i0 rests 5 s: failures');
  });
});

describe('calls lost at an instance that is away', () => {
  test('are one failure once it is back, and each is one if it is gone', () => {
    const { told, outliers, peers, at } = makePeers(3);
    const lose = (i: number, times: number): void => {
      for (let n = 0; n < times; n++) outliers.doubted(at(i), () => peers);
    };
    lose(0, 50);
    expect(told).toEqual([]);
    outliers.back(at(0));
    expect(at(0).standing).toMatchObject({ out: false, failures: 1 });
    // What was told is forgotten.
    outliers.gone(at(0));
    expect(at(0).standing.failures).toBe(1);
    lose(0, 3);
    outliers.gone(at(0));
    expect(told).toEqual([]);
    lose(1, 5);
    outliers.gone(at(1));
    expect(told).toEqual(['i1 rests 5 s: failures']);
  });

  test('have it rest the third time, if no ten seconds are between', () => {
    const { told, pass, outliers, peers, at, answer } = makePeers(2);
    for (const wait of [0, 9, 11, 9, 9]) {
      expect(told).toEqual([]);
      pass(wait * seconds);
      outliers.doubted(at(0), () => peers);
      outliers.back(at(0));
      answer(0, 1);
    }
    expect(told).toEqual(['i0 rests 5 s: failures']);
  });

  test('and among them its trial, have it rest on', async () => {
    const { clock, told, outliers, peers, at, fail } = makePeers(2);
    fail(0, 5);
    await clock.advance(5 * seconds);
    outliers.trial(peers);
    outliers.doubted(at(0), () => peers);
    outliers.back(at(0));
    expect(told.at(-1)).toBe('i0 rests 10 s: failures');
  });
});

test('an instance that is far slower than its peers rests, one that is a little slower does not', () => {
  const { told, answer } = makePeers(3);
  answer(0, 10, 30);
  answer(1, 12, 30);
  answer(2, 100, 30);
  expect(told).toEqual([]);
  answer(2, 2_000, 30);
  // Those calls that were out when it was ejected are answered late, too: its rest is no longer for that.
  expect(told).toEqual(['i2 rests 5 s: latency']);
});

test('works with two, never with the last, and never with more than half', () => {
  const one = makePeers(1);
  one.fail(0, 50);
  expect(one.told).toEqual([]);
  const two = makePeers(2);
  two.fail(0, 5);
  two.fail(1, 50);
  expect(two.told).toEqual(['i0 rests 5 s: failures']);
});

test('where others go, those come back that would be too many', () => {
  const { outliers, peers, at, fail } = makePeers(4);
  fail(0, 5);
  fail(1, 5);
  outliers.settle(peers.slice(0, 2));
  expect([at(0), at(1)].map(({ standing }) => standing.out)).toEqual([false, true]);
  outliers.settle([at(1)]);
  expect(at(1).standing.out).toBe(false);
});

test('whatever happens, at most half rest', () => {
  const event = fc.record({
    who: fc.nat(9),
    kind: fc.constantFrom('failed', 'answered', 'slow', 'pick', 'pass', 'doubted', 'back', 'gone'),
    ms: fc.integer({ min: 1, max: 400_000 }),
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10 }),
      fc.array(event, { maxLength: 300 }),
      (count, events) => {
        const { pass, outliers, peers, at, fail, answer } = makePeers(count);
        for (const { who, kind, ms } of events) {
          const i = who % count;
          if (kind === 'failed') fail(i, 1 + (ms % 6));
          else if (kind === 'answered') answer(i, ms % 50);
          else if (kind === 'slow') answer(i, ms, 10);
          else if (kind === 'pick') outliers.trial(peers);
          else if (kind === 'doubted') outliers.doubted(at(i), () => peers);
          else if (kind === 'back' || kind === 'gone') outliers[kind](at(i));
          else pass(ms);
          outliers.settle(peers);
          expect(peers.filter(({ standing }) => standing.out).length).toBeLessThanOrEqual(
            count / 2,
          );
        }
      },
    ),
  );
});
