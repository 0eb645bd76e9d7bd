import type { AnyFunction } from './encode.js';
import type { Peer, SessionHandle } from './session-handle.js';

/**
 * Sends the outcome of a call: `[]`, `[null, value]` or `[error]`. Throws what the encoder throws for what
 * cannot be sent, and then nothing was.
 */
export type Answer = (outcome: unknown[]) => void;

/** How a function of a stream is served: outside of the calls that users make, and answering by itself. */
export type Direct = (args: readonly unknown[], answer: Answer) => void;

/** The session whose peer holds a function. */
export interface HolderOfFunctions {
  readonly session: SessionHandle;
  /** Told what went wrong with nobody to tell. */
  onError(error: unknown): void;
  /** By objects that count it, what its peer holds of them. */
  objects?: Map<object, HeldObject>;
}

/** What a session's peer holds of an object. */
export interface HeldObject {
  /** Functions of it. */
  functions: number;
  /** Calls of it that run, or wait. */
  calls: number;
  /** The peer let go of some of it: it had it. */
  had: boolean;
}

/** How a session has let go of an object. */
export interface Released {
  readonly peer: Peer;
  readonly session: SessionHandle;
  /** No other session in this process holds it. */
  readonly last: boolean;
}

/** How a function was let go. */
export interface Gone {
  /** The peer had heard of it. */
  readonly culled: boolean;
  /** Where it stands in our api all the same. */
  readonly method?: string | undefined;
}

/** What a function of ours is of, a stream or an object, which is told who holds it. */
export interface Keeper {
  /** Of a stream. */
  readonly direct?: Direct;
  /** A session's peer is given so many more, or has let go of so many; so many more of its calls run, or wait. */
  counts(holder: HolderOfFunctions, functions: number, calls: number, gone?: Gone): void;
}

// A registered symbol, since what another copy of this package exposes is served here as well.
const kept: unique symbol = Symbol.for('dservice.keeper') as never;

export function giveKeeper(fn: AnyFunction, keeper: Keeper): AnyFunction {
  return Object.assign(fn, { [kept]: keeper });
}

export function keeperOf(fn: AnyFunction | undefined): Keeper | undefined {
  return (fn as { [kept]?: Keeper } | undefined)?.[kept];
}
