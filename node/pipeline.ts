import { makePipeline } from '../src/pipeline/make-pipeline.js';
import { pipelineRuntime } from './pipeline-runtime.js';

export { DserviceError, type ErrorCode } from '../src/errors.js';
export { memory } from '../src/pipeline/memory.js';
export type * from '../src/pipeline/public-types.js';
export { lmdb } from './stores/lmdb.js';
export { redis } from './stores/redis.js';
export { storeOf } from './store-of.js';

/**
 * A durable pipeline: `pipeline('orders')`, kept in the folder `.dservice` of where the program runs, or in a store:
 * `{ store: 'redis://…' }`, `lmdb('./folder')`, `memory()`. Throws ERR_OPTION.
 */
export const pipeline = makePipeline(pipelineRuntime);
