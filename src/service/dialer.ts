import type { Channel } from '../channel/channel.js';
import type { Discovery } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { resumable } from '../protocol/continuity.js';
import type { SessionObserver } from '../protocol/observer.js';
import type { SessionHandle } from '../protocol/session-handle.js';
import { openSession } from './dial.js';
import { type Engine, type EngineDial, engineFor, type EngineSession } from './engine.js';
import { Lifeline } from './lifeline.js';
import { ObservedSession } from './observed-session.js';
import type { Observers } from './observers.js';
import type { Logger } from './runtime.js';
import type { Reach, ServiceOptions } from './service-options.js';
import type { ServiceRuntime } from './service-runtime.js';

export interface DialerOptions<At> {
  readonly runtime: ServiceRuntime<At>;
  readonly discovery: Discovery;
  readonly reach: Reach;
  readonly limits: Limits;
  readonly logger: Logger;
  /** How instances can be spoken to. */
  readonly engines: readonly Engine[];
  readonly observers: Observers;
  /** The name of the service that calls. */
  readonly self: string | undefined;
  readonly options: Pick<ServiceOptions, 'tls' | 'auth' | 'deadline' | 'callbacks' | 'stacks'>;
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
   * A session with an instance, at one of its endpoints. One that is carried is held to the instance as long
   * as one of `others`, its endpoints by then, leads there. Rejects with why it could not.
   */
  async open(
    instance: InstanceRecord,
    endpoint: string,
    others: () => readonly string[],
  ): Promise<EngineSession> {
    const engine = engineFor(this.#options.engines, endpoint);
    if (engine?.dial !== undefined) return await engine.dial(endpoint, this.#given(instance));
    const { runtime, limits, logger, options } = this.#options;
    const { tls, auth, deadline, callbacks, stacks } = options;
    const carried = this.#isCarried(endpoint);
    const channel = carried
      ? await this.#carry([endpoint])
      : await runtime.connect(endpoint, { timeout, tls, limits });
    const session = await openSession(runtime, channel, {
      ...{ auth, limits, timeout, logger, resume: carried ? resumable() : undefined },
      observe: this.#observe(instance),
      ...(deadline === undefined ? {} : { deadline }),
      ...(callbacks === undefined ? {} : { callbacks }),
      ...(stacks === undefined ? {} : { stacks }),
    });
    if (carried) {
      const redial = (): Promise<Channel> => this.#carry(others());
      new Lifeline({ session, clock: runtime.clock, limits, auth, redial }, channel);
    }
    return session;
  }

  /** What engines other than dnode get of this caller. */
  #given(instance: InstanceRecord): EngineDial {
    const { runtime, limits, logger, options } = this.#options;
    const { auth, deadline, tls, callbacks, stacks } = options;
    const { clock, scope } = runtime;
    return {
      ...{ clock, scope, limits, timeout, logger, auth, deadline, tls, callbacks, stacks },
      observe: this.#observe(instance),
    };
  }

  #observe(instance: InstanceRecord): (session: SessionHandle) => SessionObserver {
    const { observers, self } = this.#options;
    return (session) => new ObservedSession(observers, session, { side: 'client', self, instance });
  }

  #isCarried(endpoint: string): boolean {
    return this.#options.discovery.reaches?.(endpoint) === true;
  }

  /**
   * A channel to the endpoint that is reached first, of those that a discovery carries to: one of several
   * rendezvous may be away without a word. Rejects with why there is none; with ERR_NO_INSTANCE only
   * where all say so.
   */
  async #carry(endpoints: readonly string[]): Promise<Channel> {
    const { discovery } = this.#options;
    let won = false;
    const attempts = endpoints
      .filter((endpoint) => this.#isCarried(endpoint))
      .map(async (endpoint) => {
        const channel = await discovery.connect?.(endpoint, { timeout });
        if (channel === undefined) throw unreached();
        if (won) {
          channel.close();
          throw unreached();
        }
        won = true;
        return channel;
      });
    if (attempts.length === 0) throw unreached();
    try {
      return await Promise.any(attempts);
    } catch (error) {
      const all: unknown[] = error instanceof AggregateError ? error.errors : [error];
      throw all.find((each) => !isUnknown(each)) ?? all[0];
    }
  }
}

function unreached(): DserviceError {
  const text = 'no rendezvous carries to the instance';
  return new DserviceError('ERR_CONNECT', text, { mayHaveRun: false });
}

function isUnknown(error: unknown): boolean {
  return DserviceError.is(error) && error.code === 'ERR_NO_INSTANCE';
}
