import type { Clock } from '../../src/clock.js';
import {
  answers,
  rrKey,
  rrSize,
  setKey,
  type PtrRr,
  type Question,
  type Rr,
  type SrvRr,
  type TxtRr,
} from './message.js';
import { canonical, isEncodable, isInstanceName, isTypeName } from './names.js';

interface Entry {
  readonly rr: Rr;
  readonly key: string;
  readonly set: string;
  readonly source: string;
  readonly order: number;
  /** Milliseconds of the clock. */
  readonly received: number;
  expires: number;
  /** Said goodbye to, or about to be replaced: not shown any more, though it is kept for a second (§10.1). */
  dying: boolean;
  /** How many refresh questions were due. */
  refreshed: number;
  refreshAt: number;
}

export interface CacheOptions {
  readonly clock: Clock;
  /** These instances (canonical names) are to be looked at again: something about them changed by time. */
  readonly changed: (instances: ReadonlySet<string>) => void;
  /** Asks again for what is about to expire. */
  readonly refresh: (questions: readonly Question[]) => void;
  /** Whether somebody wants to know what answers this question. */
  readonly wanted: (question: Question) => boolean;
  /** Records that are held. */
  readonly max?: number;
}

const maxRecords = 4096;
const maxRecordBytes = 2048;
const maxTtl = 86_400;
const coarseFrom = 256;
const coarse = 100;

/**
 * What was heard on one link (RFC 6762 §10): PTR, SRV and TXT records of our service type, and the
 * addresses of hosts that these name.
 *
 * It holds at most 4096 records of at most 2048 bytes. Full, it forgets the record heard longest
 * ago of the address that fills most of it: who floods it loses his own.
 */
export class Cache {
  readonly #options: CacheOptions;
  readonly #max: number;
  readonly #sets = new Map<string, Map<string, Entry>>();
  readonly #sources = new Map<string, Map<string, Entry>>();
  /** By canonical name of the instance they point to. */
  readonly #pointers = new Map<string, Set<Entry>>();
  /** Canonical host name to the instances that run there. */
  readonly #hosts = new Map<string, Set<string>>();
  #order = 0;
  #size = 0;
  #timer: { at: number; cancel: () => void } | undefined;

  constructor(options: CacheOptions) {
    this.#options = options;
    this.#max = options.max ?? maxRecords;
  }

  get size(): number {
    return this.#size;
  }

  /** Takes in the records of one response. Returns the instances (canonical names) that they are about. */
  receive(rrs: readonly Rr[], source: string): Set<string> {
    const touched = new Set<string>();
    // Addresses last: which are of interest, the SRV records tell.
    const addresses: Rr[] = [];
    for (const rr of rrs) {
      if (rr.type === 'A' || rr.type === 'AAAA') addresses.push(rr);
      else this.#take(rr, source, touched);
    }
    for (const rr of addresses) this.#take(rr, source, touched);
    return touched;
  }

  #take(rr: Rr, source: string, touched: Set<string>): void {
    if (!this.#isOfInterest(rr) || rrSize(rr) > maxRecordBytes) return;
    // Many instances may be on one host, which tells its address with each of them.
    if (rr.ttl === 0 || !this.#isKnown(rr)) {
      for (const instance of this.#instancesOf(rr)) touched.add(instance);
    }
    if (rr.ttl === 0) return this.#goodbye(rr);
    if (rr.flush) this.#flush(rr);
    this.#put(rr, source);
  }

  /** Whether that has been heard, and is the last that was heard of its set. */
  #isKnown(rr: Rr): boolean {
    const entries = this.#sets.get(setKey(rr.name, rr.type));
    const entry = entries?.get(rrKey(rr));
    if (entry === undefined || entry.dying) return false;
    return rr.type !== 'SRV' && rr.type !== 'TXT' ? true : entries?.size === 1;
  }

  #isOfInterest(rr: Rr): boolean {
    const name = canonical(rr.name);
    switch (rr.type) {
      case 'PTR':
        return isTypeName(name) && isInstanceName(canonical(rr.data));
      case 'SRV':
      case 'TXT':
        return isInstanceName(name);
      case 'A':
      case 'AAAA':
        return this.#hosts.has(name);
      case 'NSEC':
        return false;
    }
  }

  #instancesOf(rr: Rr): Iterable<string> {
    if (rr.type === 'PTR') return [canonical(rr.data)];
    if (rr.type === 'SRV' || rr.type === 'TXT') return [canonical(rr.name)];
    return this.#hosts.get(canonical(rr.name)) ?? [];
  }

  #put(rr: Rr, source: string): void {
    const { clock } = this.#options;
    const key = rrKey(rr);
    const set = setKey(rr.name, rr.type);
    const old = this.#sets.get(set)?.get(key);
    if (old !== undefined) this.#remove(old);
    else if (this.#size >= this.#max) this.#evict();
    const now = clock.now();
    const entry: Entry = {
      rr,
      key,
      set,
      source,
      order: ++this.#order,
      received: now,
      expires: now + Math.min(rr.ttl, maxTtl) * 1000,
      dying: false,
      refreshed: 0,
      refreshAt: 0,
    };
    this.#planRefresh(entry);
    getOrAdd(this.#sets, set, () => new Map<string, Entry>()).set(key, entry);
    getOrAdd(this.#sources, source, () => new Map<string, Entry>()).set(key, entry);
    if (rr.type === 'PTR') {
      getOrAdd(this.#pointers, canonical(rr.data), () => new Set<Entry>()).add(entry);
    }
    if (rr.type === 'SRV') {
      const host = canonical(rr.data.target);
      getOrAdd(this.#hosts, host, () => new Set<string>()).add(canonical(rr.name));
    }
    this.#size++;
    this.#schedule(Math.min(entry.refreshAt, entry.expires));
  }

  /** At 80, 85, 90 and 95 % of the TTL, and up to 2 % later (§5.2). */
  #planRefresh(entry: Entry): void {
    const share = 0.8 + 0.05 * entry.refreshed + 0.02 * this.#options.clock.random();
    const lifetime = entry.expires - entry.received;
    entry.refreshAt = entry.refreshed < 4 ? entry.received + lifetime * share : Infinity;
  }

  /** A goodbye leaves a record one second (§10.1), but nobody is told of it any more. */
  #goodbye(rr: Rr): void {
    const entry = this.#sets.get(setKey(rr.name, rr.type))?.get(rrKey(rr));
    if (entry !== undefined) this.#letDie(entry);
    // Who takes an instance out of one list means it gone, not only unlisted there.
    if (rr.type === 'PTR' && entry !== undefined) {
      for (const other of this.#pointers.get(canonical(rr.data)) ?? []) this.#letDie(other);
    }
  }

  #letDie(entry: Entry): void {
    entry.dying = true;
    this.#shorten(entry);
  }

  /** The others of its set that are older than a second go within a second (§10.2). */
  #flush(rr: Rr): void {
    const now = this.#options.clock.now();
    const key = rrKey(rr);
    for (const entry of this.#sets.get(setKey(rr.name, rr.type))?.values() ?? []) {
      if (entry.key !== key && entry.received < now - 1000) this.#shorten(entry);
    }
  }

  #shorten(entry: Entry): void {
    entry.expires = Math.min(entry.expires, this.#options.clock.now() + 1000);
    entry.refreshAt = Infinity;
    this.#schedule(entry.expires);
  }

  #remove(entry: Entry): void {
    removeFrom(this.#sets, entry.set, entry.key);
    removeFrom(this.#sources, entry.source, entry.key);
    this.#size--;
    const { rr } = entry;
    if (rr.type === 'PTR') removeFrom(this.#pointers, canonical(rr.data), entry);
    if (rr.type === 'SRV') {
      const instance = canonical(rr.name);
      const host = canonical(rr.data.target);
      const others = this.#live<SrvRr>(setKey(rr.name, 'SRV'), true);
      if (!others.some((other) => canonical(other.data.target) === host)) {
        removeFrom(this.#hosts, host, instance);
      }
    }
  }

  #evict(): void {
    let heaviest: Map<string, Entry> | undefined;
    for (const entries of this.#sources.values()) {
      if (heaviest === undefined || entries.size > heaviest.size) heaviest = entries;
    }
    // Refreshed records are put in anew, so the first is the one heard longest ago.
    for (const entry of heaviest?.values() ?? []) {
      const touched = new Set(this.#instancesOf(entry.rr));
      this.#remove(entry);
      this.#options.clock.defer(() => this.#options.changed(touched));
      return;
    }
  }

  #schedule(exactly: number): void {
    // Looking through many records takes its time, so then several that are due share a look.
    const at = this.#size > coarseFrom ? Math.ceil(exactly / coarse) * coarse : exactly;
    if (at === Infinity || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const cancel = clock.after(Math.max(0, at - clock.now()), () => this.#tick(), true);
    this.#timer = { at, cancel };
  }

  #tick(): void {
    this.#timer = undefined;
    const now = this.#options.clock.now();
    const touched = new Set<string>();
    const questions = new Map<string, Question>();
    let next = Infinity;
    for (const entry of [...this.#sets.values()].flatMap((set) => [...set.values()])) {
      if (entry.expires <= now) {
        for (const instance of this.#instancesOf(entry.rr)) touched.add(instance);
        this.#remove(entry);
        continue;
      }
      // Those of one packet share a question, though each has its own moment.
      if (entry.refreshAt <= now + 0.02 * (entry.expires - entry.received)) {
        entry.refreshed++;
        this.#planRefresh(entry);
        const question = { name: entry.rr.name, type: entry.rr.type };
        if (this.#options.wanted(question)) questions.set(entry.set, question);
      }
      next = Math.min(next, entry.expires, entry.refreshAt);
    }
    this.#schedule(next);
    if (questions.size > 0) this.#options.refresh([...questions.values()]);
    if (touched.size > 0) this.#options.changed(touched);
  }

  #live<T extends Rr>(set: string, dyingToo = false): T[] {
    const entries = [...(this.#sets.get(set)?.values() ?? [])];
    return (
      entries
        .filter((entry) => dyingToo || !entry.dying)
        .sort((a, b) => b.order - a.order)
        // A set is keyed by its type, so it holds no other.
        .map((entry) => entry.rr as T)
    );
  }

  /** The records that list the instance, and are valid. */
  pointers(instance: string): PtrRr[] {
    return [...(this.#pointers.get(instance) ?? [])]
      .filter((entry) => !entry.dying)
      .map((entry) => entry.rr as PtrRr); // only these are put there
  }

  /** The one heard last. */
  srv(instance: string): SrvRr | undefined {
    return this.#live<SrvRr>(setKey(instance, 'SRV'))[0];
  }

  /** The one heard last. */
  txt(instance: string): TxtRr | undefined {
    return this.#live<TxtRr>(setKey(instance, 'TXT'))[0];
  }

  /** Addresses of a host: IPv4 first, in a fixed order. */
  addresses(host: string): string[] {
    return (['A', 'AAAA'] as const).flatMap((type) =>
      this.#live(setKey(host, type))
        .flatMap((rr) => (rr.type === 'A' || rr.type === 'AAAA' ? [rr.data] : []))
        .sort(),
    );
  }

  /** The instances (canonical names) on a host. */
  instancesOn(host: string): Iterable<string> {
    return this.#hosts.get(canonical(host)) ?? [];
  }

  /** The instances (canonical names) that records of this name list. */
  listed(name: string): string[] {
    return this.#live<PtrRr>(setKey(name, 'PTR')).map((rr) => canonical(rr.data));
  }

  /** Answers that need not be given: known for more than half their time yet (RFC 6762 §7.1), with what is left of it. */
  known(question: Question): Rr[] {
    const now = this.#options.clock.now();
    const entries = this.#sets.get(setKey(question.name, question.type))?.values() ?? [];
    return [...entries].flatMap((entry) => {
      const left = (entry.expires - now) / 1000;
      const worth = !entry.dying && left > entry.rr.ttl / 2 && answers(question, entry.rr);
      if (!worth || (entry.rr.type === 'PTR' && !isEncodable(entry.rr.data))) return [];
      return [{ ...entry.rr, ttl: Math.floor(left), flush: false }];
    });
  }

  /** Forgets all. */
  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const index of [this.#sets, this.#sources, this.#pointers, this.#hosts]) index.clear();
    this.#size = 0;
  }
}

function getOrAdd<V>(map: Map<string, V>, key: string, make: () => V): V {
  let value = map.get(key);
  if (value === undefined) map.set(key, (value = make()));
  return value;
}

function removeFrom<V>(
  map: Map<string, { delete(value: V): boolean; readonly size: number }>,
  key: string,
  value: V,
): void {
  const values = map.get(key);
  if (values === undefined) return;
  values.delete(value);
  if (values.size === 0) map.delete(key);
}
