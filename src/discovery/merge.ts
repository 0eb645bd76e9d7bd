import type { Channel } from '../channel/channel.js';
import { type Clock, systemClock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Announcement, Discovery, DiscoveryEvent, DiscoveryHealth } from './discovery.js';
import type { InstanceRecord } from './record.js';
import { InstanceTable } from './table.js';
import { Union } from './union.js';

export interface MergedDiscovery extends Discovery {
  /** How each is doing, in the order given. `degraded` speaks only when none works. */
  readonly health: readonly DiscoveryHealth[];
}

export interface MergeOptions {
  /** The first is preferred: its endpoints come first. */
  readonly discoveries: readonly Discovery[];
  readonly clock?: Clock;
}

/**
 * Several discoveries as one. What is announced is announced by each; what each hears is merged by
 * instance id: endpoints are united, `down` comes when the last one lost it. `close` closes each.
 */
export function mergeDiscoveries({
  discoveries,
  clock = systemClock,
}: MergeOptions): MergedDiscovery {
  const stops = new Set<() => void>();
  const listeners = new Set<(reason: DserviceError | undefined) => void>();
  let closed = false;
  let degraded = reasonOf(discoveries);
  const unsubscribe = discoveries.map((discovery) => discovery.onDegraded(() => refresh()));

  function refresh(): void {
    const before = degraded;
    degraded = reasonOf(discoveries);
    if (before?.message === degraded?.message) return;
    for (const listener of [...listeners]) listener(degraded);
  }

  function announce(first: InstanceRecord, accept?: (channel: Channel) => void): Announcement {
    const parts = closed ? [] : discoveries.map((discovery) => discovery.announce(first, accept));
    return {
      update(record) {
        for (const part of parts) part.update(record);
      },
      async withdraw() {
        await Promise.all(parts.map((part) => part.withdraw()));
      },
    };
  }

  function browse(name: string | undefined, listener: (event: DiscoveryEvent) => void): () => void {
    if (closed) return () => {};
    const table = new InstanceTable(clock);
    const union = new Union(table);
    table.browse(name, listener);
    const ends = discoveries.map((discovery, rank) =>
      discovery.browse(name, ({ type, record }) => {
        if (type === 'down') union.drop(String(rank), record.id);
        else union.put(String(rank), rank, record);
      }),
    );
    const stop = () => {
      stops.delete(stop);
      for (const end of ends) end();
      table.close();
    };
    stops.add(stop);
    return stop;
  }

  const matching = discoveries.filter(({ match }) => match !== undefined);

  /** Asks one after the other. */
  async function match(range: string, versions: readonly string[]): Promise<boolean[]> {
    let why: unknown;
    for (const discovery of matching) {
      try {
        const answer = await discovery.match?.(range, versions);
        if (answer !== undefined) return answer;
      } catch (error) {
        why = error;
        if (DserviceError.is(error) && error.code === 'ERR_RANGE') break;
      }
    }
    throw why;
  }

  return {
    kind: discoveries.map((discovery) => discovery.kind).join('+'),
    announce,
    browse,
    reaches: (endpoint) => discoveries.some((discovery) => discovery.reaches?.(endpoint)),
    async connect(endpoint, options) {
      for (const discovery of discoveries) {
        if (discovery.reaches?.(endpoint) === true && discovery.connect !== undefined) {
          return await discovery.connect(endpoint, options);
        }
      }
      throw new DserviceError('ERR_ENDPOINT', `no discovery reaches ${endpoint}`);
    },
    ...(matching.length > 0 ? { match } : {}),
    get degraded() {
      return degraded;
    },
    get health() {
      return discoveries.map(({ kind, degraded: reason }) => ({ kind, degraded: reason }));
    },
    onDegraded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      if (closed) return;
      closed = true;
      for (const stop of [...stops]) stop();
      for (const end of unsubscribe) end();
      listeners.clear();
      await Promise.all(discoveries.map((discovery) => discovery.close()));
    },
  };
}

/** Why none of them works, if none does. */
function reasonOf(discoveries: readonly Discovery[]): DserviceError | undefined {
  const reasons = discoveries.map((discovery) => discovery.degraded);
  if (discoveries.length > 0 && reasons.some((reason) => reason === undefined)) return undefined;
  const text = discoveries.map(({ kind, degraded }) => `${kind}: ${degraded?.message}`).join('; ');
  return new DserviceError('ERR_DISCOVERY', text || 'There is no discovery to use', {
    cause: reasons.length === 1 ? reasons[0] : new AggregateError(reasons),
  });
}
