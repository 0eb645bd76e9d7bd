import type { Clock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { CallOptions } from './options.js';
import type { Ahead, MapFunction } from './pipelining/ahead.js';
import { derived } from './pipelining/later.js';
import { RemotePromise } from './pipelining/remote-promise.js';

const forgotten = (): void => {};

/** What is asked of the outcome of a call that waits. */
export interface Owner {
  reach: (call: PendingCall, ...asked: Parameters<Ahead['reach']>) => Promise<unknown>;
  map: (call: PendingCall, ...asked: Parameters<Ahead['map']>) => Promise<unknown>;
}

/** Who is told of an outcome. */
export interface Follower {
  fulfilled(value: unknown): void;
  rejected(error: unknown): void;
}

/** A call whose outcome is waited for. */
export class PendingCall implements Ahead {
  readonly id: number;
  readonly owner: Owner;
  readonly method: string;
  /** When it is due: ms of the clock; 0 where it has a timer of its own, or none. */
  readonly due: number;
  /** It was made as a plain peer's: the outcome comes by a callback. */
  readonly plain: boolean;
  readonly given: CallOptions | undefined;
  /** Which line of the outbox it is; Infinity while it is held back. */
  line = Infinity;
  /** There is a stream in its arguments: once written, it is not made elsewhere. */
  streamed = false;
  /** Of a stream: it may wait for ever, and is not counted. */
  apart = false;
  /** Ends its timer and its listener on a signal, where it has them. */
  cleanup: (() => void) | undefined;
  /** The peer was asked to keep the outcome, for calls that stand on it. */
  kept = false;
  #settled = false;
  #follower: Follower | undefined;
  readonly outcome: RemotePromise;
  #fulfil!: (value: unknown) => void;
  #reject!: (error: unknown) => void;

  constructor(
    owner: Owner,
    id: number,
    method: string,
    due: number,
    plain: boolean,
    given: CallOptions | undefined,
  ) {
    this.owner = owner;
    this.id = id;
    this.method = method;
    this.due = due;
    this.plain = plain;
    this.given = given;
    this.outcome = new RemotePromise((fulfil, reject) => {
      this.#fulfil = fulfil;
      this.#reject = reject;
    }, this);
  }

  reach(path: readonly string[], args: unknown[] | undefined, given?: CallOptions) {
    return this.owner.reach(this, path, args, given);
  }

  map(path: readonly string[], fn: MapFunction, given?: CallOptions) {
    return this.owner.map(this, path, fn, given);
  }

  fulfil(value: unknown): void {
    this.#settled = true;
    const follower = this.#follower;
    this.#fulfil(value);
    this.#follower = undefined;
    this.#fulfil = this.#reject = forgotten;
    follower?.fulfilled(value);
  }

  reject(error: unknown): void {
    this.#settled = true;
    // An outcome that nobody waits for must not end a Node process.
    this.outcome.catch(forgotten);
    this.#reject(error);
    const follower = this.#follower;
    // Later, since what ends much at once is not to be disturbed by what comes of it.
    if (follower !== undefined) queueMicrotask(() => follower.rejected(error));
  }

  /** Tells of the outcome of a call: of one that waits, at once, which is cheaper than one promise more. */
  static follow(outcome: Promise<unknown>, follower: Follower): void {
    const call = RemotePromise.aheadOf(outcome);
    if (call instanceof PendingCall && !call.#settled && call.#follower === undefined) {
      call.#follower = follower;
    } else {
      outcome.then(
        (value) => follower.fulfilled(value),
        (error: unknown) => follower.rejected(error),
      );
    }
  }
}

/** A promise that is rejected, and may be forgotten. */
export function rejected(error: unknown): Promise<never> {
  // A peer may have thrown anything.
  // oxlint-disable-next-line prefer-promise-reject-errors
  return derived(Promise.reject<never>(error));
}

/** The calls of one session that wait for their outcome, and their deadlines. */
export class PendingCalls {
  readonly #clock: Clock;
  readonly #expire: (id: number) => void;
  readonly #byId = new Map<number, PendingCall>();
  #apart = 0;
  #stopSweep: (() => void) | undefined;

  /** `expire` is told the id of each call whose deadline has passed, and takes it. */
  constructor(clock: Clock, expire: (id: number) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** How many there are, but for those of streams. */
  get size(): number {
    return this.#byId.size - this.#apart;
  }

  /** Their ids, in the order in which they were made. */
  get ids(): Iterable<number> {
    return this.#byId.keys();
  }

  get(id: number): PendingCall | undefined {
    return this.#byId.get(id);
  }

  add(id: number, call: PendingCall): void {
    this.#byId.set(id, call);
    if (call.apart) this.#apart++;
    if (call.due !== 0 && this.#stopSweep === undefined) this.#sweepAt(call.due);
  }

  take(id: number): PendingCall | undefined {
    const call = this.#byId.get(id);
    if (call === undefined) return undefined;
    this.#byId.delete(id);
    if (call.apart) this.#apart--;
    call.cleanup?.();
    return call;
  }

  /** Rejects everything that waits. `written` is how many lines of the outbox have left. */
  rejectAll(code: ErrorCode, message: string, written: number, cause?: unknown): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    for (const id of [...this.#byId.keys()]) {
      const call = this.take(id);
      if (call === undefined) continue;
      const details = { method: call.method, mayHaveRun: call.line <= written, cause };
      call.reject(new DserviceError(code, message, details));
    }
  }

  // Calls with the session's usual deadline come due in the order they were made, which is the order
  // of the map: one timer serves them all, and a call that is answered in time costs none.
  #sweepAt(due: number): void {
    const wait = Math.max(0, due - this.#clock.now());
    this.#stopSweep = this.#clock.after(wait, () => this.#sweep(), true);
  }

  #sweep(): void {
    this.#stopSweep = undefined;
    const now = this.#clock.now();
    for (const [id, call] of this.#byId) {
      if (call.due === 0) continue;
      if (call.due > now) return this.#sweepAt(call.due);
      this.#expire(id);
    }
  }
}
