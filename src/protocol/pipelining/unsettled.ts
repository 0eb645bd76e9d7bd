import { type Clock, longestTimer } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import { cancelled } from '../calls.js';
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

/** Calls that wait for promises among their arguments: no longer than the call may take, and than the session lasts. */
export class Unsettled {
  readonly #clock: Clock;
  readonly #deadline: number;
  readonly #ends = new Set<(why: DserviceError) => void>();

  /** `deadline`: ms that a call may take, where it does not say. */
  constructor(clock: Clock, deadline: number) {
    this.#clock = clock;
    this.#deadline = deadline;
  }

  /**
   * Calls with what a promise among the arguments of `method` turned out to be, and what is left of the call's
   * time. Rejects with ERR_DEADLINE, ERR_CANCELLED and what ended the session, the call not having run.
   */
  wait(
    promise: Promise<unknown>,
    settled: Settled | undefined,
    method: string,
    given: CallOptions | undefined,
    call: (settled: Settled, given: CallOptions) => Promise<unknown>,
  ): Promise<unknown> {
    const { deadline = this.#deadline, signal } = given ?? {};
    const began = this.#clock.now();
    const value = new Promise<unknown>((resolve, reject) => {
      const stop = (why: DserviceError): void => {
        leave();
        why.mayHaveRun = false;
        reject(why);
      };
      const end = ({ code, message, cause }: DserviceError): void =>
        stop(new DserviceError(code, message, { method, cause }));
      const abort = (): void => stop(cancelled(method, signal));
      const late = (): void => {
        const text = `an argument of ${method} was not there within ${deadline} ms`;
        stop(new DserviceError('ERR_DEADLINE', text, { method }));
      };
      const cancel = deadline > longestTimer ? undefined : this.#clock.after(deadline, late);
      const leave = (): void => {
        cancel?.();
        signal?.removeEventListener('abort', abort);
        this.#ends.delete(end);
      };
      signal?.addEventListener('abort', abort);
      this.#ends.add(end);
      promise.then(
        (it) => {
          leave();
          resolve(it);
        },
        (error: unknown) => {
          leave();
          // That is not this call's error: whether it may have run is another question.
          // oxlint-disable-next-line prefer-promise-reject-errors -- who made the promise may have rejected with anything
          reject(DserviceError.is(error) ? asRun(error) : error);
        },
      );
    });
    return derived(
      value.then((it) => {
        const left = deadline - (this.#clock.now() - began);
        return call(new Map([...(settled ?? []), [promise, it]]), { ...given, deadline: left });
      }),
    );
  }

  /** The session is over. */
  end(why: DserviceError): void {
    for (const end of [...this.#ends]) end(why);
  }
}
