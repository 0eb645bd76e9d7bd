import { DserviceError } from '../errors.js';

/**
 * How an attempt failed, as it is told of a call of which another attempt may have run. An error that says that
 * nothing ran becomes the cause of another: others may have been told the same one.
 */
export function mayHaveRun(error: unknown): unknown {
  if (!DserviceError.is(error) || error.mayHaveRun !== false) return error;
  return new DserviceError(error.code, error.message, { ...error, cause: error, mayHaveRun: true });
}
