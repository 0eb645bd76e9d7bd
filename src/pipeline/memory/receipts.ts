import { DserviceError } from '../../errors.js';
import type { Op } from '../store.js';

/** How many operations of a worker are remembered. */
export const receiptsOfWorker = 8;
/** ms after which a worker that was not seen is forgotten. */
export const receiptAge = 24 * 60 * 60 * 1_000;

interface Kept<Answer> {
  readonly slots: ({ readonly seq: number; readonly answer: Answer } | undefined)[];
  seen: number;
}

/** The answers to the last operations of each worker. */
export class Receipts<Answer> {
  // In the order in which they were last seen.
  readonly #workers = new Map<string, Kept<Answer>>();

  /** The answer, if the operation was carried out. Throws ERR_STATE for one that is older than what is remembered. */
  get({ worker, seq }: Op, now: number): Answer | undefined {
    const kept = this.#workers.get(worker);
    if (kept === undefined || kept.seen <= now - receiptAge) return undefined;
    const slot = kept.slots[seq % receiptsOfWorker];
    if (slot === undefined || slot.seq < seq) return undefined;
    if (slot.seq === seq) return slot.answer;
    throw new DserviceError('ERR_STATE', `operation ${seq} of ${worker} is over`);
  }

  set({ worker, seq }: Op, answer: Answer, now: number): void {
    this.#forget(now);
    const before = this.#workers.get(worker);
    // One that is too old may be behind others, where the clock was set back: it does not come back with its answers.
    const old = before === undefined || before.seen <= now - receiptAge;
    const kept: Kept<Answer> = old ? { slots: [], seen: now } : before;
    kept.slots[seq % receiptsOfWorker] = { seq, answer };
    kept.seen = now;
    this.#workers.delete(worker);
    this.#workers.set(worker, kept);
  }

  #forget(now: number): void {
    for (const [name, { seen }] of this.#workers) {
      if (seen > now - receiptAge) return;
      this.#workers.delete(name);
    }
  }
}
