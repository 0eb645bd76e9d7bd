import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { DserviceError } from '../errors.js';
import { check, isObject, type Rule } from '../rules.js';
import { type Duration, msOf } from './duration.js';
import { Endings, type Ending } from './endings.js';
import type { PipelineEvents } from './events.js';
import { packed } from './data.js';
import { Ids } from './ids.js';
import { each, type Filter, type Letter, letterOf } from './letters.js';
import type { Logger } from './logger.js';
import { checkName } from './name.js';
import { Operations, type Patience } from './operations.js';
import {
  construct,
  isOriginal,
  type OriginalConstructor,
  type OriginalStep,
  runOf,
} from './original.js';
import { type PipelineOptions, settingsOf } from './pipeline-options.js';
import { Pusher } from './pusher.js';
import { refOf } from './ref.js';
import { type Step, type StepFunction, stepOf, type StepOptions, stepRules } from './step.js';
import type {
  Counts,
  Entry,
  Packed,
  PushState,
  State,
  Store,
  StoreFactory,
  StoreSupports,
} from './store.js';
import { Worker } from './worker.js';

/** What a runtime adds. */
export interface PipelineRuntime {
  readonly clock: Clock;
  /** The store of a URL; of undefined, the usual one. Throws ERR_OPTION. */
  store(url: string | undefined): StoreFactory;
  /** What a module has as its default export, or is. */
  load?(path: string): Promise<unknown>;
}

export interface PushOptions {
  /** A command that is known by its id already is not pushed again. Without one, we make one. */
  readonly id?: string;
  /** Those with the same key are worked on one at a time, in order. */
  readonly key?: string;
  /** How long it waits before it takes its place. */
  readonly delay?: Duration;
}

export interface PushItem extends PushOptions {
  readonly queue: string;
  readonly data?: unknown;
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

const pushRules: Readonly<Record<keyof PushOptions, Rule>> = {
  id: { says: '', ok: () => true },
  key: { says: '', ok: () => true },
  delay: { says: "a time: milliseconds, or text as '30s'", ok: (it) => msOf(it) !== undefined },
};

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
  readonly #ids: Ids;
  readonly #steps = new Map<string, Step>();
  /** Steps whose queues are known when they are made. */
  readonly #coming: { readonly maker: unknown; readonly options: StepOptions }[] = [];
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
    this.#ids = new Ids(this.#clock);
    this.#operations = new Operations({
      clock: this.#clock,
      open: () => this.#open(),
      onTrouble: (error) => this.#trouble(error),
    });
    this.#endings = new Endings(this.#operations);
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
      this.#add(first, second, options);
    } else {
      const given = (second ?? {}) as StepOptions;
      check('a step', given, stepRules);
      if (isOriginal(first)) this.#addOriginal(first, given);
      else this.#coming.push({ maker: first, options: given });
    }
    return this;
  }

  /**
   * Gives a command to the pipeline: when this resolves, the store has it. Rejects with ERR_OPTION, ERR_DATA (with the
   * path of what cannot be stored), ERR_LIMIT (too large), nothing having been stored; with ERR_STORE_AWAY when the
   * store was not to be reached in time: then it may have been stored, and with an `id` it can be pushed again.
   */
  async push(queue: string, data?: unknown, options: PushOptions = {}): Promise<PushResult> {
    check('push', options, pushRules);
    const [result] = await this.#push([{ ...options, queue, data }], () => '');
    return result as PushResult;
  }

  /** Pushes all of these or, if there is anything wrong, none. */
  async pushAll(items: Iterable<PushItem>): Promise<PushResult[]> {
    return this.#push([...items], (i) => `[${i}].`);
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
    for (const [i, item] of items.entries()) checkItem(item, at(i));
    let store = this.#operations.ready;
    let given = items;
    if (store === undefined) {
      // What a caller changes from now on is not seen.
      given = items.map((item, i) => ({ ...item, data: cloned(item.data, at(i)) }));
      const { pushTimeout } = this.#settings;
      store = await this.#operations.many(async (opened) => opened, {
        away: pushTimeout,
        broken: false,
      });
    }
    const ready = store;
    const entries = given.map((item, i) => this.#entry(ready, item, at(i)));
    if (entries.length === 0) return [];
    const states = await this.#pusher.push(entries.map(({ entry }) => entry));
    return entries.map(({ id, entry: { key, queue } }, i) => {
      const state = states[i] as PushState;
      if (state === 'queued') this.#events.emit('pushed', { id, key, queue });
      return { id, state };
    });
  }

  #entry(
    store: Store,
    { id: own, queue, data, key: given, delay }: PushItem,
    at: string,
  ): { id: string; entry: Entry } {
    const id = own ?? this.#ids.next();
    const key = given ?? this.#keyFor(queue, data);
    const body = within(at, () => this.#pack(store, data));
    const ref = refOf(id, key);
    return { id, entry: { ref, given: own !== undefined, queue, key, body, delay: msOf(delay) } };
  }

  #pack(store: Store, data: unknown): Packed {
    const { body, size } = store.pack(data);
    const { maxData } = this.#settings;
    if (size <= maxData) return body;
    const text = `data has ${size} bytes, over ${maxData}: store it elsewhere and push where it is`;
    throw new DserviceError('ERR_DATA', text);
  }

  /** The key that a queue gives to what comes without one. Throws what the step's function throws, or ERR_OPTION. */
  #keyFor(queue: string, data: unknown): string | undefined {
    const key = this.#steps.get(queue)?.key?.(data);
    if (key !== undefined) checkName(key, `the key of ${queue}`);
    return key;
  }

  #add(queue: string, run: Step['run'], options?: StepOptions): void {
    checkName(queue, 'the queue of a step');
    if (this.#steps.has(queue)) {
      throw new DserviceError('ERR_OPTION', `there is a step for ${queue} already`);
    }
    this.#steps.set(queue, stepOf(queue, run, options));
  }

  #addOriginal(original: OriginalStep, options: StepOptions): void {
    const own = Object.fromEntries(
      Object.keys(stepRules).flatMap((name) => {
        const value: unknown = Reflect.get(original, name);
        return value === undefined ? [] : [[name, value]];
      }),
    );
    this.#add(original.input_queue, runOf(original), { ...own, ...options });
  }

  async #start(): Promise<void> {
    await this.#stopping;
    for (const { maker, options } of this.#coming.splice(0)) {
      const loaded = typeof maker === 'string' ? await this.#load(maker) : maker;
      this.#addOriginal(await construct(loaded, this.#logger, this), options);
    }
    await this.#watch();
    const { concurrency } = this.#settings;
    this.#worker = new Worker({
      clock: this.#clock,
      pipeline: this.name,
      logger: this.#logger,
      operations: this.#operations,
      events: this.#events,
      endings: this.#endings,
      steps: this.#steps,
      concurrency,
      pack: (store, data) => this.#pack(store, data),
      keyFor: (queue, data) => {
        this.#warnOf(queue);
        return this.#keyFor(queue, data);
      },
    });
    this.#worker.start();
  }

  #load(path: string): Promise<unknown> {
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
    const store = await this.#operations.many(async (opened) => opened, {
      away: Infinity,
      broken: false,
    });
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
    if (this.#steps.has(queue) || this.#strange.has(queue)) return;
    this.#strange.add(queue);
    this.#logger.warn(
      `${this.name}: no step of this program reads the queue ${queue}: what moves there waits`,
    );
  }
}

function checkItem(item: unknown, at: string): asserts item is PushItem {
  if (!isObject(item))
    throw new DserviceError('ERR_OPTION', `${at || 'what is pushed'} is no object`);
  const { queue, id, key, delay } = item as Partial<PushItem>;
  checkName(queue, `${at}queue`);
  if (id !== undefined) checkName(id, `${at}id`);
  if (key !== undefined) checkName(key, `${at}key`);
  if (delay !== undefined && msOf(delay) === undefined) {
    throw new DserviceError('ERR_OPTION', `${at}delay is milliseconds, or text as '30s'`);
  }
}

function cloned(data: unknown, at: string): unknown {
  return within(at, () => packed(data, (value) => structuredClone(value)));
}

/** Errors about data say where in a list it is. */
function within<T>(at: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (at === '' || !DserviceError.is(error) || error.code !== 'ERR_DATA') throw error;
    throw new DserviceError('ERR_DATA', at + error.message, { cause: error.cause ?? error });
  }
}
