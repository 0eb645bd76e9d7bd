import { DserviceError } from '../errors.js';
import { isReceived } from '../protocol/error-value.js';
import type { CallOptions } from '../protocol/options.js';
import type { Ahead, MapFunction } from '../protocol/pipelining/ahead.js';
import { Later } from '../protocol/pipelining/later.js';
import { RemotePromise } from '../protocol/pipelining/remote-promise.js';
import type { Connection } from './connection.js';

const forgotten = (): void => {};

/** Has the calls written down that are made within `record`, as those of an instance. */
type RecordAt = (connection: Connection, record: () => Promise<unknown>) => Promise<unknown>;

/** What is asked of the outcome at the instance that has the call. */
type Ask = (ahead: Ahead, connection: Connection) => Promise<unknown>;

/**
 * A call to a service, whose outcome can be reached before it is there: at the instance that has the call, as
 * long as that has it, and after it is there otherwise.
 */
export class ServiceCall implements Ahead {
  readonly outcome: RemotePromise;
  #fulfil!: (value: unknown) => void;
  #reject!: (error: unknown) => void;
  readonly #recordAt: RecordAt;
  /** The call as it was made at an instance, and there. */
  #attempt: { readonly ahead: Ahead; readonly connection: Connection } | undefined;
  /** What is asked before it was made anywhere. */
  #waiting: (() => void)[] | undefined;
  #begun = false;

  constructor(recordAt: RecordAt) {
    this.#recordAt = recordAt;
    this.outcome = new RemotePromise((fulfil, reject) => {
      this.#fulfil = fulfil;
      this.#reject = reject;
    }, this);
  }

  fulfil(value: unknown): void {
    this.#fulfil(value);
    this.#attempt = undefined;
    this.#fulfil = this.#reject = forgotten;
    if (this.#waiting !== undefined) this.#begin();
  }

  reject(error: unknown): void {
    // An outcome that is forgotten must not end a Node process.
    this.outcome.catch(forgotten);
    this.#reject(error);
    this.#begin();
  }

  /** The call that an instance has: what stands among the arguments of another one there. */
  get source(): Ahead | undefined {
    return this.#attempt?.ahead;
  }

  get connection(): Connection | undefined {
    return this.#attempt?.connection;
  }

  /** It was made at an instance: what is asked of the outcome goes there, in the same turn. */
  made(attempt: Promise<unknown>, connection: Connection): void {
    const ahead = RemotePromise.aheadOf(attempt);
    this.#attempt = ahead && { ahead, connection };
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
      (ahead, connection) => this.#recordAt(connection, () => ahead.map(path, fn, given)),
      () => new Later(this.outcome).map(path, fn),
    );
  }

  /** Asks at the instance; where that is too late, or it was lost before it was asked, when the outcome is there. */
  #ask(ask: Ask, later: () => Promise<unknown>): Promise<unknown> {
    const call = new ServiceCall(this.#recordAt);
    const fulfil = (value: unknown): void => call.fulfil(value);
    const reject = (error: unknown): void => call.reject(error);
    const go = (): void => {
      if (this.#attempt === undefined) return void later().then(fulfil, reject);
      const { ahead, connection } = this.#attempt;
      const attempt = ask(ahead, connection);
      call.made(attempt, connection);
      attempt.then(fulfil, (error: unknown) => {
        if (wasNotAsked(error)) later().then(fulfil, reject);
        else reject(error);
      });
    };
    if (this.#begun) go();
    else (this.#waiting ??= []).push(go);
    return call.outcome;
  }
}

/** Whether an instance was lost, or has lost the call, before it was asked. */
function wasNotAsked(error: unknown): boolean {
  if (!DserviceError.is(error) || error.mayHaveRun !== false) return false;
  return isReceived(error) ? error.code === 'ERR_REFERENCE' : lost.has(error.code);
}

const lost = new Set(['ERR_CONNECTION_LOST', 'ERR_CLOSED']);
