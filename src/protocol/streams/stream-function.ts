import type { AnyFunction } from '../encode.js';

/**
 * Sends the outcome of a call: `[]`, `[null, value]` or `[error]`. Throws what the encoder throws for what
 * cannot be sent, and then nothing was.
 */
export type Answer = (outcome: unknown[]) => void;

/** How a function of a stream is served: outside of the calls that users make, and answering by itself. */
export type Direct = (args: readonly unknown[], answer: Answer) => void;

/** What is to be known of a function that stands for a stream. */
export interface StreamFunction {
  readonly direct: Direct;
  /** The peer let it go. */
  culled(): void;
  /** The message that would have told the peer of it does not leave. */
  unsent(): void;
}

const marked = Symbol('stream function');

export function markStream(fn: AnyFunction, behind: StreamFunction): AnyFunction {
  return Object.assign(fn, { [marked]: behind });
}

/** What stands behind a function, if that is a stream's. */
export function streamFunction(fn: AnyFunction): StreamFunction | undefined {
  return (fn as { [marked]?: StreamFunction })[marked];
}
