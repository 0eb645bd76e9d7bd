import type { Clock } from '../clock.js';

/** A token bucket: so many a second, and so many at once after a time of quiet. */
export class Bucket {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #most: number;
  #tokens: number;
  #at: number;

  constructor(clock: Clock, rate: number, most: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#most = most;
    this.#tokens = most;
    this.#at = clock.now();
  }

  /** Takes one; false where there is none. */
  take(): boolean {
    const now = this.#clock.now();
    this.#tokens = Math.min(this.#most, this.#tokens + ((now - this.#at) / 1_000) * this.#rate);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
