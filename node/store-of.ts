import { DserviceError } from '../src/errors.js';
import { memory } from '../src/pipeline/memory.js';
import type { StoreFactory } from '../src/pipeline/store.js';
import { lmdb } from './stores/lmdb.js';
import { redis } from './stores/redis.js';

/** The folder where pipelines are kept that say nothing else, in that where the program runs. */
export const usualFolder = '.dservice';

/**
 * The store of a URL: `memory:`, `lmdb:./path`, `redis://…`, `rediss://…`; of undefined, the usual folder.
 * Throws ERR_OPTION.
 */
export function storeOf(url: string | undefined): StoreFactory {
  if (url === undefined) return lmdb(usualFolder);
  if (url === 'memory:') return memory();
  if (/^rediss?:\/\//.test(url)) return redis(url);
  const [, folder] = /^lmdb:(.+)$/.exec(url) ?? [];
  if (folder !== undefined) return lmdb(folder);
  const text = `${url} is no store: memory:, lmdb:./path, redis://… and rediss://… are`;
  throw new DserviceError('ERR_OPTION', text);
}
