import type { UseStore } from 'idb-keyval';
import { DserviceError } from '../../src/errors.js';
import { storeFault } from './store-fault.js';
import { Work } from './work.js';

/** What is done in a transaction. It throws a DserviceError before it writes, or not at all. */
export type Call<T> = (work: Work) => Promise<T>;

interface Turn {
  readonly strict: boolean;
  readonly call: Call<unknown>;
  readonly resolve: (result: never) => void;
  readonly reject: (error: DserviceError) => void;
}

/**
 * Carries out calls in their order. What is called while a transaction is under way goes into the next one together:
 * to wait for the disk is what takes time.
 */
export class Turns {
  readonly #use: (strict: boolean) => UseStore;
  readonly #pipeline: string;
  readonly #now: () => number;
  readonly #waiting: Turn[] = [];
  #running: Promise<void> | undefined;

  constructor(use: (strict: boolean) => UseStore, pipeline: string, now: () => number) {
    this.#use = use;
    this.#pipeline = pipeline;
    this.#now = now;
  }

  add<T>(strict: boolean, call: Call<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ strict, call, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    // What is called in the same turn of the event loop goes together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const turns = this.#waiting.splice(0);
      const failed = await this.#together(turns);
      if (failed === undefined) continue;
      // One of them is the reason: each for itself, then.
      for (const turn of turns.length > 1 ? turns : []) {
        const fault = await this.#together([turn]);
        if (fault !== undefined) turn.reject(fault);
      }
      if (turns.length === 1) turns[0]?.reject(failed);
    }
    this.#running = undefined;
  }

  /** In one transaction; all of them, or none: then why. Who has nothing done to it by itself is told. */
  async #together(turns: readonly Turn[]): Promise<DserviceError | undefined> {
    try {
      const strict = turns.some((turn) => turn.strict);
      const tell = await this.#use(strict)('readwrite', (store) => this.#within(store, turns));
      for (const each of tell) each();
      return undefined;
    } catch (error) {
      return storeFault(error);
    }
  }

  async #within(store: IDBObjectStore, turns: readonly Turn[]): Promise<(() => void)[]> {
    const { transaction } = store;
    const over = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(storeFault(transaction.error));
    });
    // It may be over while a call is on.
    over.catch(() => {});
    try {
      const work = await Work.begin(store, this.#pipeline, this.#now());
      const tell: (() => void)[] = [];
      for (const { call, resolve, reject } of turns) {
        try {
          const result = await call(work);
          tell.push(() => resolve(result as never));
        } catch (error) {
          if (!DserviceError.is(error)) throw error;
          tell.push(() => reject(error));
        }
      }
      work.end();
      transaction.commit();
      await over;
      return tell;
    } catch (error) {
      try {
        transaction.abort();
      } catch {
        // The browser has ended it: it knows better why.
        await over;
      }
      throw error;
    }
  }
}
