import type { Clock } from '../clock.js';
import type { DiscoveryEvent } from './discovery.js';
import { sameRecord, type InstanceRecord } from './record.js';

interface Listener {
  readonly name: string | undefined;
  readonly tell: (event: DiscoveryEvent) => void;
  active: boolean;
}

interface Delivery {
  readonly targets: readonly Listener[];
  readonly event: DiscoveryEvent;
}

/**
 * The instances a discovery knows, and who listens to them: what every adapter needs to keep the
 * port's promises about order.
 *
 * Events are delivered at the end of the turn, in the order in which the table changed, each to
 * those who listened when it changed. So nobody is told synchronously, and a listener that
 * announces or browses while it is told does not make others hear things in another order.
 */
export class InstanceTable {
  readonly #clock: Clock;
  readonly #records = new Map<string, InstanceRecord>();
  readonly #listeners = new Set<Listener>();
  #queue: Delivery[] = [];
  #scheduled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#records.size;
  }

  get(id: string): InstanceRecord | undefined {
    return this.#records.get(id);
  }

  values(): InstanceRecord[] {
    return [...this.#records.values()];
  }

  /** Makes `record` the one known of its id. Tells `up` or `update`, or nothing if it says the same. */
  set(record: InstanceRecord): void {
    const known = this.#records.get(record.id);
    if (known !== undefined && sameRecord(known, record)) return;
    // Under another name it is another service to those who browse by name.
    const renamed = known !== undefined && known.name !== record.name;
    if (renamed) this.delete(record.id);
    this.#records.set(record.id, record);
    this.#tell({ type: known === undefined || renamed ? 'up' : 'update', record });
  }

  /** Forgets an instance. Tells `down` if it was known. */
  delete(id: string): void {
    const record = this.#records.get(id);
    if (record === undefined) return;
    this.#records.delete(id);
    this.#tell({ type: 'down', record });
  }

  /** Tells `up` for all that is known at this moment, then what changes, until the returned function is called. */
  browse(name: string | undefined, tell: (event: DiscoveryEvent) => void): () => void {
    const listener: Listener = { name, tell, active: true };
    this.#listeners.add(listener);
    for (const record of this.#records.values()) {
      if (concerns(listener, record)) {
        this.#push({ targets: [listener], event: { type: 'up', record } });
      }
    }
    return () => {
      listener.active = false;
      this.#listeners.delete(listener);
    };
  }

  /** Ends all browsing at once: what waits to be told is not told. */
  close(): void {
    for (const listener of this.#listeners) listener.active = false;
    this.#listeners.clear();
    this.#records.clear();
    this.#queue = [];
  }

  #tell(event: DiscoveryEvent): void {
    const targets = [...this.#listeners].filter((listener) => concerns(listener, event.record));
    if (targets.length > 0) this.#push({ targets, event });
  }

  #push(delivery: Delivery): void {
    this.#queue.push(delivery);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.defer(() => this.#deliver());
  }

  #deliver(): void {
    this.#scheduled = false;
    const queue = this.#queue;
    this.#queue = [];
    for (const { targets, event } of queue) {
      for (const target of targets) {
        if (!target.active) continue;
        try {
          target.tell(event);
        } catch {
          // A listener that throws must not keep the others, or the program, from going on.
        }
      }
    }
  }
}

function concerns(listener: Listener, record: InstanceRecord): boolean {
  return listener.name === undefined || listener.name === record.name;
}
