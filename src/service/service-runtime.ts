import type { Discovery } from '../discovery/discovery.js';
import type { Rely } from '../discovery/record.js';
import type { Watching, WatchOptions } from './cycle.js';
import type { Matcher } from './matcher.js';
import type { Runtime } from './runtime.js';
import type { Reach, ServiceOptions } from './service-options.js';

/** What the runtime adds to a service. */
export interface ServiceRuntime<At> extends Runtime<At> {
  /** How versions are matched, for a service with that discovery. */
  matcher(discovery: () => Discovery): Matcher;
  /** The discovery that is used where none is given. Throws ERR_OPTION. */
  discover(reach: Reach, options: ServiceOptions): Discovery;
  merge(discoveries: readonly Discovery[]): Discovery;
  /** The reach where none is given. */
  readonly reach: Reach;
  /** Where to listen, for a service. Throws ERR_OPTION. */
  place(options: ServiceOptions, reach: Reach): At;
  /** Whether a caller of that reach may use an endpoint. */
  reachable(endpoint: string, reach: Reach): boolean;
  /** Watches over one that waits: an `askingWatch`, or a `CycleWatch`, which a runtime may load when it is first needed. */
  watchCycle(options: WatchOptions): Watching;
  /**
   * What the package relies on that the program belongs to, where the runtime knows packages. Rejects with
   * ERR_OPTION, ERR_NAME, ERR_RANGE, naming file and key.
   */
  declared?(options: ServiceOptions): Promise<readonly Rely[]>;
  /** Has the service stopped, within `time` ms, when the program is told to end; returns what prevents it. */
  onShutdown(stop: (time?: number) => Promise<void>): () => void;
}
