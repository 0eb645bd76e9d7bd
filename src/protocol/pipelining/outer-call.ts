import { DserviceError } from '../../errors.js';
import { isReceived } from '../error-value.js';
import type { CallOptions } from '../options.js';
import type { Ahead, MapFunction } from './ahead.js';
import { Later } from './later.js';
import { RemotePromise } from './remote-promise.js';

const forgotten = (): void => {};

/** What is asked of the outcome where the call was made. */
type Ask<At> = (ahead: Ahead, at: At) => Promise<unknown>;

/** An attempt to make the call: where it was made, and what can be asked of it there. */
interface Attempt<At> {
  readonly ahead: Ahead;
  readonly at: At;
  readonly outcome: Promise<unknown>;
}

/**
 * A call that is made by others: later than it was asked for, and more than once perhaps. Its outcome can be reached
 * before it is there: at the last attempt, as long as that is under way, and after it is there otherwise.
 */
export class OuterCall<At = undefined> implements Ahead {
  readonly outcome: RemotePromise;
  #fulfil!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  #attempt: Attempt<At> | undefined;
  /** What is asked before it was made anywhere. */
  #waiting: (() => void)[] | undefined;
  #begun = false;

  constructor() {
    this.outcome = new RemotePromise((fulfil, reject) => {
      this.#fulfil = fulfil;
      this.#reject = reject;
    }, this);
  }

  /** What is asked of the outcome has one of its own. */
  protected fork(): OuterCall<At> {
    return new OuterCall<At>();
  }

  /** Has the calls of `record`, which is run at once, written down as they would be made there. */
  protected recordAt(_at: At, record: () => Promise<unknown>): Promise<unknown> {
    return record();
  }

  fulfil(value: unknown): void {
    this.#fulfil(value);
    this.#attempt = undefined;
    this.#fulfil = this.#reject = forgotten;
    this.#begin();
  }

  reject(error: unknown): void {
    // An outcome that is forgotten must not end a Node process.
    this.outcome.catch(forgotten);
    this.#reject(error);
    this.#begin();
  }

  /** The call as it was made: what stands among the arguments of another one there. */
  get source(): Ahead | undefined {
    return this.#attempt?.ahead;
  }

  /** Where it was made. */
  get at(): At | undefined {
    return this.#attempt?.at;
  }

  /** It was made: what is asked of the outcome goes there, in the same turn. */
  made(outcome: Promise<unknown>, at: At): void {
    const ahead = RemotePromise.aheadOf(outcome);
    this.#attempt = ahead && { ahead, at, outcome };
    this.#begin();
  }

  #begin(): void {
    this.#begun = true;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    for (const go of waiting ?? []) go();
  }

  reach(
    path: readonly string[],
    args: unknown[] | undefined,
    given?: CallOptions,
  ): Promise<unknown> {
    return this.#ask(
      (ahead) => ahead.reach(path, args, given),
      () => new Later(this.outcome).reach(path, args, given),
    );
  }

  map(path: readonly string[], fn: MapFunction, given?: CallOptions): Promise<unknown> {
    return this.#ask(
      (ahead, at) => this.recordAt(at, () => ahead.map(path, fn, given)),
      () => new Later(this.outcome).map(path, fn),
    );
  }

  /** Asks where the call was made; where that is too late, or it was lost before it was asked, when the outcome is there. */
  #ask(ask: Ask<At>, later: () => Promise<unknown>): Promise<unknown> {
    const call = this.fork();
    const fulfil = (value: unknown): void => call.fulfil(value);
    const reject = (error: unknown): void => call.reject(error);
    const go = (): void => {
      if (this.#attempt === undefined) return void later().then(fulfil, reject);
      const { ahead, at, outcome } = this.#attempt;
      const asked = ask(ahead, at);
      call.made(asked, at);
      asked.then(fulfil, (error: unknown) => {
        const again = (): void => void later().then(fulfil, reject);
        if (wasNotAsked(error)) again();
        else if (!isAnswer(error)) reject(error);
        else {
          // What stands on an attempt that failed was not run: there may be another one that does not.
          outcome.then(
            () => reject(error),
            (why: unknown) => (isAnswer(why) ? again() : reject(error)),
          );
        }
      });
    };
    if (this.#begun) go();
    else (this.#waiting ??= []).push(go);
    return call.outcome;
  }
}

/** Whether a peer was lost, or has lost the call, before it was asked. */
function wasNotAsked(error: unknown): boolean {
  if (!DserviceError.is(error) || error.mayHaveRun !== false) return false;
  return isReceived(error) ? error.code === 'ERR_REFERENCE' : lost.has(error.code);
}

/** Whether an error is what a peer answered. */
function isAnswer(error: unknown): boolean {
  return !DserviceError.is(error) || isReceived(error);
}

const lost = new Set(['ERR_CONNECTION_LOST', 'ERR_CLOSED']);
