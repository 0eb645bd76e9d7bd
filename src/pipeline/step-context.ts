import type { Duration } from './duration.js';
import type { Logger } from './logger.js';

export interface NextOptions {
  /** Those with the same key are worked on one at a time, in order; null for none. Without it, the key stays. */
  readonly key?: string | null;
  /** How long it waits before it takes its place. */
  readonly delay?: Duration;
  /** What the next step is to know went wrong: its `step.error`. */
  readonly error?: unknown;
}

/** What a step has of the command that it works on, and how it says what becomes of it. */
export interface StepContext {
  /** The same in every attempt and, as long as it is moved and not split, in every step. */
  readonly id: string;
  readonly key: string | undefined;
  readonly queue: string;
  /** 1 for the first. */
  readonly attempt: number;
  /** What the attempt before failed with, or what came along from the step before. */
  readonly error: Error | undefined;
  /** When it was pushed. */
  readonly pushed: Date;
  /** Fires at the timeout, when the lease is lost, and when the pipeline stops. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * Where the command goes when this run is over, and with which data. Once: it moves, under its id. Several times:
   * it is finished and becomes as many new commands, `id/1`, `id/2`, … Throws ERR_DATA, ERR_OPTION.
   */
  next(queue: string, data?: unknown, options?: NextOptions): void;
  /** Has it run again after a while; this run does not count as an attempt. Throws ERR_OPTION. */
  delay(time: Duration): void;
  /** Ends this run: the command is not tried again, but put to the dead letters. Throws what it is given. */
  fail(error: unknown): never;
  /** Begins the timeout anew. */
  heartbeat(): void;
}
