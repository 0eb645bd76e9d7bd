import { DserviceError } from '../errors.js';
import { checkGiven } from './given-meta.js';
import type { GivenMeta } from './message.js';

/** What a caller may ask of a call. */
export interface CallOptions {
  /** Cancels the call: it rejects with ERR_CANCELLED, and the handler's signal fires. */
  readonly signal?: AbortSignal;
  /** Milliseconds until the call rejects with ERR_DEADLINE. `Infinity` waits for ever. */
  readonly deadline?: number;
  /** The call may run twice, so it may be tried again where it may have run. */
  readonly idempotent?: boolean;
  /** An idempotency key, handed to the handler in its context. */
  readonly key?: string;
  /**
   * What is handed along beside the arguments: a plain object of JSON, at most `limits.meta` bytes, which the handler
   * reads as `context().meta.given`. A view of a view adds to it, name by name. No call that is made meanwhile has it.
   */
  readonly meta?: GivenMeta;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Services passed so far, oldest first. Set by services, not by users. */
  readonly path?: readonly string[];
  /** Its deadline is its own, and not cut short by that of the call in whose service it is made. Set by services, not by users. */
  readonly apart?: boolean;
  /** What is called is a class, and to be constructed. @internal */
  readonly construct?: boolean;
  /** Interceptors stood around it already. @internal */
  readonly intercepted?: boolean;
  /** The observed call that this is an attempt of: `SessionObserver` knows it again. @internal */
  readonly observed?: object;
  /** Whether somebody else will take the call, now that the peer is away, which may have run it or not. Set by services, not by users. */
  readonly elsewhere?: ((mayHaveRun: boolean) => boolean) | undefined;
}

/** What stands behind every remote function, of a session or of a service. */
export interface Callable {
  call(args: unknown[], options?: CallOptions): Promise<unknown>;
  release(): void;
  /** Tells when it can be called no more; returns what takes that back. */
  onBroken?(listener: BrokenListener): () => void;
}

/** Told, once, why something of the peer's can be used no more. */
export type BrokenListener = (why: DserviceError) => void;

// Registered symbols, so that remotes of another copy of this package are recognised.
export const callable: unique symbol = Symbol.for('dservice.callable') as never;
/** Under this symbol a remote that stands for many has what tells of its end, as `Callable.onBroken`. */
export const broken: unique symbol = Symbol.for('dservice.broken') as never;
/** What stands behind a remote: its session, or what gives one. */
export const behind: unique symbol = Symbol.for('dservice.session') as never;
/** Under this symbol a view of a remote has its options. */
export const viewed: unique symbol = Symbol.for('dservice.view') as never;
/** `Symbol.dispose`, also where the runtime has none yet. */
export const dispose: typeof Symbol.dispose =
  Symbol.dispose ?? (Symbol.for('Symbol.dispose') as never);

const known = new Set([
  'signal',
  'deadline',
  'idempotent',
  'key',
  'meta',
  'traceparent',
  'tracestate',
  'path',
]);

const construct = true;

/**
 * A view of a remote, or of one of its functions, whose calls are made with these options:
 * `options(remote, { signal, deadline: 500 }).shout('hello')`. A view of a view adds to its options.
 * Throws ERR_OPTION.
 */
export function options<T extends object>(remote: T, given: CallOptions): T {
  checkCallOptions(given);
  const own = callableOf(remote);
  if (own !== undefined) {
    // A function that can be constructed, as what it is a view of.
    function view(...args: unknown[]): Promise<unknown> {
      return (own as Callable).call(
        args,
        new.target === undefined ? given : { ...given, construct },
      );
    }
    const behind: Callable = {
      call: (args, more) => own.call(args, withOptions(given, more)),
      release: () => own.release(),
      onBroken: (listener) => own.onBroken?.(listener) ?? (() => {}),
    };
    const made = Object.assign(view, { [callable]: behind, [dispose]: () => own.release() });
    const seen = new Proxy(made, {
      get(target, key) {
        if (typeof key === 'symbol' || key in target) return Reflect.get(target, key) as unknown;
        // A remote that does not know yet what its service has is a function at every level.
        const inner: unknown = Reflect.get(remote, key);
        return typeof inner === 'function' ? options(inner, given) : inner;
      },
    });
    // A view of T is called and released as T is.
    return seen as unknown as T;
  }
  return new Proxy(remote, {
    get(target, key) {
      // What is shared is read when it is asked for, with these options as well.
      const shared = Reflect.getOwnPropertyDescriptor(target, key)?.get !== undefined;
      const property: unknown = shared ? Reflect.get(target, `=${String(key)}`) : undefined;
      if (typeof property === 'function') return callableOf(property)?.call([], given);
      const value: unknown = Reflect.get(target, key);
      if (typeof key === 'symbol') {
        return key === viewed ? withOptions({ ...(value as CallOptions) }, given) : value;
      }
      // Data stays what it is, and so does a function that is no remote's.
      const isData = Object(value) !== value || (typeof value === 'function' && !callableOf(value));
      return isData ? value : options(value as object, given);
    },
  });
}

/** Options, and more of them: what is handed along is added to. */
export function withOptions(given: CallOptions, more: CallOptions | undefined): CallOptions {
  const all = { ...given, ...more };
  if (given.meta === undefined || more?.meta === undefined) return all;
  return { ...all, meta: { ...given.meta, ...more.meta } };
}

function callableOf(value: object): Callable | undefined {
  // Only remotes carry the symbol.
  return (value as { [callable]?: Callable })[callable];
}

export function checkCallOptions(given: CallOptions): void {
  for (const key of Object.keys(given)) {
    if (!known.has(key)) {
      throw new DserviceError(
        'ERR_OPTION',
        `"${key}" is no option of a call: ${[...known].join(', ')} are`,
      );
    }
  }
  const { deadline, meta } = given;
  if (meta !== undefined) checkGiven(meta);
  if (deadline !== undefined && !(typeof deadline === 'number' && deadline > 0)) {
    throw new DserviceError('ERR_OPTION', 'a deadline is a positive number of milliseconds');
  }
}
