/** What is there to begin with, and at most. */
const reserve = 100;

/** What each call adds. */
const share = 0.1;

/**
 * Keeps calls that are made again from making an outage worse: one for ten calls, and a reserve. Those that never
 * left cost nobody anything, and are free.
 */
export class RetryBudget {
  #left = reserve;
  /** Spent for calls that are about to be made again. */
  #promised = 0;

  /** A call is made. */
  earn(): void {
    if (this.#left < reserve) this.#left += share;
  }

  /** A call will be made again, if this is true, and be the next to `spend`. */
  promise(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    this.#promised++;
    return true;
  }

  /** A call is to be made again. False where it may not. */
  spend(): boolean {
    if (this.#promised > 0) {
      this.#promised--;
      return true;
    }
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}
