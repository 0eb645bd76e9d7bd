import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { DserviceError } from '../errors.js';
import { isObject } from '../rules.js';
import { type Duration, msOf } from './duration.js';
import { Endings, type Ending } from './endings.js';
import type { PipelineEvents } from './events.js';
import { Ids } from './ids.js';
import { Intake, type PushItem, type PushOptions } from './intake.js';
import { each, type Filter, type Letter, letterOf } from './letters.js';
import type { Logger } from './logger.js';
import { checkName } from './name.js';
import { Operations, type Patience } from './operations.js';
import type { OriginalConstructor, OriginalStep } from './original.js';
import { type PipelineOptions, settingsOf } from './pipeline-options.js';
import { Pusher } from './pusher.js';
import type { StepFunction, StepOptions } from './step.js';
import { Steps } from './steps.js';
import type { Counts, PushState, State, Store, StoreFactory, StoreSupports } from './store.js';
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

export interface PeekOptions {
  /** `input` without it. */
  readonly state?: State;
  /** At most; 20 without it. */
  readonly limit?: number;
}

export interface RedriveOptions {
  /** The queue where they go; without it, the one where they died. */
  readonly to?: string;
  /** False: they are tried once more, and not as often as at first. */
  readonly reset?: boolean;
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
  readonly #strange = new Set<string>();
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
   * path of what cannot be stored), ERR_LIMIT (too large), nothing having been stored; with ERR_STORE_AWAY when the
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

  /** Begins to work. Rejects with what is wrong with a step, or with the store when it cannot be opened at all. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return this.#starting;
  }

  /** Ends the work, in good order, and closes the store; what is not finished waits there. It can be started again. */
  stop({ drain = 10_000 }: StopOptions = {}): Promise<void> {
    const ms = drain === true ? Infinity : msOf(drain === false ? 0 : drain);
    if (ms === undefined) throw new DserviceError('ERR_OPTION', 'drain is a time, true or false');
    this.#stopping ??= this.#stop(ms).finally(() => {
      this.#stopping = undefined;
    });
    return this.#stopping;
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
    await this.#pusher.idle();
    await this.#watch();
    return this.#endings.of(id, key);
  }

  /** How many commands are where, and how long the first of each queue has been waiting. */
  counts(): Promise<Counts> {
    return this.#operations.many((store) => store.counts(), asking);
  }

  /** The first commands of a queue; they stay where they are. */
  async peek(queue: string, { state = 'input', limit = 20 }: PeekOptions = {}): Promise<Letter[]> {
    checkName(queue, 'the queue');
    return this.#list(queue, state, limit);
  }

  /** The dead letters, oldest first. */
  dead({ queue, limit = 100 }: { queue?: string; limit?: number } = {}): Promise<Letter[]> {
    return this.#list(queue, 'dead', limit);
  }

  /** Puts dead commands into a queue again, under the ids that they had. How many. */
  async redrive(filter: Filter = {}, { to, reset = true }: RedriveOptions = {}): Promise<number> {
    if (to !== undefined) checkName(to, 'the queue');
    const count = await this.#operations.many((store) => {
      return each(store, 'dead', filter, this.#clock.wall(), (refs) =>
        store.redrive(refs, to, reset),
      );
    }, asking);
    this.#worker?.wake();
    return count;
  }

  /** Removes commands, dead ones if nothing else is said, for good. What is in work stays. How many. */
  purge(filter: Filter = {}, { state = 'dead' }: { state?: State } = {}): Promise<number> {
    return this.#operations.many((store) => {
      return each(store, state, filter, this.#clock.wall(), (refs) => store.purge(refs));
    }, asking);
  }

  /** What the store promises. */
  async supports(): Promise<StoreSupports> {
    return this.#operations.many(async (store) => store.supports, asking);
  }

  async #push(items: readonly PushItem[], at: (i: number) => string): Promise<PushResult[]> {
    for (const [i, item] of items.entries()) this.#intake.check(item, at(i));
    let store = this.#operations.ready;
    let given = items;
    if (store === undefined) {
      given = items.map((item, i) => this.#intake.copy(item, at(i)));
      store = await this.#opened({ away: this.#settings.pushTimeout, broken: false });
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

  #opened(patience: Patience): Promise<Store> {
    return this.#operations.many(async (store) => store, patience);
  }

  async #start(): Promise<void> {
    await this.#stopping;
    await this.#steps.make((path) => this.#load(path), this.#logger, this);
    await this.#watch();
    const { concurrency } = this.#settings;
    this.#worker = new Worker({
      clock: this.#clock,
      pipeline: this.name,
      logger: this.#logger,
      operations: this.#operations,
      events: this.#events,
      endings: this.#endings,
      steps: this.#steps.all,
      concurrency,
      pack: (store, data) => this.#intake.pack(store, data),
      keyFor: (queue, data) => {
        this.#warnOf(queue);
        return this.#steps.keyFor(queue, data);
      },
    });
    this.#worker.start();
  }

  async #load(path: string): Promise<unknown> {
    if (this.#runtime.load !== undefined) return this.#runtime.load(path);
    throw new DserviceError('ERR_OPTION', `${path}: steps cannot be loaded by path here`);
  }

  async #stop(drain: number): Promise<void> {
    await this.#starting?.catch(() => {});
    const worker = this.#worker;
    await worker?.stop(drain);
    await this.#pusher.idle();
    this.#worker = undefined;
    this.#starting = undefined;
    this.#stopWatching?.();
    this.#stopWatching = undefined;
    this.#endings.close();
    await this.#operations.close();
  }

  async #watch(): Promise<void> {
    const store = await this.#opened({ away: Infinity, broken: false });
    this.#stopWatching ??= store.watch(() => {
      this.#worker?.wake();
      this.#endings.look();
    });
  }

  async #list(queue: string | undefined, state: State, limit: number): Promise<Letter[]> {
    return this.#operations.many(async (store) => {
      const { commands } = await store.range(queue, state, { limit });
      return commands.map((command) => letterOf(command, store));
    }, asking);
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

  /** A step may move to a queue that another program works on; or its name is wrong. */
  #warnOf(queue: string): void {
    if (this.#steps.all.has(queue) || this.#strange.has(queue)) return;
    this.#strange.add(queue);
    this.#logger.warn(
      `${this.name}: no step of this program reads the queue ${queue}: what moves there waits`,
    );
  }
}
