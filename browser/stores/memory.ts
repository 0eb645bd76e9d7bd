import type { StoreFactory } from '../../src/pipeline/store.js';

/**
 * Keeps commands in memory, for tests and for what may be lost: they are there as long as the value that this
 * returns. It is loaded when it is first used: most pages do not.
 */
export function memory(): StoreFactory {
  const made = import('../../src/pipeline/memory.js').then((module) => module.memory());
  return {
    url: 'memory:',
    open: async (pipeline, options) => (await made).open(pipeline, options),
    pipelines: async () => (await made).pipelines(),
  };
}
