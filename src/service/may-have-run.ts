import { DserviceError } from '../errors.js';

/**
 * How an attempt failed, as it is told of a call of which another attempt may have run. An error that says that
 * nothing ran is copied: others may have been told the same one.
 */
export function mayHaveRun(error: unknown): unknown {
  if (!DserviceError.is(error) || error.mayHaveRun !== false) return error;
  const { code, message, service, method } = error;
  return new DserviceError(code, message, {
    ...(service === undefined ? {} : { service }),
    ...(method === undefined ? {} : { method }),
    ...('cause' in error ? { cause: error.cause } : {}),
    mayHaveRun: true,
  });
}
