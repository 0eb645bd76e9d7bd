import type { RootDatabase } from 'lmdb';

export interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Keys and values, inside a transaction. */
export class Table {
  /** How often something was written. */
  writes = 0;
  readonly #database: RootDatabase<Buffer, Buffer>;

  constructor(database: RootDatabase<Buffer, Buffer>) {
    this.#database = database;
  }

  get(key: Buffer): Buffer | undefined {
    return this.#database.get(key);
  }

  put(key: Buffer, value: Buffer): void {
    this.writes++;
    this.#database.putSync(key, value);
  }

  remove(key: Buffer): void {
    this.writes++;
    this.#database.removeSync(key);
  }

  /** The first of the keys from `start` up to, and without, `end`. */
  firstKey(start: Buffer, end: Buffer): Buffer | undefined {
    return this.keys(start, end, 1)[0];
  }

  // Read at once, to the end: a cursor does not stand where it stood when something is written meanwhile.
  keys(start: Buffer, end: Buffer, limit: number): Buffer[] {
    return [...this.#database.getKeys({ start, end, limit })];
  }

  rows(start: Buffer, end: Buffer, limit: number): Row[] {
    return [...this.#database.getRange({ start, end, limit })];
  }
}
