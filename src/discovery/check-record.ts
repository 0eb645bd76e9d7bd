import { DserviceError, type ErrorCode } from '../errors.js';
import { isRecord } from '../protocol/message.js';
import type { InstanceRecord, InstanceState, Rely } from './record.js';

const states: readonly string[] = ['waiting', 'up', 'draining', 'stuck'] satisfies InstanceState[];

/** Of one record: endpoints and what it relies on, and characters of each text. */
const most = { endpoints: 32, endpoint: 1_024, relies: 256, version: 256, range: 256 };

/** semver.org, with the bounds that npm's semver has. */
const version =
  /^(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})\.(0|[1-9]\d{0,15})(-(0|[1-9]\d{0,15}|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d{0,15}|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

/** Throws ERR_NAME for what is no service's name. */
export function checkName(value: unknown): string {
  if (typeof value === 'string' && /^[a-z0-9.-]{1,63}$/.test(value)) return value;
  throw wrong('ERR_NAME', 'a name has lower-case letters, digits, "-" and ".", at most 63');
}

/** Throws ERR_DATA for what is no instance's id. */
export function checkId(value: unknown): string {
  if (typeof value === 'string' && /^[0-9a-f]{16}$/.test(value)) return value;
  throw wrong('ERR_DATA', "an instance's id is 16 hex digits");
}

/**
 * A record that a stranger gave, with what belongs to a record and nothing else. Throws ERR_DATA,
 * ERR_NAME, ERR_VERSION.
 */
export function checkRecord(value: unknown): InstanceRecord {
  if (!isRecord(value)) throw wrong('ERR_DATA', 'a record is an object');
  const { id, name, version: given, endpoints, state, relies, degraded, partial } = value;
  if (typeof given !== 'string' || given.length > most.version || !version.test(given)) {
    throw wrong('ERR_VERSION', 'a version is three numbers, as 1.2.0');
  }
  if (!isState(state)) throw wrong('ERR_DATA', `a state is one of ${states.join(', ')}`);
  return {
    ...{ id: checkId(id), name: checkName(name), version: given, state },
    endpoints: list(endpoints, most.endpoints, 'endpoints').map(checkEndpoint),
    relies: checkRelies(relies),
    ...(degraded === true ? { degraded } : {}),
    ...(partial === true ? { partial } : {}),
  };
}

/** What a stranger says that it relies on. Throws ERR_DATA, ERR_NAME. */
export function checkRelies(value: unknown): Rely[] {
  return list(value, most.relies, 'relies').map(checkRely);
}

function isState(value: unknown): value is InstanceState {
  return typeof value === 'string' && states.includes(value);
}

function list(value: unknown, length: number, what: string): unknown[] {
  if (Array.isArray(value) && value.length <= length) return value;
  throw wrong('ERR_DATA', `\`${what}\` is a list of at most ${length}`);
}

function checkEndpoint(value: unknown): string {
  // Some discoveries part them by spaces.
  if (typeof value === 'string' && value.length <= most.endpoint && /^[a-z]+:\S+$/.test(value))
    return value;
  throw wrong('ERR_DATA', 'an endpoint is a URL without spaces');
}

function checkRely(value: unknown): Rely {
  if (!isRecord(value)) throw wrong('ERR_DATA', 'what is relied on has a name and a range');
  const { name, range, optional } = value;
  if (typeof range !== 'string' || range.length > most.range) {
    throw wrong('ERR_DATA', 'a range is a string');
  }
  return { name: checkName(name), range, ...(optional === true ? { optional } : {}) };
}

function wrong(code: ErrorCode, text: string): DserviceError {
  return new DserviceError(code, text, { mayHaveRun: false });
}
