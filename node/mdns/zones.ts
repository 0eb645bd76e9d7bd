import { rrKey, setKey, type Question, type Rr, type RrType } from './message.js';
import type { Zone } from './zone.js';

/** A record of ours, and the zone it is from. */
export interface OwnRr {
  readonly rr: Rr;
  readonly zone: Zone;
}

const types: readonly RrType[] = ['A', 'AAAA', 'PTR', 'SRV', 'TXT'];

/** Our records on one link, found by name, type and data: there may be many instances. */
export class Zones {
  readonly #zones = new Set<Zone>();
  /** By set, then by record: several zones have the type's own record. */
  readonly #sets = new Map<string, Map<string, Set<OwnRr>>>();

  get size(): number {
    return this.#zones.size;
  }

  add(zone: Zone): void {
    this.#zones.add(zone);
    for (const rr of [...zone.rrs, zone.nsec]) {
      const set = setKey(rr.name, rr.type);
      const records = this.#sets.get(set) ?? new Map<string, Set<OwnRr>>();
      this.#sets.set(set, records);
      const key = rrKey(rr);
      const owners = records.get(key) ?? new Set<OwnRr>();
      records.set(key, owners);
      owners.add({ rr, zone });
    }
  }

  delete(zone: Zone): void {
    if (!this.#zones.delete(zone)) return;
    for (const rr of [...zone.rrs, zone.nsec]) {
      const set = setKey(rr.name, rr.type);
      const records = this.#sets.get(set);
      const owners = records?.get(rrKey(rr));
      for (const own of owners ?? []) if (own.zone === zone) owners?.delete(own);
      if (owners?.size === 0) records?.delete(rrKey(rr));
      if (records?.size === 0) this.#sets.delete(set);
    }
  }

  /** What answers a question: one of each record. We own our names, so we can say that there is no such address (RFC 6762 §6.1). */
  answer({ name, type }: Question): OwnRr[] {
    if (type === 'OTHER' || type === 'NSEC') return [];
    if (type === 'ANY') return types.flatMap((each) => this.#all(name, each));
    const found = this.#all(name, type);
    const address = type === 'A' || type === 'AAAA';
    return found.length === 0 && address ? this.#all(name, 'NSEC') : found;
  }

  #all(name: string, type: RrType): OwnRr[] {
    const records = this.#sets.get(setKey(name, type));
    return [...(records?.values() ?? [])].flatMap((owners) => [...owners].slice(0, 1));
  }

  /** What we have under the name and type of a record. */
  alike(rr: Rr): { readonly same: OwnRr | undefined; readonly others: OwnRr[] } {
    const records = this.#sets.get(setKey(rr.name, rr.type));
    const [same] = records?.get(rrKey(rr)) ?? [];
    // Only of unique records is another one a contradiction; lists may be long.
    const others = same !== undefined || rr.type === 'PTR' ? [] : this.#all(rr.name, rr.type);
    return { same, others };
  }
}
