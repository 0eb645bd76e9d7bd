/** ms in which a sample loses all but a third of its weight. */
const memory = 10_000;

/** What a call took lately: an average that moves, in which what was seen last counts most. */
export class Ewma {
  #value: number | undefined;
  #at = 0;

  /** Milliseconds, or undefined where nothing is known. */
  get value(): number | undefined {
    return this.#value;
  }

  /** `ms` of a call that ended at `now`. */
  add(ms: number, now: number): void {
    if (this.#value === undefined) this.#value = ms;
    else {
      // Of many in a moment each counts for a little, so that one that is slow does not stand for all.
      const weight = Math.max(0.05, 1 - Math.exp((this.#at - now) / memory));
      this.#value += (ms - this.#value) * weight;
    }
    this.#at = now;
  }

  /**
   * As `value`, but less the longer there was no sample: who was slow, and was left alone for it, is to get another
   * chance.
   */
  faded(now: number): number | undefined {
    return this.#value && this.#value * Math.exp((this.#at - now) / memory);
  }

  /** Forgets all but this. */
  begin(ms: number, now: number): void {
    this.#value = ms;
    this.#at = now;
  }
}
