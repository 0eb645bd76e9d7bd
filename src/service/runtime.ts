import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import type { Limits } from '../limits.js';
import type { ContextScope } from '../protocol/context.js';
import type { Answer, Engine, Exchange } from './engine.js';
import type { Logger } from './logger.js';
import type { Observer } from './observer.js';
import type { Rule } from './option-rules.js';

export type { Logger } from './logger.js';

/** Where a server listens: what `listen` of a runtime gives. */
export interface Listener {
  readonly endpoints: readonly string[];
  /**
   * Stops listening. HTTP requests that are answered, or were under way, have `time` ms to be through; 0,
   * where none is given.
   */
  close(time?: number): Promise<void>;
}

/** What a listener that brings itself along is lent. */
export interface ListenContext {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly logger: Logger;
}

/**
 * A place to listen that brings its own way along, in place of one that the runtime knows: what few
 * programs use, those that do not need not carry.
 */
export interface Listenable {
  /** Listens from this call on, and hands over each connection. Rejects with ERR_LISTEN, ERR_OPTION. */
  listenWith(context: ListenContext, onChannel: (channel: Channel) => void): Promise<Listener>;
}

/** Milliseconds, a signal and what else a connection may be made with. */
export interface ConnectOptions {
  readonly timeout?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly limits: Limits;
  /** What the runtime's TLS wants: in Node, the options of `tls.connect`. */
  readonly tls?: object | undefined;
}

/**
 * What differs between runtimes, handed in by `node/` and `browser/`. `At` is where that runtime can
 * listen, and what it can take as a channel.
 */
export interface Runtime<At> {
  readonly clock: Clock;
  readonly scope: ContextScope;
  readonly decodeText?: (bytes: Uint8Array) => string;
  /** Told of everything, beside the observers that are given. */
  readonly observer?: Observer;
  /** A channel over what the user has at hand: a port, a socket, a stream. Undefined for anything else. */
  adopt(target: unknown): Channel | undefined;
  /** Connects to an endpoint. Rejects with ERR_ENDPOINT, ERR_CONNECT, ERR_TIMEOUT, or the signal's reason. */
  connect(endpoint: string, options: ConnectOptions): Promise<Channel>;
  /** Whether an error of `connect` says that whoever listened there is gone, and not only out of reach. */
  isGone?(error: unknown): boolean;
  /** What the options of a place to listen must be. */
  readonly atRules: Readonly<Record<string, Rule>>;
  /** How services are spoken here beside dnode. */
  readonly engines: readonly Engine[];
  /** Listens, and hands over each connection and each request. Rejects with ERR_LISTEN, ERR_OPTION. */
  listen(
    at: At,
    limits: Limits,
    onChannel: (channel: Channel) => void,
    answer?: (exchange: Exchange) => Promise<Answer | undefined> | undefined,
  ): Promise<Listener>;
}
