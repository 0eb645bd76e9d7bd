import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { ContextScope } from '../protocol/context.js';
import { callable, type Callable, type CallOptions, dispose } from '../protocol/options.js';
import type { Session } from '../protocol/session.js';
import type { Connection } from './connection.js';
import { formatQuery, type Query } from './name.js';
import type { Resolver } from './resolver.js';

export interface ServiceRemoteOptions {
  readonly query: Query;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly scope: ContextScope;
  /** Milliseconds to wait for an instance. */
  readonly wait: number;
  /** Milliseconds that a call may take, where it does not say. */
  readonly deadline: number;
  /** The service that calls, for the path that its calls carry. */
  readonly self: string | undefined;
}

/** Why a call may be made again, at another instance: it did not run, or it may run twice. */
const lost = new Set(['ERR_CONNECTION_LOST', 'ERR_CLOSED', 'ERR_CONNECT', 'ERR_BUSY']);

/** Calls to a service: each goes to an instance of its own choice. */
export class ServiceCaller {
  readonly #options: ServiceRemoteOptions;
  readonly #service: string;

  constructor(options: ServiceRemoteOptions) {
    this.#options = options;
    this.#service = formatQuery(options.query);
  }

  /**
   * Calls the function at a path of the api. What was not written, or is idempotent, is tried at each
   * other instance once; everything else is told as it is, with the service's name.
   */
  call(path: readonly string[], args: unknown[], given: CallOptions | undefined): Promise<unknown> {
    const { resolver, query, deadline, clock } = this.#options;
    const connection = resolver.pick(query);
    const session = connection?.session;
    const options = this.#withPath(given);
    if (connection === undefined || session === undefined) {
      const due = clock.now() + (given?.deadline ?? deadline);
      return quiet(this.#again(path, args, options, due, new Set(), connection));
    }
    const due =
      given?.deadline === undefined ? clock.now() + deadline : clock.now() + given.deadline;
    return quiet(
      this.#at(connection, session, path, args, options).catch((error: unknown) => {
        if (!mayRepeat(error, given)) throw this.#named(error);
        return this.#again(path, args, options, due, new Set([connection.record.id]), undefined);
      }),
    );
  }

  async #again(
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
    due: number,
    tried: Set<string>,
    first: Connection | undefined,
  ): Promise<unknown> {
    const { resolver, query, clock, wait } = this.#options;
    let connection = first;
    for (;;) {
      const left = due - clock.now();
      if (!(left > 0)) throw this.#late(path);
      connection ??= await resolver.wait(query, Math.min(wait, left), tried);
      tried.add(connection.record.id);
      try {
        connection.begin();
        const session = await connection.open().finally(() => connection?.end());
        const deadline = Math.max(1, due - clock.now());
        const options = given?.deadline === undefined ? given : { ...given, deadline };
        return await this.#at(connection, session, path, args, options);
      } catch (error) {
        const more = resolver.pick(query, tried) !== undefined;
        if (!more || !mayRepeat(error, given)) throw this.#named(error);
        connection = undefined;
      }
    }
  }

  async #at(
    connection: Connection,
    session: Session,
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
  ): Promise<unknown> {
    const target = this.lookUp(session, path);
    const own =
      typeof target === 'function' ? (target as { [callable]?: Callable })[callable] : undefined;
    if (own === undefined) {
      const method = path.join('.');
      const text = `${this.#service} (${connection.record.version}) has no method "${method}"`;
      throw new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
    }
    connection.begin();
    try {
      return await own.call(args, given);
    } finally {
      connection.end();
    }
  }

  /** What stands at a path of an instance's api. */
  lookUp(session: Session, path: readonly string[]): unknown {
    let at: unknown = session.remote;
    for (const key of path) {
      if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
      at = (at as Record<string, unknown>)[key];
    }
    return at;
  }

  /** What stands at a path of any instance that is connected. */
  peek(path: readonly string[]): unknown {
    const session = this.#options.resolver.pick(this.#options.query)?.session;
    return session === undefined ? undefined : this.lookUp(session, path);
  }

  #withPath(given: CallOptions | undefined): CallOptions | undefined {
    const { self, scope } = this.#options;
    const current = scope.get();
    if (self === undefined || current === undefined) return given;
    return { ...given, path: [...(current.meta.path ?? []), self] };
  }

  #named(error: unknown): unknown {
    if (DserviceError.is(error)) error.service ??= this.#service;
    return error;
  }

  #late(path: readonly string[]): DserviceError {
    const details = { service: this.#service, method: path.join('.'), mayHaveRun: false };
    return new DserviceError('ERR_DEADLINE', `no instance took ${details.method} in time`, details);
  }
}

function mayRepeat(error: unknown, given: CallOptions | undefined): boolean {
  if (!DserviceError.is(error) || !lost.has(error.code)) return false;
  return error.mayHaveRun === false || given?.idempotent === true;
}

/** An outcome that is forgotten must not end a Node process. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {});
  return promise;
}

/**
 * A remote that stands for a service, not for one instance. Its functions are there whether or not an
 * instance is: they say at the call what is missing.
 */
export function serviceRemote(caller: ServiceCaller, release: () => void): object {
  return level(caller, [], {
    [dispose]: release,
    [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]: () => {
      release();
      return Promise.resolve();
    },
  });
}

function level(caller: ServiceCaller, path: readonly string[], own: object): object {
  const made = new Map<string, object>();
  const at = (key: string): object => {
    let child = made.get(key);
    if (child === undefined) made.set(key, (child = method(caller, [...path, key])));
    return child;
  };
  return new Proxy(own, {
    get(target, key) {
      if (typeof key === 'symbol') return Reflect.get(target, key);
      // A promise must be able to hold a remote, and JSON to pass it by.
      if (key === 'then' || key === 'toJSON') return undefined;
      if (made.has(key)) return at(key);
      const there = caller.peek([...path, key]);
      // Data is what it is at the moment; functions and objects stay good when the instance changes.
      return there === undefined || typeof there === 'function' || typeof there === 'object'
        ? at(key)
        : there;
    },
    has: (target, key) =>
      key in target || (typeof key === 'string' && caller.peek([...path, key]) !== undefined),
    ownKeys: (target) => Reflect.ownKeys(target),
  });
}

/** A function at a path, through which what lies deeper is reached as well. */
function method(caller: ServiceCaller, path: readonly string[]): object {
  const behind: Callable = {
    call: (args, given) => caller.call(path, args, given),
    release: () => {},
  };
  const call = (...args: unknown[]): Promise<unknown> => behind.call(args);
  const inner = level(caller, path, {});
  return new Proxy(call, {
    get(target, key) {
      if (key === callable) return behind;
      if (key === dispose) return behind.release;
      if (typeof key === 'symbol' || key in Function.prototype) return Reflect.get(target, key);
      return Reflect.get(inner, key);
    },
  });
}
