import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { isRecord } from '../protocol/message.js';
import { isShallow, scan } from '../protocol/measure.js';
import { codes } from './fault.js';

/** The id of a call: as it came, null where there was none to be read. */
export type CallId = string | number | null;

/** One call of a body, as far as its own form goes. */
export interface Call {
  /** Undefined: a notification, which nobody is told of. */
  readonly id: CallId | undefined;
  readonly method: string;
  readonly params: readonly unknown[] | Readonly<Record<string, unknown>>;
}

/** What is no call, and what to say of it. */
export interface Refused {
  readonly id: CallId;
  readonly code: number;
  readonly error: DserviceError;
}

/** A body, read: one call, or a batch of them, each good or refused; or refused as a whole. */
export type Body = Call | Refused | readonly (Call | Refused)[];

/** Texts longer than this are measured before they are parsed. */
const long = 64 * 1024;

/** Reads a request object or a batch (sections 4 and 6 of the specification). Never throws. */
export function readBody(text: string, limits: Limits): Body {
  // Of a call, a batch and its parameters: levels that are not the arguments' own.
  const depth = limits.depth + 3;
  const measured = text.length > Math.min(long, 2 * limits.nodes) ? scan(text) : undefined;
  if (measured !== undefined && (measured.nodes > limits.nodes || measured.depth > depth)) {
    return refused('ERR_LIMIT', 'the body has too many values, or is nested too deep');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const error = new DserviceError('ERR_MALFORMED', 'the body is not JSON', { mayHaveRun: false });
    return { id: null, code: codes.parse, error };
  }
  if (text.length > 2 * depth && !isShallow(value, depth)) {
    return refused('ERR_LIMIT', 'the body is nested too deep');
  }
  if (!Array.isArray(value)) return readCall(value);
  if (value.length === 0) return refused('ERR_MALFORMED', 'a batch has at least one call');
  if (value.length > limits.batch) {
    return refused('ERR_LIMIT', `a batch has at most ${limits.batch} calls`);
  }
  return value.map(readCall);
}

function readCall(value: unknown): Call | Refused {
  if (!isRecord(value)) return refused('ERR_MALFORMED', 'a call is an object');
  const { jsonrpc, id, method, params = [] } = value;
  if (id !== undefined && id !== null && typeof id !== 'string' && typeof id !== 'number') {
    return refused('ERR_MALFORMED', 'an id is a string, a number or null');
  }
  const known = id ?? null;
  if (jsonrpc !== '2.0') return refused('ERR_MALFORMED', '`jsonrpc` is "2.0"', known);
  if (typeof method !== 'string') return refused('ERR_MALFORMED', '`method` is a string', known);
  if (typeof params !== 'object' || params === null) {
    return refused('ERR_MALFORMED', '`params` is a list or an object', known);
  }
  // A list or an object, each of values that were parsed.
  return { id, method, params: params as Call['params'] };
}

function refused(code: 'ERR_MALFORMED' | 'ERR_LIMIT', text: string, id: CallId = null): Refused {
  const error = new DserviceError(code, text, { mayHaveRun: false });
  return { id, code: codes.request, error };
}
