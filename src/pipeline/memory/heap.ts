/** Where an item is in a heap: what removes it. */
export interface Slot<T> {
  readonly item: T;
  readonly at: number;
  readonly order: number;
  index: number;
}

/** Items by a number, those of the same number in the order in which they came. */
export class Heap<T> {
  readonly #slots: Slot<T>[] = [];
  #order = 0;

  get size(): number {
    return this.#slots.length;
  }

  /** The least number. */
  get at(): number | undefined {
    return this.#slots[0]?.at;
  }

  push(item: T, at: number): Slot<T> {
    const slot: Slot<T> = { item, at, order: this.#order++, index: this.#slots.length };
    this.#slots.push(slot);
    this.#up(slot);
    return slot;
  }

  /** Takes out the first. */
  shift(): T | undefined {
    const [first] = this.#slots;
    if (first !== undefined) this.remove(first);
    return first?.item;
  }

  /** Takes out what is in a slot of this heap, once. */
  remove(slot: Slot<T>): void {
    const last = this.#slots.pop();
    if (last === undefined || last === slot) return;
    this.#put(last, slot.index);
    this.#up(last);
    this.#down(last);
  }

  /** All, in order. */
  sorted(): T[] {
    return this.#slots.toSorted(bySlot).map(({ item }) => item);
  }

  #up(slot: Slot<T>): void {
    while (slot.index > 0) {
      const parent = this.#slots[(slot.index - 1) >> 1];
      if (parent === undefined || bySlot(parent, slot) < 0) return;
      this.#swap(parent, slot);
    }
  }

  #down(slot: Slot<T>): void {
    for (;;) {
      const left = this.#slots[slot.index * 2 + 1];
      const right = this.#slots[slot.index * 2 + 2];
      if (left === undefined) return;
      const child = right !== undefined && bySlot(right, left) < 0 ? right : left;
      if (bySlot(slot, child) < 0) return;
      this.#swap(slot, child);
    }
  }

  #swap(a: Slot<T>, b: Slot<T>): void {
    const { index } = a;
    this.#put(a, b.index);
    this.#put(b, index);
  }

  #put(slot: Slot<T>, index: number): void {
    slot.index = index;
    this.#slots[index] = slot;
  }
}

function bySlot(a: Slot<unknown>, b: Slot<unknown>): number {
  return a.at - b.at || a.order - b.order;
}
