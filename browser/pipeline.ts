import { systemClock } from '../src/clock.js';
import { makePipeline } from '../src/pipeline/make-pipeline.js';
import { storeOf } from './store-of.js';

export { DserviceError, type ErrorCode } from '../src/errors.js';
export { memory } from './stores/memory.js';
export type * from '../src/pipeline/public-types.js';
export { storeOf } from './store-of.js';
export { indexedDb } from './stores/indexed-db.js';

/**
 * A durable pipeline: `pipeline('orders')`, kept in IndexedDB, or in another store: `{ store: memory() }`.
 * Throws ERR_OPTION.
 */
export const pipeline = /* @__PURE__ */ makePipeline({ clock: systemClock, store: storeOf });
