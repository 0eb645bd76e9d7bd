/// <reference lib="esnext.disposable" preserve="true" />

/** Values that arrive as what they are. */
type ByValue =
  | Date
  | URL
  | RegExp
  | Error
  | ArrayBuffer
  | ArrayBufferView
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>;

/**
 * What who only calls holds of an api: each function returns a promise, callbacks are passed as they are, typed
 * values stay what they are. Of `any` it is `any`.
 */
export type Remote<T> = T extends (...args: infer A) => infer R
  ? RemoteFunction<A, Awaited<R>>
  : T extends ByValue
    ? T
    : T extends readonly unknown[]
      ? { [K in keyof T]: Remote<T[K]> }
      : T extends object
        ? { readonly [K in keyof T as Exclude<K, 'then' | 'toJSON'>]: Remote<T[K]> }
        : T;

/** A function of the peer's. A handler in callback style may be awaited as well: without its callback. */
export type RemoteFunction<A extends unknown[], R> = ((...args: Sent<A>) => Promise<Remote<R>>) &
  Awaitable<A> &
  Disposable;

type Awaitable<A extends unknown[]> = A extends [
  ...infer Before,
  (value: infer V, ...rest: never[]) => unknown,
]
  ? (...args: Sent<Before>) => Promise<Remote<V>>
  : unknown;

/** Arguments, each of which may be a promise. */
type Sent<A extends unknown[]> = { [I in keyof A]: A[I] | PromiseLike<A[I]> };
