/** A list that grows at both ends. */
export class Deque<T> {
  #front: T[] = [];
  #back: T[] = [];
  #at = 0;

  pushBack(item: T): void {
    this.#back.push(item);
  }

  pushFront(item: T): void {
    if (this.#at > 0) this.#back[--this.#at] = item;
    else this.#front.push(item);
  }

  shift(): T | undefined {
    if (this.#front.length > 0) return this.#front.pop();
    if (this.#at === this.#back.length) return undefined;
    const item = this.#back[this.#at++];
    // What was taken is let go once it is most of the list.
    if (this.#at > 1_000 && this.#at * 2 > this.#back.length) {
      this.#back = this.#back.slice(this.#at);
      this.#at = 0;
    }
    return item;
  }

  *[Symbol.iterator](): Iterator<T> {
    yield* this.#front.toReversed();
    yield* this.#back.slice(this.#at);
  }

  /** Without the items that `drop` names. */
  filter(keep: (item: T) => boolean): void {
    const kept = [...this].filter(keep);
    this.#front = [];
    this.#back = kept;
    this.#at = 0;
  }
}
