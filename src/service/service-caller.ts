import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { PendingCall, rejected } from '../protocol/calls.js';
import { derived } from '../protocol/pipelining/later.js';
import { RemotePromise } from '../protocol/pipelining/remote-promise.js';
import type { InterceptCalls } from '../protocol/intercept.js';
import type { ContextScope } from '../protocol/context.js';
import { isSpent } from '../protocol/streams/outgoing.js';
import {
  type BrokenListener,
  callable,
  type Callable,
  type CallOptions,
} from '../protocol/options.js';
import { asRun, isReceived } from '../protocol/error-value.js';
import type { EngineSession as Session } from './engine.js';
import type { Connection } from './connection.js';
import type { Each } from './everyone.js';
import { type Hedge, Hedger } from './hedge.js';
import { formatQuery, type Query } from './name.js';
import { observeCall } from './observed-call.js';
import type { Observers } from './observers.js';
import type { Resolver } from './resolver.js';
import { RetryBudget } from './retry-budget.js';
import { mostLosses, Search } from './search.js';
import { ServiceCall } from './service-call.js';

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
  /** When a call that may run twice is made a second time, beside the first. */
  readonly hedge?: Hedge | undefined;
  readonly observers?: Observers | undefined;
  /** Something failed with nobody to tell. */
  readonly onError?: ((error: unknown) => void) | undefined;
  /** Makes calls by way of interceptors, where there are some. */
  readonly intercept?: InterceptCalls | undefined;
}

/** Why a call may be made again, at another instance: it did not run, or it may run twice. */
const repeatable = new Set(['ERR_CONNECTION_LOST', 'ERR_CLOSED']);

const gone = 'this remote was released';

/** What is the fault of an instance, or of the way to it. */
const faults = new Set(['ERR_CONNECTION_LOST', 'ERR_DEADLINE']);

/** What was before a search: an instance that was picked, one where the call was lost, one that is not wanted. */
interface Before {
  readonly picked?: Connection | undefined;
  readonly lost?: { readonly at: Connection; readonly error: unknown };
  readonly avoid?: string | undefined;
}

/** Calls to a service: each goes to an instance of its own choice. */
export class ServiceCaller {
  readonly #options: ServiceCallerOptions;
  readonly #service: string;
  readonly #usual: CallOptions;
  readonly #end: () => void;
  readonly #budget = new RetryBudget();
  readonly #hedger: Hedger | undefined;
  #released = false;
  readonly #watching = new Set<BrokenListener>();
  /** Where calls are written down, in place of being made. */
  #recordingAt: Connection | undefined;

  constructor(options: ServiceCallerOptions) {
    const { query, resolver, deadline, usual, hedge, clock } = options;
    this.#options = options;
    this.#service = formatQuery(query);
    this.#usual = {
      ...(deadline === usual ? {} : { deadline }),
      // A call that costs too much elsewhere waits for the one that has it.
      elsewhere: (ran) => resolver.has(query) && (!ran || this.#budget.promise()),
    };
    this.#end = resolver.remote(query.name);
    if (hedge !== undefined) this.#hedger = new Hedger(hedge, clock);
  }

  untold(error: unknown): void {
    this.#options.onError?.(error);
  }

  /** No more calls; connections that no other remote uses are given back. */
  release(): void {
    this.#released = true;
    this.#end();
    for (const listener of [...this.#watching]) listener(this.#error('ERR_RELEASED', gone, []));
  }

  /** Tells when no more calls can be made: it was released, or its program stopped calling. */
  onBroken(listener: BrokenListener): () => void {
    if (this.#released) listener(this.#error('ERR_RELEASED', gone, []));
    else this.#watching.add(listener);
    const stop = this.#options.resolver.onOver(listener);
    return () => {
      this.#watching.delete(listener);
      stop();
    };
  }

  /**
   * Calls the function at a path of the api. What was not written, or is idempotent, is made again at
   * another instance; everything else is told as it is, with the service's name. Never throws.
   */
  call(path: readonly string[], args: unknown[], given: CallOptions | undefined): Promise<unknown> {
    if (this.#recordingAt !== undefined) return this.#record(this.#recordingAt, path, args);
    const { intercept } = this.#options;
    if (intercept === undefined || given?.intercepted === true) {
      return this.#observed(path, args, given);
    }
    return intercept(path.join('.'), args, given, (values, options) =>
      this.#observed(path, values, options),
    );
  }

  #observed(
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
  ): Promise<unknown> {
    const { observers, query } = this.#options;
    const observed = observers && observeCall(observers, query.name, path, given);
    if (observed === undefined) return this.#call(path, args, given);
    return observed.follow(this.#call(path, args, observed.options));
  }

  #call(
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
  ): Promise<unknown> {
    const { resolver, query } = this.#options;
    if (this.#released) return rejected(this.#error('ERR_RELEASED', gone, path));
    const options = this.#complete(given);
    let connection: Connection | undefined;
    try {
      connection = this.#pickFor(args) ?? resolver.pick(query);
    } catch (error) {
      return rejected(error);
    }
    this.#budget.earn();
    const hedger = this.#hedger;
    if (hedger === undefined || !mayRunTwice(given, connection?.session, path)) {
      return this.#make(path, args, options, connection);
    }
    const { clock } = this.#options;
    const due = clock.now() + this.#time(given);
    return derived(
      hedger.run(
        (signal, avoid) => {
          const first = avoid === undefined;
          // The second has what the first has left.
          const deadline = first ? options.deadline : Math.max(1, due - clock.now());
          const own = { ...options, signal, ...(deadline === undefined ? {} : { deadline }) };
          const outcome = this.#make(path, args, own, first ? connection : undefined, avoid);
          return { instance: connection?.record.id, outcome };
        },
        () => !isSpent(args) && this.#budget.spend(),
        given?.signal,
      ),
    );
  }

  /** Makes a call at an instance that was picked, or is looked for. `avoid`: one that is not to be it. */
  #make(
    path: readonly string[],
    args: unknown[],
    options: CallOptions | undefined,
    connection: Connection | undefined,
    avoid?: string,
  ): Promise<unknown> {
    const started = this.#options.clock.now();
    const session = connection?.session;
    const call = new ServiceCall(this.#recordAt);
    const search = (before: Before): void => {
      this.#search(call, path, args, options, started, before).then(
        (value) => call.fulfil(value),
        (error: unknown) => call.reject(error),
      );
    };
    if (connection === undefined || session === undefined) {
      search({ picked: connection, avoid });
      return call.outcome;
    }
    const target = this.#target(connection, session, path);
    if (DserviceError.is(target)) return rejected(target);
    const at = connection;
    at.begin();
    const attempt = target.call(args, options);
    call.made(attempt, at);
    PendingCall.follow(attempt, {
      fulfilled: (value) => {
        at.end();
        this.#answered(at, started);
        call.fulfil(value);
      },
      rejected: (error) => {
        at.end();
        this.#failed(at, error);
        if (!this.#mayRepeat(error, options, session, path, args)) call.reject(this.#named(error));
        else search({ lost: { at, error }, avoid });
      },
    });
    return call.outcome;
  }

  /** Calls within `record` are not made, but written down, as those of this instance. */
  readonly #recordAt = <T>(connection: Connection, record: () => T): T => {
    const outer = this.#recordingAt;
    this.#recordingAt = connection;
    try {
      return record();
    } finally {
      this.#recordingAt = outer;
    }
  };

  #record(at: Connection, path: readonly string[], args: unknown[]): Promise<unknown> {
    const { session } = at;
    const target =
      session === undefined
        ? this.#error('ERR_CLOSED', 'it is leaving', path)
        : this.#target(at, session, path);
    return DserviceError.is(target) ? rejected(target) : target.call(args);
  }

  /** The instance of a call whose outcome stands among the arguments: there it need not be waited for. */
  #pickFor(args: readonly unknown[]): Connection | undefined {
    const { resolver, query } = this.#options;
    for (const arg of args) {
      if (!(arg instanceof Promise)) continue;
      let ahead = RemotePromise.aheadOf(arg);
      while (ahead !== undefined && !(ahead instanceof ServiceCall)) ahead = ahead.source;
      if (ahead === undefined) continue;
      const connection = ahead.at;
      if (connection?.session === undefined) continue;
      if (resolver.connections(query).includes(connection)) return connection;
    }
    return undefined;
  }

  #answered(at: Connection, started: number): void {
    const { resolver, query, clock } = this.#options;
    const ms = clock.now() - started;
    resolver.answered(query, at, ms);
    this.#hedger?.took(ms);
  }

  /** What an error says of the instance. */
  #failed(at: Connection, error: unknown): void {
    const { resolver, query } = this.#options;
    // What a handler threw, it threw there: how fast says nothing.
    if (!DserviceError.is(error) || isReceived(error)) return at.standing.present();
    if (faults.has(error.code)) resolver.failed(query, at);
  }

  /** Looks for an instance that takes the call: none is connected, or the first one was lost. */
  async #search(
    call: ServiceCall,
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
    started: number,
    { picked, lost, avoid }: Before,
  ): Promise<unknown> {
    const { resolver, query, clock, wait } = this.#options;
    const due = started + this.#time(given);
    const { signal } = given ?? {};
    const search = new Search({
      ...{ resolver, query, clock, wait, due, signal, avoid },
      method: path.join('.'),
    });
    try {
      if (lost !== undefined) search.lost(lost.at, lost.error);
      for (let first = picked; ; first = undefined) {
        const { connection, session, end } = await search.find(first);
        const target = this.#target(connection, session, path);
        const begun = clock.now();
        connection.begin();
        end();
        try {
          // It may have said goodbye since it was found, and has our word that no call will come.
          if (connection.session !== session)
            throw this.#error('ERR_CLOSED', 'it is leaving', path);
          if (DserviceError.is(target)) throw target;
          // At least some time: what is due by now is told by the session, as a deadline that passed.
          const deadline = due === Infinity ? due : Math.max(1, due - clock.now());
          const attempt = target.call(args, {
            ...given,
            ...(search.losses === mostLosses && { elsewhere: undefined }),
            deadline,
          });
          call.made(attempt, connection);
          const value = await attempt;
          this.#answered(connection, begun);
          return value;
        } catch (error) {
          this.#failed(connection, error);
          if (!this.#mayRepeat(error, given, session, path, args)) throw error;
          search.lost(connection, error);
        } finally {
          connection.end();
        }
      }
    } catch (error) {
      throw this.#named(search.losses ? asRun(error) : error);
    }
  }

  /** Whether a call that failed may be made again elsewhere. What has cost others something is paid by the budget. */
  #mayRepeat(
    error: unknown,
    given: CallOptions | undefined,
    session: Session,
    path: readonly string[],
    args: readonly unknown[],
  ): boolean {
    // What a stream has told one instance, it will not tell the next.
    if (!DserviceError.is(error) || isSpent(args)) return false;
    const ran = error.mayHaveRun !== false;
    // A peer that is busy says so itself; whatever else it says is the outcome.
    if (isReceived(error)) return error.code === 'ERR_BUSY' && !ran && this.#budget.spend();
    if (error.code === 'ERR_BUSY') return !ran;
    if (!repeatable.has(error.code)) return false;
    return !ran || (mayRunTwice(given, session, path) && this.#budget.spend());
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
      typeof found === 'function'
        ? (found as { [callable]?: Callable })[callable]
        : session.find?.(path);
    if (own !== undefined) return own;
    const text = `${this.#service} (${connection.record.version}) has no method "${path.join('.')}"`;
    return this.#error('ERR_METHOD', text, path);
  }

  /** A session with one of the instances: one that is open, or the first that can be reached. */
  async session(): Promise<Session> {
    const { resolver, query, clock, wait } = this.#options;
    const open = this.#released ? undefined : resolver.connected(query);
    if (open !== undefined) return open;
    if (this.#released) throw this.#error('ERR_RELEASED', gone, []);
    const { connection, session, end } = await new Search({ resolver, query, clock, wait }).find();
    connection.share();
    end();
    return session;
  }

  /** Calls each instance that is there, or, where none is, the first that comes. Rejects with ERR_NO_INSTANCE. */
  readonly each: Each = async (path, args, given) => {
    const { resolver, query, clock, wait } = this.#options;
    if (this.#released) throw this.#error('ERR_RELEASED', gone, path);
    const every = { ...query, every: true };
    if (resolver.connections(every).length === 0) {
      (await new Search({ resolver, query, clock, wait }).find()).end();
    }
    return resolver.connections(every).map(({ record: { id: instance } }) => {
      const one = new ServiceCaller({ ...this.#options, query: { ...query, instance } });
      const outcome = one.call(path, args, given);
      outcome.finally(() => one.release()).catch(() => {});
      return { instance, outcome };
    });
  };

  /** What stands at a path of an instance that is connected. */
  peek(path: readonly string[]): unknown {
    const session = this.#options.resolver.connected(this.#options.query);
    return session === undefined ? undefined : lookUp(session, path);
  }

  /** The options of a call, with those of this remote. */
  #complete(given: CallOptions | undefined): CallOptions {
    return given === undefined ? this.#usual : { ...this.#usual, ...given };
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

/** Whether a call may run twice, as its caller says, or as the instance says of the method. */
function mayRunTwice(
  given: CallOptions | undefined,
  session: Session | undefined,
  path: readonly string[],
): boolean {
  const own = given?.idempotent;
  return own ?? session?.about.get(path.join('.'))?.idempotent === true;
}

function lookUp(session: Session, path: readonly string[]): unknown {
  let at: unknown = session.remote;
  for (const key of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}
