import { DserviceError, type ErrorCode } from '../errors.js';

/** What a client is told of a call that the hub does not do: it certainly did not run. */
export function refusal(code: ErrorCode, text: string, cause?: unknown): DserviceError {
  const details = { mayHaveRun: false, ...(cause === undefined ? {} : { cause }) };
  return new DserviceError(code, text, details);
}
