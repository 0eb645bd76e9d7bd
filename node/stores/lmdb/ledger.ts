import { after, keyOf, kinds, textOf } from './keys.js';
import { numbersFromBytes, numbersToBytes } from './numbers.js';
import { LmdbQueue } from './queue.js';
import type { Table } from './table.js';

/** What is counted of a pipeline. */
export interface PipelineState {
  /** Goes up with what may be of interest to others. */
  changes: number;
  dead: number;
  finished: number;
  /** The orders of who dies and who finishes next. */
  nextDead: number;
  nextFinished: number;
  /** When workers that were not seen are looked for. */
  sweep: number;
}

/** Of one pipeline in one transaction, what is counted: read once, written once. */
export class Ledger {
  readonly table: Table;
  readonly pipeline: number;
  readonly state: PipelineState;
  readonly #before: Buffer;
  readonly #byName = new Map<string, LmdbQueue>();
  readonly #byNumber = new Map<number, LmdbQueue>();

  constructor(table: Table, pipeline: number) {
    this.table = table;
    this.pipeline = pipeline;
    const kept = numbersFromBytes(table.get(keyOf(kinds.pipelineState, pipeline)), 6);
    const [changes = 0, dead = 0, finished = 0, nextDead = 0, nextFinished = 0, sweep = 0] = kept;
    this.state = { changes, dead, finished, nextDead, nextFinished, sweep };
    this.#before = stateBytes(this.state);
  }

  /** The queue of a name, made where there is none. */
  queue(name: string): LmdbQueue {
    const known = this.known(name);
    if (known !== undefined) return known;
    const number = nextNumber(this.table);
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(number);
    this.table.put(keyOf(kinds.queue, this.pipeline, textOf(name)), bytes);
    this.table.put(
      keyOf(kinds.queueState, number),
      Buffer.concat([numbersToBytes(Array.from({ length: 8 }, () => 0)), Buffer.from(name)]),
    );
    return this.#keep(number, name);
  }

  /** The queue of a name, if there is one. */
  known(name: string): LmdbQueue | undefined {
    const queue = this.#byName.get(name);
    if (queue !== undefined) return queue;
    const number = this.table.get(keyOf(kinds.queue, this.pipeline, textOf(name)));
    return number && this.#keep(number.readUInt32BE(0), name);
  }

  /** The queue of a number that was given. */
  queueAt(number: number): LmdbQueue {
    const queue = this.#byNumber.get(number);
    if (queue !== undefined) return queue;
    const state = this.table.get(keyOf(kinds.queueState, number));
    return this.#keep(number, state?.toString('utf8', 64) ?? '');
  }

  /** All queues, as they came to be. */
  queues(): LmdbQueue[] {
    const start = keyOf(kinds.queue, this.pipeline);
    return this.table
      .rows(start, after(start), Infinity)
      .map(({ value }) => this.queueAt(value.readUInt32BE(0)))
      .sort((a, b) => a.number - b.number);
  }

  /** Writes down what has changed. */
  save(): void {
    for (const queue of this.#byNumber.values()) queue.save();
    const bytes = stateBytes(this.state);
    if (!bytes.equals(this.#before)) {
      this.table.put(keyOf(kinds.pipelineState, this.pipeline), bytes);
    }
  }

  #keep(number: number, name: string): LmdbQueue {
    const queue = new LmdbQueue(this.table, this.pipeline, number, name);
    this.#byName.set(name, queue);
    this.#byNumber.set(number, queue);
    return queue;
  }
}

function stateBytes(state: PipelineState): Buffer {
  const { changes, dead, finished, nextDead, nextFinished, sweep } = state;
  return numbersToBytes([changes, dead, finished, nextDead, nextFinished, sweep]);
}

/** A number for a pipeline or a queue that nothing has had. */
export function nextNumber(table: Table): number {
  const key = keyOf(kinds.folder, 0);
  const [version = 0, last = 0] = numbersFromBytes(table.get(key), 2);
  table.put(key, numbersToBytes([version, last + 1]));
  return last + 1;
}
