import type { Discovery, DiscoveryHealth } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { WholeRecords } from '../../src/service/whole-records.js';
import type { Reach } from '../../src/service/service-options.js';
import { inOrder } from './listing.js';
import type { World } from './world.js';

/**
 * How long a command listens. Answers come within 20 to 150 ms (RFC 6762 §6), but nothing says which is the
 * last. On one machine none is lost; on a network the question is asked again after a second.
 */
export const waits = { local: 750, lan: 1_500 } as const;

/** All instances that are heard of within so many ms, in order of names, versions and ids. */
export async function lookAround(
  discovery: Discovery,
  wait: number,
  world: World,
): Promise<InstanceRecord[]> {
  const seen = new Map<string, InstanceRecord>();
  // All names, and chosen from here: other stacks may not announce by name what they have.
  const stop = discovery.browse(undefined, ({ type, record }) => {
    if (type === 'down') seen.delete(record.id);
    else seen.set(record.id, record);
  });
  await pause(wait, world);
  stop();
  return inOrder(seen.values());
}

/** As `lookAround`; of those records that were cut, the instances are asked for the rest. */
export async function lookClosely(
  discovery: Discovery,
  wait: number,
  reach: Reach,
  world: World,
): Promise<InstanceRecord[]> {
  const records = new WholeRecords({
    ask: (record) => world.net.relies(record, reach, discovery),
  });
  return await records.complete(await lookAround(discovery, wait, world));
}

/** How each part of a discovery does. */
export function partsOf(discovery: Discovery): readonly DiscoveryHealth[] {
  // One of several says how each does.
  return discovery.health ?? [{ kind: discovery.kind, degraded: discovery.degraded }];
}

/** Resolves after so many ms, or when nobody reads the output any more; without a time, only then. */
export function pause(ms: number | undefined, { clock, output }: World): Promise<void> {
  return new Promise((resolve) => {
    const { closed } = output;
    let stopTimer: () => void;
    const end = (): void => {
      stopTimer();
      closed.removeEventListener('abort', end);
      resolve();
    };
    // A discovery keeps no process alive: the timer does, also where there is no end to wait for.
    const hold = (): void => {
      stopTimer = clock.after(ms ?? 60_000, ms === undefined ? hold : end);
    };
    hold();
    closed.addEventListener('abort', end);
    if (closed.aborted) end();
  });
}

export function lines(all: readonly string[]): string {
  return all.map((line) => `${line}\n`).join('');
}
