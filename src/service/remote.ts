/// <reference lib="esnext.disposable" preserve="true" />
import type { Exposed, Sharing } from '../protocol/exposed.js';
import type { Registered } from './register.js';

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
  | Registered
  | Transferred
  // A ReadableStream and a WritableStream of the web, of whichever library.
  | { getReader(...args: never[]): unknown }
  | { getWriter(...args: never[]): unknown };

/** What is moved to a peer over a MessagePort, and arrives as what it is: of pages, and of Node. */
type Transferred =
  | { postMessage(...args: never[]): void; start(): void; close(): void }
  | Instance<'ImageBitmap'>
  | Instance<'OffscreenCanvas'>
  | Instance<'VideoFrame'>
  | Instance<'AudioData'>
  | Instance<'RTCDataChannel'>;

/** An instance of what the runtime has by that name: never, where it is not known. */
type Instance<Name extends string> =
  typeof globalThis extends Record<Name, { readonly prototype: infer T }> ? T : never;

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

/** Any function, and any class. */
type Anything = (...args: never[]) => unknown;
type AnyClass = abstract new (...args: never[]) => unknown;

/** What promises and JSON look for is not there, and neither is what begins with an underscore. */
type Hidden = 'then' | 'toJSON' | `_${string}`;

/**
 * What a caller holds of an api: each function returns a promise, callbacks are passed as they are, typed values
 * stay what they are, and streams are streams; what is exposed has its methods and the properties that it shares, and
 * is constructed by `new`. Of `any`, which an untyped `connect` gives, it is `any`.
 */
// Mapped over the keys of `T`, so that an editor finds what is called where it is served.
export type Remote<T> = T extends Primitive
  ? T
  : T extends Anything
    ? RemoteCall<T>
    : T extends AnyClass
      ? RemoteClass<T>
      : T extends ByValue | PromiseLike<unknown>
        ? T
        : T extends Exposed
          ? RemoteObject<T>
          : T extends NodeReadable | NodeWritable
            ? OfNode<T>
            : T extends AsyncIterable<infer V>
              ? RemoteIterable<Remote<V>>
              : T extends readonly unknown[]
                ? { [K in keyof T]: Remote<T[K]> }
                : T extends object
                  ? {
                      readonly [K in keyof T]: K extends 'then' | 'toJSON'
                        ? undefined
                        : Remote<T[K]>;
                    }
                  : T;

/**
 * Of what goes by reference: its methods, and what it shares, which is awaited where it is read, and assigned. It is
 * let go by `using`.
 */
type RemoteObject<T extends object> = RemoteMethods<T, MethodsOf<T>> &
  RemoteShared<T, SharedOf<T>> &
  Disposable;
type RemoteMethods<T, K extends keyof T> = { readonly [P in K]: Remote<T[P]> };
type RemoteShared<T, K extends keyof T> = { [P in K]: T[P] | RemotePromise<Remote<T[P]>> };

type MethodsOf<T> = {
  [K in keyof T]-?: K extends Hidden | symbol
    ? never
    : T[K] extends Anything | undefined
      ? K
      : never;
}[keyof T];
type SharedOf<T> = T extends Sharing<infer K> ? K & keyof T : never;

/** A class that is exposed: it is constructed where it is served. Any other cannot be. */
type RemoteClass<T extends AnyClass> = T extends abstract new (...args: infer A) => infer I
  ? I extends Exposed
    ? (new (...args: Sent<A>) => RemotePromise<Remote<I>>) & Disposable
    : never
  : never;

/** A function of the peer's. A handler in callback style may be awaited as well: without its callback. */
export type RemoteFunction<A extends unknown[], R> = ((
  ...args: Sent<A>
) => RemotePromise<Remote<R>>) &
  Awaitable<A> &
  Disposable;

/** A function of one form is called in that, one that has several in each of them (four, at most). */
type RemoteCall<T extends Anything> = T extends (...args: infer A) => infer R
  ? [(...args: A) => R] extends [T]
    ? RemoteFunction<A, Awaited<R>>
    : Forms<T> extends T
      ? RemoteForms<T>
      : Generic<T, A, R>
  : never;

/** One that has parameters of type keeps them where it returns a promise: no type can change what it returns. */
type Generic<T, A extends unknown[], R> =
  R extends PromiseLike<unknown>
    ? T & RemoteFunction<A, Awaited<R>>
    : RemoteFunction<A, Awaited<R>>;

/** The forms of a function, each with what `Each` makes of it. */
type Forms<T> = T extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
  (...args: infer A3): infer R3;
  (...args: infer A4): infer R4;
}
  ? Form<A1, R1> & Form<A2, R2> & Form<A3, R3> & Form<A4, R4>
  : T extends {
        (...args: infer A1): infer R1;
        (...args: infer A2): infer R2;
        (...args: infer A3): infer R3;
      }
    ? Form<A1, R1> & Form<A2, R2> & Form<A3, R3>
    : T extends { (...args: infer A1): infer R1; (...args: infer A2): infer R2 }
      ? Form<A1, R1> & Form<A2, R2>
      : never;

type RemoteForms<T> = T extends {
  (...args: infer A1): infer R1;
  (...args: infer A2): infer R2;
  (...args: infer A3): infer R3;
  (...args: infer A4): infer R4;
}
  ? RemoteForm<A1, R1> & RemoteForm<A2, R2> & RemoteForm<A3, R3> & RemoteForm<A4, R4>
  : T extends {
        (...args: infer A1): infer R1;
        (...args: infer A2): infer R2;
        (...args: infer A3): infer R3;
      }
    ? RemoteForm<A1, R1> & RemoteForm<A2, R2> & RemoteForm<A3, R3>
    : T extends { (...args: infer A1): infer R1; (...args: infer A2): infer R2 }
      ? RemoteForm<A1, R1> & RemoteForm<A2, R2>
      : never;

/** Of a function with fewer forms, those that are too many take and return what is unknown. */
type None<A, R> = [unknown] extends [R] ? ([unknown[]] extends [A] ? true : false) : false;
type Form<A extends unknown[], R> = None<A, R> extends true ? unknown : (...args: A) => R;
type RemoteForm<A extends unknown[], R> =
  None<A, R> extends true ? unknown : RemoteFunction<A, Awaited<R>>;

type Awaitable<A extends unknown[]> = A extends [
  ...infer Before,
  (value: infer V, ...rest: never[]) => unknown,
]
  ? (...args: Sent<Before>) => RemotePromise<Remote<V>>
  : unknown;

/** Arguments, each of which may be a promise: that of a remote call need not be there before it is used. */
type Sent<A extends unknown[]> = { [I in keyof A]: Given<A[I]> | PromiseLike<Given<A[I]>> };

/**
 * What may be handed over where the service expects `T`: a callback gets what the service passes as a caller holds
 * it, and may return a promise.
 */
type Given<T> = T extends Primitive | ByValue
  ? T
  : T extends (...args: infer P) => infer R
    ? [((...args: P) => R) & Disposable] extends [T]
      ? (...args: { [I in keyof P]: Remote<P[I]> }) => Returned<R>
      : T
    : T extends AnyClass | NodeReadable | NodeWritable | AsyncIterable<unknown>
      ? T
      : T extends readonly unknown[]
        ? { [K in keyof T]: Given<T[K]> }
        : T extends object
          ? // That it can be let go is of the remote that is expected, not of what stands for one.
            {
              [K in keyof T as K extends typeof Symbol.dispose ? never : K]: K extends symbol
                ? T[K]
                : Given<T[K]>;
            }
          : T;

type Returned<R> = [R] extends [void] ? R : Given<Awaited<R>> | PromiseLike<Given<Awaited<R>>>;

/**
 * The promise of what a call will return, through which that is reached before it is there: its methods and
 * properties, `map` over its elements.
 */
export type RemotePromise<T> = Promise<T> & Beyond<T>;

// Of `any` it is `any`, as all of a remote that has no types.
// oxlint-disable-next-line no-explicit-any
type Beyond<T> = 0 extends 1 & T ? any : BeyondKnown<NonNullable<T>>;

type BeyondKnown<T> = T extends Primitive | ByValue | Anything
  ? unknown
  : T extends readonly (infer Item)[]
    ? Mapped<Item, true> & { readonly [index: number]: RemotePromise<Item> }
    : Mapped<T, false> & {
        // By symbols, as of loops and `using`, is reached only what is there.
        readonly [K in keyof T]: K extends keyof Promise<T> | 'map' | symbol
          ? unknown
          : Reached<T[K]>;
      };

type Primitive = string | number | bigint | boolean | symbol | null | undefined;

/** What stands in an outcome that is not there: a function is called, anything else is awaited. */
type Reached<V> = [V] extends [Anything | AnyClass] ? V : RemotePromise<Awaited<V>>;

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
    : T extends PromiseLike<infer V>
      ? Recorded<V>
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
