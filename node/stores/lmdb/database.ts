import { open, type RootDatabase } from 'lmdb';
import { causeOf } from './fault.js';
import { Heads } from './heads.js';
import { Table } from './table.js';

/**
 * Bytes of address space, of which there is enough: neither memory nor disk. Where the data outgrows its map, lmdb 3.5
 * makes a larger one, from the thread that reads and from the one that writes at the same time, without a lock; when it
 * is closed, more may be unmapped then than was mapped, and the process dies.
 */
const mapSize = 2 ** 36;

/** Why a transaction is begun again. */
class Behind extends Error {}

/** An environment of LMDB, of keys and values that are bytes. */
export class Database {
  readonly #folder: string;
  readonly #root: RootDatabase<Buffer, Buffer>;
  readonly #heads: Heads;

  /** Opens it, or makes it. Throws what lmdb throws. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#root = open({
      path: folder,
      // A folder may have a dot in its name, which would make it a file.
      noSubdir: false,
      mapSize,
      encoding: 'binary',
      keyEncoding: 'binary',
      // With it there is a promise that nobody has, and that rejects when a commit fails.
      eventTurnBatching: false,
      // It would flush after the commit, beside the next one, under a lock of its own: of whom dies with that lock, the
      // others die too. Without it, what is committed is on the disk.
      overlappingSync: false,
    });
    this.#heads = new Heads(folder);
  }

  /** What `act` returns, once it is on the disk. If it throws, nothing of what it wrote is. `act` may be run again. */
  async transact<T>(act: (table: Table) => T): Promise<T> {
    for (;;) {
      try {
        return await this.#transact(act);
      } catch (error) {
        if (!(error instanceof Behind)) throw error;
      }
    }
  }

  /** What is there of a key, as it was committed last. */
  get(key: Buffer): Buffer | undefined {
    this.#root.resetReadTxn();
    return this.#root.get(key);
  }

  async close(): Promise<void> {
    await this.#root.close();
    this.#heads.close();
  }

  async #transact<T>(act: (table: Table) => T): Promise<T> {
    let thrown: unknown;
    try {
      const done = await this.#root.transaction(() => {
        try {
          // Inside the other one: lmdb undoes this when it throws, and that not. `childTransaction` by itself would do
          // the same, but when its commit fails it throws where nobody can catch it.
          return { value: this.#root.transactionSync(() => this.#begun(act)) };
        } catch (error) {
          thrown = error;
          return undefined;
        }
      });
      if (done !== undefined) return done.value;
    } catch (error) {
      thrown = await causeOf(error, this.#folder);
    }
    throw thrown;
  }

  #begun<T>(act: (table: Table) => T): T {
    if (this.#root.getWriteTxnId() !== this.#heads.last() + 1) {
      this.#heads.mend();
      throw new Behind();
    }
    return act(new Table(this.#root));
  }
}
