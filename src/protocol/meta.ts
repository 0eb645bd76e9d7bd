import type { Limits } from '../limits.js';
import { longestChain } from './chain.js';
import { readGiven } from './given-meta.js';
import { isRecord, type Meta } from './message.js';
import type { CallOptions } from './options.js';
import { readTrace, type TraceContext } from './trace-context.js';

/** One for all calls that bring none: what a handler writes into it would be there for the calls of others. */
export const noMeta: Meta = Object.freeze({});

/**
 * The meta of a message; what is of a wrong type is left out. Throws ERR_LIMIT, ERR_MALFORMED for what its caller
 * handed along: it would not run as that wants.
 */
export function readMeta(meta: unknown, limits: Pick<Limits, 'meta'>): Meta {
  if (!isRecord(meta)) return noMeta;
  const { deadline, key, traceparent, tracestate, path, given } = meta;
  return {
    ...(typeof deadline === 'number' && deadline >= 0 ? { deadline } : {}),
    ...(typeof key === 'string' ? { key } : {}),
    ...(traceparent === undefined ? {} : readTrace(traceparent, tracestate)),
    ...readPath(path),
    ...(given === undefined ? {} : { given: readGiven(given, limits) }),
  };
}

function readPath(value: unknown): Pick<Meta, 'path'> {
  if (!Array.isArray(value)) return {};
  // Of a chain that is too long the end is kept: a loop is seen there as well.
  const path: unknown[] = value.slice(-longestChain);
  return path.every(isServiceName) ? { path } : {};
}

function isServiceName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z0-9.-]{1,63}$/.test(value);
}

/**
 * What a call carries, of its own options and of the call in whose service it is made: the key and
 * what follows, led by a comma, or nothing. `deadline` is in ms, where one was named. `passed` are the
 * services passed.
 */
export function writeMeta(
  given: CallOptions | undefined,
  current: Meta | undefined,
  deadline: number | undefined,
  passed?: readonly string[],
): string {
  const meta: Record<string, unknown> = {};
  if (deadline !== undefined) meta.deadline = deadline;
  if (given?.key !== undefined) meta.key = given.key;
  const trace = givenTrace(given) ?? current;
  if (trace?.traceparent !== undefined) meta.traceparent = trace.traceparent;
  if (trace?.tracestate !== undefined) meta.tracestate = trace.tracestate;
  const path = given?.path ?? passed;
  if (path !== undefined) meta.path = path;
  // Of this call alone: what it makes does not carry it on.
  if (given?.meta !== undefined) meta.given = given.meta;
  return Object.keys(meta).length > 0 ? `,"meta":${JSON.stringify(meta)}` : '';
}

/** The trace that a call's own options name; none where that is malformed. */
export function givenTrace(given: CallOptions | undefined): TraceContext | undefined {
  if (given?.traceparent === undefined) return undefined;
  return readTrace(given.traceparent, given.tracestate);
}

/** The trace of meta that was read. */
export function traceOf(meta: Partial<TraceContext> | undefined): TraceContext | undefined {
  if (meta?.traceparent === undefined) return undefined;
  const { traceparent, tracestate } = meta;
  return tracestate === undefined ? { traceparent } : { traceparent, tracestate };
}
