import type { Limits } from '../../src/limits.js';

export interface Culling {
  /** Tells the peer that its function is not held here any more. */
  cull(id: number): void;
}

/** How functions of the peer are held. `this` is the connection's `proto`. */
export interface FunctionHolder {
  /** Gets the stand-in for a function of the peer's, and returns what is kept of it. */
  wrap?(this: Culling, fn: (...args: unknown[]) => unknown, id: number): unknown;
  /** Gets what `wrap` returned, and returns the stand-in. */
  unwrap?(this: Culling, held: unknown, id: number): unknown;
}

export interface DnodeOptions {
  /** False: the peer is not told which of its functions are no longer held here. */
  weak?: boolean | undefined;
  /** Takes the holding of the peer's functions into other hands, in place of `weak`. */
  proto?: FunctionHolder | undefined;
  /** `'object'`: `data` gives messages as objects, and not as lines of JSON. */
  emit?: 'object' | (string & {}) | undefined;
  /** What a peer may send, and what may wait for it; those of docs/limits.md. */
  limits?: Partial<Limits> | undefined;
}
