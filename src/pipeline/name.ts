import { DserviceError } from '../errors.js';

/** Characters of an id, a key, or a name. */
const longest = 256;

/**
 * Throws ERR_OPTION, with `path`, for what cannot be an id, a key, or the name of a queue or a pipeline: a string of
 * 1 to 256 characters without control characters and broken surrogates.
 */
export function checkName(value: unknown, path: string): asserts value is string {
  const fault = faultOf(value);
  if (fault !== undefined) throw new DserviceError('ERR_OPTION', `${path} ${fault}`);
}

function faultOf(value: unknown): string | undefined {
  if (typeof value !== 'string')
    return `is a string, not ${value === null ? 'null' : typeof value}`;
  if (value === '') return 'is not empty';
  // What most names are.
  if (/^[ -~]{1,256}$/.test(value)) return undefined;
  if (value.length > longest) return `has at most ${longest} characters`;
  if (/[\u0000-\u001f\u007f]/.test(value)) return 'has no control characters';
  return /\p{Surrogate}/u.test(value) ? 'is well-formed Unicode' : undefined;
}
