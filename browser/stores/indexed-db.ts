import { promisifyRequest } from 'idb-keyval';
import type { Store, StoreFactory, StoreOptions } from '../../src/pipeline/store.js';
import { Database } from './database.js';
import { IndexedDbStore } from './indexed-db-store.js';
import { storeFault } from './store-fault.js';
import { liveLock } from './tabs.js';

export interface IndexedDbOptions {
  /**
   * `strict`, the default: what was answered is on the disk. `relaxed`: it is in the hands of the system, and outlives
   * the browser, but not the machine.
   */
  readonly durability?: 'strict' | 'relaxed';
}

/**
 * Keeps commands in the browser, in the IndexedDB database of this name: for pages, workers, shared workers and
 * service workers of one origin, which may all have it open at once.
 */
export function indexedDb(
  name: string,
  { durability = 'strict' }: IndexedDbOptions = {},
): StoreFactory {
  const url = `indexeddb:${name}`;
  let lock: Promise<string> | undefined;
  const persistence = persist();
  return {
    url,
    async open(pipeline: string, options: StoreOptions): Promise<Store> {
      const own = await (lock ??= liveLock(url));
      const store = new IndexedDbStore(new Database(name), {
        ...options,
        pipeline,
        durability,
        url,
        lock: own,
        persisted: () => persistence.persisted,
      });
      try {
        await store.begin();
        return store;
      } catch (error) {
        await store.close();
        throw error;
      }
    },
    async pipelines(): Promise<string[]> {
      const database = new Database(name);
      try {
        // What is kept of a pipeline as a whole has its name alone as a key.
        const names = IDBKeyRange.upperBound([], true);
        const use = database.with('relaxed');
        return await use('readonly', async (store) => {
          const found = await promisifyRequest(store.getAllKeys(names));
          // Whoever removes the database next need not wait.
          await promisifyRequest(store.transaction);
          return found as string[];
        });
      } catch (error) {
        throw storeFault(error);
      } finally {
        database.close();
      }
    },
  };
}

/** Asks the browser not to clear what is kept. A person may be asked: nobody waits for the answer. */
function persist(): { persisted?: boolean } {
  const answer: { persisted?: boolean } = {};
  const { storage } = navigator as { storage?: Partial<StorageManager> };
  // In a worker, one can see alone whether a page was promised it.
  const asked = storage?.persist?.() ?? storage?.persisted?.();
  asked?.then(
    (persisted) => (answer.persisted = persisted),
    () => {},
  );
  return answer;
}
