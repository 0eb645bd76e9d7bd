import type { BatchRuntime } from '../src/http/batch.js';
import { fetchPost } from './post.js';
import { browserRuntime } from './runtime.js';

/** What `batch` needs of a browser. */
export function batchRuntime(): BatchRuntime {
  const { clock, scope } = browserRuntime;
  return { clock, scope, post: fetchPost, later: (fn) => void setTimeout(fn) };
}
