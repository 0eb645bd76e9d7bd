import { DserviceError } from '../../errors.js';
import { asRun } from '../error-value.js';
import type { CallOptions } from '../options.js';
import type { Settled } from '../wire.js';
import { derived } from './later.js';

/** Makes a call once more, as it is by now, with what promises turned out to be. */
export type Again = (
  settled: Settled,
  args: unknown[],
  given: CallOptions | undefined,
) => Promise<unknown>;

/** What is called when a promise among its arguments has its outcome. */
export function whenSettled(
  promise: Promise<unknown>,
  settled: Settled | undefined,
  call: (settled: Settled) => Promise<unknown>,
): Promise<unknown> {
  return derived(
    promise.then(
      (value) => call(new Map([...(settled ?? []), [promise, value]])),
      // That is not this call's error: whether it may have run is another question.
      (error: unknown) => {
        throw DserviceError.is(error) ? asRun(error) : error;
      },
    ),
  );
}
