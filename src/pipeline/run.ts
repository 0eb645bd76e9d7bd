import { DserviceError } from '../errors.js';
import { pauseAfter } from './backoff.js';
import { checkName } from './name.js';
import { type Duration, finiteMsOf } from './duration.js';
import { type Logger, loggerFor } from './logger.js';
import { idOf, keyOf, placeOf, refOf } from './ref.js';
import type { Step } from './step.js';
import type { NextOptions, StepContext } from './step-context.js';
import type { Claimed, Entry, Outcome, Packed, Store } from './store.js';
import { errorOf, storedError } from './stored-error.js';
import type { Clock } from '../clock.js';

/** What runs have of their worker. */
export interface RunHost {
  readonly clock: Clock;
  /** ms that a lease lasts longer than the timeout. */
  readonly grace: number;
  readonly pipeline: string;
  readonly logger: Logger;
  readonly store: Store;
  pack(data: unknown): Packed;
  /** The key that a queue gives to what comes without one. */
  keyFor(queue: string, data: unknown): string | undefined;
  /** Called once, when it is known what becomes of the command. */
  onAnswer(run: Run, outcome: Outcome): void;
  /** The step is at work: the lease should last a whole timeout from now. */
  onHeartbeat(run: Run): void;
}

type Planned = Omit<Entry, 'ref' | 'given'>;

/** One run of a step over one command. */
export class Run implements StepContext {
  readonly claimed: Claimed;
  readonly step: Step;
  readonly #host: RunHost;
  readonly #next: Planned[] = [];
  #delay: number | undefined;
  #failed: { readonly error: unknown } | undefined;
  #abort: AbortController | undefined;
  #reason: unknown;
  #logger: Logger | undefined;
  #stopTimer: (() => void) | undefined;
  #over = false;
  #complained = false;
  /** When the lease was last known to begin, or asked to. */
  #leasedAt = 0;

  constructor(claimed: Claimed, step: Step, host: RunHost) {
    this.claimed = claimed;
    this.step = step;
    this.#host = host;
  }

  get id(): string {
    return idOf(this.claimed.ref);
  }

  get key(): string | undefined {
    return this.claimed.key;
  }

  get queue(): string {
    return this.claimed.queue;
  }

  get attempt(): number {
    return this.claimed.tries + 1;
  }

  get error(): Error | undefined {
    return this.claimed.error && errorOf(this.claimed.error);
  }

  get pushed(): Date {
    return new Date(this.claimed.pushed);
  }

  // Made when they are asked for: most steps do not.
  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#reason !== undefined) this.#abort.abort(this.#reason);
    return this.#abort.signal;
  }

  get logger(): Logger {
    const { pipeline, logger } = this.#host;
    return (this.#logger ??= loggerFor(logger, { pipeline, queue: this.queue, id: this.id }));
  }

  get over(): boolean {
    return this.#over;
  }

  start(): void {
    this.#leasedAt = this.#host.clock.now();
    let result: PromiseLike<unknown> | undefined;
    try {
      result = thenable(this.step.run(this.#host.store.unpack(this.claimed.body), this));
    } catch (error) {
      this.#threw(error);
      return;
    }
    // Steps that are not asynchronous are over in the same turn, and cost no timer and no promise.
    if (result === undefined) {
      this.#returned();
      return;
    }
    // What it did before it began to wait is a part of its time.
    if (!this.#over) this.#wait(this.#leasedAt - this.#host.clock.now());
    Promise.resolve(result).then(
      () => this.#returned(),
      (error: unknown) => this.#threw(error),
    );
  }

  next(queue: string, data?: unknown, options: NextOptions = {}): void {
    if (this.#late('next')) return;
    if (this.#delay !== undefined) throw twice('next', 'delay');
    checkName(queue, 'the queue of next()');
    const key = this.#keyOf(queue, data, options);
    const delay = optionalTime(options.delay, 'the delay of next()');
    const error = options.error === undefined ? undefined : storedError(options.error);
    this.#next.push({ queue, body: this.#host.pack(data), key, delay, error });
  }

  delay(time: Duration): void {
    if (this.#late('delay')) return;
    if (this.#next.length > 0) throw twice('delay', 'next');
    this.#delay = optionalTime(time, 'the time of delay()') ?? 0;
  }

  fail(error: unknown): never {
    if (!this.#late('fail')) this.#failed = { error };
    throw error;
  }

  heartbeat(): void {
    if (this.#over) return;
    this.#wait();
    const now = this.#host.clock.now();
    // A lease lasts longer than the timeout: it need not begin anew with every beat.
    if (now - this.#leasedAt < this.#host.grace / 2) return;
    this.#leasedAt = now;
    this.#host.onHeartbeat(this);
  }

  /** Ends it from outside: its signal fires, and what it does is of no account any more. */
  give(outcome: Outcome | undefined, reason: unknown): void {
    if (this.#over) return;
    this.#end();
    this.#reason = reason;
    this.#abort?.abort(reason);
    if (outcome !== undefined) this.#host.onAnswer(this, outcome);
  }

  /** Back to the front of its queue, as if it had not been begun. */
  release(reason: unknown): void {
    this.give({ ...this.#lease(), kind: 'retry', delay: 0, counts: false }, reason);
  }

  #returned(): void {
    if (this.#late('an answer')) return;
    if (this.#failed !== undefined) {
      this.#threw(this.#failed.error);
      return;
    }
    this.#end();
    this.#host.onAnswer(this, this.#outcome());
  }

  #threw(error: unknown): void {
    if (this.#late('an error', error)) return;
    this.#end();
    this.#host.onAnswer(this, this.#failure(error, this.#failed !== undefined));
  }

  #outcome(): Outcome {
    if (this.#delay !== undefined) {
      return { ...this.#lease(), kind: 'retry', delay: this.#delay, counts: false };
    }
    const { ref, given, token, queue: from } = this.claimed;
    const only = this.#next[0];
    // Written out: these are the ways that most commands take, and to spread is slow.
    if (only === undefined) return { ref, queue: from, token, kind: 'done', next: [] };
    if (this.#next.length === 1) {
      const { queue, body, key, delay, error } = only;
      const next = [{ ref, given, queue, key, body, delay, error }];
      return { ref, queue: from, token, kind: 'done', next };
    }
    const next = this.#next.map((each, i): Entry => {
      return { ...each, ref: refOf(`${this.id}/${i + 1}`, each.key), given };
    });
    const long = next.find(({ ref: child }) => idOf(child).length > 256);
    if (long === undefined) return { ref, queue: from, token, kind: 'done', next };
    const error = new DserviceError('ERR_LIMIT', `${idOf(long.ref)} is too long for an id`);
    return this.#failure(error, true);
  }

  #failure(error: unknown, final: boolean): Outcome {
    const { claimed, step } = this;
    const stored = storedError(error);
    if (final || claimed.tries >= step.retries) {
      return { ...this.#lease(), kind: 'dead', error: stored };
    }
    return {
      ...this.#lease(),
      kind: 'retry',
      delay: this.#pause(),
      counts: true,
      error: stored,
    };
  }

  #pause(): number {
    const { backoff } = this.step;
    if (typeof backoff !== 'function') {
      return pauseAfter(backoff, this.claimed.tries, this.#host.clock);
    }
    try {
      const pause = finiteMsOf(backoff(this.attempt));
      if (pause !== undefined) return pause;
      this.logger.error('backoff() gave no time');
    } catch (error) {
      this.logger.error(errorOf(storedError(error)), 'backoff() threw');
    }
    return 1_000;
  }

  #lease(): { ref: string; queue: string; token: string } {
    const { ref, queue, token } = this.claimed;
    return { ref, queue, token };
  }

  #keyOf(queue: string, data: unknown, { key }: NextOptions): string | undefined {
    if (key === null) return undefined;
    if (key !== undefined) checkName(key, 'the key of next()');
    const chosen = key ?? this.#host.keyFor(queue, data) ?? this.claimed.key;
    const { partitionOf } = this.#host.store.supports;
    if (partitionOf === undefined || chosen === undefined) return chosen;
    if (partitionOf(chosen) === partitionOf(placeOf(this.claimed.ref))) return chosen;
    const from = keyOf(this.claimed.ref) ?? this.id;
    const text = `the key ${chosen} is in another partition than ${from}: push with that key`;
    throw new DserviceError('ERR_OPTION', text);
  }

  /** Begins the timeout, `more` ms longer. */
  #wait(more = 0): void {
    this.#stopTimer?.();
    this.#stopTimer = this.#host.clock.after(this.step.timeout + more, () => {
      const text = `${this.queue} did not answer for ${this.id} within ${this.step.timeout} ms`;
      const error = new DserviceError('ERR_TIMEOUT', text);
      this.give(this.#failure(error, false), error);
    });
  }

  #end(): void {
    this.#over = true;
    this.#stopTimer?.();
  }

  /** Whether it has been answered for; that is said once. */
  #late(what: string, error?: unknown): boolean {
    if (!this.#over) return false;
    if (!this.#complained) {
      this.#complained = true;
      const after = this.#reason === undefined ? 'it had answered' : 'it had been given up';
      const text = `${what} came after ${after}, and is ignored`;
      // What a step throws when its signal fires is no news.
      if (error === undefined) this.logger.warn(text);
      else if (error !== this.#reason) this.logger.warn(errorOf(storedError(error)), text);
    }
    return true;
  }
}

/** What is to be waited for. Throws what looking at it throws. */
function thenable(value: unknown): PromiseLike<unknown> | undefined {
  const { then } = (value ?? {}) as { then?: unknown };
  // It has what makes it one.
  return typeof then === 'function' ? (value as PromiseLike<unknown>) : undefined;
}

function optionalTime(time: unknown, what: string): number | undefined {
  if (time === undefined) return undefined;
  const ms = finiteMsOf(time);
  if (ms !== undefined) return ms;
  throw new DserviceError('ERR_OPTION', `${what} is milliseconds, or text as '30s'`);
}

function twice(second: string, first: string): DserviceError {
  return new DserviceError('ERR_STEP', `${second}() after ${first}(): a command does one of them`);
}
