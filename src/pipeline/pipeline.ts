import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { DserviceError } from '../errors.js';
import { isObject } from '../rules.js';
import { type Duration, msOf } from './duration.js';
import { Endings, type Ending } from './endings.js';
import type { PipelineEvents } from './events.js';
import { Ids } from './ids.js';
import { Intake, type PushItem, type PushOptions } from './intake.js';
import type {
  DeadOptions,
  Filter,
  Letter,
  Letters,
  PeekOptions,
  PurgeOptions,
  RedriveOptions,
} from './letters.js';
import type { Logger } from './logger.js';
import { checkName } from './name.js';
import { Operations, type Patience } from './operations.js';
import type { OriginalConstructor, OriginalStep } from './original.js';
import { type PipelineOptions, settingsOf } from './pipeline-options.js';
import { Pusher } from './pusher.js';
import type { StepFunction, StepOptions } from './step.js';
import { Steps } from './steps.js';
import { errorOf, storedError } from './stored-error.js';
import type { Counts, PushState, Store, StoreFactory, StoreSupports } from './store.js';
import { Worker } from './worker.js';

/** What a runtime adds. */
export interface PipelineRuntime {
  readonly clock: Clock;
  /** The store of a URL; of undefined, the usual one. Throws ERR_OPTION. */
  store(url: string | undefined): StoreFactory;
  /** What a module has as its default export, or is. */
  load?(path: string): Promise<unknown>;
}

export interface PushResult {
  readonly id: string;
  /** `queued`: it is new. `known`, `finished`, `dead`: the command of that id was there already, and nothing was done. */
  readonly state: PushState;
}

export interface StopOptions {
  /** How long runs may go on: a time, true for as long as they take, false for not at all. 10 s without it. */
  readonly drain?: Duration | boolean;
}

/** How long to wait with a question for a store that is away. */
const asking: Patience = { away: 10_000, broken: false };

/** A durable pipeline: commands that go through steps until they are finished or dead. */
export class Pipeline {
  readonly name: string;
  readonly #runtime: PipelineRuntime;
  readonly #settings: ReturnType<typeof settingsOf>;
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #factory: StoreFactory;
  readonly #events = new Emitter<PipelineEvents>();
  readonly #operations: Operations;
  readonly #endings: Endings;
  readonly #pusher: Pusher;
  readonly #intake: Intake;
  readonly #steps = new Steps();
  #worker: Worker | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #stopWatching: (() => void) | undefined;

  constructor(runtime: PipelineRuntime, name: string, options: PipelineOptions = {}) {
    checkName(name, 'the name of a pipeline');
    this.#settings = settingsOf(name, options);
    this.name = name;
    this.#runtime = runtime;
    this.#clock = options.clock ?? runtime.clock;
    this.#logger = options.logger ?? console;
    this.#events.on('error', (error) => {
      this.#logger.error(errorOf(storedError(error)), `a listener of the pipeline ${name} threw`);
    });
    this.#factory = isObject(options.store) ? options.store : runtime.store(options.store);
    this.#intake = new Intake(new Ids(this.#clock), this.#steps, this.#settings.maxData);
    this.#operations = new Operations({
      clock: this.#clock,
      open: () => this.#open(),
      onTrouble: (error) => this.#trouble(error),
    });
    this.#endings = new Endings(this.#operations, this.#clock);
    this.#pusher = new Pusher({
      clock: this.#clock,
      operations: this.#operations,
      worker: () => this.#worker,
      patience: this.#settings.pushTimeout,
    });
  }

  /**
   * Adds a step: `step('charge', async (order, step) => …, options)`; or an original one: an object with `input_queue`
   * and `execute`, a constructor of such, or (in Node) the path of a module that exports one of these.
   * Throws ERR_OPTION, ERR_STATE after `start`.
   */
  step(queue: string, run: StepFunction, options?: StepOptions): this;
  step(original: OriginalStep | OriginalConstructor | string, options?: StepOptions): this;
  step(
    first: string | OriginalStep | OriginalConstructor,
    second?: StepFunction | StepOptions,
    options?: StepOptions,
  ): this {
    if (this.#starting !== undefined) {
      throw new DserviceError('ERR_STATE', 'steps are added before start()');
    }
    if (typeof first === 'string' && typeof second === 'function') {
      this.#steps.add(first, second, options);
    } else this.#steps.addOriginal(first, (second ?? {}) as StepOptions);
    return this;
  }

  /**
   * Gives a command to the pipeline: when this resolves, the store has it. Rejects with ERR_OPTION, ERR_DATA (with the
   * path of what cannot be stored, or for what is too large), nothing having been stored; with ERR_STORE_AWAY when the
   * store was not to be reached in time: then it may have been stored, and with an `id` it can be pushed again.
   */
  async push(queue: string, data?: unknown, options: PushOptions = {}): Promise<PushResult> {
    const [result] = await this.#push([{ ...options, queue, data }], () => '');
    return result as PushResult;
  }

  /** Pushes all of these or, if there is anything wrong, none. */
  async pushAll(items: Iterable<PushItem>): Promise<PushResult[]> {
    return this.#push([...items], (i) => `[${i}]`);
  }

  /**
   * Begins to work, once a stop that is under way is over. Waits for a store that is away. Rejects with what is wrong
   * with a step, or with the store when it cannot be opened at all; with ERR_CLOSED when `stop` comes first.
   */
  start(): Promise<void> {
    if (this.#starting !== undefined) return this.#starting;
    const starting: Promise<void> = this.#start(() => this.#starting === starting).catch(
      (error: unknown) => {
        if (this.#starting === starting) this.#starting = undefined;
        throw error;
      },
    );
    this.#starting = starting;
    return starting;
  }

  /**
   * Ends the work, in good order, and closes the store; what is not finished waits there. It can be started again.
   * Of several at once the shortest `drain` counts.
   */
  async stop({ drain = 10_000 }: StopOptions = {}): Promise<void> {
    const ms = drain === true ? Infinity : msOf(drain === false ? 0 : drain);
    if (ms === undefined) throw new DserviceError('ERR_OPTION', 'drain is a time, true or false');
    const [starting, before] = [this.#starting, this.#stopping];
    if (before !== undefined) void this.#worker?.drain(ms);
    // Whoever starts it while it stops wants it to go on: that is what this one ends.
    if (before !== undefined && starting === undefined) return before;
    this.#starting = undefined;
    const stopping = this.#stop(starting, before, ms).finally(() => {
      if (this.#stopping === stopping) this.#stopping = undefined;
    });
    this.#stopping = stopping;
    return stopping;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** Listens to what is done through this pipeline; returns what ends it. */
  on<K extends keyof PipelineEvents>(
    event: K,
    listener: (...args: PipelineEvents[K]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  /** Resolves when a command has ended, whoever worked on it. `key`: the one that it was pushed with. */
  async finished(id: string, { key }: { key?: string } = {}): Promise<Ending> {
    checkName(id, 'the id');
    if (key !== undefined) checkName(key, 'the key');
    // What is pushed in this same turn is pushed first.
    await new Promise<void>((resolve) => this.#clock.endOfTurn(resolve));
    await this.#pusher.idle();
    await this.#watch();
    return this.#endings.of(id, key);
  }

  /** How many commands are where, and how long the first of each queue has been waiting. */
  counts(): Promise<Counts> {
    return this.#ask((store) => store.counts());
  }

  /** The first commands of a queue; they stay where they are. */
  async peek(queue: string, options: PeekOptions = {}): Promise<Letter[]> {
    return (await this.#letters()).peek(queue, options);
  }

  /** The dead letters, oldest first. */
  async dead(options: DeadOptions = {}): Promise<Letter[]> {
    return (await this.#letters()).dead(options);
  }

  /** Puts dead commands into a queue again, under the ids that they had. How many. */
  async redrive(filter: Filter = {}, options: RedriveOptions = {}): Promise<number> {
    const count = await (await this.#letters()).redrive(filter, options);
    this.#look();
    return count;
  }

  /** Removes commands, dead ones if nothing else is said, for good. What is in work stays. How many. */
  async purge(filter: Filter = {}, options: PurgeOptions = {}): Promise<number> {
    const count = await (await this.#letters()).purge(filter, options);
    this.#look();
    return count;
  }

  /** What the store promises. */
  async supports(): Promise<StoreSupports> {
    return this.#ask(async (store) => store.supports);
  }

  async #push(items: readonly PushItem[], at: (i: number) => string): Promise<PushResult[]> {
    for (const [i, item] of items.entries()) this.#intake.check(item, at(i));
    let store = this.#operations.ready;
    let given = items;
    if (store === undefined) {
      given = items.map((item, i) => this.#intake.copy(item, at(i)));
      store = await this.#pusher.open();
    }
    // Nothing is awaited before all is packed: what a caller changes afterwards is not seen.
    const ready = store;
    const taken = given.map((item, i) => this.#intake.take(ready, item, at(i)));
    if (taken.length === 0) return [];
    const states = await this.#pusher.push(taken.map(({ entry }) => entry));
    return taken.map(({ id, entry: { key, queue } }, i) => {
      const state = states[i] as PushState;
      if (state === 'queued') this.#events.emit('pushed', { id, key, queue });
      return { id, state };
    });
  }

  /** `wanted`: whether it has not been stopped meanwhile. */
  async #start(wanted: () => boolean): Promise<void> {
    await this.#stopping;
    if (wanted()) await this.#steps.make((path) => this.#load(path), this.#logger, this);
    if (wanted()) await this.#watch();
    if (!wanted()) throw new DserviceError('ERR_CLOSED', 'the pipeline was stopped');
    const { concurrency, grace } = this.#settings;
    this.#worker = new Worker({
      clock: this.#clock,
      pipeline: this.name,
      logger: this.#logger,
      operations: this.#operations,
      events: this.#events,
      endings: this.#endings,
      steps: this.#steps.all,
      concurrency,
      grace,
      pack: (store, data) => this.#intake.pack(store, data),
      keyFor: (queue, data) => this.#steps.keyFor(queue, data),
    });
    this.#worker.start();
  }

  async #load(path: string): Promise<unknown> {
    if (this.#runtime.load !== undefined) return this.#runtime.load(path);
    throw new DserviceError('ERR_OPTION', `${path}: steps cannot be loaded by path here`);
  }

  async #stop(
    starting: Promise<void> | undefined,
    before: Promise<void> | undefined,
    drain: number,
  ): Promise<void> {
    await before;
    if (this.#worker === undefined) {
      // Who starts may be waiting for a store that is away.
      await this.#pusher.idle();
      await this.#operations.close();
      await starting?.catch(() => {});
    }
    const worker = this.#worker;
    await worker?.drain(drain);
    await this.#pusher.idle();
    await worker?.end();
    this.#worker = undefined;
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    await this.#operations.close();
    this.#endings.close();
  }

  #watch(): Promise<void> {
    return this.#operations.many(
      async (store) => {
        this.#stopWatching ??= store.watch(() => this.#look());
      },
      { away: Infinity, broken: false },
    );
  }

  /** Something may have changed, beside what this worker does. */
  #look(): void {
    this.#worker?.wake();
    this.#endings.look();
  }

  #ask<T>(call: (store: Store) => Promise<T>): Promise<T> {
    return this.#operations.many(call, asking);
  }

  async #letters(): Promise<Letters> {
    const { Letters: Made } = await import('./letters.js');
    return new Made((call) => this.#ask(call), this.#clock);
  }

  #open(): Promise<Store> {
    const { dedupe, dedupeMax, deadAge, deadMax } = this.#settings;
    return this.#factory.open(this.name, {
      clock: this.#clock,
      logger: this.#logger,
      dedupe,
      dedupeMax,
      deadAge,
      deadMax,
    });
  }

  #trouble(error: DserviceError | undefined): void {
    const where = `the pipeline ${this.name} on ${this.#factory.url}`;
    if (error === undefined) {
      this.#logger.warn(`${where} goes on`);
      this.#events.emit('recovered');
    } else {
      this.#logger.warn(`${where} waits: ${error.code}: ${error.message}`);
      this.#events.emit('degraded', error);
    }
  }
}
