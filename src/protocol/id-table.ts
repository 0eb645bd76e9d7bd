/** The places of all that are empty: they are replaced before anything is put there. */
const none: never[] = [];

/** Places up to which a table that is empty keeps them. */
const small = 1_024;

/**
 * What is found by its id: calls and functions, whose ids come in order and mostly go in order. A map would do, but
 * each table that it outgrows holds on to the next one: once one of them is old, the collector takes all that ever
 * passes through it for alive, and moves it about, until it looks at everything (docs/decisions/id-tables.md).
 *
 * Each id has one place, which it may share with others: who came before then stands aside. Every operation takes
 * constant time, whatever ids a peer chooses.
 */
export class IdTable<T extends { readonly id: number }> {
  #places: (T | undefined)[] = none;
  /** Those whose place was taken. */
  #aside: Map<number, T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): T | undefined {
    const found = this.#places[id & (this.#places.length - 1)];
    return found?.id === id ? found : this.#aside?.get(id);
  }

  set(item: T): void {
    const { id } = item;
    this.delete(id);
    if (this.#size++ >= this.#places.length * 0.75) this.#grow();
    this.#put(item);
  }

  /** What was there. */
  delete(id: number): T | undefined {
    const at = id & (this.#places.length - 1);
    const found = this.#places[at];
    if (found?.id === id) {
      this.#places[at] = undefined;
      this.#left();
      return found;
    }
    const aside = this.#aside?.get(id);
    if (this.#aside?.delete(id) === true) this.#left();
    return aside;
  }

  /** All of them, by their ids: in the order in which they were made. */
  inOrder(): T[] {
    const placed = this.#places.filter((item) => item !== undefined);
    return [...placed, ...(this.#aside?.values() ?? [])].sort((a, b) => a.id - b.id);
  }

  clear(): void {
    this.#places = none;
    this.#aside = undefined;
    this.#size = 0;
  }

  #left(): void {
    if (--this.#size === 0 && this.#places.length > small) this.clear();
  }

  #put(item: T): void {
    const at = item.id & (this.#places.length - 1);
    const before = this.#places[at];
    if (before !== undefined) (this.#aside ??= new Map()).set(before.id, before);
    this.#places[at] = item;
  }

  #grow(): void {
    const all = this.inOrder();
    this.#aside = undefined;
    this.#places = Array.from({ length: Math.max(8, this.#places.length * 2) });
    for (const item of all) this.#put(item);
  }
}
