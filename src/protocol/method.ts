import { invokeChecked, isChecked } from './checked.js';
import { makeGate } from './gate.js';
import { mark, type MethodOptions, type Said } from './method-options.js';
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
/** Of a class that is exposed: of constructing it. */
export function method<C extends abstract new (...args: never[]) => unknown>(
  options: MethodOptions,
  fn: C,
): C;
export function method(options: MethodOptions, fn: object): unknown {
  check('a method', options, rules);
  const said: Said = {
    ...options,
    ...(isChecked(options) && { invoke: invokeChecked }),
    ...(options.concurrency !== undefined && { gate: makeGate, given: options }),
  };
  mark(said, fn);
  return fn;
}
