import type { DserviceError } from '../errors.js';
import type { CallOptions } from './options.js';
import type { TraceContext } from './trace-context.js';

/**
 * What is known of an event, by the names of OpenTelemetry's semantic conventions
 * (https://opentelemetry.io/docs/specs/semconv/rpc/), ready for a span, a metric or a line of a log.
 */
export type Attributes = Record<string, string | number>;

/** A call that is made. The same object at its start and at its end. */
export interface CallEvent {
  /** The service that is called; undefined of what has no name: a peer that was dialled, a callback's owner. */
  readonly service: string | undefined;
  readonly method: string;
  /** `rpc.method`, …; of the instance once it was called, and `error.type` once it failed. */
  readonly attributes: Attributes;
  /** What goes with it. Who is told of its start may put its own trace here. */
  trace: TraceContext | undefined;
  /** Whether the caller named that trace for this call; else it is the one of the call that is being served. */
  readonly traceGiven: boolean;
  /** To how many instances it was written: 0 until there is one. */
  readonly attempts: number;
  /** Milliseconds that it took, once it has ended. */
  readonly duration: number | undefined;
  /** What it was rejected with. */
  readonly error: unknown;
}

/** A call that is served. The same object at its start and at its end. */
export interface ServeEvent {
  /** The service that serves; undefined of what has no name. */
  readonly service: string | undefined;
  readonly method: string;
  readonly attributes: Attributes;
  /** What came with it. */
  readonly trace: TraceContext | undefined;
  readonly duration: number | undefined;
  readonly error: unknown;
}

/** A call that somebody wants to know of, on its way. */
export interface Observed {
  /** The options to make it with. */
  readonly options: CallOptions;
  /** Follows the outcome, and returns it. */
  follow(outcome: Promise<unknown>): Promise<unknown>;
}

/** A call that is served, and that somebody wants to know of. */
export interface ObservedServing {
  /** Runs the handler, at once, within what observers put around it. */
  run(handler: () => void): void;
  /** It ended, or failed with an error. */
  end(failed: boolean, error: unknown): void;
}

/** Told of the calls of one session. Asked for each: where nobody listens, its answer must cost nothing. */
export interface SessionObserver {
  /** A call begins. Undefined where nobody wants to know. */
  call(method: string, given: CallOptions | undefined): Observed | undefined;
  /** A call is about to be served. Undefined where nobody wants to know. */
  serve(method: string, trace: Partial<TraceContext>): ObservedServing | undefined;
  /** Told of the session itself, before its own listeners are: the peer's api is here, for the first time or anew. */
  opened?(): void;
  away?(why: Error): void;
  moved?(): void;
  ended?(error: DserviceError | undefined): void;
}
