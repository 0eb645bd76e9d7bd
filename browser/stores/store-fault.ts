import { DserviceError, type ErrorCode } from '../../src/errors.js';

// By the names of DOMExceptions.
const codes: Readonly<Record<string, ErrorCode>> = {
  QuotaExceededError: 'ERR_STORE_FULL',
  VersionError: 'ERR_STORE_VERSION',
  UnknownError: 'ERR_STORE_CORRUPT',
  DataError: 'ERR_STORE_CORRUPT',
  NotReadableError: 'ERR_STORE_CORRUPT',
  DataCloneError: 'ERR_DATA',
  AbortError: 'ERR_STORE_AWAY',
  InvalidStateError: 'ERR_STORE_AWAY',
  TimeoutError: 'ERR_STORE_AWAY',
  TransactionInactiveError: 'ERR_STORE_AWAY',
};

/** What IndexedDB failed with, as the port has it. */
export function storeFault(cause: unknown): DserviceError {
  if (DserviceError.is(cause)) return cause;
  // Where the browser ended a transaction by itself, it gives no error.
  const { name, message } = (cause ?? { name: 'AbortError', message: 'it was ended' }) as Error;
  if (name === 'SecurityError') return noIndexedDb(cause);
  const code = (Object.hasOwn(codes, name) ? codes[name] : undefined) ?? 'ERR_STORE';
  return new DserviceError(code, `IndexedDB: ${name}: ${message}`, { cause });
}

export function noIndexedDb(cause?: unknown): DserviceError {
  const message = 'there is no IndexedDB here: a private window, or a frame without an origin';
  return new DserviceError('ERR_STORE', message, { cause });
}
