import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check, oneOf } from '../../src/rules.js';
import type { Store, StoreFactory, StoreOptions } from '../../src/pipeline/store.js';
import { isThere } from './lmdb/environment.js';
import { Environments } from './lmdb/environments.js';
import { LmdbStore } from './lmdb/store.js';

export interface LmdbOptions {
  /**
   * What a push or a turn outlives when it is answered: `always`, the default, the machine; `flush`, the program. LMDB
   * has no commit that is safe and not on the disk: both are as fast, and `flush` promises less.
   */
  readonly durability?: 'always' | 'flush' | undefined;
}

/** Of the whole program, since a folder may be open but once in it. */
const environments = new Environments();

/**
 * Keeps commands in a folder, by LMDB: any number of pipelines, of any number of programs of this machine. The folder
 * is made if it is not there; it must not be on a file system that is shared over a network. Throws ERR_OPTION.
 */
export function lmdb(folder: string, options: LmdbOptions = {}): StoreFactory {
  check('lmdb', options, { durability: oneOf('always', 'flush') });
  return new LmdbFactory(resolve(folder), options.durability ?? 'always');
}

class LmdbFactory implements StoreFactory {
  readonly url: string;
  readonly #folder: string;
  readonly #durability: 'always' | 'flush';

  constructor(folder: string, durability: 'always' | 'flush') {
    this.#folder = folder;
    this.#durability = durability;
    this.url = pathToFileURL(folder).href.replace(/^file:/, 'lmdb:');
  }

  async open(pipeline: string, options: StoreOptions): Promise<Store> {
    const environment = await environments.take(this.#folder);
    return new LmdbStore(environment, pipeline, options, this.#durability, () =>
      environments.giveBack(environment),
    );
  }

  async pipelines(): Promise<string[]> {
    if (!isThere(this.#folder)) return [];
    const environment = await environments.take(this.#folder);
    try {
      return await environment.pipelines();
    } finally {
      await environments.giveBack(environment);
    }
  }
}
