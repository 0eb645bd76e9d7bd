import type { Channel } from '../channel/channel.js';
import { type Clock, systemClock } from '../clock.js';
import { syncScope } from '../protocol/context.js';
import type { Authenticate } from '../protocol/session-options.js';
import type { SessionHandle } from '../protocol/session-handle.js';
import type { Matcher } from '../service/matcher.js';
import type { Logger } from '../service/runtime.js';
import { Server } from '../service/server.js';
import { Client, type Match } from './client.js';
import { Dials } from './dials.js';
import { type From, HubLocal } from './hub-local.js';
import { defaultHubLimits, type HubLimits, hubTimes, sessionLimits } from './hub-limits.js';
import { Party } from './party.js';
import { refusal } from './refusal.js';
import { Registry } from './registry.js';
import { Tickets } from './tickets.js';

export interface HubOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<HubLimits>;
  readonly logger?: Logger;
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  /** Lets a client in or not. */
  readonly authenticate?: Authenticate | undefined;
  /** Matches ranges for clients that have no semver. */
  readonly matcher?: Matcher;
  /** In place of a matcher: asks elsewhere. */
  readonly match?: Match;
}

export interface HubStats {
  readonly clients: number;
  readonly records: number;
  readonly subscriptions: number;
  readonly dials: number;
  /** Characters, since the hub began. */
  readonly relayed: number;
}

/**
 * The middle of a rendezvous, in any runtime: it serves each channel that it is given with an api of the
 * client's own (discovery/rendezvous/wire.ts). It keeps what its clients announce while they are here, tells
 * them of each other, and hands on what they say to each other, as fast as it is read. Who a client
 * is, it says itself: ids are made here, Origin and address are the channel's.
 */
export class Hub {
  readonly #clock: Clock;
  /** Until the first await, and no longer: what a call brings about later is not part of it. */
  readonly #scope = syncScope();
  readonly #limits: HubLimits;
  readonly #server: Server;
  readonly #registry: Registry;
  readonly #dials: Dials;
  readonly #clients = new Set<Party>();
  readonly #locals = new Set<HubLocal>();
  readonly #match: Match;
  /** Where clients are asked who they are. */
  readonly #tickets: Tickets | undefined;
  #own: HubLocal | undefined;
  #parties = 0;
  #leaving = false;

  constructor(options: HubOptions = {}) {
    const { clock = systemClock, logger = console } = options;
    this.#clock = clock;
    this.#limits = { ...defaultHubLimits, ...options.limits };
    this.#match = options.match ?? matchBy(options.matcher);
    this.#registry = new Registry(clock);
    this.#tickets = options.authenticate && new Tickets(clock);
    this.#dials = new Dials({ clock, limits: this.#limits, registry: this.#registry });
    this.#server = new Server((_remote: object, session: SessionHandle) => this.#serve(session), {
      ...{ clock, scope: this.#scope, logger, deadline: hubTimes.deadline },
      limits: sessionLimits(this.#limits),
      decodeText: options.decodeText,
      authenticate: options.authenticate,
    });
  }

  /** Serves one client. One too many is not served. */
  accept(channel: Channel): void {
    this.#server.accept(channel);
  }

  stats(): HubStats {
    let subscriptions = 0;
    for (const party of this.#clients) subscriptions += party.subscriptions;
    return {
      clients: this.#clients.size,
      records: this.#registry.size,
      subscriptions,
      dials: this.#dials.size,
      relayed: this.#dials.relayed,
    };
  }

  /** Takes part from within the program. */
  local(): HubLocal {
    const local: HubLocal = new HubLocal({
      clock: this.#clock,
      party: this.#party(true, {}),
      registry: this.#registry,
      dials: this.#dials,
      partyFor: (from) => this.#party(true, from),
    });
    this.#locals.add(local);
    return local;
  }

  /**
   * Whether somebody who is no client may be led to an instance: where clients are asked who they are, one of them
   * must have got the ticket. `open`: but for those of clients that have no address of their own.
   */
  admits(instance: string, ticket: string, open: boolean): boolean {
    if (this.#tickets === undefined || this.#tickets.take(ticket, instance)) return true;
    const entry = open ? this.#registry.get(instance) : undefined;
    return entry?.owner.local === false && entry.record.endpoints.length === 0;
  }

  /**
   * A channel to an instance that a client announced, for somebody who is not one: the client is told
   * their origin and address. Rejects with ERR_NO_INSTANCE, ERR_CONNECT, ERR_TIMEOUT, ERR_BUSY.
   */
  connect(instance: string, from: From = {}): Promise<Channel> {
    this.#own ??= this.local();
    return this.#own.connect(instance, from);
  }

  /** Takes on nothing new, asks all clients to go, and waits (`time` ms at most) for their dials to end. */
  async drain(time = 10_000): Promise<void> {
    this.#leaving = true;
    await this.#server.drain(time);
    await this.close();
  }

  /** Ends all sessions. */
  async close(): Promise<void> {
    this.#leaving = true;
    for (const local of this.#locals) local.close();
    this.#locals.clear();
    await this.#server.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #serve(session: SessionHandle): object {
    const party = this.#party(false, session.peer);
    const client = new Client({
      party,
      limits: this.#limits,
      registry: this.#registry,
      dials: this.#dials,
      match: this.#match,
      scope: this.#scope,
      ticket: this.#tickets && ((id) => this.#tickets?.give(id) ?? ''),
      leaving: () => this.#leaving,
    });
    this.#clients.add(party);
    session.on('end', () => {
      this.#clients.delete(party);
      client.end();
    });
    return client.api;
  }

  #party(local: boolean, { origin, address }: From): Party {
    const id = `c${++this.#parties}`;
    return new Party({ id, clock: this.#clock, limits: this.#limits, local, origin, address });
  }
}

function matchBy(matcher: Matcher | undefined): Match {
  return (range, versions) => {
    if (matcher === undefined) throw refusal('ERR_STATE', 'this rendezvous matches no ranges');
    if (!matcher.isRange(range)) {
      throw refusal('ERR_RANGE', `"${range.slice(0, 80)}" is no semver range`);
    }
    return versions.map((version) => matcher.satisfies(version, range));
  };
}
