import { DserviceError } from '../errors.js';
import type { Matcher } from './matcher.js';

/** What is looked for: a name, and which versions will do. */
export interface Query {
  readonly name: string;
  /** An npm semver range; undefined, any version, prereleases included. */
  readonly range: string | undefined;
  /** The id of the one instance that will do. */
  readonly instance?: string | undefined;
  /** All versions in range, also where the newest is preferred. */
  readonly every?: boolean | undefined;
}

/** Characters of a range: more does no record hold. */
const longestRange = 256;

/**
 * Takes `name@version` apart: what a service is. Without a version it is `0.0.0`. Throws ERR_NAME,
 * ERR_VERSION.
 */
export function parseService(text: string, matcher: Matcher): { name: string; version: string } {
  const [name, given] = split(text);
  if (given === undefined) return { name, version: '0.0.0' };
  const version = matcher.version(given);
  if (version !== undefined) return { name, version };
  const hint = given !== '' && matcher.isRange(given) ? ' (a range is for callers)' : '';
  throw new DserviceError(
    'ERR_VERSION',
    `"${given.slice(0, 80)}" is no version${hint}: give three numbers, as 1.2.0`,
  );
}

/** Takes `name@range` apart: what a caller asks for. Throws ERR_NAME, ERR_RANGE. */
export function parseQuery(text: string, matcher: Matcher): Query {
  const [name, range] = split(text);
  if (range === undefined) return { name, range };
  // To semver, nothing is a range too; here it is a range that was forgotten.
  const some = range.trim() !== '' && range.length <= longestRange;
  if (some && matcher.isRange(range)) return { name, range };
  throw noRange(range);
}

export function noRange(range: string): DserviceError {
  const text = `"${range.slice(0, 80)}" is no semver range: give one as ^1, >=1.2 <3 or 1.x`;
  return new DserviceError('ERR_RANGE', text);
}

export function formatQuery({ name, range }: Query): string {
  return range === undefined ? name : `${name}@${range}`;
}

/** Whether an instance of that name and version will do. */
export function matches(
  query: Query,
  record: { readonly name: string; readonly version: string; readonly id?: string },
  matcher: Matcher,
): boolean {
  if (record.name !== query.name) return false;
  if (query.instance !== undefined && record.id !== query.instance) return false;
  return query.range === undefined || matcher.satisfies(record.version, query.range);
}

function split(text: unknown): [name: string, rest: string | undefined] {
  if (typeof text !== 'string') {
    throw new DserviceError(
      'ERR_NAME',
      'a service is named by a string, as greeter or greeter@1.2.0',
    );
  }
  const at = text.indexOf('@');
  const name = at === -1 ? text : text.slice(0, at);
  if (!/^[a-z0-9.-]{1,63}$/.test(name)) {
    const form = 'lower-case letters, digits, "-" and ".", at most 63';
    throw new DserviceError('ERR_NAME', `"${name.slice(0, 80)}" is no name of a service: ${form}`);
  }
  return [name, at === -1 ? undefined : text.slice(at + 1)];
}

/** The id of an instance: 64 random bits, as 16 hex digits. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
