import { DserviceError } from '../src/errors.js';
import type { StoreFactory } from '../src/pipeline/store.js';
import { indexedDb } from './stores/indexed-db.js';
import { memory } from './stores/memory.js';

/** The store of a URL: `indexeddb:name`, `memory:`; of undefined, the database `dservice`. Throws ERR_OPTION. */
export function storeOf(url = 'indexeddb:dservice'): StoreFactory {
  const [, name] = /^indexeddb:(.+)$/.exec(url) ?? [];
  if (name !== undefined) return indexedDb(name);
  if (url === 'memory:') return memory();
  throw new DserviceError('ERR_OPTION', `${url} is no store here: indexeddb:name and memory: are`);
}
