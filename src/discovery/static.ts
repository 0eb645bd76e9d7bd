import { type Clock, systemClock } from '../clock.js';
import type { Announcement, Discovery, DiscoveryEvent } from './discovery.js';
import { idChanged } from './memory.js';
import type { InstanceRecord } from './record.js';
import { InstanceTable } from './table.js';

/** An instance whose address is known beforehand. */
export interface StaticInstance {
  /** Lower-case letters, digits, `-`, `.`; at most 63 bytes. */
  readonly name: string;
  /** An exact semver version; `0.0.0` if left out. */
  readonly version?: string;
  /** URLs, best first. */
  readonly endpoints: readonly string[];
}

export interface StaticDiscoveryOptions {
  readonly instances: readonly StaticInstance[];
  readonly clock?: Clock;
}

/**
 * Discovery by a list of endpoints: each entry counts as an instance that is `up` for ever. What is
 * announced here is heard here only. Never degraded.
 */
export function staticDiscovery({
  instances,
  clock = systemClock,
}: StaticDiscoveryOptions): Discovery {
  const table = new InstanceTable(clock);
  for (const instance of instances) table.set(toRecord(instance));
  let closed = false;

  function announce(first: InstanceRecord): Announcement {
    let withdrawn = closed;
    if (!withdrawn) table.set(first);
    return {
      update(record) {
        if (record.id !== first.id) throw idChanged();
        if (!withdrawn && !closed) table.set(record);
      },
      withdraw() {
        if (!withdrawn) table.delete(first.id);
        withdrawn = true;
        return Promise.resolve();
      },
    };
  }

  return {
    kind: 'static',
    announce,
    browse(name: string | undefined, listener: (event: DiscoveryEvent) => void) {
      return closed ? () => {} : table.browse(name, listener);
    },
    degraded: undefined,
    onDegraded: () => () => {},
    close() {
      closed = true;
      table.close();
      return Promise.resolve();
    },
  };
}

function toRecord({ name, version = '0.0.0', endpoints }: StaticInstance): InstanceRecord {
  return {
    id: fnv64([name, version, ...endpoints].join('\n')),
    name,
    version,
    endpoints,
    state: 'up',
    relies: [],
    assumed: true,
  };
}

/** FNV-1a, 64 bits, as 16 hex digits: the same entry has the same id in every process. */
function fnv64(text: string): string {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) {
    hash = ((hash ^ BigInt(byte)) * 0x100000001b3n) & 0xffffffffffffffffn;
  }
  return hash.toString(16).padStart(16, '0');
}
