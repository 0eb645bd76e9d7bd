import { DserviceError } from '../errors.js';
import type { AnyFunction } from './encode.js';
import {
  type BrokenListener,
  callable,
  type Callable,
  type CallOptions,
  dispose,
} from './options.js';

/** What a reference asks of its session. */
export interface Caller {
  call(target: Reference, args: unknown[], options: CallOptions | undefined): Promise<unknown>;
}

/** A function of the peer's that we hold: what stands behind the stand-in. */
export class Reference implements Callable {
  readonly id: number;
  readonly #owner: RemoteFunctions;
  /** Mentions that the peer counts for this stand-in. */
  mentions = 1;
  /** How often it was called, so that the bridge sees whether a handler answered by itself. */
  calls = 0;
  released = false;
  /** Told of the next call of it. */
  onCall: (() => void) | undefined;
  /** It came as the last argument of a call: there the caller wants its answer. */
  answer = false;
  /** Where it stands in the peer's api, for errors. */
  name = 'callback';
  #head: string | undefined;
  /** Told when it can be called no more. */
  #listeners: Set<BrokenListener> | undefined;

  constructor(id: number, owner: RemoteFunctions) {
    this.id = id;
    this.#owner = owner;
  }

  /** How a message begins that calls it. */
  get head(): string {
    return (this.#head ??= headOf(this.id));
  }

  call(args: unknown[], options?: CallOptions): Promise<unknown> {
    this.calls++;
    this.onCall?.();
    return this.#owner.caller.call(this, args, options);
  }

  release(): void {
    this.#owner.release(this);
  }

  onBroken(listener: BrokenListener): () => void {
    const over = this.released ? released() : this.#owner.over;
    if (over !== undefined) listener(over);
    else (this.#listeners ??= new Set()).add(listener);
    return () => void this.#listeners?.delete(listener);
  }

  /** It can be called no more. */
  broken(why: DserviceError): void {
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener(why);
  }
}

/**
 * The peer's functions that we hold. A stand-in that nobody holds any more is collected, and the peer
 * is told by a cull; `release` (or `using`) does so at once. Every operation takes constant time.
 */
export class RemoteFunctions {
  readonly caller: Caller;
  readonly #onCull: () => void;
  readonly #limit: number;
  readonly #byId = new Map<number, { ref: Reference; weak: WeakRef<AnyFunction> }>();
  readonly #registry = new FinalizationRegistry<Reference>((ref) => {
    // Not unregistered when it is released: that would cost more than being told for nothing.
    if (!ref.released && this.over === undefined) this.#drop(ref);
  });
  /** Why none of them can be called any more. */
  over: DserviceError | undefined;
  #culls = new Map<number, number>();
  #highest = -1;
  /** A plain cull ends an id for good: a mention that crossed it is dead. */
  plain = true;

  /** `onCull` is called when there is something to `takeCulls` after there was nothing. */
  constructor(caller: Caller, limit: number, onCull: () => void) {
    this.caller = caller;
    this.#limit = limit;
    this.#onCull = onCull;
  }

  get size(): number {
    return this.#byId.size;
  }

  /** The stand-in for a function of the peer's, for one more mention. Throws ERR_LIMIT. */
  reference(id: number): AnyFunction {
    const known = this.#byId.get(id);
    const alive = known?.weak.deref();
    if (known !== undefined && alive !== undefined) {
      known.ref.mentions++;
      return alive;
    }
    const ref = new Reference(id, this);
    if (this.plain && known === undefined && id <= this.#highest) ref.released = true;
    else if (this.#byId.size >= this.#limit) {
      this.unmention(id);
      throw new DserviceError(
        'ERR_LIMIT',
        `more than ${this.#limit} functions of the peer are held`,
      );
    }
    if (id > this.#highest) this.#highest = id;
    const made = standIn(ref);
    if (!ref.released) {
      this.#byId.set(id, { ref, weak: new WeakRef(made) });
      this.#registry.register(made, ref);
    }
    return made;
  }

  /** As `find`, but undefined for one that was released. */
  alive(fn: AnyFunction): Reference | undefined {
    const ref = (fn as Partial<Record<typeof callable, unknown>>)[callable];
    return ref instanceof Reference && !ref.released && this.#owns(ref) ? ref : undefined;
  }

  /** The reference behind a stand-in of this session's. Throws ERR_RELEASED. */
  find(fn: AnyFunction): Reference | undefined {
    const ref = (fn as Partial<Record<typeof callable, unknown>>)[callable];
    if (!(ref instanceof Reference) || !this.#owns(ref)) return undefined;
    if (ref.released) throw released();
    return ref;
  }

  #owns(ref: Reference): boolean {
    return ref.released || this.#byId.get(ref.id)?.ref === ref;
  }

  /** A mention in a message whose content is dropped. */
  unmention(id: number): void {
    // A plain cull takes no count: it would end what we still hold.
    if (this.plain && this.#byId.has(id)) return;
    this.#cull(id, 1);
  }

  release(ref: Reference): void {
    if (ref.released) return;
    ref.released = true;
    this.#drop(ref);
    ref.broken(released());
  }

  #drop(ref: Reference): void {
    const current = this.#byId.get(ref.id)?.ref === ref;
    if (current) this.#byId.delete(ref.id);
    // A plain cull takes no count: it must not end an id that was mentioned again.
    if (current || !this.plain) this.#cull(ref.id, ref.mentions);
  }

  #cull(id: number, count: number): void {
    const first = this.#culls.size === 0;
    this.#culls.set(id, (this.#culls.get(id) ?? 0) + count);
    if (first) this.#onCull();
  }

  /** What was let go since the last time. */
  takeCulls(): Map<number, number> {
    const culls = this.#culls;
    this.#culls = new Map();
    return culls;
  }

  clear(why: DserviceError): void {
    this.over = why;
    for (const { ref } of this.#byId.values()) ref.broken(why);
    this.#byId.clear();
    this.#culls.clear();
  }
}

/** How a message begins that calls something by its id, or by its name. */
export function headOf(method: number | string): string {
  // Not `${id}` of numbers that do not come again: the engine would keep a string of each.
  return `"method":${JSON.stringify(method)}`;
}

export function released(): DserviceError {
  return new DserviceError('ERR_RELEASED', 'this function was released', { mayHaveRun: false });
}

function standIn(ref: Reference): AnyFunction {
  const remoteFunction = (...args: unknown[]): unknown => ref.call(args);
  // Set, not defined: a quarter of the price, and this happens for each callback that passes.
  (remoteFunction as unknown as Record<symbol, unknown>)[callable] = ref;
  (remoteFunction as unknown as Record<symbol, unknown>)[dispose] = disposeStandIn;
  return remoteFunction;
}

function disposeStandIn(this: { [callable]: Callable }): void {
  this[callable].release();
}
