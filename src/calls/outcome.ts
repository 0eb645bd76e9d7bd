import { DserviceError } from '../errors.js';

const ignore = (): void => {};

/** A promise that may be forgotten. */
export function handled(promise: Promise<unknown>): Promise<unknown> {
  promise.catch(ignore);
  return promise;
}

/** A promise that is rejected, and may be forgotten. */
export function rejected(error: unknown): Promise<unknown> {
  // A peer may have thrown anything.
  // oxlint-disable-next-line prefer-promise-reject-errors
  return handled(Promise.reject(error));
}

export function cancelled(method: string, signal: AbortSignal | undefined): DserviceError {
  const cause: unknown = signal?.reason;
  return new DserviceError('ERR_CANCELLED', `${method} was cancelled`, { method, cause });
}
