import { DserviceError } from '../../../src/errors.js';
import type { StoreOptions } from '../../../src/pipeline/store.js';
import { type Command, fromBytes, toBytes } from './entry.js';
import { after, keyOf, kindOf, kinds, textOf } from './keys.js';
import type { Ledger } from './ledger.js';
import { numbersToBytes } from './numbers.js';
import type { Row } from './table.js';

/** How many a call lets go of: those that are left follow with the next. */
const mostTooOld = 1_000;
const mostTooMany = 10_000;

/** Who is dead, and who is finished and remembered: for a time, and up to a number, the oldest going first. */
export class Shelf {
  readonly #ledger: Ledger;
  readonly #options: StoreOptions;
  readonly #now: number;

  constructor(ledger: Ledger, options: StoreOptions, now: number) {
    this.#ledger = ledger;
    this.#options = options;
    this.#now = now;
  }

  addDead(command: Command): void {
    const { state, table, pipeline } = this.#ledger;
    const place = keyOf(kinds.dead, pipeline, state.nextDead++);
    state.dead++;
    table.put(place, toBytes(command));
    table.put(keyOf(kinds.ref, pipeline, textOf(command.ref)), place);
  }

  addFinished(ref: string, children: number): void {
    const { state, table, pipeline } = this.#ledger;
    const place = keyOf(kinds.finished, pipeline, state.nextFinished++);
    state.finished++;
    table.put(
      place,
      Buffer.concat([numbersToBytes([this.#now, children]), Buffer.from(textOf(ref))]),
    );
    table.put(keyOf(kinds.ref, pipeline, textOf(ref)), place);
  }

  deadAt(place: Buffer): Command {
    return fromBytes(this.#at(place));
  }

  childrenOf(place: Buffer): number {
    return this.#at(place).readDoubleLE(8);
  }

  removeDead(place: Buffer): void {
    this.#ledger.table.remove(place);
    this.#ledger.state.dead--;
  }

  removeFinished(place: Buffer): void {
    this.#ledger.table.remove(place);
    this.#ledger.state.finished--;
  }

  remove(place: Buffer): void {
    if (kindOf(place) === kinds.dead) this.removeDead(place);
    else this.removeFinished(place);
  }

  /** The dead of a queue or of all, behind a key, oldest first. */
  deadOf(queue: number | undefined, limit: number, behind: Buffer | undefined): Row[] {
    const { table, pipeline } = this.#ledger;
    const first = keyOf(kinds.dead, pipeline);
    const end = after(first);
    const found: Row[] = [];
    let start = behind === undefined ? first : Buffer.concat([behind, Buffer.alloc(1)]);
    while (found.length < limit) {
      const rows = table.rows(start, end, limit);
      const last = rows.at(-1);
      if (last === undefined) break;
      const ofQueue = rows.filter(({ key, value }) => {
        return (queue === undefined || fromBytes(value).queue === queue) && !this.isOver(key);
      });
      found.push(...ofQueue.slice(0, limit - found.length));
      start = Buffer.concat([last.key, Buffer.alloc(1)]);
    }
    return found;
  }

  /** Whether what stands here is too old, and only not gone yet. */
  isOver(place: Buffer): boolean {
    const kind = kindOf(place);
    if (kind === kinds.dead) return this.deadAt(place).at <= this.#now - this.#options.deadAge;
    if (kind !== kinds.finished) return false;
    return this.#at(place).readDoubleLE(0) <= this.#now - this.#options.dedupe;
  }

  /** Lets go of what is too old, and of what is too many. */
  forgetOld(): void {
    this.#trim(kinds.dead, mostTooOld, (row) => this.isOver(row.key));
    this.#trim(kinds.finished, mostTooOld, (row) => this.isOver(row.key));
    this.forgetMany();
  }

  /** Lets go of what is too many. */
  forgetMany(): void {
    const { state } = this.#ledger;
    const { deadMax, dedupeMax } = this.#options;
    this.#trim(kinds.dead, mostTooMany, () => state.dead > deadMax);
    this.#trim(kinds.finished, mostTooMany, () => state.finished > dedupeMax);
  }

  /** Takes from the oldest on, while `isTooMuch`. */
  #trim(kind: number, most: number, isTooMuch: (row: Row) => boolean): void {
    const { state, table, pipeline } = this.#ledger;
    const start = keyOf(kind, pipeline);
    let left = most;
    // Read in growing pieces: mostly there is nothing to take.
    for (let piece = 1; left > 0; piece = Math.min(100, piece * 10)) {
      if ((kind === kinds.dead ? state.dead : state.finished) === 0) return;
      const rows = table.rows(start, after(start), piece);
      for (const row of rows) {
        if (!isTooMuch(row)) return;
        const ref =
          kind === kinds.dead ? textOf(fromBytes(row.value).ref) : row.value.toString('utf8', 16);
        this.remove(row.key);
        table.remove(keyOf(kinds.ref, pipeline, ref));
        left--;
      }
      if (rows.length < piece) return;
    }
  }

  #at(place: Buffer): Buffer {
    const value = this.#ledger.table.get(place);
    if (value !== undefined) return value;
    throw new DserviceError('ERR_STORE_CORRUPT', 'a command is not where it should be');
  }
}
