import { MemoryData, MemoryStore } from './memory/memory-store.js';
import type { Store, StoreFactory, StoreOptions } from './store.js';

/**
 * Keeps commands in memory, for tests and for what may be lost: they are there as long as the value that this
 * returns, whoever opens and closes pipelines on it. `supports`: durability none.
 */
export function memory(): StoreFactory {
  const kept = new Map<string, MemoryData>();
  return {
    url: 'memory:',
    async open(pipeline: string, options: StoreOptions): Promise<Store> {
      const data = kept.get(pipeline) ?? new MemoryData();
      kept.set(pipeline, data);
      return new MemoryStore(data, options);
    },
    pipelines: async () => [...kept.keys()],
  };
}
