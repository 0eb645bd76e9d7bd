/** Where an item stands in a deque: what removes it. */
export interface Seat<T> {
  readonly item: T;
  before: Seat<T> | undefined;
  after: Seat<T> | undefined;
}

/** A list that grows at both ends, and that items may leave from anywhere; each step takes the same short time. */
export class Deque<T> {
  #first: Seat<T> | undefined;
  #last: Seat<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): T | undefined {
    return this.#first?.item;
  }

  pushBack(item: T): Seat<T> {
    const seat: Seat<T> = { item, before: this.#last, after: undefined };
    if (this.#last === undefined) this.#first = seat;
    else this.#last.after = seat;
    this.#last = seat;
    this.#size++;
    return seat;
  }

  pushFront(item: T): Seat<T> {
    const seat: Seat<T> = { item, before: undefined, after: this.#first };
    if (this.#first === undefined) this.#last = seat;
    else this.#first.before = seat;
    this.#first = seat;
    this.#size++;
    return seat;
  }

  shift(): T | undefined {
    const seat = this.#first;
    if (seat === undefined) return undefined;
    this.remove(seat);
    return seat.item;
  }

  /** Takes out what stands in a seat of this deque, once. */
  remove({ before, after }: Seat<T>): void {
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    this.#size--;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let seat = this.#first; seat !== undefined; seat = seat.after) yield seat.item;
  }
}
