import type { Channel } from '../channel/channel.js';
import type { Discovery } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { resumable } from '../protocol/continuity.js';
import { interceptCalls, type Interceptors } from '../protocol/intercept.js';
import type { SessionObserver } from '../protocol/observer.js';
import type { SessionHandle } from '../protocol/session-handle.js';
import { openSession } from './dial.js';
import { type Engine, type EngineDial, engineFor, type EngineSession } from './engine.js';
import { Gone, Lifeline } from './lifeline.js';
import { ObservedSession } from './observed-session.js';
import type { Observers } from './observers.js';
import { race } from './race.js';
import type { Logger, Runtime } from './runtime.js';
import type { Reach, ServiceOptions } from './service-options.js';

export interface DialerOptions<At> {
  readonly runtime: Runtime<At> & {
    /** Whether a caller of that reach may use an endpoint. */
    reachable(endpoint: string, reach: Reach): boolean;
  };
  readonly discovery: Discovery;
  readonly reach: Reach;
  readonly limits: Limits;
  readonly logger: Logger;
  /** How instances can be spoken to. */
  readonly engines: readonly Engine[];
  readonly observers: Observers;
  /** The name of the service that calls. */
  readonly self: string | undefined;
  readonly options: Pick<
    ServiceOptions,
    'tls' | 'auth' | 'deadline' | 'callbacks' | 'stacks' | 'intercept' | 'codecs'
  >;
}

/** Milliseconds for a connection, and for the first word of the peer. */
const timeout = 5_000;

/** Opens sessions with instances: at addresses, by the runtime; else by the discovery that carries to them. */
export class Dialer<At> {
  readonly #options: DialerOptions<At>;

  constructor(options: DialerOptions<At>) {
    this.#options = options;
  }

  reachable(endpoint: string): boolean {
    const { runtime, reach } = this.#options;
    return this.#isCarried(endpoint) || runtime.reachable(endpoint, reach);
  }

  /**
   * A session with the instance at that endpoint, held to it as long as one of `others`, its endpoints by
   * then, leads there. Rejects with why it could not.
   */
  async open(
    instance: InstanceRecord,
    endpoint: string,
    others: () => readonly string[],
  ): Promise<EngineSession> {
    const engine = engineFor(this.#options.engines, endpoint);
    if (engine?.dial !== undefined) return await engine.dial(endpoint, this.#given(instance));
    const { runtime, limits, logger, options } = this.#options;
    const { auth, deadline, callbacks, stacks, codecs } = options;
    const channel = await this.#connect(endpoint);
    const session = await openSession(runtime, channel, {
      ...{ auth, limits, timeout, logger, codecs, resume: resumable() },
      observe: this.#observe(instance),
      intercept: this.#intercept(instance),
      ...(deadline === undefined ? {} : { deadline }),
      ...(callbacks === undefined ? {} : { callbacks }),
      ...(stacks === undefined ? {} : { stacks }),
    });
    const { clock } = runtime;
    const way = { last: endpoint };
    const redial = (): Promise<Channel> =>
      this.#redial(
        others().filter((each) => this.#isOurs(each)),
        way,
      );
    new Lifeline({ session, clock, limits, auth, redial }, channel);
    return session;
  }

  /** What engines other than dnode get of this caller. */
  #given(instance: InstanceRecord): EngineDial {
    const { runtime, limits, logger, options } = this.#options;
    const { auth, deadline, tls, callbacks, stacks, codecs } = options;
    const { clock, scope } = runtime;
    return {
      ...{ clock, scope, limits, timeout, logger, auth, deadline, tls, callbacks, stacks, codecs },
      observe: this.#observe(instance),
      intercept: this.#intercept(instance),
    };
  }

  /** Of calls that a service's remote does not make: of `dnodeFor`, and of functions that were handed over. */
  #intercept({ name }: InstanceRecord): Interceptors | undefined {
    const call = interceptCalls(name, this.#options.options.intercept);
    return call && { call, serve: undefined };
  }

  #observe(instance: InstanceRecord): (session: SessionHandle) => SessionObserver {
    const { observers, self } = this.#options;
    return (session) => new ObservedSession(observers, session, { side: 'client', self, instance });
  }

  /** Whether it is spoken as we do, and not by another engine. */
  #isOurs(endpoint: string): boolean {
    return engineFor(this.#options.engines, endpoint)?.dial === undefined;
  }

  #isCarried(endpoint: string): boolean {
    return this.#options.discovery.reaches?.(endpoint) === true;
  }

  async #connect(endpoint: string): Promise<Channel> {
    const { runtime, discovery, limits, options } = this.#options;
    if (!this.#isCarried(endpoint)) {
      return await runtime.connect(endpoint, { timeout, tls: options.tls, limits });
    }
    const channel = await discovery.connect?.(endpoint, { timeout });
    if (channel === undefined) throw unreached();
    return channel;
  }

  /**
   * A channel to the instance by the endpoint that is reached first, best first: any of them may be away
   * without a word. `way.last` is the one by which it was reached before. Rejects with why there is none:
   * with `Gone` where that one, or each, says that nobody is there any more; with ERR_NO_INSTANCE where all
   * who carry say that they do not know it.
   */
  async #redial(endpoints: readonly string[], way: { last: string }): Promise<Channel> {
    const { runtime } = this.#options;
    const ways = endpoints.map((endpoint) => async () => {
      const channel = await this.#connect(endpoint);
      way.last = endpoint;
      return channel;
    });
    if (ways.length === 0) throw unreached();
    try {
      return await race(runtime.clock, ways);
    } catch (error) {
      const errors: unknown[] = error instanceof AggregateError ? error.errors : [error];
      // Of one that is carried, a connection that is refused is the carrier's.
      const gone = endpoints.filter(
        (each, at) => !this.#isCarried(each) && runtime.isGone?.(errors[at]) === true,
      );
      if (gone.includes(way.last) || gone.length === endpoints.length) throw new Gone(errors[0]);
      throw errors.find((each) => !isUnknown(each)) ?? errors[0];
    }
  }
}

function unreached(): DserviceError {
  const text = 'no way leads to the instance';
  return new DserviceError('ERR_CONNECT', text, { mayHaveRun: false });
}

function isUnknown(error: unknown): boolean {
  return DserviceError.is(error) && error.code === 'ERR_NO_INSTANCE';
}
