import type { AnyFunction } from './encode.js';

/**
 * Whether a handler takes its callback as the last parameter, if one more is declared than it got: a
 * classic `function`, which alone has a writable own `prototype`. Never a class, arrow function,
 * method, async or generator function.
 */
export function isClassic(fn: AnyFunction): boolean {
  return (
    Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === true &&
    Object.prototype.toString.call(fn) === '[object Function]'
  );
}

/** Where the outcome's callback goes among the arguments, or undefined where the handler takes none. */
export function callbackIndex(
  fn: AnyFunction,
  got: number,
  callbacks: boolean | undefined,
): number | undefined {
  if (callbacks === false) return undefined;
  if (callbacks === true) return Math.max(got, fn.length - 1);
  return fn.length === got + 1 && isClassic(fn) ? got : undefined;
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    (typeof value === 'object' || typeof value === 'function') &&
    value !== null &&
    'then' in value &&
    typeof value.then === 'function'
  );
}

export interface Outcome {
  /** `promised`: it came by a promise, and counts even if it is undefined. */
  fulfil(value: unknown, promised?: boolean): void;
  reject(error: unknown): void;
}

/**
 * Calls a handler of either style, `this` undefined, and tells its outcome: returned, thrown, or, where
 * the bridge gives it a callback at index `at`, called back. Never throws. An outcome that is told
 * twice is the receiver's to ignore.
 */
export function invoke(
  fn: AnyFunction,
  args: unknown[],
  at: number | undefined,
  outcome: Outcome,
): void {
  try {
    if (at !== undefined) {
      while (args.length < at) args.push(undefined);
      args[at] = (value: unknown) => outcome.fulfil(value);
    }
    const result = Reflect.apply(fn, undefined, args);
    if (isThenable(result)) {
      result.then(
        (value) => {
          // Returned nothing, but took a callback: that is where the outcome comes.
          if (at === undefined || value !== undefined) outcome.fulfil(value, true);
        },
        (error: unknown) => outcome.reject(error),
      );
    } else if (at === undefined || result !== undefined) outcome.fulfil(result);
  } catch (error) {
    outcome.reject(error);
  }
}
