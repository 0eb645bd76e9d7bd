import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { checkGiven } from './given-meta.js';
import type { GivenMeta, Meta } from './message.js';
import type { Peer, SessionHandle } from './session-handle.js';

/** What a handler may know of the call it serves. */
export interface CallContext {
  /** Fires when the caller cancels, its deadline passes, or its session ends. */
  readonly signal: AbortSignal;
  /** Milliseconds left, or undefined where the caller named no deadline. */
  readonly deadline: number | undefined;
  readonly session: SessionHandle;
  readonly peer: Peer;
  readonly meta: Meta;
  /** Services that the call has passed, oldest first, and last the one that serves it, if it has a name. */
  readonly passed: readonly string[] | undefined;
}

/**
 * How a runtime remembers which call is being served. Node's survives an await; elsewhere there is a
 * context until the first one.
 */
export interface ContextScope {
  run<A extends unknown[]>(context: CallContext, fn: (...args: A) => void, ...args: A): void;
  get(): CallContext | undefined;
}

/** A scope for runtimes that cannot follow an await. */
export function syncScope(): ContextScope {
  let current: CallContext | undefined;
  return {
    get: () => current,
    run(context, fn, ...args) {
      const outer = current;
      current = context;
      try {
        fn(...args);
      } finally {
        current = outer;
      }
    },
  };
}

/** The context of the call that is being served. Throws ERR_STATE outside of a handler. */
export function contextOf(scope: ContextScope): CallContext {
  const context = scope.get();
  if (context !== undefined) return context;
  throw new DserviceError('ERR_STATE', 'context() is for handlers, while they serve a call');
}

const ignore = (): void => {};

/** One call that is being served. What few handlers ask for is made when it is asked for. */
export class ServedCall implements CallContext {
  readonly session: SessionHandle;
  meta: Meta;
  readonly passed: readonly string[] | undefined;
  readonly #clock: Clock;
  readonly #due: number | undefined;
  #over = false;
  #waits = false;
  #aborted: DserviceError | undefined;
  #controller: AbortController | undefined;
  #cancelTimer: (() => void) | undefined;

  constructor(session: SessionHandle, meta: Meta, passed: CallContext['passed'], clock: Clock) {
    this.session = session;
    this.meta = meta;
    this.passed = passed;
    this.#clock = clock;
    this.#due = meta.deadline === undefined ? undefined : clock.now() + meta.deadline;
  }

  get peer(): Peer {
    return this.session.peer;
  }

  get deadline(): number | undefined {
    // What a handler goes on with after its outcome is nobody's hurry.
    if (this.#over && this.#aborted === undefined) return undefined;
    return this.#due === undefined ? undefined : Math.max(0, this.#due - this.#clock.now());
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
      else if (this.deadline !== undefined) {
        // A handler may well reject with it, and it may be the first that its caller hears of the deadline.
        const passed = new DserviceError('ERR_DEADLINE', "the caller's deadline has passed", {
          mayHaveRun: true,
        });
        this.#cancelTimer = this.#clock.after(this.deadline, () => this.abort(passed), true);
      }
    }
    return this.#controller.signal;
  }

  /** From here on it has that meta, in place of what its caller handed along. Throws ERR_OPTION. */
  give(given: GivenMeta): void {
    checkGiven(given);
    this.meta = { ...this.meta, given };
  }

  abort(reason: DserviceError): void {
    this.#aborted ??= reason;
    this.#controller?.abort(reason);
    this.done();
  }

  /** It waits for a word on whether it may run, or on its outcome: aborted meanwhile, it ends. */
  get waits(): boolean {
    return this.#waits;
  }

  /**
   * Goes on with what a promise brings, which does not reject, unless the call was aborted before. The caller's
   * deadline counts meanwhile.
   */
  until<T>(promise: PromiseLike<T>, then: (value: T) => void): void {
    this.#waits = true;
    const { signal } = this;
    if (signal.aborted && this.#aborted !== undefined) return this.abort(this.#aborted);
    promise.then((value) => {
      if (!this.#waits) return;
      this.#waits = false;
      then(value);
    }, ignore);
  }

  /** Whatever it waited for, it does so no more. Returns whether it did. */
  protected leaveWait(): boolean {
    const waited = this.#waits;
    this.#waits = false;
    return waited;
  }

  /** The outcome is there: nothing will be aborted any more. */
  done(): void {
    this.#over = true;
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
