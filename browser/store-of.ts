import { DserviceError } from '../src/errors.js';
import type { StoreFactory } from '../src/pipeline/store.js';
import { indexedDb } from './stores/indexed-db.js';

/** The store of a URL: `indexeddb:name`; of undefined, the database `dservice`. Throws ERR_OPTION. */
export function storeOf(url = 'indexeddb:dservice'): StoreFactory {
  const [, name] = /^indexeddb:(.+)$/.exec(url) ?? [];
  if (name !== undefined) return indexedDb(name);
  if (url === 'memory:') return lazyMemory();
  throw new DserviceError('ERR_OPTION', `${url} is no store here: indexeddb:name and memory: are`);
}

/** Loaded when it is used: most pages do not. */
function lazyMemory(): StoreFactory {
  const made = import('../src/pipeline/memory.js').then(({ memory }) => memory());
  return {
    url: 'memory:',
    open: async (pipeline, options) => (await made).open(pipeline, options),
    pipelines: async () => (await made).pipelines(),
  };
}
