import type { Clock } from '../../src/clock.js';
import type { StoreFactory } from '../../src/pipeline/store.js';
import type { Service } from '../../src/service/service.js';
import type { ServiceOptions } from '../../src/service/service-options.js';
import type { RendezvousOptions } from '../rendezvous/options.js';
import type { Rendezvous } from '../rendezvous/rendezvous.js';
import type { Net } from './net.js';

/** Where a command writes to. */
export interface Output {
  /** Standard output: what was asked for, and nothing else. */
  out(text: string): void;
  /** Standard error: what the user should know beside it. */
  err(text: string): void;
  /** Fires when nobody reads standard output any more. */
  readonly closed: AbortSignal;
  /** Standard output is a terminal, on which can be drawn. */
  readonly terminal: boolean;
  /** Colours are wanted there. */
  readonly colors: boolean;
  /** Lines of the terminal. */
  readonly rows: number;
  /** Characters in a line of it. */
  readonly columns: number;
}

/** As much of a service as a command needs to look around and to call. */
export type Caller = Pick<Service<unknown>, 'discovery' | 'dnodeFor' | 'stop'>;

/** All that a command touches, handed in so that it can be tested without a process. */
export interface World {
  readonly output: Output;
  readonly clock: Clock;
  /** The package's. */
  readonly version: string;
  /** A service that only calls. Throws ERR_OPTION. */
  caller(options: ServiceOptions): Caller;
  readonly net: Net;
  /** Rejects with ERR_OPTION, ERR_LISTEN. */
  rendezvous(options: RendezvousOptions): Promise<Rendezvous>;
  /** What DSERVICE_STORE says. */
  readonly storeUrl: string | undefined;
  /**
   * Where pipelines are kept, by its URL; the usual folder without one. Undefined where there is nothing yet, and
   * nothing is made there. Rejects with ERR_OPTION.
   */
  store(url: string | undefined): Promise<StoreFactory | undefined>;
}
