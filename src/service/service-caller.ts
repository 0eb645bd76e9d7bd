import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { rejected } from '../protocol/calls.js';
import type { ContextScope } from '../protocol/context.js';
import { callable, type Callable, type CallOptions } from '../protocol/options.js';
import type { Session } from '../protocol/session.js';
import type { Connection } from './connection.js';
import { formatQuery, type Query } from './name.js';
import type { Resolver } from './resolver.js';
import { Search } from './search.js';

export interface ServiceCallerOptions {
  readonly query: Query;
  readonly resolver: Resolver;
  readonly clock: Clock;
  readonly scope: ContextScope;
  /** Milliseconds to wait for an instance. */
  readonly wait: number;
  /** Milliseconds that a call may take, where it does not say. */
  readonly deadline: number;
  /** What the sessions take for that where a call says nothing. */
  readonly usual: number;
  /** The service that calls, for the path that its calls carry. */
  readonly self: string | undefined;
}

/** Why a call may be made again, at another instance: it did not run, or it may run twice. */
const repeatable = new Set(['ERR_CONNECTION_LOST', 'ERR_CLOSED', 'ERR_BUSY']);

const forgotten = (): void => {};

/** Calls to a service: each goes to an instance of its own choice. */
export class ServiceCaller {
  readonly #options: ServiceCallerOptions;
  readonly #service: string;
  readonly #usual: CallOptions | undefined;
  readonly #end: () => void;
  #released = false;

  constructor(options: ServiceCallerOptions) {
    const { query, resolver, deadline, usual } = options;
    this.#options = options;
    this.#service = formatQuery(query);
    this.#usual = deadline === usual ? undefined : { deadline };
    this.#end = resolver.remote(query.name);
  }

  /** No more calls; connections that no other remote uses are given back. */
  release(): void {
    this.#released = true;
    this.#end();
  }

  /**
   * Calls the function at a path of the api. What was not written, or is idempotent, is made again at
   * another instance; everything else is told as it is, with the service's name. Never throws.
   */
  call(path: readonly string[], args: unknown[], given: CallOptions | undefined): Promise<unknown> {
    const { resolver, query, clock } = this.#options;
    if (this.#released)
      return rejected(this.#error('ERR_RELEASED', 'this remote was released', path));
    const options = this.#complete(given);
    let connection: Connection | undefined;
    try {
      connection = resolver.pick(query);
    } catch (error) {
      return rejected(error);
    }
    const session = connection?.session;
    const started = clock.now();
    if (connection === undefined || session === undefined) {
      return quiet(this.#search(path, args, options, started, connection));
    }
    const target = this.#target(connection, session, path);
    if (DserviceError.is(target)) return rejected(target);
    // One promise beside the session's own: most calls take this way, and most succeed.
    const at = connection;
    at.begin();
    const outcome: Promise<unknown> = target.call(args, options).then(
      (value) => {
        at.end();
        return value;
      },
      (error: unknown) => {
        at.end();
        outcome.catch(forgotten);
        if (!mayRepeat(error, given)) throw this.#named(error);
        return this.#search(path, args, options, started, undefined, { at, error });
      },
    );
    return outcome;
  }

  /** Looks for an instance that takes the call: none is connected, or the first one was lost. */
  async #search(
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
    started: number,
    picked: Connection | undefined,
    lost?: { readonly at: Connection; readonly error: unknown },
  ): Promise<unknown> {
    const { resolver, query, clock, wait } = this.#options;
    const due = started + this.#time(given);
    const { signal } = given ?? {};
    const search = new Search({
      ...{ resolver, query, clock, wait, due, signal },
      method: path.join('.'),
    });
    try {
      if (lost !== undefined) search.lost(lost.at, lost.error);
      for (let first = picked; ; first = undefined) {
        const { connection, session, end } = await search.find(first);
        const target = this.#target(connection, session, path);
        connection.begin();
        end();
        try {
          // It may have said goodbye since it was found, and has our word that no call will come.
          if (connection.session !== session)
            throw this.#error('ERR_CLOSED', 'it is leaving', path);
          if (DserviceError.is(target)) throw target;
          // At least some time: what is due by now is told by the session, as a deadline that passed.
          const deadline = due === Infinity ? due : Math.max(1, due - clock.now());
          return await target.call(args, { ...given, deadline });
        } catch (error) {
          if (!mayRepeat(error, given)) throw error;
          search.lost(connection, error);
        } finally {
          connection.end();
        }
      }
    } catch (error) {
      throw this.#named(error);
    }
  }

  #time(given: CallOptions | undefined): number {
    const own = given?.deadline ?? this.#options.deadline;
    const left = this.#options.scope.get()?.deadline;
    return left === undefined ? own : Math.min(own, left);
  }

  /** The function at a path of an instance's api, or why there is none. */
  #target(
    connection: Connection,
    session: Session,
    path: readonly string[],
  ): Callable | DserviceError {
    const found = lookUp(session, path);
    // Only remotes carry the symbol.
    const own =
      typeof found === 'function' ? (found as { [callable]?: Callable })[callable] : undefined;
    if (own !== undefined) return own;
    const text = `${this.#service} (${connection.record.version}) has no method "${path.join('.')}"`;
    return this.#error('ERR_METHOD', text, path);
  }

  /** What stands at a path of an instance that is connected. */
  peek(path: readonly string[]): unknown {
    const session = this.#options.resolver.connected(this.#options.query);
    return session === undefined ? undefined : lookUp(session, path);
  }

  /** The options of a call, with those of this remote, and the way it came. */
  #complete(given: CallOptions | undefined): CallOptions | undefined {
    const { self, scope } = this.#options;
    const options = given === undefined ? this.#usual : { ...this.#usual, ...given };
    if (self === undefined) return options;
    const current = scope.get();
    return current === undefined
      ? options
      : { ...options, path: [...(current.meta.path ?? []), self] };
  }

  #named(error: unknown): unknown {
    if (DserviceError.is(error)) error.service ??= this.#service;
    return error;
  }

  #error(
    code: 'ERR_METHOD' | 'ERR_RELEASED' | 'ERR_CLOSED',
    text: string,
    path: readonly string[],
  ): DserviceError {
    const details = { service: this.#service, method: path.join('.'), mayHaveRun: false };
    return new DserviceError(code, text, details);
  }
}

function mayRepeat(error: unknown, given: CallOptions | undefined): boolean {
  if (!DserviceError.is(error) || !repeatable.has(error.code)) return false;
  return error.mayHaveRun === false || given?.idempotent === true;
}

function lookUp(session: Session, path: readonly string[]): unknown {
  let at: unknown = session.remote;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

/** An outcome that is forgotten must not end a Node process. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(forgotten);
  return promise;
}
