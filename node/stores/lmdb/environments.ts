import { statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { checkDataFile, dataFileOf } from './data-file.js';
import { Database } from './database.js';
import { Environment } from './environment.js';
import { faultOf } from './fault.js';

/** One that opens, is open, or closes. */
interface Kept {
  readonly id: string | undefined;
  readonly environment: Environment;
  readonly begun: Promise<void>;
  users: number;
  closed?: Promise<void>;
}

/**
 * The environments that a program has open: one for each folder, whoever asks. lmdb opens by a transaction in the
 * thread of the program; if another environment of the folder has one under way, that waits for this same thread, and
 * neither ever ends.
 */
export class Environments {
  readonly #kept = new Set<Kept>();

  /**
   * The environment of a folder, which is made if it is not there. To be given back. Rejects with ERR_STORE_CORRUPT,
   * ERR_STORE_VERSION, ERR_STORE_READ_ONLY, ERR_STORE_FULL, ERR_STORE.
   */
  async take(folder: string): Promise<Environment> {
    try {
      await mkdir(folder, { recursive: true });
      for (;;) {
        let kept = this.#of(folder);
        if (kept === undefined) {
          await checkDataFile(folder);
          // Somebody else may have opened it meanwhile.
          kept = this.#of(folder) ?? this.#open(folder);
        }
        if (kept.closed !== undefined) {
          await kept.closed;
          continue;
        }
        kept.users++;
        try {
          await kept.begun;
        } catch (error) {
          await this.#leave(kept);
          throw error;
        }
        return kept.environment;
      }
    } catch (error) {
      throw faultOf(error, folder);
    }
  }

  async giveBack(environment: Environment): Promise<void> {
    for (const kept of this.#kept) if (kept.environment === environment) await this.#leave(kept);
  }

  /** By the file: one folder has many paths, and what was removed and made again is another. */
  #of(folder: string): Kept | undefined {
    const id = idOf(folder);
    return id === undefined ? undefined : [...this.#kept].find((kept) => kept.id === id);
  }

  #open(folder: string): Kept {
    const environment = new Environment(folder, new Database(folder));
    const kept = { id: idOf(folder), environment, begun: environment.begin(), users: 0 };
    this.#kept.add(kept);
    return kept;
  }

  async #leave(kept: Kept): Promise<void> {
    kept.users--;
    if (kept.users > 0) return;
    kept.closed = kept.environment.close().finally(() => this.#kept.delete(kept));
    await kept.closed;
  }
}

function idOf(folder: string): string | undefined {
  const stats = statSync(dataFileOf(folder), { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.dev}:${stats.ino}`;
}
