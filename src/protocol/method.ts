import type { AnyFunction } from './encode.js';
import { check, flag, type Rule, text, texts, whole } from '../rules.js';

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
}

// A registered symbol, so that methods of another copy of this package are recognised.
const marked = Symbol.for('dservice.method');

const rules: Record<keyof MethodOptions, Rule> = {
  idempotent: flag,
  concurrency: whole(1),
  queue: whole(0),
  params: texts,
  summary: text,
};

/**
 * Says something of a function that is served: `{ read: method({ idempotent: true }, (id) => …) }`. Returns the
 * function. Throws ERR_OPTION.
 */
export function method<F extends (...args: never[]) => unknown>(options: MethodOptions, fn: F): F {
  check('a method', options, rules);
  mark(options, fn);
  return fn;
}

function mark(options: MethodOptions, fn: object): void {
  Object.defineProperty(fn, marked, { value: options, configurable: true });
}

/** A method that is bound to what it is a method of: of that, the same was said. */
export function bound(fn: (...args: never[]) => unknown, to: object): AnyFunction {
  // Called with what a peer sends, as every handler.
  const made = fn.bind(to) as AnyFunction;
  const said = methodOptions(fn);
  if (said !== undefined) mark(said, made);
  return made;
}

/** What was said of a function. */
export function methodOptions(fn: object): MethodOptions | undefined {
  return (fn as { [marked]?: MethodOptions })[marked];
}
