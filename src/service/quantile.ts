/** So many samples are kept, and so many are the least that say something. */
const size = 256;
const least = 20;

/** The latest of a row of numbers, and how many of them are under which one. */
export class Quantile {
  readonly #samples: number[] = [];
  #next = 0;
  #sorted: readonly number[] | undefined;
  #stale = 0;

  add(value: number): void {
    this.#samples[this.#next] = value;
    this.#next = (this.#next + 1) % size;
    this.#stale++;
  }

  /** The number that a `share` (0 to 1) of them are not above; undefined while there are few. */
  at(share: number): number | undefined {
    if (this.#samples.length < least) return undefined;
    // Sorted anew when a good part of them is.
    if (this.#sorted === undefined || this.#stale >= size / 8) {
      this.#sorted = [...this.#samples].sort((a, b) => a - b);
      this.#stale = 0;
    }
    return this.#sorted[Math.min(this.#sorted.length - 1, Math.floor(share * this.#sorted.length))];
  }
}
