import type { Store, StoreFactory, StoreOptions, StoreSupports } from '../../pipeline/store.js';
import type { VirtualClock } from '../virtual-clock.js';
import { Worker } from './worker.js';

/** A place of its own that a store keeps things in: nothing is in it yet. */
export interface StoreSetup {
  readonly factory: StoreFactory;
  /** The clock that stores of this place take time from: they are opened with it, and the suite moves it. */
  readonly clock: VirtualClock;
  /**
   * A factory of the same place as another program has it that begins now; what was opened before is closed. Where it
   * is left out, the factory itself.
   */
  reopen?(): Promise<StoreFactory>;
  /** Called after each test. All stores are closed. */
  teardown(): Promise<void>;
}

export interface StoreSuite {
  /** The runner's: `test`, `it`. */
  test(name: string, fn: () => Promise<void>): void;
  /** Called anew for each test; twice at once in the first one. */
  setup(): Promise<StoreSetup>;
  /** What the stores have to say of themselves. */
  supports: Pick<StoreSupports, 'durability' | 'shared'>;
}

/** How a part of the suite tells of a test. */
export type On = (name: string, fn: (place: Place) => Promise<void>) => void;

export const minute = 60_000;
export const day = 24 * 60 * minute;

/** What a test stands in: a place, and the stores that were opened there. */
export class Place {
  readonly clock: VirtualClock;
  readonly #setup: StoreSetup;
  readonly #opened: Store[] = [];
  #factory: StoreFactory;

  constructor(setup: StoreSetup) {
    this.#setup = setup;
    this.#factory = setup.factory;
    this.clock = setup.clock;
  }

  get factory(): StoreFactory {
    return this.#factory;
  }

  async open(options: Partial<StoreOptions> = {}, pipeline = 'orders'): Promise<Store> {
    const store = await this.#factory.open(pipeline, {
      clock: this.clock,
      dedupe: day,
      dedupeMax: 1_000_000,
      deadAge: 30 * day,
      deadMax: 10_000,
      logger: { warn: () => {} },
      ...options,
    });
    this.#opened.push(store);
    return store;
  }

  /** A worker on a store of its own. */
  async worker(name = 'one', options: Partial<StoreOptions> = {}): Promise<Worker> {
    return new Worker(await this.open(options), name);
  }

  /** Closes everything; what is opened from now on is opened as by a program that begins. */
  async restart(): Promise<void> {
    await this.#closeAll();
    this.#factory = (await this.#setup.reopen?.()) ?? this.#factory;
  }

  async teardown(): Promise<void> {
    await this.#closeAll();
    await this.#setup.teardown();
  }

  async #closeAll(): Promise<void> {
    await Promise.all(this.#opened.splice(0).map((store) => store.close()));
  }
}
