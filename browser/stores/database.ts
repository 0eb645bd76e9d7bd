import type { UseStore } from 'idb-keyval';
import { noIndexedDb } from './store-fault.js';

/** The one object store, and its index of what each record is found by. */
export const kept = 'kept';
export const names = 'names';

/**
 * A database that is opened when it is first needed, and again when the browser, or somebody who removes or upgrades
 * it, has closed it.
 */
export class Database {
  readonly #name: string;
  #opened: Promise<IDBDatabase> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Transactions that are over when they are on the disk, `strict`, or in the hands of the system, `relaxed`. */
  with(durability: 'strict' | 'relaxed'): UseStore {
    return async (mode, callback) => {
      const begin = (db: IDBDatabase): IDBObjectStore =>
        db.transaction(kept, mode, { durability }).objectStore(kept);
      let store: IDBObjectStore;
      try {
        store = begin(await this.#open());
      } catch (error) {
        if ((error as Error).name !== 'InvalidStateError') throw error;
        this.close();
        store = begin(await this.#open());
      }
      return callback(store);
    };
  }

  /** What is under way comes to its end. */
  close(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    opened?.then(
      (db) => db.close(),
      () => {},
    );
  }

  #open(): Promise<IDBDatabase> {
    if (this.#opened !== undefined) return this.#opened;
    const opening = open(this.#name);
    const forget = (): void => {
      if (this.#opened === opening) this.#opened = undefined;
    };
    this.#opened = opening;
    opening.then((db) => {
      db.onclose = forget;
      db.onversionchange = () => {
        forget();
        db.close();
      };
    }, forget);
    return opening;
  }
}

async function open(name: string): Promise<IDBDatabase> {
  // Left out in some private windows.
  const { indexedDB: factory } = globalThis as { indexedDB?: IDBFactory };
  if (factory === undefined || factory === null) throw noIndexedDb();
  const request = factory.open(name, 1);
  return new Promise((resolve, reject) => {
    request.onupgradeneeded = () => {
      const store = request.result.createObjectStore(kept);
      store.createIndex(names, names, { multiEntry: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('it was not opened'));
  });
}
