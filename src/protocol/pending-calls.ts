import type { Clock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import { IdTable } from './id-table.js';

/** A call whose outcome is waited for, as far as its deadline and its end go. */
export interface Waiting {
  readonly id: number;
  readonly method: string;
  /** When it is due: ms of the clock; 0 where it has a timer of its own, or none. */
  readonly due: number;
  /** Which line of the outbox it is; Infinity while it is held back. */
  readonly line: number;
  /** Of a stream: it may wait for ever, and is not counted. */
  readonly apart?: boolean;
  /** Ends its timer and its listener on a signal, where it has them. */
  readonly cleanup?: (() => void) | undefined;
  reject(error: unknown): void;
}

export interface PendingHost {
  /** The deadline of a call has passed: it is to be taken. */
  expire(id: number): void;
  /** The first has come, or the last has gone. */
  onUse(): void;
}

/** The calls of one session that wait for their outcome, and their deadlines. */
export class PendingCalls<Call extends Waiting> {
  readonly #clock: Clock;
  readonly #host: PendingHost;
  readonly #byId = new IdTable<Call>();
  #apart = 0;
  /** The ids of those that had the usual deadline when all were looked at last, the first due at the end. */
  #due: number[] | undefined;
  #stopSweep: (() => void) | undefined;

  constructor(clock: Clock, host: PendingHost) {
    this.#clock = clock;
    this.#host = host;
  }

  /** How many there are, but for those of streams. */
  get size(): number {
    return this.#byId.size - this.#apart;
  }

  /** Whether there are none, those of streams included. */
  get empty(): boolean {
    return this.#byId.size === 0;
  }

  /** In the order in which they were made. */
  inOrder(): readonly Call[] {
    return this.#byId.inOrder();
  }

  get(id: number): Call | undefined {
    return this.#byId.get(id);
  }

  add(call: Call): void {
    this.#byId.set(call);
    if (call.apart === true) this.#apart++;
    if (this.#byId.size === 1) this.#host.onUse();
    if (call.due !== 0 && this.#stopSweep === undefined) this.#sweepAt(call.due);
  }

  take(id: number): Call | undefined {
    const call = this.#byId.delete(id);
    if (call === undefined) return undefined;
    if (call.apart === true) this.#apart--;
    if (this.#byId.size === 0) this.#host.onUse();
    call.cleanup?.();
    return call;
  }

  /** Rejects everything that waits. `written` is how many lines of the outbox have left. */
  rejectAll(code: ErrorCode, message: string, written: number, cause?: unknown): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    for (const call of this.inOrder()) {
      if (this.take(call.id) === undefined) continue;
      const details = { method: call.method, mayHaveRun: call.line <= written, cause };
      call.reject(new DserviceError(code, message, details));
    }
  }

  // Calls with the session's usual deadline come due in the order they were made: one timer serves them all,
  // and a call that is answered in time costs none.
  #sweepAt(due: number): void {
    const wait = Math.max(0, due - this.#clock.now());
    this.#stopSweep = this.#clock.after(wait, () => this.#sweep(), true);
  }

  #sweep(): void {
    this.#stopSweep = undefined;
    const now = this.#clock.now();
    for (let call = this.#first(); call !== undefined; call = this.#first()) {
      if (call.due > now) return this.#sweepAt(call.due);
      this.#host.expire(call.id);
    }
  }

  /** The one that is due first. */
  #first(): Call | undefined {
    return this.#next() ?? this.#look();
  }

  #next(): Call | undefined {
    for (let id; (id = this.#due?.at(-1)) !== undefined; this.#due?.pop()) {
      const call = this.#byId.get(id);
      if (call !== undefined) return call;
    }
    return undefined;
  }

  #look(): Call | undefined {
    const usual = this.inOrder().filter(({ due }) => due !== 0);
    this.#due = usual.map(({ id }) => id).reverse();
    return this.#next();
  }
}
