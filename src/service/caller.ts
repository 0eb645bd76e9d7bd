import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import { interceptCalls } from '../protocol/intercept.js';
import { dispose } from '../protocol/options.js';
import type { EngineSession as Session } from './engine.js';
import { Dialer, type DialerOptions } from './dialer.js';
import type { Matcher } from './matcher.js';
import { formatQuery, parseQuery, type Query } from './name.js';
import type { Remote } from './remote.js';
import { Resolver } from './resolver.js';
import { type Hit, Search } from './search.js';
import {
  checkConnectOptions,
  type ConnectOptions,
  type FindOptions,
  type ServiceOptions,
} from './service-options.js';
import { ServiceCaller } from './service-caller.js';
import { serviceRemote } from './service-remote.js';
import { Listening, type Subscription } from './subscription.js';
import { checkEvent } from './subscriptions.js';

/** One instance's connection, as `dnodeFor` hands it over. */
export interface ServiceConnection {
  readonly instance: InstanceRecord;
  readonly session: Session;
  /** Gives the connection back: it closes where nobody else uses it. */
  end(): void;
  on(event: 'end', listener: (error: DserviceError | undefined) => void): () => void;
}

/** How `dnodeFor` tells what it found: an error, or a remote and its connection. */
export type Found<T> = (
  ...args:
    | [error: null, remote: Remote<T>, d: ServiceConnection]
    | [error: DserviceError, remote: undefined, d: undefined]
) => void;

/** What opens its sessions, and how versions are matched. */
export interface CallerOptions<At> extends DialerOptions<At> {
  readonly matcher: Matcher;
  readonly options: ServiceOptions;
}

/** The calling half of a service: finds instances of others, and calls them. */
export class Caller<At> {
  readonly resolver: Resolver;
  /** How it reaches others. */
  readonly dialing: DialerOptions<At>;
  readonly #options: CallerOptions<At>;
  /** Milliseconds to wait for an instance, and that a call may take, where nothing else is said. */
  readonly #wait: number;
  readonly #deadline: number;
  readonly #listening = new Set<Listening>();

  constructor(options: CallerOptions<At>) {
    this.#options = options;
    const { runtime, matcher, discovery, reach, limits, logger, engines } = options;
    const { observers, self } = options;
    const { pick, prefer, wait = 10_000, deadline = 30_000 } = options.options;
    this.#wait = wait;
    this.#deadline = deadline;
    this.dialing = {
      ...{ runtime, discovery, reach, limits, logger, engines, observers, self },
      options: options.options,
    };
    const dialer = new Dialer(this.dialing);
    this.resolver = new Resolver({
      ...{ clock: runtime.clock, matcher, discovery, pick, prefer, observers },
      open: (instance, endpoint, others) => dialer.open(instance, endpoint, others),
      reachable: (endpoint) => dialer.reachable(endpoint),
    });
  }

  /** A remote that stands for a service, once an instance is connected. Rejects as `Service.connect` says. */
  async connect(query: string, options: ConnectOptions = {}): Promise<object> {
    checkConnectOptions(options);
    const { runtime, matcher, observers } = this.#options;
    const { clock, scope } = runtime;
    const { wait = this.#wait, deadline = this.#deadline, instance } = options;
    const { hedge = this.#options.options.hedge } = options;
    const parsed = { ...parseQuery(query, matcher), instance };
    const { connection, end } = await this.#find(parsed, wait);
    connection.share();
    end();
    const { resolver } = this;
    return serviceRemote(
      new ServiceCaller({
        ...{ query: parsed, resolver, clock, scope, wait, deadline, hedge },
        ...{ usual: this.#deadline, observers },
        onError: (error) => this.#options.logger.warn(`dservice: ${messageOf(error)}`),
        intercept: interceptCalls(parsed.name, this.#options.options.intercept, options.intercept),
      }),
    );
  }

  /** Tells `cb` of one instance, as `Service.dnodeFor` says. Never rejects. */
  async one(query: string, options: FindOptions, cb: Found<unknown>): Promise<void> {
    const { runtime, matcher } = this.#options;
    // Deferred, so that what the callback throws is the program's own exception, not ours.
    const tell = (...args: Parameters<typeof cb>): void => runtime.clock.defer(() => cb(...args));
    try {
      const { wait = this.#wait, instance: id } = options;
      const parsed = { ...parseQuery(query, matcher), instance: id };
      const { connection, session, end } = await this.#find(parsed, wait);
      session.on('end', end);
      const { record: instance } = connection;
      tell(null, session.remote, {
        ...{ instance, session, end },
        on: (event, listener) => session.on(event, listener),
      });
    } catch (error) {
      const known = DserviceError.is(error)
        ? error
        : new DserviceError('ERR_CONNECT', messageOf(error), { cause: error });
      tell(known, undefined, undefined);
    }
  }

  /** Connects to an instance that can be reached; in use until `end`. */
  async #find(query: Query, wait: number): Promise<Hit> {
    const { clock } = this.#options.runtime;
    try {
      return await new Search({ resolver: this.resolver, query, clock, wait }).find();
    } catch (error) {
      if (DserviceError.is(error)) error.service ??= formatQuery(query);
      throw error;
    }
  }

  /** Listens to an event of others, as `Service.on` says. */
  listen(
    query: string,
    event: string,
    listener: (...args: never[]) => unknown,
    onError: (error: unknown) => void,
  ): Subscription {
    checkEvent(event);
    const { runtime, matcher, self = null } = this.#options;
    const listening = new Listening({
      ...{ resolver: this.resolver, clock: runtime.clock, self, event, onError },
      query: { ...parseQuery(query, matcher), every: true },
      // Whoever emits says what it has; the types are what the listener believes.
      listener: listener as (...args: unknown[]) => unknown,
    });
    this.#listening.add(listening);
    const stop = (): void => {
      this.#listening.delete(listening);
      listening.stop();
    };
    return Object.assign(stop, { ready: listening.ready, [dispose]: stop });
  }

  /** No more events; resolves when what they have begun has ended. Never rejects. */
  async quiet(): Promise<void> {
    await Promise.all([...this.#listening].map((each) => each.drain()));
  }

  /** Ends all connections; who waits is told. */
  close(): void {
    for (const each of this.#listening) each.stop();
    this.resolver.close();
  }
}
