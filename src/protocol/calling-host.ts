import type { Clock } from '../clock.js';
import type { ContextScope } from './context.js';
import type { InterceptCalls } from './intercept.js';
import type { SessionObserver } from './observer.js';

export interface CallingOptions {
  readonly clock: Clock;
  readonly scope: ContextScope;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number | undefined;
  /** Makes calls by way of interceptors, where there are some. */
  readonly intercept?: { readonly call: InterceptCalls | undefined } | undefined;
}

/** Whose calls they are: the session. */
export interface CallingHost {
  /** Who watches the session. */
  readonly observer: SessionObserver | undefined;
  /** A call left. */
  onCall(): void;
  /** A call has its outcome, or none will come. */
  onSettled(): void;
  /** The first call has come, or the last has gone. */
  onUse(): void;
}
