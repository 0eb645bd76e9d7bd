import { DserviceError } from '../errors.js';
import type { AnyFunction } from './encode.js';
import { ago } from './ago.js';
import { IdTable } from './id-table.js';
import {
  type BrokenListener,
  callable,
  type Callable,
  type CallOptions,
  dispose,
} from './options.js';

/** Whose references they are: the session. */
export interface RemoteHost {
  callReference(
    target: Reference,
    args: unknown[],
    options: CallOptions | undefined,
  ): Promise<unknown>;
  /** There is something to `takeCulls` after there was nothing. */
  onCull(): void;
  /** Milliseconds of the clock. */
  now(): number;
}

/** Milliseconds of the clock, and in which way. */
interface Gone {
  readonly at: number;
  readonly how: string;
}

interface Seldom {
  gone?: Gone | undefined;
  onCall?: (() => void) | undefined;
  /** Told when it can be called no more. */
  listeners?: Set<BrokenListener> | undefined;
}

/** A function of the peer's that we hold: what stands behind the stand-in. */
export class Reference implements Callable {
  readonly id: number;
  readonly #owner: RemoteFunctions;
  /** Mentions that the peer counts for this stand-in. */
  mentions = 1;
  /** How often it was called, so that the bridge sees whether a handler answered by itself. */
  calls = 0;
  /** It came as the last argument of a call: there the caller wants its answer. */
  answer = false;
  /** Where it stands in the peer's api, for errors. */
  name = 'callback';
  #head: string | undefined;
  /** The call that it came with, and its key there. */
  readonly of: string;
  readonly key: string | number;
  /** What it stands behind: held by itself as long as it stands in the peer's api. */
  standIn: WeakRef<AnyFunction> | AnyFunction | undefined;
  /** What few have: one place for all of it. */
  #seldom: Seldom | undefined;

  constructor(id: number, owner: RemoteFunctions, of: string, key: string | number) {
    this.id = id;
    this.#owner = owner;
    this.of = of;
    this.key = key;
  }

  get #few(): Seldom {
    return (this.#seldom ??= {});
  }

  /** When it was let go, and how. */
  get gone(): Gone | undefined {
    return this.#seldom?.gone;
  }

  set gone(gone: Gone | undefined) {
    this.#few.gone = gone;
  }

  /** Told of the next call of it. */
  get onCall(): (() => void) | undefined {
    return this.#seldom?.onCall;
  }

  set onCall(onCall: (() => void) | undefined) {
    this.#few.onCall = onCall;
  }

  get released(): boolean {
    return this.gone !== undefined;
  }

  /** What stands for it here, unless it was collected. */
  get alive(): AnyFunction | undefined {
    return typeof this.standIn === 'function' ? this.standIn : this.standIn?.deref();
  }

  /** How a message begins that calls it. */
  get head(): string {
    return (this.#head ??= headOf(this.id));
  }

  call(args: unknown[], options?: CallOptions): Promise<unknown> {
    this.calls++;
    this.onCall?.();
    return this.#owner.host.callReference(this, args, options);
  }

  release(): void {
    this.#owner.release(this);
  }

  onBroken(listener: BrokenListener): () => void {
    const over = this.released ? this.#owner.error(this) : this.#owner.over;
    if (over !== undefined) listener(over);
    else (this.#few.listeners ??= new Set()).add(listener);
    return () => void this.#seldom?.listeners?.delete(listener);
  }

  /** It can be called no more. */
  broken(why: () => DserviceError): void {
    const listeners = this.#seldom?.listeners;
    if (listeners === undefined) return;
    this.#few.listeners = undefined;
    const error = why();
    for (const listener of listeners) listener(error);
  }
}

/**
 * The peer's functions that we hold. A stand-in that nobody holds any more is collected, and the peer
 * is told by a cull; `release` (or `using`) does so at once. Every operation takes constant time.
 */
export class RemoteFunctions {
  readonly host: RemoteHost;
  readonly #limit: number;
  readonly #byId = new IdTable<Reference>();
  /** Once there was something to be collected. */
  #registry: FinalizationRegistry<Reference> | undefined;
  /** Why none of them can be called any more. */
  over: DserviceError | undefined;
  #culls: Map<number, number> | undefined;
  #highest = -1;
  /** A plain cull ends an id for good: a mention that crossed it is dead. */
  plain = true;
  /** What is being read: a call, or its outcome. */
  reading = '';
  /** What is read is the peer's api, which is held as long as the session, or until there is another: so it is not watched. */
  keeping = false;

  constructor(host: RemoteHost, limit: number) {
    this.host = host;
    this.#limit = limit;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The stand-in for a function of the peer's, for one more mention, at this path of what is read. Throws ERR_LIMIT. */
  reference(id: number, path: unknown): AnyFunction {
    const known = this.#byId.get(id);
    const alive = known?.alive;
    if (known !== undefined && alive !== undefined) {
      known.mentions++;
      return alive;
    }
    const ref = new Reference(id, this, this.reading, keyOf(path));
    if (this.plain && known === undefined && id <= this.#highest) {
      ref.gone = { at: this.host.now(), how: 'came when it had been let go here already' };
    }
    if (ref.gone === undefined && this.#byId.size >= this.#limit) {
      this.unmention(id);
      throw new DserviceError(
        'ERR_LIMIT',
        `more than ${this.#limit} functions of the peer are held`,
      );
    }
    if (id > this.#highest) this.#highest = id;
    const made = standIn(ref);
    if (!ref.released) {
      this.#byId.set(ref);
      if (this.keeping) ref.standIn = made;
      else this.#watch(ref, made);
    }
    return made;
  }

  #watch(ref: Reference, made: AnyFunction): void {
    this.#registry ??= new FinalizationRegistry((it) => {
      // Not unregistered when it is released: that would cost more than being told for nothing.
      if (!it.released && this.over === undefined) this.#drop(it);
    });
    ref.standIn = new WeakRef(made);
    this.#registry.register(made, ref);
  }

  /** The peer's api is replaced: what nobody else holds of it may be collected. */
  loosen(): void {
    for (const ref of this.#byId.inOrder()) {
      if (typeof ref.standIn === 'function') this.#watch(ref, ref.standIn);
    }
  }

  /** As `find`, but undefined for one that was released. */
  alive(fn: AnyFunction): Reference | undefined {
    const ref = (fn as Partial<Record<typeof callable, unknown>>)[callable];
    return ref instanceof Reference && this.#byId.get(ref.id) === ref ? ref : undefined;
  }

  /** The reference behind a stand-in of this session's. Throws ERR_RELEASED. */
  find(fn: AnyFunction): Reference | undefined {
    const ref = (fn as Partial<Record<typeof callable, unknown>>)[callable];
    if (ref instanceof Reference && ref.released) throw this.error(ref);
    return this.alive(fn);
  }

  /** A mention in a message whose content is dropped. */
  unmention(id: number): void {
    // A plain cull takes no count: it would end what we still hold.
    if (this.plain && this.#byId.get(id) !== undefined) return;
    this.#cull(id, 1);
  }

  release(ref: Reference): void {
    if (ref.released) return;
    ref.gone = { at: this.host.now(), how: 'was let go here' };
    this.#drop(ref);
    ref.broken(() => this.error(ref));
  }

  /** What to say to who uses one that was let go: which it is, and since when. */
  error({ name, of, key, gone }: Reference): DserviceError {
    // Whoever asks has seen that it is gone.
    const { at, how } = gone as Gone;
    const isMethod = name !== 'callback';
    const known = isMethod ? name : key;
    // Of a list, or among the arguments, it has a number alone.
    const what = /^\d*$/.test(String(known)) ? 'a function' : `\`${known}\``;
    const call = isMethod || of === '' ? '' : ` of \`${of}()\``;
    const text = `${what}${call} ${how}, ${ago(this.host.now() - at)}`;
    return new DserviceError('ERR_RELEASED', text, { mayHaveRun: false });
  }

  #drop(ref: Reference): void {
    const current = this.#byId.get(ref.id) === ref;
    if (current) this.#byId.delete(ref.id);
    // A plain cull takes no count: it must not end an id that was mentioned again.
    if (current || !this.plain) this.#cull(ref.id, ref.mentions);
  }

  #cull(id: number, count: number): void {
    if (this.#culls === undefined) this.host.onCull();
    const culls = (this.#culls ??= new Map());
    culls.set(id, (culls.get(id) ?? 0) + count);
  }

  /** What was let go since the last time. */
  takeCulls(): Iterable<[id: number, count: number]> {
    const culls = this.#culls ?? [];
    this.#culls = undefined;
    return culls;
  }

  clear(why: DserviceError): void {
    this.over = why;
    for (const ref of this.#byId.inOrder()) ref.broken(() => why);
    this.#byId.clear();
    this.#culls = undefined;
  }
}

/** How a message begins that calls something by its id, or by its name. */
export function headOf(method: number | string): string {
  // Not `${id}` of numbers that do not come again: the engine would keep a string of each.
  return `"method":${JSON.stringify(method)}`;
}

/** The last key of a path. */
function keyOf(path: unknown): string | number {
  const key: unknown = Array.isArray(path) ? path[path.length - 1] : undefined;
  return typeof key === 'string' || typeof key === 'number' ? key : '';
}

const construct: CallOptions = { construct: true };

interface StandIn {
  [callable]: Callable;
  [dispose]: () => void;
}

function standIn(ref: Reference): AnyFunction {
  // By its own name it finds what is behind it: with a variable from here, each would hold on to a scope of its own.
  const made = function remoteFunction(...args: unknown[]): unknown {
    const { [callable]: behind } = remoteFunction as unknown as StandIn;
    return behind.call(args, new.target && construct);
  };
  // Set, not defined: a quarter of the price, and this happens for each callback that passes.
  const standIn = made as unknown as StandIn;
  standIn[callable] = ref;
  standIn[dispose] = disposeStandIn;
  return made;
}

function disposeStandIn(this: StandIn): void {
  this[callable].release();
}

/** What a peer says who does not know `new`. */
export function constructsNothing(): DserviceError {
  const text = 'the peer knows no `new`: it constructs nothing from afar';
  return new DserviceError('ERR_METHOD', text);
}
