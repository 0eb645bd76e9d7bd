import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { chance } from './ids.js';
import type { Op, Store } from './store.js';

/** Milliseconds between attempts: doubled each time, by chance between half of it and all. */
const pauses = { first: 50, longest: 5_000 };

/** So many operations of a worker a store remembers. */
const remembered = 8;

/** Trouble with a store that passes, or that somebody has to put right: it is waited for. */
const passing = new Set([
  'ERR_STORE',
  'ERR_STORE_AWAY',
  'ERR_STORE_FULL',
  'ERR_STORE_READ_ONLY',
  'ERR_STORE_CORRUPT',
  'ERR_STORE_VERSION',
]);

export interface OperationsOptions {
  readonly clock: Clock;
  readonly open: () => Promise<Store>;
  /** Called when something first fails, and when all goes well again. */
  readonly onTrouble: (error: DserviceError | undefined) => void;
}

/** How long to go on with what fails. */
export interface Patience {
  /** ms for a store that is away; Infinity: as long as there is somebody to wait. */
  readonly away: number;
  /** Whether to wait for a store that is full, read-only, or broken, as well. */
  readonly broken: boolean;
}

export const forever: Patience = { away: Infinity, broken: true };

/**
 * Calls of a store that are made until they succeed: an operation is repeated as what it was, under its number, so
 * that it is carried out once. It opens the store when it is first needed, and after `close` anew.
 */
export class Operations {
  readonly #options: OperationsOptions;
  readonly #worker: string;
  #store: Promise<Store> | undefined;
  #ready: Store | undefined;
  #seq = 0;
  readonly #slots: (Promise<unknown> | undefined)[] = [];
  readonly #sleepers = new Set<() => void>();
  #troubled = false;
  /** Counts the closings, so that what was begun before one does not go on after it. */
  #era = 0;

  constructor(options: OperationsOptions) {
    this.#options = options;
    this.#worker = chance(options.clock, 10);
  }

  /** An operation with a number: carried out once. Rejects with what the store says, or ERR_CLOSED after `close`. */
  async once<T>(call: (store: Store, op: Op) => Promise<T>, patience: Patience): Promise<T> {
    const op = { worker: this.#worker, seq: this.#seq++ };
    const slot = op.seq % remembered;
    const before = this.#slots[slot];
    // The store has one place for both of them.
    const run = (before ?? Promise.resolve()).then(() =>
      this.many((store) => call(store, op), patience),
    );
    const over = run.then(ignore, ignore);
    this.#slots[slot] = over;
    void over.then(() => {
      if (this.#slots[slot] === over) this.#slots[slot] = undefined;
    });
    return run;
  }

  /** Anything that may be carried out more than once. */
  async many<T>(call: (store: Store) => Promise<T>, { away, broken }: Patience): Promise<T> {
    const { clock, onTrouble } = this.#options;
    const era = this.#era;
    const began = clock.now();
    for (let tries = 0; ; tries++) {
      try {
        const result = await call(await this.open());
        if (this.#troubled) {
          this.#troubled = false;
          onTrouble(undefined);
        }
        return result;
      } catch (thrown) {
        const error = asStoreError(thrown);
        if (era !== this.#era || !passing.has(error.code)) throw error;
        if (!this.#troubled) {
          this.#troubled = true;
          onTrouble(error);
        }
        const left = error.code === 'ERR_STORE_AWAY' || broken ? away : 0;
        const pause = Math.min(pauses.longest, pauses.first * 2 ** Math.min(tries, 20));
        if (clock.now() + pause - began > left) throw error;
        await this.#sleep(pause * (0.5 + clock.random() / 2));
        if (era !== this.#era) {
          throw new DserviceError('ERR_CLOSED', 'the pipeline has stopped', { cause: error });
        }
      }
    }
  }

  /** The store, where it is open. */
  get ready(): Store | undefined {
    return this.#ready;
  }

  /** The store, opened where it is not. */
  open(): Promise<Store> {
    if (this.#store !== undefined) return this.#store;
    const opening = this.#options.open();
    this.#store = opening;
    opening.then(
      (store) => {
        if (this.#store === opening) this.#ready = store;
      },
      () => {
        if (this.#store === opening) this.#store = undefined;
      },
    );
    return opening;
  }

  /** What waits to be tried again is given up, and the store is closed. What is called afterwards opens it anew. */
  async close(): Promise<void> {
    this.#era++;
    const store = this.#store;
    this.#store = undefined;
    this.#ready = undefined;
    this.#troubled = false;
    for (const wake of this.#sleepers) wake();
    await store?.then((opened) => opened.close()).catch(ignore);
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        stop();
        this.#sleepers.delete(wake);
        resolve();
      };
      const stop = this.#options.clock.after(ms, wake);
      this.#sleepers.add(wake);
    });
  }
}

function asStoreError(thrown: unknown): DserviceError {
  if (DserviceError.is(thrown)) return thrown;
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return new DserviceError('ERR_STORE', `the store failed: ${text}`, { cause: thrown });
}

function ignore(): void {
  // Whoever asked for it was told.
}
