import { callable, type Callable, type CallOptions } from '../options.js';

/** What can be asked of an outcome that is not there yet. */
export interface Ahead {
  /** Where it is that of a call made elsewhere: what is to come there. */
  readonly source?: Ahead | undefined;
  /** Calls what stands at a path of the outcome, or reads it, where there are no arguments. Never throws. */
  reach(
    path: readonly string[],
    args: unknown[] | undefined,
    given?: CallOptions,
  ): Promise<unknown>;
  /** Does to each element of the list at a path, or to what stands there alone, what `fn` does. Never throws. */
  map(path: readonly string[], fn: MapFunction, given?: CallOptions): Promise<unknown>;
}

export type MapFunction = (item: never) => unknown;

/** Under this symbol, what stands for a value that is to come has the promise of it. */
export const pending: unique symbol = Symbol('dservice.pending');

const ofPromises = new Set<PropertyKey>(['then', 'catch', 'finally']);

/** What no path leads through: they are not data, wherever they stand. */
export const hidden: ReadonlySet<PropertyKey> = new Set([
  'toJSON',
  '__proto__',
  'constructor',
  'prototype',
]);

/**
 * What stands at a path of an outcome that is not there yet: called, it calls; awaited, it is read; `map`
 * and what lies deeper are reached through it.
 */
export function beyond(ahead: Ahead, path: readonly string[]): unknown {
  let value: Promise<unknown> | undefined;
  const read = (): Promise<unknown> => (value ??= ahead.reach(path, undefined));
  const behind: Callable = {
    call: (args, given) => ahead.reach(path, args, given),
    release: () => {},
  };
  // It can be constructed, as a class that is to come.
  return new Proxy(function () {}, {
    apply: (_target, _self, args: unknown[]) => ahead.reach(path, args),
    construct: (_target, args: unknown[]) => ahead.reach(path, args, { construct: true }),
    get(_target, key): unknown {
      if (key === callable) return behind;
      if (key === pending) return read();
      if (ofPromises.has(key)) {
        return (...args: unknown[]): unknown =>
          (read() as unknown as Record<PropertyKey, (...args: unknown[]) => unknown>)[key]?.(
            ...args,
          );
      }
      if (key === 'map') return (fn: MapFunction) => ahead.map(path, fn);
      return typeof key === 'symbol' || hidden.has(key) ? undefined : beyond(ahead, [...path, key]);
    },
  });
}
