import type { Clock } from '../clock.js';
import type { Operations, Patience } from './operations.js';
import type { Entry, Pushed, PushState, Store } from './store.js';
import type { Worker } from './worker.js';

/** Commands that one operation takes of different callers. What one caller gives stays together. */
const mostEntries = 1_000;

interface Batch {
  readonly entries: readonly Entry[];
  readonly resolve: (states: readonly PushState[]) => void;
  readonly reject: (error: unknown) => void;
}

export interface PusherOptions {
  readonly clock: Clock;
  readonly operations: Operations;
  /** Who works here, if anybody does: what is pushed may be claimed at once. */
  readonly worker: () => Worker | undefined;
  /** ms for a store that is away. */
  readonly patience: number;
}

/**
 * Pushes, one operation at a time, so that commands enter in the order in which they were given; what comes meanwhile
 * goes together.
 */
export class Pusher {
  readonly #options: PusherOptions;
  readonly #patience: Patience;
  readonly #batches: Batch[] = [];
  #opening: Promise<Store> | undefined;
  #going: Promise<void> | undefined;

  constructor(options: PusherOptions) {
    this.#options = options;
    this.#patience = { away: options.patience, broken: false };
  }

  /** All of these, or none. Rejects as stores do. */
  push(entries: readonly Entry[]): Promise<readonly PushState[]> {
    return new Promise((resolve, reject) => {
      this.#batches.push({ entries, resolve, reject });
      this.#going ??= this.#go();
    });
  }

  /** The store, where it is not open yet: who pushes meanwhile waits for the same opening, and so keeps the order. */
  open(): Promise<Store> {
    return (this.#opening ??= this.#options.operations
      .many(async (store) => store, this.#patience)
      .finally(() => {
        this.#opening = undefined;
      }));
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#opening?.catch(() => {});
    await this.#going;
  }

  async #go(): Promise<void> {
    await new Promise<void>((resolve) => this.#options.clock.endOfTurn(resolve));
    while (this.#batches.length > 0) await this.#send(this.#take());
    this.#going = undefined;
  }

  #take(): Batch[] {
    let [count, entries] = [0, 0];
    while (count < this.#batches.length) {
      entries += this.#batches[count]?.entries.length ?? 0;
      if (count > 0 && entries > mostEntries) break;
      count++;
    }
    return this.#batches.splice(0, count);
  }

  async #send(batches: readonly Batch[]): Promise<void> {
    const { clock, operations } = this.#options;
    const entries = batches.flatMap((batch) => batch.entries);
    const worker = this.#options.worker();
    const now = entries.filter(({ delay }) => delay === undefined || delay === 0);
    const wants = worker?.reserve(new Set(now.map(({ queue }) => queue))) ?? [];
    const sent = clock.now();
    let pushed: Pushed | undefined;
    try {
      pushed = await operations.once((store, op) => store.push(entries, wants, op), this.#patience);
    } catch (error) {
      for (const { reject } of batches) reject(error);
    }
    let at = 0;
    for (const { entries: own, resolve } of batches) {
      resolve(pushed?.states.slice(at, (at += own.length)) ?? []);
    }
    worker?.settle(wants, pushed, sent);
    if (pushed === undefined) return;
    // What was wanted with it has been answered for.
    const asked = new Set(wants.map(({ queue }) => queue));
    for (const { queue, delay } of entries) {
      if (!asked.has(queue) || delay !== undefined) worker?.fed(queue, delay);
    }
  }
}
