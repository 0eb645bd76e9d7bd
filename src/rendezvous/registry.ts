import type { Clock } from '../clock.js';
import { sameRecord, type InstanceRecord } from '../discovery/record.js';
import { isRelay } from '../discovery/rendezvous/wire.js';
import { hubTimes } from './hub-limits.js';
import type { Accept, Entry, Party } from './party.js';
import { refusal } from './refusal.js';
import { type Subscription, type Tell, Topic } from './topic.js';

export interface Announcing {
  readonly record: InstanceRecord;
  readonly size: number;
  readonly key: string;
  readonly accept: Accept | undefined;
}

/** Of those who went, so many are remembered. */
const mostLeft = 10_000;

/** What is announced, by id, and who listens, by name. */
export class Registry {
  readonly #clock: Clock;
  readonly #settled: number;
  readonly #entries = new Map<string, Entry>();
  readonly #all: Topic;
  readonly #names = new Map<string, Topic>();
  /** Who was here and went, as long as others may be on their way. */
  readonly #left = new Set<string>();

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#settled = clock.now() + hubTimes.settling;
    this.#all = new Topic(clock, this.#settled);
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * Milliseconds until an instance that is not here is gone, and not on its way from the rendezvous
   * before. Who was here and went is gone.
   */
  settling(id: string): number {
    return this.#left.has(id) ? 0 : Math.max(0, this.#settled - this.#clock.now());
  }

  #remember(id: string): void {
    if (this.#clock.now() > this.#settled) this.#left.clear();
    else if (this.#left.size < mostLeft) this.#left.add(id);
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  /**
   * Announces a record. One who has its key may announce it again, from wherever, and takes it over:
   * the earlier announcement is over without a word. Throws ERR_AUTH without the key.
   */
  announce(owner: Party, { record: given, size, key, accept }: Announcing): Entry {
    const known = this.#entries.get(given.id);
    if (known !== undefined && known.key !== key) {
      const error = refusal('ERR_AUTH', `${given.id} is announced by somebody else`);
      // Nothing is wrong then: it is shown already.
      throw known.owner.local ? Object.assign(error, { bridged: true }) : error;
    }
    const entry: Entry = { record: believed(owner, given), size, owner, key, accept };
    known?.owner.entries.delete(known);
    owner.entries.add(entry);
    const before = known && { ...known };
    this.#entries.set(given.id, entry);
    this.#show(entry, before);
    return entry;
  }

  /** Another record of the same id. Does nothing for an announcement that is over. Throws ERR_DATA. */
  update(entry: Entry, given: InstanceRecord, size: number): void {
    if (given.id !== entry.record.id) {
      throw refusal('ERR_DATA', 'an update has the same id');
    }
    if (this.#entries.get(given.id) !== entry) return;
    const before = { ...entry };
    entry.record = believed(entry.owner, given);
    entry.size = size;
    this.#show(entry, before);
  }

  withdraw(entry: Entry): void {
    const { record, owner } = entry;
    owner.entries.delete(entry);
    if (this.#entries.get(record.id) !== entry) return;
    this.#entries.delete(record.id);
    this.#remember(record.id);
    this.#hide(record);
    this.#all.delete(record);
  }

  /** Tells of a name, or of all; the beginning at once. */
  browse(name: string | undefined, tell: Tell): () => void {
    const topic = name === undefined ? this.#all : this.#topic(name);
    const subscription: Subscription = topic.subscribe(tell);
    return () => {
      topic.unsubscribe(subscription);
      if (name !== undefined) this.#tidy(name);
    };
  }

  #show(entry: Entry, before: Entry | undefined): void {
    const { record } = entry;
    if (before !== undefined && before.record.name !== record.name) this.#hide(before.record);
    else if (before !== undefined && saysTheSame(entry, before)) {
      // Nobody is told, but who dials has to find the one that is there now.
      this.#topic(record.name).replace(entry);
      this.#all.replace(entry);
      return;
    }
    this.#topic(record.name).put(entry);
    this.#all.put(entry);
  }

  #hide(record: InstanceRecord): void {
    this.#topic(record.name).delete(record);
    this.#tidy(record.name);
  }

  #topic(name: string): Topic {
    let topic = this.#names.get(name);
    if (topic === undefined) {
      topic = new Topic(this.#clock, this.#settled);
      this.#names.set(name, topic);
    }
    return topic;
  }

  #tidy(name: string): void {
    if (this.#names.get(name)?.empty === true) this.#names.delete(name);
  }
}

function saysTheSame(a: Entry, b: Entry): boolean {
  return (
    sameRecord(a.record, b.record) &&
    (a.accept === undefined) === (b.accept === undefined) &&
    a.owner.local === b.owner.local
  );
}

/** A page has no address, whatever it says; and nobody but the rendezvous says what it relays. */
function believed(owner: Party, record: InstanceRecord): InstanceRecord {
  const endpoints =
    owner.origin === undefined ? record.endpoints.filter((endpoint) => !isRelay(endpoint)) : [];
  return { ...record, endpoints };
}
