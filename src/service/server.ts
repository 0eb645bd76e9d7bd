import type { Channel } from '../channel/channel.js';
import type { Rely } from '../discovery/record.js';
import { type Api, checkApi, checkSendable } from '../protocol/api.js';
import { full, writeClose } from '../protocol/close.js';
import type { Resumable } from '../protocol/continuity.js';
import { Budget } from '../protocol/budget.js';
import { messageOf } from '../protocol/encode.js';
import { Gates } from '../protocol/gates.js';
import type { Once } from '../protocol/once.js';
import { Session } from '../protocol/session.js';
import type { SessionOptions } from '../protocol/session-options.js';
import { Absent } from './absent.js';
import type { EngineHost } from './engine.js';
import type { Listener } from './runtime.js';

/** What an engine has of who serves, and what only sessions of dnode need. */
export interface ServerOptions extends EngineHost {
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  readonly deadline?: number | undefined;
  /** How sessions go on over another channel, where they may: `Resumables` of resume.ts. */
  readonly resume?: Returning | undefined;
  /** How the service is, for peers that ask. */
  readonly health?: (() => unknown) | undefined;
  /** What the service relies on, for those whose discovery could not tell. */
  readonly relies?: (() => readonly Rely[]) | undefined;
  /** Adds listeners of peers to the events of the service. */
  readonly subscribe?: SessionOptions['subscribe'];
  /** Told of each session, before it begins. */
  readonly onSession?: ((session: Session) => void) | undefined;
}

/** Knows sessions that may come back over another channel. */
export interface Returning {
  /** What a new session offers for it. */
  offer(): Resumable;
  /** A session that may come back, from now on. */
  add(session: Session): void;
  /** Hands on a new channel, unless it was one over which a session came back: then undefined. */
  meet(channel: Channel, then: (channel: Channel | undefined) => void): Promise<void>;
}

/** An api that is served: to each channel a session. */
export class Server {
  readonly #options: ServerOptions;
  readonly #sessions = new Set<Session>();
  readonly #absent: Absent;
  readonly #gates: Gates;
  readonly #budget: Budget;
  #api: Api;
  #listener: Listener | undefined;
  /** Channels of which it is not known yet whose they are. */
  #met = 0;
  #closed = false;

  /** Throws ERR_API, ERR_NAME for an api that cannot be served. */
  constructor(api: Api, options: ServerOptions) {
    checkApi(api);
    checkSendable(api, options.limits);
    this.#api = api;
    this.#options = options;
    this.#gates = options.gates ?? new Gates(options.clock);
    this.#budget = new Budget(options.limits.buffered);
    const { buffered: most, sessionsPerAddress: perAddress } = options.limits;
    this.#absent = new Absent({ most, perAddress });
  }

  /** Where it is reached, best first: `unix:/path`, `tcp://host:port`, `tls://host:port`. */
  get endpoints(): readonly string[] {
    return this.#listener?.endpoints ?? [];
  }

  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** Takes over a listener: it ends with this server. */
  attach(listener: Listener): void {
    this.#listener = listener;
    if (this.#closed) void listener.close();
  }

  /** Serves one more channel. */
  accept(channel: Channel): void {
    if (this.#closed) channel.destroy();
    else if (this.#hasRoom()) this.#serve(channel);
    else this.#turnAway(channel);
  }

  /** Tells who finds no room that it is so. Does not wait until they have read it. */
  #turnAway(channel: Channel): void {
    channel.open({ receive() {}, drain() {}, close() {} });
    channel.write(`${writeClose(full())}\n`);
    channel.close();
    this.#options.clock.after(1_000, () => channel.destroy(), true);
  }

  /** As `accept`, of a channel over which a session of ours may come back: for that there is room, and time, always. */
  welcome(channel: Channel): void {
    const { resume, limits } = this.#options;
    const never = resume === undefined || channel.once !== undefined;
    if (never || this.#met >= limits.sessions) return this.accept(channel);
    this.#met++;
    void resume.meet(channel, (found) => {
      this.#met--;
      if (found !== undefined) this.accept(found);
    });
  }

  /** Whether there is room for one more, or somebody who is away made some. */
  #hasRoom(): boolean {
    const { sessions } = this.#options.limits;
    return this.#sessions.size + this.#met < sessions || this.#absent.giveWay();
  }

  #serve(channel: Channel): void {
    const { logger, onSession, resume, ...options } = this.#options;
    const session = new Session({
      ...{ ...options, channel, api: this.#api, budget: this.#budget, gates: this.#gates },
      // Of the protocol's: only what is over one request has it.
      once: channel.once as Once | undefined,
      resume: channel.once === undefined ? resume?.offer() : undefined,
    });
    this.#sessions.add(session);
    this.#absent.watch(session);
    session.on('remote', () => resume?.add(session));
    session.on('end', () => this.#sessions.delete(session));
    session.on('error', (error) => {
      const text =
        error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error);
      logger?.warn(`dservice: something of a session failed with nobody to tell: ${text}`);
    });
    try {
      onSession?.(session);
    } catch (error) {
      logger?.warn(`dservice: onSession failed: ${messageOf(error)}`);
    }
    session.start();
  }

  /** Serves another api from now on, and announces it to those who are here. */
  announce(api: object): void {
    checkApi(api);
    checkSendable(api, this.#options.limits);
    this.#api = api;
    for (const session of this.#sessions) {
      try {
        session.announce(api);
      } catch (error) {
        // This peer has no room for it, or knows no such values; the others do.
        this.#options.logger?.warn(
          `dservice: a peer could not be told of the api: ${messageOf(error)}`,
        );
      }
    }
  }

  /** Stops listening, and ends all sessions. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const session of [...this.#sessions]) session.close();
    await this.#listener?.close();
  }

  /** Resolves when none of the sessions that are away now is away any more: they come back, or end. */
  allBack(): Promise<void> {
    return this.#absent.allBack();
  }

  /** Stops listening, lets every session finish what runs (within `time` ms), and ends it. */
  async drain(time = 10_000): Promise<void> {
    // Without any time, at once: whoever says so has none.
    if (time === 0) return this.close();
    this.#closed = true;
    await Promise.all([
      this.#listener?.close(),
      ...[...this.#sessions].map((session) => session.drain(time)),
    ]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
