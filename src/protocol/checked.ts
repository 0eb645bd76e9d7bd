import { invoke, isClassic, isThenable, type Outcome } from './bridge.js';
import { rejected } from './calls.js';
import type { ContextScope, ServedCall } from './context.js';
import type { DserviceError } from '../errors.js';
import type { AnyFunction } from './encode.js';
import { foreign, type MethodOptions, type Said } from './method-options.js';
import type { AnySchema } from './schema.js';
import {
  invalidArguments,
  invalidResult,
  judge,
  judgeArguments,
  type Verdict,
} from './validate.js';

/** Where the outcome of a call goes, which may be found wrong before it runs, and its outcome after. */
export interface Sink extends Outcome {
  /** It will not run, and its caller is told why. */
  refuse(error: DserviceError): void;
  /** Who serves is at fault: `told` is for the caller, `detail` for who serves. */
  fault(told: DserviceError, detail: DserviceError): void;
}

export interface Checks {
  readonly said: Said;
  readonly scope: ContextScope;
  /** The style of all handlers, where it is not to be told from each. */
  readonly callbacks: boolean | undefined;
  /** What is called, for errors. */
  readonly name: string;
}

/** Whether a call has something to be checked. */
export function isChecked<T extends MethodOptions>(said: T | undefined): said is T {
  return said !== undefined && (said.args !== undefined || said.result !== undefined);
}

/** What runs a method that has schemas. */
export function invokerOf({ invoke: given }: Said): typeof invokeChecked {
  // What `method` has put there.
  if (typeof given === 'function') return given as typeof invokeChecked;
  return (...[, , , , , sink]) => sink.reject(foreign('schemas'));
}

/** How many arguments a handler gets, of so many that were given: as many as there are schemas. */
export function arity(said: MethodOptions | undefined, given: number): number {
  return Array.isArray(said?.args) ? Math.max(given, said.args.length) : given;
}

/**
 * As `invoke`, of a method that has schemas: its handler runs with what they make of the arguments, once those
 * have passed, and what they make of its outcome is told. Its context is set here. Never throws.
 */
export function invokeChecked(
  { said, scope, callbacks, name }: Checks,
  fn: AnyFunction,
  args: unknown[],
  at: number | undefined,
  call: ServedCall,
  sink: Sink,
): void {
  const { args: schemas, result } = said;
  const callback = callbackOf(fn, args, said, callbacks);
  const given = callback === undefined ? args : args.slice(0, -1);
  const declared = callback !== undefined && args.length <= fn.length;
  const outcome =
    result === undefined ? sink : new CheckedOutcome(call, sink, result, name, declared);
  const run = (values: unknown[]): void => {
    if (callback !== undefined) {
      values.push(outcome instanceof CheckedOutcome ? outcome.wrap(callback) : callback);
    }
    scope.run(call, invoke, fn, values, at, outcome);
  };
  if (schemas === undefined) return run([...given]);
  const judged = judgeArguments(schemas, given);
  const go = ({ value, fault }: Verdict): void => {
    if (fault !== undefined) return sink.refuse(invalidArguments(fault, name));
    // What made the list may keep it.
    run([...(value as unknown[])]);
  };
  if (isThenable(judged)) call.until(judged, go);
  else go(judged);
}

/**
 * The function that the caller gave for the outcome: what stands beyond the schemas; without a list of those, what
 * the handler does not declare, or declares as one does in callback style.
 */
function callbackOf(
  fn: AnyFunction,
  args: readonly unknown[],
  { args: schemas }: MethodOptions,
  callbacks: boolean | undefined,
): AnyFunction | undefined {
  const last = args.at(-1);
  if (typeof last !== 'function') return undefined;
  const beyond = Array.isArray(schemas)
    ? args.length === schemas.length + 1
    : args.length > fn.length || (args.length === fn.length && (callbacks ?? isClassic(fn)));
  return beyond ? (last as AnyFunction) : undefined;
}

const ignore = (): void => {};

/** Where a handler's outcome goes first. */
class CheckedOutcome implements Outcome {
  readonly #call: ServedCall;
  readonly #sink: Sink;
  readonly #schema: AnySchema;
  readonly #name: string;
  /** It calls back, and what it returns says nothing. */
  #callsBack: boolean;
  #told = false;

  constructor(call: ServedCall, sink: Sink, schema: AnySchema, name: string, callsBack: boolean) {
    this.#call = call;
    this.#sink = sink;
    this.#schema = schema;
    this.#name = name;
    this.#callsBack = callsBack;
  }

  fulfil(value: unknown, promised?: boolean): void {
    if (this.#told) return;
    this.#told = true;
    if (value === undefined && this.#callsBack) return this.#sink.fulfil(value, promised);
    const judged = judge(this.#schema, value);
    const go = (verdict: Verdict): void => {
      if (verdict.fault === undefined) this.#sink.fulfil(verdict.value, promised);
      else this.#fault(verdict.fault);
    };
    if (isThenable(judged)) this.#call.until(judged, go);
    else go(judged);
  }

  reject(error: unknown): void {
    if (this.#told) return;
    this.#told = true;
    this.#sink.reject(error);
  }

  /** The caller's function, called with what the schema makes of the first that is given. */
  wrap(callback: AnyFunction): AnyFunction {
    return (...values: unknown[]): unknown => {
      this.#callsBack = true;
      const judged = judge(this.#schema, values[0]);
      const go = ({ value, fault }: Verdict): unknown => {
        if (fault !== undefined) return rejected(this.#fault(fault));
        const none = values.length === 0 && value === undefined;
        return Reflect.apply(callback, undefined, none ? [] : [value, ...values.slice(1)]);
      };
      if (!isThenable(judged)) return go(judged);
      const passed = Promise.resolve(judged).then(go);
      // The handler need not look at it.
      passed.catch(ignore);
      return passed;
    };
  }

  #fault(fault: NonNullable<Verdict['fault']>): DserviceError {
    const { told, detail } = invalidResult(fault, this.#name);
    this.#sink.fault(told, detail);
    return told;
  }
}
