import { Deque, type Seat } from './deque.js';

interface Kept<T> {
  readonly ref: string;
  readonly value: T;
  /** Counts up: pages go on behind it. */
  readonly order: number;
}

/** What is kept for a time and up to a number, the oldest going first. */
export class Shelf<T extends { readonly at: number }> {
  readonly #seats = new Map<string, Seat<Kept<T>>>();
  readonly #kept = new Deque<Kept<T>>();
  #order = 0;

  get size(): number {
    return this.#kept.size;
  }

  /** What is younger than `since`. Where the clock was set back, what is not may stand behind what is: it goes here. */
  get(ref: string, since: number): T | undefined {
    const value = this.#seats.get(ref)?.item.value;
    if (value === undefined || value.at > since) return value;
    this.delete(ref);
    return undefined;
  }

  add(ref: string, value: T): void {
    this.#seats.set(ref, this.#kept.pushBack({ ref, value, order: this.#order++ }));
  }

  /** Whether it was there. */
  delete(ref: string): boolean {
    const seat = this.#seats.get(ref);
    if (seat === undefined) return false;
    this.#seats.delete(ref);
    this.#kept.remove(seat);
    return true;
  }

  /** Lets go of what is over the number, and of what is not younger than a moment. */
  trim(most: number, since: number): void {
    for (;;) {
      const oldest = this.#kept.first;
      if (oldest === undefined) return;
      if (this.#kept.size <= most && oldest.value.at > since) return;
      this.delete(oldest.ref);
    }
  }

  /** Oldest first. */
  *[Symbol.iterator](): Iterator<Kept<T>> {
    yield* this.#kept;
  }
}
