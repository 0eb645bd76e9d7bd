import { keyOf, kinds, textOf } from './keys.js';
import { Ledger, nextNumber } from './ledger.js';
import type { Table } from './table.js';

/** ms that a transaction may take before what is left waits for the next. */
const longest = 8;

/** Something to do with a pipeline, in a transaction. */
export interface Job {
  readonly pipeline: string;
  /** Who wants it. */
  readonly by: object;
  run(ledger: Ledger): void;
  done(): void;
  failed(error: unknown): void;
}

/** What a batch has changed of a pipeline. */
export interface Changes {
  readonly before: number;
  readonly after: number;
  /** Who has changed something. */
  readonly by: ReadonlySet<object>;
}

/** Jobs that are done in one transaction: all of them, or none. */
export class Batch {
  /** Those that are done. */
  readonly done: Job[] = [];
  /** Those that threw before they wrote. */
  readonly refused: { readonly job: Job; readonly error: unknown }[] = [];
  readonly changes = new Map<string, Changes>();
  readonly #table: Table;
  readonly #ledgers = new Map<string, Ledger>();

  constructor(table: Table) {
    this.#table = table;
  }

  /** Runs jobs as long as there is time. How many it ran. Throws what one of them threw after it had written. */
  run(jobs: readonly Job[]): number {
    const end = performance.now() + longest;
    let count = 0;
    for (const job of jobs) {
      this.#run(job);
      count++;
      if (performance.now() > end) break;
    }
    for (const ledger of this.#ledgers.values()) ledger.save();
    return count;
  }

  #run(job: Job): void {
    const ledger = this.#ledger(job.pipeline);
    const { writes } = this.#table;
    const before = ledger.state.changes;
    try {
      job.run(ledger);
    } catch (error) {
      if (this.#table.writes !== writes) throw error;
      this.refused.push({ job, error });
      return;
    }
    this.done.push(job);
    const { changes } = ledger.state;
    if (changes === before) return;
    const known = this.changes.get(job.pipeline);
    const by = new Set(known?.by).add(job.by);
    this.changes.set(job.pipeline, { before: known?.before ?? before, after: changes, by });
  }

  #ledger(pipeline: string): Ledger {
    const known = this.#ledgers.get(pipeline);
    if (known !== undefined) return known;
    const ledger = new Ledger(this.#table, numberOf(this.#table, pipeline));
    this.#ledgers.set(pipeline, ledger);
    return ledger;
  }
}

/** The number of a pipeline, which it gets where it has none. */
function numberOf(table: Table, pipeline: string): number {
  const key = keyOf(kinds.pipeline, 0, textOf(pipeline));
  const kept = table.get(key);
  if (kept !== undefined) return kept.readUInt32BE(0);
  const number = nextNumber(table);
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(number);
  table.put(key, Buffer.concat([bytes, Buffer.from(pipeline)]));
  return number;
}
