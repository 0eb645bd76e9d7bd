import { DserviceError } from '../errors.js';

/** How long ago that was, in words. */
export function ago(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms ago`;
  if (ms < 120_000) return `${(ms / 1_000).toFixed(1)} s ago`;
  return `${Math.round(ms / 60_000)} min ago`;
}

/** An error that tells why something is over, and that it has been so for that many ms. */
export function since({ code, message, cause }: DserviceError, ms: number): DserviceError {
  return new DserviceError(code, `${message}, ${ago(ms)}`, { cause });
}
