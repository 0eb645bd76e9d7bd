import { DserviceError } from '../errors.js';
import { exposing } from './exposing.js';
import type { AnyFunction } from './encode.js';
import type { AnySchema, ArgumentSchemas } from './schema.js';

/** What is known of a method beside what it does. */
export interface MethodOptions {
  /** It may run twice: a call whose outcome was lost is made again, at another instance. */
  readonly idempotent?: boolean;
  /** So many calls of it run at once; further ones wait. */
  readonly concurrency?: number;
  /** So many may wait; what comes beyond gets ERR_BUSY. 100, where there is a `concurrency`. */
  readonly queue?: number;
  /** The names of its parameters, where they are not to be read off the function. */
  readonly params?: readonly string[];
  /** What it does, in a line. */
  readonly summary?: string;
  /** What its arguments must be: a Standard Schema for each parameter, or one for their list. */
  readonly args?: ArgumentSchemas | undefined;
  /** What its outcome must be: a Standard Schema. */
  readonly result?: AnySchema | undefined;
}

/** What was said of a method, and what comes with it. */
export interface Said extends MethodOptions {
  /** Of one that has schemas, what runs it (`invokeChecked`): so that a page without any carries nothing that checks. */
  readonly invoke?: unknown;
  /** Of one that says how many of its calls run at once, what makes its gate (`makeGate`): for the same reason. */
  readonly gate?: unknown;
  /** The options as they were given: of functions that are no methods, those of which the same was said have one gate. */
  readonly given?: object;
}

// A registered symbol, so that methods of another copy of this package are recognised.
const marked = Symbol.for('dservice.method');

export function mark(options: Said, fn: object): void {
  Object.defineProperty(fn, marked, { value: options, configurable: true });
}

/** One that comes without what should come with it, of another version, is not run as if nothing had been said of it. */
export function foreign(what: string): DserviceError {
  const text = `a method with ${what} was made by another version of dservice`;
  return new DserviceError('ERR_API', text, { mayHaveRun: false });
}

/** A function that stands for another: of it, the same was said. */
export function keepSaid(fn: object, made: AnyFunction): AnyFunction {
  const said = methodOptions(fn);
  if (said !== undefined) mark(said, made);
  return made;
}

/** A method that is bound to what it is a method of. */
export function bound(fn: AnyFunction, to: object): AnyFunction {
  return keepSaid(fn, fn.bind(to));
}

/** What was said of a function. */
export function methodOptions(fn: object): Said | undefined {
  return (fn as { [marked]?: Said })[marked];
}

/** A class as a function that constructs. Throws ERR_METHOD for what is no exposed class. */
export function constructing(fn: AnyFunction): AnyFunction {
  const made = exposing(Object(fn.prototype) as object)?.constructing(fn);
  if (made !== undefined) return made;
  const text = 'that is no class that can be constructed from afar: it extends `Exposed`';
  throw new DserviceError('ERR_METHOD', text, { mayHaveRun: false });
}
