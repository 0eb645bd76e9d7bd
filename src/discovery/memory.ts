import { type Clock, systemClock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Announcement, Discovery, DiscoveryEvent } from './discovery.js';
import type { InstanceRecord } from './record.js';
import { InstanceTable } from './table.js';

interface Member {
  readonly table: InstanceTable;
}

/** What memory discoveries share: those made with the same network see each other, and nobody else. */
export class MemoryNetwork {
  readonly #records = new Map<string, { record: InstanceRecord; owner: object }>();
  readonly #members = new Set<Member>();

  /** @internal */
  join(member: Member): () => void {
    for (const { record } of this.#records.values()) member.table.set(record);
    this.#members.add(member);
    return () => this.#members.delete(member);
  }

  /** @internal */
  put(owner: object, record: InstanceRecord): void {
    this.#records.set(record.id, { record, owner });
    for (const { table } of this.#members) table.set(record);
  }

  /** @internal Only who announced last under an id takes it away. */
  remove(owner: object, id: string): void {
    if (this.#records.get(id)?.owner !== owner) return;
    this.#records.delete(id);
    for (const { table } of this.#members) table.delete(id);
  }
}

export interface MemoryDiscoveryOptions {
  readonly network: MemoryNetwork;
  readonly clock?: Clock;
}

/** Discovery within one process: for tests, and for programs whose services live together. Never degraded. */
export function memoryDiscovery({
  network,
  clock = systemClock,
}: MemoryDiscoveryOptions): Discovery {
  const table = new InstanceTable(clock);
  const leave = network.join({ table });
  const announced = new Set<Announcement>();
  let closed = false;

  function announce(first: InstanceRecord): Announcement {
    const owner = {};
    let withdrawn = closed;
    if (!withdrawn) network.put(owner, first);
    const announcement: Announcement = {
      update(record) {
        if (record.id !== first.id) throw idChanged();
        if (!withdrawn) network.put(owner, record);
      },
      withdraw() {
        if (!withdrawn) network.remove(owner, first.id);
        withdrawn = true;
        announced.delete(announcement);
        return Promise.resolve();
      },
    };
    if (!withdrawn) announced.add(announcement);
    return announcement;
  }

  return {
    kind: 'memory',
    announce,
    browse(name: string | undefined, listener: (event: DiscoveryEvent) => void) {
      return closed ? () => {} : table.browse(name, listener);
    },
    degraded: undefined,
    onDegraded: () => () => {},
    async close() {
      if (closed) return;
      closed = true;
      leave();
      table.close();
      for (const announcement of announced) await announcement.withdraw();
    },
  };
}

/** What `update` throws when the record is another instance's. */
export function idChanged(): DserviceError {
  return new DserviceError('ERR_OPTION', 'An announcement is updated with a record of the same id');
}
