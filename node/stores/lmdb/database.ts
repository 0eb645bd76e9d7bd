import { open, type RootDatabase } from 'lmdb';
import { causeOf, faultOf } from './fault.js';

/** An environment of LMDB, of keys and values that are bytes. */
export type Database = RootDatabase<Buffer, Buffer>;

/** What lmdb can, and does not tell TypeScript. */
interface Syncable {
  sync(done: (error?: unknown) => void): void;
}

export function openDatabase(folder: string): Database {
  return open({
    path: folder,
    // A folder may have a dot in its name, which would make it a file.
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    // With it there is a promise that nobody has, and that rejects when a commit fails.
    eventTurnBatching: false,
  });
}

/** What `act` returns, once it is committed. If it throws, nothing of what it wrote is. */
export async function transact<T>(database: Database, folder: string, act: () => T): Promise<T> {
  let thrown: unknown;
  try {
    const done = await database.transaction(() => {
      try {
        // Inside the other one: lmdb undoes this when it throws, and that not. `childTransaction` by itself would do
        // the same, but when its commit fails it throws where nobody can catch it.
        return { value: database.transactionSync(act) };
      } catch (error) {
        thrown = error;
        return undefined;
      }
    });
    if (done !== undefined) return done.value;
  } catch (error) {
    thrown = await causeOf(error, folder);
  }
  throw thrown;
}

/**
 * Resolves when all that is committed is on the disk. There is a promise of lmdb's for it, which never settles when the
 * disk fails.
 */
export function sync(database: Database, folder: string): Promise<void> {
  // It is there, beside what the type tells.
  const syncable = database as unknown as Syncable;
  return new Promise((resolve, reject) => {
    syncable.sync((error) => {
      if (error === undefined || error === null) resolve();
      else reject(faultOf(error, folder));
    });
  });
}
