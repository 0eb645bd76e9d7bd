import { DserviceError } from '../../../src/errors.js';
import type { Op } from '../../../src/pipeline/store.js';
import { after, keyOf, kinds } from './keys.js';
import type { Ledger } from './ledger.js';
import { numbersToBytes } from './numbers.js';

/** How many operations of a worker are remembered. */
const receiptsOfWorker = 8;
/** ms after which a worker that was not seen is forgotten. */
const receiptAge = 24 * 60 * 60 * 1_000;
/** ms between two looks for such workers, at least. */
const leastBetweenSweeps = 60_000;

/** What an operation was answered, but for its claims: those are found by its token. */
export interface Answer {
  readonly kind: 'push' | 'turn';
  /** Of each entry or outcome, a letter. */
  readonly parts: string;
  /** The numbers of the queues that were wanted. */
  readonly queues: readonly number[];
  readonly due?: number | undefined;
}

interface Kept extends Answer {
  readonly seq: number;
}

/** The answers to the last operations of each worker of a pipeline, in a transaction. */
export class Receipts {
  readonly #ledger: Ledger;
  readonly #now: number;

  constructor(ledger: Ledger, now: number) {
    this.#ledger = ledger;
    this.#now = now;
  }

  /** The answer, if the operation was carried out. Throws ERR_STATE for one that is older than what is remembered. */
  get({ worker, seq }: Op, kind: Answer['kind']): Answer | undefined {
    const seen = this.#seen(worker);
    if (seen === undefined || seen <= this.#now - receiptAge) return undefined;
    const bytes = this.#ledger.table.get(this.#place(worker, seq));
    if (bytes === undefined) return undefined;
    // What `set` made.
    const kept = JSON.parse(bytes.toString()) as Kept;
    if (kept.seq < seq) return undefined;
    if (kept.seq > seq) throw refused(`operation ${seq} of ${worker} is over`);
    if (kept.kind !== kind) throw refused(`operation ${seq} of ${worker} was another one`);
    return kept;
  }

  set({ worker, seq }: Op, answer: Answer): void {
    const { table, pipeline, state } = this.#ledger;
    if (this.#now >= state.sweep) this.#sweep();
    const seen = this.#seen(worker);
    if (seen !== undefined && seen <= this.#now - receiptAge) this.#forget(worker);
    if (seen !== this.#now) {
      table.put(keyOf(kinds.worker, pipeline, worker), numbersToBytes([this.#now]));
    }
    const kept: Kept = { ...answer, seq };
    table.put(this.#place(worker, seq), Buffer.from(JSON.stringify(kept)));
  }

  /** Forgets those that were not seen for long. */
  #sweep(): void {
    const { table, pipeline, state } = this.#ledger;
    const start = keyOf(kinds.worker, pipeline);
    let oldest = this.#now;
    for (const { key, value } of table.rows(start, after(start), Infinity)) {
      const seen = value.readDoubleLE(0);
      if (seen <= this.#now - receiptAge) this.#forget(key.toString('latin1', 5, key.length - 1));
      else oldest = Math.min(oldest, seen);
    }
    state.sweep = Math.max(oldest + receiptAge, this.#now + leastBetweenSweeps);
  }

  #seen(worker: string): number | undefined {
    return this.#ledger.table
      .get(keyOf(kinds.worker, this.#ledger.pipeline, worker))
      ?.readDoubleLE(0);
  }

  #forget(worker: string): void {
    const { table, pipeline } = this.#ledger;
    table.remove(keyOf(kinds.worker, pipeline, worker));
    const start = keyOf(kinds.answer, pipeline, worker);
    for (const key of table.keys(start, after(start), receiptsOfWorker)) table.remove(key);
  }

  #place(worker: string, seq: number): Buffer {
    return keyOf(kinds.answer, this.#ledger.pipeline, worker, seq % receiptsOfWorker);
  }
}

function refused(why: string): DserviceError {
  return new DserviceError('ERR_STATE', why);
}
