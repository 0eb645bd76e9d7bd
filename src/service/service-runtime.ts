import type { Discovery } from '../discovery/discovery.js';
import type { Matcher } from './range.js';
import type { Runtime } from './runtime.js';
import type { Reach, ServiceOptions } from './service-options.js';

/** What the runtime adds to a service. */
export interface ServiceRuntime<At> extends Runtime<At> {
  readonly matcher: Matcher;
  /** The discovery that is used where none is given. */
  discover(reach: Reach): Discovery;
  merge(discoveries: readonly Discovery[]): Discovery;
  /** The reach where none is given. */
  readonly reach: Reach;
  /** Where to listen, for a service. Throws ERR_OPTION. */
  place(options: ServiceOptions, reach: Reach): At;
  /** Whether a caller of that reach may use an endpoint. */
  reachable(endpoint: string, reach: Reach): boolean;
  /** Has the service stopped when the process is told to end; returns what prevents it. */
  onShutdown(stop: () => Promise<void>): () => void;
}
