import type { AnyFunction } from './encode.js';
import { check, flag, type Rule, text, texts, whole } from '../rules.js';
import {
  type AnySchema,
  type ArgumentSchemas,
  type InputOf,
  type InputsOf,
  isSchema,
  type OutputOf,
  type OutputsOf,
} from './schema.js';

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

// A registered symbol, so that methods of another copy of this package are recognised.
const marked = Symbol.for('dservice.method');

const rules: Record<keyof MethodOptions, Rule> = {
  idempotent: flag,
  concurrency: whole(1),
  queue: whole(0),
  params: texts,
  summary: text,
  args: {
    says: 'a list of Standard Schemas, or one for the whole list',
    ok: (value) => (Array.isArray(value) ? value.every(isSchema) : isSchema(value)),
  },
  result: { says: 'a Standard Schema', ok: isSchema },
};

/** Options without schemas, where those have types of their own. */
type Rest = Omit<MethodOptions, 'args' | 'result'>;

/** What a handler may return where its result is checked. `never`: it is not. */
type Returns<R extends AnySchema> = [R] extends [never]
  ? unknown
  : InputOf<R> | PromiseLike<InputOf<R>>;

/** What becomes of what it returned. */
type Returned<Out, R extends AnySchema> = [R] extends [never]
  ? Out
  : Out extends PromiseLike<unknown>
    ? Promise<OutputOf<R>>
    : OutputOf<R>;

/** A function of the caller's that takes the result, as the last parameter of a handler. */
type Back<V> = (value: V) => unknown;

/** What a handler may declare: what the schemas make, and where the result is checked, that function. */
type Declared<A extends ArgumentSchemas, R extends AnySchema> = [R] extends [never]
  ? OutputsOf<A>
  : A extends readonly AnySchema[]
    ? [...OutputsOf<A>, callback: Back<InputOf<R>>]
    : OutputsOf<A>;

/**
 * Says something of a function that is served: `{ read: method({ idempotent: true }, (id) => …) }`. Returns the
 * function. Where it has schemas (`args`, `result`) they are checked where it is served, by calls from afar alone,
 * and the type is that for callers: what the schemas take. Throws ERR_OPTION.
 */
export function method<F extends (...args: never[]) => unknown>(
  options: Rest & { readonly args?: undefined; readonly result?: undefined },
  fn: F,
): F;
export function method<
  const A extends ArgumentSchemas,
  Out extends Returns<R>,
  R extends AnySchema = never,
>(
  options: Rest & { readonly args: A; readonly result?: R },
  fn: (...args: Declared<A, R>) => Out,
): (...args: InputsOf<A>) => Returned<Out, R>;
export function method<const A extends readonly AnySchema[], R extends AnySchema>(
  options: Rest & { readonly args: A; readonly result: R },
  fn: (...args: Declared<A, R>) => void,
): (...args: [...InputsOf<A>, callback: Back<OutputOf<R>>]) => void;
export function method<P extends unknown[], Out extends Returns<R>, R extends AnySchema>(
  options: Rest & { readonly args?: undefined; readonly result: R },
  fn: (...args: P) => Out,
): (...args: P) => Returned<Out, R>;
export function method(options: MethodOptions, fn: (...args: never[]) => unknown): unknown {
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
