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
  | ReadonlySet<unknown>
  | Blob
  | AbortSignal
  // A ReadableStream and a WritableStream of the web, of whichever library.
  | { getReader(...args: never[]): unknown }
  | { getWriter(...args: never[]): unknown };

/** An async iterable of the peer's: it is read once, and whoever leaves it, or disposes of it, ends it there. */
export type RemoteIterable<V> = AsyncIterableIterator<V> & AsyncDisposable & Disposable;

interface NodeReadable {
  pipe(...args: never[]): unknown;
  read(...args: never[]): unknown;
}

interface NodeWritable {
  pipe(...args: never[]): unknown;
  write(...args: never[]): unknown;
  end(...args: never[]): unknown;
}

/** Streams of Node arrive as the web's. What they carry is not told by their type. */
// oxlint-disable-next-line no-explicit-any
type OfNode<T, S = any> = T extends NodeReadable & NodeWritable
  ? { readonly readable: ReadableStream<S>; readonly writable: WritableStream<S> }
  : T extends NodeReadable
    ? ReadableStream<S>
    : WritableStream<S>;

/**
 * What a caller holds of an api: each function returns a promise, callbacks are passed as they are,
 * typed values stay what they are, and streams are streams. Of `any`, which an untyped `connect` gives, it is `any`.
 */
export type Remote<T> = T extends (...args: infer A) => infer R
  ? RemoteFunction<A, Awaited<R>>
  : T extends ByValue
    ? T
    : T extends NodeReadable | NodeWritable
      ? OfNode<T>
      : T extends AsyncIterable<infer V>
        ? RemoteIterable<Remote<V>>
        : T extends readonly unknown[]
          ? { [K in keyof T]: Remote<T[K]> }
          : T extends object
            ? { readonly [K in keyof T as Exclude<K, 'then' | 'toJSON'>]: Remote<T[K]> }
            : T;

/** A function of the peer's. A handler in callback style may be awaited as well: without its callback. */
export type RemoteFunction<A extends unknown[], R> = ((
  ...args: Sent<A>
) => RemotePromise<Remote<R>>) &
  Awaitable<A> &
  Disposable;

type Awaitable<A extends unknown[]> = A extends [
  ...infer Before,
  (value: infer V, ...rest: never[]) => unknown,
]
  ? (...args: Sent<Before>) => RemotePromise<Remote<V>>
  : unknown;

/** Arguments, each of which may be a promise: that of a remote call need not be there before it is used. */
type Sent<A extends unknown[]> = { [I in keyof A]: A[I] | PromiseLike<A[I]> };

/**
 * The promise of what a call will return, through which that is reached before it is there: its methods and
 * properties, `map` over its elements.
 */
export type RemotePromise<T> = Promise<T> & Beyond<T>;

// Of `any` it is `any`, as all of a remote that has no types.
// oxlint-disable-next-line no-explicit-any
type Beyond<T> = 0 extends 1 & T ? any : BeyondKnown<NonNullable<T>>;

type BeyondKnown<T> = T extends Primitive | ByValue | ((...args: never[]) => unknown)
  ? unknown
  : T extends readonly (infer Item)[]
    ? Mapped<Item, true> & { readonly [index: number]: RemotePromise<Item> }
    : Mapped<T, false> & {
        readonly [K in keyof T as Exclude<K, keyof Promise<T> | 'map'>]: Reached<T[K]>;
      };

type Primitive = string | number | bigint | boolean | symbol | null | undefined;

/** What stands in an outcome that is not there: a function is called, anything else is awaited. */
type Reached<V> = V extends (...args: never[]) => unknown ? V : RemotePromise<V>;

interface Mapped<Item, List extends boolean> {
  /**
   * Does to each element, where the list is and in the same round trip, what `fn` does. `fn` is called once and
   * recorded: it reads, calls and returns what stands for values, and cannot look at them.
   */
  map<U>(
    fn: (item: Recorded<Item>) => U,
  ): RemotePromise<List extends true ? Settled<U>[] : Settled<U>>;
}

/** What stands for a value in a recording: as the value, but what its functions return is not a promise. */
type Recorded<T> = T extends (...args: infer A) => PromiseLike<infer V>
  ? (...args: A) => Recorded<V>
  : T extends Primitive | ByValue
    ? T
    : T extends readonly (infer Item)[]
      ? T & { map<U>(fn: (item: Recorded<Item>) => U): U[] }
      : T extends object
        ? { readonly [K in keyof T]: Recorded<T[K]> }
        : T;

/** What a recorded function makes of an element, with all promises in it fulfilled. */
type Settled<U> =
  U extends PromiseLike<infer V>
    ? V
    : U extends Primitive | ByValue | ((...args: never[]) => unknown)
      ? U
      : U extends object
        ? { [K in keyof U]: Settled<U[K]> }
        : U;
