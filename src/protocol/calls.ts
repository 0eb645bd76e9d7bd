import { DserviceError } from '../errors.js';
import { isThenable } from './bridge.js';
import type { Message } from './message.js';
import type { CallOptions } from './options.js';
import type { Waiting } from './pending-calls.js';
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
export class PendingCall implements Ahead, Waiting {
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

/** The target of what is asked of an outcome. */
export function headOn(call: PendingCall, path: readonly string[]): string {
  return `"on":${JSON.stringify(call.id)},"method":${JSON.stringify(path)}`;
}

/** What is asked of an outcome, in words. */
export function nameOf(call: PendingCall, path: readonly string[]): string {
  return [`${call.method}()`, ...path].join('.');
}

/** Throws ERR_THENABLE for an outcome that no promise can hold. */
export function fulfil(call: PendingCall, args: readonly unknown[], message: Message): void {
  const value = call.plain ? args[0] : args[1];
  if ((message.callbacks ?? message.own ?? message.types) === undefined || !isThenable(value)) {
    return call.fulfil(value);
  }
  const text = 'the outcome has a function named `then`';
  throw new DserviceError('ERR_THENABLE', text, { method: call.method, mayHaveRun: true });
}

/** What a call rejects with that its signal cancelled. */
export function cancelled(method: string, signal: AbortSignal | undefined): DserviceError {
  const cause: unknown = signal?.reason;
  return new DserviceError('ERR_CANCELLED', `${method} was cancelled`, { method, cause });
}
