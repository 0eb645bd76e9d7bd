import type { Clock } from '../clock.js';
import type { InstanceRecord, Rely } from '../discovery/record.js';
import type { DialerOptions } from './dialer.js';
import type { Instances } from './instances.js';

/** Services of which each waits for the next, so that none comes up. */
export interface Cycle {
  /** Whether the instance that was asked about is on it, and then the first; else it waits for one that is. */
  readonly on: boolean;
  /** Each relies on the next, and the last on the first. */
  readonly members: readonly InstanceRecord[];
}

/** Whether a version is in the range of what is relied on; the names are the same. */
export type InRange = (rely: Rely, record: InstanceRecord) => boolean;

/** `a@1.0.0 → b@2.1.0 → a` */
export function formatCycle({ members }: Cycle): string {
  const names = members.map(({ name, version }) => `${name}@${version}`);
  return [...names, members[0]?.name ?? ''].join(' → ');
}

/** Looks whether an instance that waits does so in a circle. */
export interface Watching {
  /** The circle as it looks at the moment, if there is one. */
  readonly cycle: Cycle | undefined;
  /** Something changed, in what it relies on or what is known of ranges: it looks again, soon. */
  touch(): void;
  stop(): void;
}

export interface WatchOptions {
  readonly clock: Clock;
  readonly inRange: InRange;
  /** Told once, when the instance will not come up: `start` is to fail. */
  readonly tell: (cycle: Cycle) => void;
  /** How others are reached: some can only say themselves what they rely on. */
  readonly dialing: DialerOptions<unknown>;
  /** The instance that waits. */
  self(): InstanceRecord;
  /** The instances of a name that it relies on. */
  instances(name: string): Instances;
  /** All instances, until they are stopped. */
  browse(): Instances;
}
