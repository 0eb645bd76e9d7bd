import type { Channel } from '../channel/channel.js';
import type { DserviceError } from '../errors.js';
import type { InstanceRecord } from './record.js';

export interface DiscoveryEvent {
  /** `up`: first heard of. `update`: the record changed. `down`: withdrawn or expired; the record is the last one known. */
  readonly type: 'up' | 'update' | 'down';
  readonly record: InstanceRecord;
}

/** A record that is being announced. */
export interface Announcement {
  /** Replaces the record (same id), and tells everybody soon. */
  update(record: InstanceRecord): void;
  /** Says goodbye. Resolves when that has left, and never rejects. A second call does nothing. */
  withdraw(): Promise<void>;
}

/** How one of several discoveries is doing. */
export interface DiscoveryHealth {
  readonly kind: string;
  readonly degraded: DserviceError | undefined;
}

/** What a channel through a discovery is made with. */
export interface CarryOptions {
  /** Milliseconds until it gives up. */
  readonly timeout: number;
}

/**
 * How instances are made known and found.
 *
 * Nothing here throws for what the network does: a discovery that cannot work (no multicast, a
 * rendezvous that does not answer) is `degraded`, says why, keeps trying, and announces and browses
 * when it can again. Events of one instance come in order: `up`, any number of `update`, `down`.
 * A listener first gets `up` for all that is already known, never synchronously from `browse`.
 * A discovery hears its own announcements too.
 *
 * Some carry channels as well, to instances that have no address: a record of theirs has an endpoint
 * that only they can reach (`reaches`, `connect`), and `accept` is told of each channel that comes.
 */
export interface Discovery {
  /** `memory`, `static`, `mdns`, `rendezvous` */
  readonly kind: string;
  /** `accept` takes the channels that come by way of this discovery; one that carries none ignores it. */
  announce(record: InstanceRecord, accept?: (channel: Channel) => void): Announcement;
  /** Tells of instances with that name, or of all, until the returned function is called. */
  browse(name: string | undefined, listener: (event: DiscoveryEvent) => void): () => void;
  /** Why it cannot work at the moment, if so. */
  readonly degraded: DserviceError | undefined;
  /** Of several as one: how each is doing, in the order given. */
  readonly health?: readonly DiscoveryHealth[];
  /** Tells when `degraded` changes, until the returned function is called. */
  onDegraded(listener: (reason: DserviceError | undefined) => void): () => void;
  /** Whether an endpoint is reached by `connect` of this discovery, and by nothing else. */
  reaches?(endpoint: string): boolean;
  /** A channel to such an endpoint. Rejects with ERR_NO_INSTANCE, ERR_CONNECT, ERR_TIMEOUT, ERR_LIMIT, ERR_BUSY. */
  connect?(endpoint: string, options: CarryOptions): Promise<Channel>;
  /**
   * Which of those versions are in an npm semver range, where it knows somebody who can tell. Rejects
   * with ERR_RANGE for what is none.
   */
  match?(range: string, versions: readonly string[]): Promise<boolean[]>;
  /** Withdraws what is announced, ends all browsing. Never rejects. */
  close(): Promise<void>;
}

/** What does not work of it at the moment: all of it, or some of several. */
export function reasonsOf({
  degraded,
  health = [],
}: Pick<Discovery, 'degraded' | 'health'>): DserviceError[] {
  if (degraded !== undefined) return [degraded];
  return health.flatMap((part) => part.degraded ?? []);
}
