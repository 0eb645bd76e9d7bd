import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { check, oneOf } from '../../src/rules.js';
import type { Store, StoreFactory, StoreOptions } from '../../src/pipeline/store.js';
import { Environment, isThere } from './lmdb/environment.js';
import { LmdbStore } from './lmdb/store.js';

export interface LmdbOptions {
  /**
   * What a push or a turn outlives when it is answered: `always`, the default, the machine; `flush`, the program. LMDB
   * has no commit that is safe and not on the disk: both are as fast, and `flush` promises less.
   */
  readonly durability?: 'always' | 'flush' | undefined;
}

/**
 * Keeps commands in a folder, by LMDB: any number of pipelines, of any number of programs of this machine. The folder
 * is made if it is not there; it must not be on a file system that is shared over a network. Throws ERR_OPTION.
 */
export function lmdb(folder: string, options: LmdbOptions = {}): StoreFactory {
  check('lmdb', options, { durability: oneOf('always', 'flush') });
  return new LmdbFactory(resolve(folder), options.durability ?? 'always');
}

/** All pipelines of a factory have one environment, which is open while one of them is. */
class LmdbFactory implements StoreFactory {
  readonly url: string;
  readonly #folder: string;
  readonly #durability: 'always' | 'flush';
  #environment: Promise<Environment> | undefined;
  #users = 0;

  constructor(folder: string, durability: 'always' | 'flush') {
    this.#folder = folder;
    this.#durability = durability;
    this.url = pathToFileURL(folder).href.replace(/^file:/, 'lmdb:');
  }

  async open(pipeline: string, options: StoreOptions): Promise<Store> {
    const environment = await this.#take();
    return new LmdbStore(environment, pipeline, options, this.#durability, () => this.#giveBack());
  }

  async pipelines(): Promise<string[]> {
    if (!isThere(this.#folder)) return [];
    const environment = await this.#take();
    try {
      return await environment.pipelines();
    } finally {
      await this.#giveBack();
    }
  }

  async #take(): Promise<Environment> {
    this.#users++;
    this.#environment ??= Environment.open(this.#folder);
    try {
      return await this.#environment;
    } catch (error) {
      this.#users--;
      if (this.#users === 0) this.#environment = undefined;
      throw error;
    }
  }

  async #giveBack(): Promise<void> {
    this.#users--;
    if (this.#users > 0) return;
    const environment = this.#environment;
    this.#environment = undefined;
    await (await environment)?.close();
  }
}
