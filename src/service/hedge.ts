import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { Quantile } from './quantile.js';

/** When a second attempt is made beside the first: after so many ms, or when so many of a hundred calls are answered. */
export type Hedge = number | `${number}p`;

/** The share that `95p` means; undefined for what is none. */
export function shareOf(hedge: unknown): number | undefined {
  const [, digits] = typeof hedge === 'string' ? (/^(\d{1,2})p$/.exec(hedge) ?? []) : [];
  return digits === undefined || Number(digits) === 0 ? undefined : Number(digits) / 100;
}

/** One attempt, and the id of the instance at which it is made. */
export interface Attempt {
  readonly instance: string | undefined;
  readonly outcome: Promise<unknown>;
}

/** Makes a second attempt at another instance where the first is slow, and takes what comes first. */
export class Hedger {
  readonly #clock: Clock;
  readonly #hedge: Hedge;
  readonly #taken = new Quantile();

  constructor(hedge: Hedge, clock: Clock) {
    this.#hedge = hedge;
    this.#clock = clock;
  }

  /** A call was answered after so many ms. */
  took(ms: number): void {
    this.#taken.add(ms);
  }

  /** ms after which a second attempt is worth it; undefined while that is not known. */
  get #delay(): number | undefined {
    const share = shareOf(this.#hedge);
    return typeof this.#hedge === 'number' ? this.#hedge : share && this.#taken.at(share);
  }

  /**
   * The outcome of whichever attempt is fulfilled first; where all fail, how the last one did that
   * may have run. `attempt(signal, avoid)` makes one; `may` is asked before the second. What is not needed any
   * more is cancelled.
   */
  run(
    attempt: (signal: AbortSignal, avoid: string | undefined) => Attempt,
    may: () => boolean,
    signal: AbortSignal | undefined,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const cancels: AbortController[] = [];
      let [out, over] = [0, false];
      let failure: unknown;
      let stopTimer = (): void => {};
      const end = (): void => {
        over = true;
        stopTimer();
        signal?.removeEventListener('abort', abort);
        const unneeded = new DserviceError('ERR_CANCELLED', 'another instance was faster');
        for (const cancel of cancels) cancel.abort(unneeded);
      };
      const begin = (avoid: string | undefined): Attempt => {
        const cancel = new AbortController();
        cancels.push(cancel);
        out++;
        const made = attempt(cancel.signal, avoid);
        made.outcome.then(
          (value) => {
            if (over) return;
            end();
            resolve(value);
          },
          (error: unknown) => {
            if (!DserviceError.is(error) || error.mayHaveRun !== false) failure = error;
            failure ??= error;
            if (over || --out > 0) return;
            end();
            // A peer may have thrown anything.
            // oxlint-disable-next-line prefer-promise-reject-errors
            reject(failure);
          },
        );
        return made;
      };
      const abort = (): void => {
        for (const cancel of cancels) cancel.abort(signal?.reason);
      };
      signal?.addEventListener('abort', abort);
      const { instance } = begin(undefined);
      if (signal?.aborted === true) return abort();
      const delay = this.#delay;
      if (delay === undefined || instance === undefined) return;
      const second = (): void => {
        if (!over && may()) begin(instance);
      };
      stopTimer = this.#clock.after(delay, second, true);
    });
  }
}
