import { expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Hedger } from './hedge.js';

/** Two attempts that both fail: at 100 ms and at 80 ms, with that `mayHaveRun`. */
async function failed(first: boolean, second: boolean): Promise<unknown> {
  const clock = new VirtualClock();
  const outcome = new Hedger(50, clock).run(
    (_, avoid) => {
      const [ms, mayHaveRun] = avoid === undefined ? [100, first] : [30, second];
      const error = new DserviceError('ERR_DEADLINE', `after ${ms} ms`, { mayHaveRun });
      const fail = new Promise((_, reject) => clock.after(ms, () => reject(error)));
      return { instance: 'a', outcome: fail };
    },
    () => true,
    undefined,
  );
  outcome.catch(() => {});
  await clock.advance(100);
  return await outcome.catch((error: unknown) => error);
}

test.each([
  [false, false, false],
  [true, false, true],
  [false, true, true],
])(
  'of two attempts that fail, mayHaveRun %s and %s: the call says %s',
  async (first, second, all) => {
    expect(await failed(first, second)).toMatchObject({ code: 'ERR_DEADLINE', mayHaveRun: all });
  },
);
