import { type InstanceRecord, type Rely, sameRecord } from '../discovery/record.js';

/** Instances that are asked at one time, and in all. */
const most = { atOnce: 8, all: 256 };

export interface WholeRecordsOptions {
  /** Asks an instance itself what it relies on. Rejects with why that is not known. */
  ask(record: InstanceRecord): Promise<readonly Rely[]>;
  /** Another record is whole. */
  onWhole?(): void;
}

/**
 * Completes records that a discovery had to cut. Each instance is asked once, and once more when another record of
 * it comes, until it has answered: while it runs, what it relies on stays the same. One that does not answer stays
 * `partial`.
 */
export class WholeRecords {
  readonly #options: WholeRecordsOptions;
  /** By id: the record as of which it was asked. */
  readonly #asked = new Map<string, InstanceRecord>();
  readonly #relies = new Map<string, readonly Rely[]>();
  readonly #queue: InstanceRecord[] = [];
  #asking = 0;
  /** Told when nobody is being asked. */
  readonly #waiting: (() => void)[] = [];
  #over = false;

  constructor(options: WholeRecordsOptions) {
    this.#options = options;
  }

  /** A record as whole as it is known; where that is not all, its instance is asked. */
  whole(record: InstanceRecord): InstanceRecord {
    if (record.partial !== true) return record;
    const relies = this.#relies.get(record.id);
    if (relies === undefined) this.#ask(record);
    else {
      const { partial: _, ...rest } = record;
      return { ...rest, relies };
    }
    return record;
  }

  /** All these records, once each that is cut was asked for, well or not. Never rejects. */
  async complete(records: readonly InstanceRecord[]): Promise<InstanceRecord[]> {
    for (const record of records) this.whole(record);
    if (this.#asking > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return records.map((record) => this.whole(record));
  }

  #ask(record: InstanceRecord): void {
    const before = this.#asked.get(record.id);
    if (this.#over || (before === undefined && this.#asked.size >= most.all)) return;
    if (before !== undefined && sameRecord(before, record)) return;
    this.#asked.set(record.id, record);
    this.#queue.push(record);
    this.#next();
  }

  #next(): void {
    if (this.#asking >= most.atOnce) return;
    const record = this.#queue.shift();
    if (record !== undefined) {
      this.#asking++;
      return void this.#take(record);
    }
    if (this.#asking > 0) return;
    for (const tell of this.#waiting.splice(0)) tell();
  }

  async #take(record: InstanceRecord): Promise<void> {
    try {
      const relies = await this.#options.ask(record);
      this.#relies.set(record.id, relies);
      if (!this.#over) this.#options.onWhole?.();
    } catch {
      // It stays as it was announced.
    } finally {
      this.#asking--;
      this.#next();
    }
  }

  /** Nobody is asked any more. */
  stop(): void {
    this.#over = true;
    this.#queue.length = 0;
  }
}
