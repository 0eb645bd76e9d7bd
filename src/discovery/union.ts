import type { InstanceRecord } from './record.js';
import { sameRecord } from './record.js';
import type { InstanceTable } from './table.js';

interface Part {
  readonly record: InstanceRecord;
  readonly rank: number;
  /** When this source last said something else; the latest word counts. */
  readonly changed: number;
}

/**
 * Instances heard of from several sources (network interfaces, discoveries), as one table.
 *
 * An instance is there while one source has it. Its endpoints are those of all sources, lowest
 * rank first; all else is what the source said that changed last.
 */
export class Union {
  readonly #table: InstanceTable;
  readonly #instances = new Map<string, Map<string, Part>>();
  #changes = 0;

  constructor(table: InstanceTable) {
    this.#table = table;
  }

  /** `source` says `record`. `rank` orders the endpoints: lower first. */
  put(source: string, rank: number, record: InstanceRecord): void {
    const parts = this.#instances.get(record.id) ?? new Map<string, Part>();
    const known = parts.get(source);
    if (known !== undefined && sameRecord(known.record, record)) return;
    this.#instances.set(record.id, parts);
    parts.set(source, { record, rank, changed: ++this.#changes });
    this.#show(record.id, parts);
  }

  /** `source` does not know the instance any more. */
  drop(source: string, id: string): void {
    const parts = this.#instances.get(id);
    if (parts === undefined || !parts.delete(source)) return;
    if (parts.size > 0) return this.#show(id, parts);
    this.#instances.delete(id);
    this.#table.delete(id);
  }

  /** `source` knows nothing any more. */
  dropSource(source: string): void {
    for (const id of [...this.#instances.keys()]) this.drop(source, id);
  }

  #show(id: string, parts: ReadonlyMap<string, Part>): void {
    const all = [...parts.values()];
    const latest = all.reduce((a, b) => (b.changed > a.changed ? b : a));
    const ranked = all
      // Two that give one id but not one name are not one instance: the latest is believed.
      .filter((part) => part.record.name === latest.record.name)
      .sort((a, b) => a.rank - b.rank);
    const endpoints = new Set(ranked.flatMap((part) => part.record.endpoints));
    this.#table.set({ ...latest.record, id, endpoints: [...endpoints] });
  }
}
