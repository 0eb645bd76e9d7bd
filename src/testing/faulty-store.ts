import type { Clock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { Store, StoreFactory, StoreOptions } from '../pipeline/store.js';

/** The calls of a store that can fail, and `open` of its factory. */
export type StoreCallName =
  | 'open'
  | 'push'
  | 'turn'
  | 'extend'
  | 'reap'
  | 'counts'
  | 'find'
  | 'range'
  | 'redrive'
  | 'purge'
  | 'flush';

export interface StoreCall {
  readonly name: StoreCallName;
  /** From 0, over all stores that were opened. */
  readonly index: number;
  readonly args: readonly unknown[];
}

export interface StoreFault {
  /**
   * `before`: nothing is done. `during`: it is done, and the answer lost. `never`: it answers as it should, which is
   * for those that have a `delay` alone.
   */
  readonly fails: 'before' | 'during' | 'never';
  /** What it rejects with: ERR_STORE_AWAY, if left out. */
  readonly code?: ErrorCode;
  /** The answer comes, or the call rejects, so many ms later. */
  readonly delay?: number;
}

/** Where a program is killed: before a call is carried out, before its answer, or when it has been answered. */
export type CrashPoint = 'before' | 'during' | 'after';

/** What is still to be carried out, for all calls at once. */
interface Life {
  over: boolean;
  readonly stores: Store[];
  readonly watches: Set<() => void>;
}

/**
 * A factory whose stores fail when they are told to, over one that does not.
 *
 *     const faulty = new FaultyStores(memory(), clock);
 *     const p = pipeline(…, { store: faulty.factory });
 *     faulty.next({ fails: 'during' }, 'turn');
 */
export class FaultyStores {
  readonly factory: StoreFactory;
  /** All calls so far, in order. */
  readonly calls: StoreCall[] = [];
  /** Says of each call whether, and how, it fails; what `next` and `away` say comes first. */
  plan: ((call: StoreCall) => StoreFault | undefined) | undefined;
  /** While it is so, all calls are rejected with ERR_STORE_AWAY. */
  away = false;
  readonly #clock: Clock;
  readonly #next: { readonly fault: StoreFault; readonly name: StoreCallName | undefined }[] = [];
  #life: Life = { over: false, stores: [], watches: new Set() };
  #crash: { readonly index: number; readonly point: CrashPoint } | undefined;

  constructor(factory: StoreFactory, clock: Clock) {
    this.#clock = clock;
    this.factory = {
      url: factory.url,
      pipelines: () => factory.pipelines(),
      open: (pipeline, options) => this.#open(factory, pipeline, options),
    };
  }

  /** The next call, or the next one of that name, fails; several are used in their order. */
  next(fault: StoreFault, name?: StoreCallName): void {
    this.#next.push({ fault, name });
  }

  /** The program that holds the stores dies at a call, by its index: from then on nothing is done or answered. */
  crashAt(index: number, point: CrashPoint): void {
    this.#crash = { index, point };
  }

  /** It dies now. */
  crash(): void {
    this.#life.over = true;
    for (const stop of this.#life.watches) stop();
  }

  /** Whether it has died, and was not started anew. */
  get crashed(): boolean {
    return this.#life.over;
  }

  /**
   * Another program begins: what is opened from now on works. Stores that were opened before stay silent for ever.
   */
  async restart(): Promise<void> {
    this.crash();
    const { stores } = this.#life;
    this.#life = { over: false, stores: [], watches: new Set() };
    this.#crash = undefined;
    await Promise.all(stores.map((store) => store.close()));
  }

  async #open(factory: StoreFactory, pipeline: string, options: StoreOptions): Promise<Store> {
    const life = this.#life;
    const store = await this.#call(life, 'open', [pipeline], () => factory.open(pipeline, options));
    life.stores.push(store);
    return this.#faulty(store, life);
  }

  #faulty(store: Store, life: Life): Store {
    const call = <T>(name: StoreCallName, args: readonly unknown[], run: () => Promise<T>) =>
      this.#call(life, name, args, run);
    return {
      supports: store.supports,
      pack: (data) => store.pack(data),
      unpack: (body) => store.unpack(body),
      push: (...args) => call('push', args, () => store.push(...args)),
      turn: (...args) => call('turn', args, () => store.turn(...args)),
      extend: (...args) => call('extend', args, () => store.extend(...args)),
      reap: (...args) => call('reap', args, () => store.reap(...args)),
      counts: () => call('counts', [], () => store.counts()),
      find: (...args) => call('find', args, () => store.find(...args)),
      range: (...args) => call('range', args, () => store.range(...args)),
      redrive: (...args) => call('redrive', args, () => store.redrive(...args)),
      purge: (...args) => call('purge', args, () => store.purge(...args)),
      flush: () => call('flush', [], () => store.flush()),
      watch: (wake) => watch(store, life, wake),
      close: async () => {
        if (!life.over) await store.close();
      },
    };
  }

  /** A call as it would be, but for its fault. */
  async #call<T>(
    life: Life,
    name: StoreCallName,
    args: readonly unknown[],
    run: () => Promise<T>,
  ): Promise<T> {
    if (life.over) return silence();
    const call = { name, index: this.calls.length, args };
    this.calls.push(call);
    const point = this.#crash?.index === call.index ? this.#crash.point : undefined;
    if (point === 'before') {
      this.crash();
      return silence();
    }
    const fault = this.#faultOf(call);
    if (fault?.fails === 'before') {
      await this.#wait(life, fault.delay);
      throw faultError(fault, `${name} was not carried out`);
    }
    const running = run();
    // The program is dead as soon as the call is on its way.
    if (point === 'during') {
      this.crash();
      await running.catch(() => {});
      return silence();
    }
    const answer = await running;
    if (life.over) return silence();
    await this.#wait(life, fault?.delay);
    if (fault?.fails === 'during') throw faultError(fault, `the answer of ${name} is lost`);
    // The answer is seen, and what its owner does at once with it comes too late.
    if (point === 'after') this.crash();
    return answer;
  }

  #faultOf(call: StoreCall): StoreFault | undefined {
    if (this.away) return { fails: 'before' };
    const at = this.#next.findIndex(({ name }) => name === undefined || name === call.name);
    const [next] = at === -1 ? [] : this.#next.splice(at, 1);
    return next?.fault ?? this.plan?.(call);
  }

  async #wait(life: Life, ms: number | undefined): Promise<void> {
    if (ms === undefined) return;
    await new Promise<void>((resolve) => {
      this.#clock.after(ms, resolve);
    });
    if (life.over) await silence();
  }
}

function watch(store: Store, life: Life, wake: () => void): () => void {
  if (life.over) return () => {};
  const stop = store.watch(wake);
  life.watches.add(stop);
  return () => {
    stop();
    life.watches.delete(stop);
  };
}

function faultError({ code = 'ERR_STORE_AWAY' }: StoreFault, message: string): DserviceError {
  return new DserviceError(code, message);
}

function silence(): Promise<never> {
  return new Promise(() => {});
}
