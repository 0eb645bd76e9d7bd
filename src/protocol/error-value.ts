import { DserviceError, type ErrorCode } from '../errors.js';
import { messageOf } from './encode.js';

const classes = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };

// What an error is made with, and what would reach beyond it.
const taken = new Set(['name', 'message', '__proto__', 'constructor', 'prototype']);

// A registered symbol, so that errors of another copy of this package are recognised.
const received = Symbol.for('dservice.received');

/** What went wrong as one of ours: anything else is the fault of an api. */
export function asKnown(error: unknown): DserviceError {
  if (DserviceError.is(error)) return error;
  return new DserviceError('ERR_API', messageOf(error), { cause: error });
}

/** Whether an error came from a peer: what it tells happened there, and not on the way. */
export function isReceived(error: object): boolean {
  return received in error;
}

/** An error that says of a call that it did not run, as one of a call that may have. A copy: others may have the first. */
export function asRun(error: unknown): unknown {
  if (!DserviceError.is(error) || error.mayHaveRun !== false) return error;
  const { code, message, cause } = error;
  const copy = new DserviceError(code, message, cause === undefined ? {} : { cause });
  return Object.assign(copy, error, { mayHaveRun: true });
}

/** A handler's error, as its caller may have it: what did not run is the call that the handler made, not its own. */
export function passedOn(error: unknown): unknown {
  try {
    // What names no method is of the handler's own making, and says what it means.
    return DserviceError.is(error) && error.method === undefined ? error : asRun(error);
  } catch {
    // A proxy may throw whatever is asked of it: who sends it finds out.
    return error;
  }
}

/**
 * An error made again from its data, still without what it refers to. Anything else than strings gets a default.
 * `exception`: it is a DOMException, where the runtime has such.
 */
export function makeError(data: Readonly<Record<string, unknown>>, exception = false): Error {
  const name = typeof data.name === 'string' ? data.name : 'Error';
  const message = typeof data.message === 'string' ? data.message : '';
  if (name === 'DserviceError' && typeof data.code === 'string' && data.code.startsWith('ERR_')) {
    // A code that a newer peer knows and we do not is passed on as it is.
    const error = withoutStack(() => new DserviceError(data.code as ErrorCode, message));
    hidden(error, received, true);
    return error;
  }
  const error = withoutStack(() =>
    exception ? makeException(name, message) : makeNamed(name, message),
  );
  if (error.name !== name) hidden(error, 'name', name);
  // The stack here would tell of the decoder; the sender's is set by `fillError`, where it was sent.
  hidden(error, 'stack', `${name}: ${message}`);
  return error;
}

function makeNamed(name: string, message: string): Error {
  if (name === 'AggregateError') return new AggregateError([], message);
  // `name` was just found among the keys.
  const Class = Object.hasOwn(classes, name) ? classes[name as keyof typeof classes] : Error;
  return new Class(message);
}

function makeException(name: string, message: string): Error {
  return typeof DOMException === 'function' ? new DOMException(message, name) : new Error(message);
}

// Where engines have it: how many calls a stack tells of. The core's own types know no engine.
const engine = Error as ErrorConstructor & { stackTraceLimit?: number };

/** Makes an error that looks for no stack: that would take ten times as long as all else, for a peer that sends thousands. */
function withoutStack<T>(make: () => T): T {
  const { stackTraceLimit: usual } = engine;
  if (
    usual === undefined ||
    !Object.getOwnPropertyDescriptor(engine, 'stackTraceLimit')?.writable
  ) {
    return make();
  }
  engine.stackTraceLimit = 0;
  try {
    return make();
  } finally {
    engine.stackTraceLimit = usual;
  }
}

/** Puts the rest of the data into the error: `cause`, `errors`, `code` and what else it had. */
export function fillError(error: Error, data: Readonly<Record<string, unknown>>): void {
  for (const [key, value] of Object.entries(data)) {
    if (taken.has(key) || (key === 'code' && DserviceError.is(error))) continue;
    if (isHidden(key, error)) hidden(error, key, value);
    else if (key !== 'stack')
      Object.defineProperty(error, key, {
        value,
        enumerable: true,
        writable: true,
        configurable: true,
      });
    else if (typeof value === 'string') hidden(error, key, value);
  }
}

function isHidden(key: string, { name }: Error): boolean {
  if (key === 'error' || key === 'suppressed') return name === 'SuppressedError';
  return key === 'cause' || key === 'errors';
}

function hidden(error: Error, key: string | symbol, value: unknown): void {
  Object.defineProperty(error, key, { value, writable: true, configurable: true });
}
