import type { Clock } from '../clock.js';

/** After so many messages the clock is looked at, and others have a turn of the event loop. */
const step = 10_000;

/**
 * How many messages a session reads (docs/limits.md, `messages`): a bucket that holds those of a second. It
 * is asked once in thousands of messages, so that a fast peer pays a comparison for each.
 */
export class Rate {
  readonly #clock: Clock;
  readonly #perSecond: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, perSecond: number) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#tokens = this.#most;
    this.#at = clock.now();
  }

  get #most(): number {
    return Math.max(1, this.#perSecond);
  }

  /** How many may be read before it is asked again, at most as many as are read in a turn; 0, none now. */
  take(): number {
    const now = this.#clock.now();
    const more = ((now - this.#at) * this.#perSecond) / 1_000;
    this.#tokens = Math.min(this.#most, this.#tokens + more);
    this.#at = now;
    const taken = Math.min(step, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Milliseconds until some may be read again: not one by one. */
  get wait(): number {
    const some = Math.min(step, Math.max(1, this.#perSecond / 100));
    return Math.max(1, ((some - this.#tokens) / this.#perSecond) * 1_000);
  }
}
