import type { Clock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';

/** A call whose outcome is waited for, as far as its deadline and its end go. */
export interface Waiting {
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

/** The calls of one session that wait for their outcome, and their deadlines. */
export class PendingCalls<Call extends Waiting> {
  readonly #clock: Clock;
  readonly #expire: (id: number) => void;
  readonly #byId = new Map<number, Call>();
  #apart = 0;
  #stopSweep: (() => void) | undefined;

  /** `expire` is told the id of each call whose deadline has passed, and takes it. */
  constructor(clock: Clock, expire: (id: number) => void) {
    this.#clock = clock;
    this.#expire = expire;
  }

  /** How many there are, but for those of streams. */
  get size(): number {
    return this.#byId.size - this.#apart;
  }

  /** Their ids, in the order in which they were made. */
  get ids(): Iterable<number> {
    return this.#byId.keys();
  }

  get(id: number): Call | undefined {
    return this.#byId.get(id);
  }

  add(id: number, call: Call): void {
    this.#byId.set(id, call);
    if (call.apart === true) this.#apart++;
    if (call.due !== 0 && this.#stopSweep === undefined) this.#sweepAt(call.due);
  }

  take(id: number): Call | undefined {
    const call = this.#byId.get(id);
    if (call === undefined) return undefined;
    this.#byId.delete(id);
    if (call.apart === true) this.#apart--;
    call.cleanup?.();
    return call;
  }

  /** Rejects everything that waits. `written` is how many lines of the outbox have left. */
  rejectAll(code: ErrorCode, message: string, written: number, cause?: unknown): void {
    this.#stopSweep?.();
    this.#stopSweep = undefined;
    for (const id of [...this.#byId.keys()]) {
      const call = this.take(id);
      if (call === undefined) continue;
      const details = { method: call.method, mayHaveRun: call.line <= written, cause };
      call.reject(new DserviceError(code, message, details));
    }
  }

  // Calls with the session's usual deadline come due in the order they were made, which is the order
  // of the map: one timer serves them all, and a call that is answered in time costs none.
  #sweepAt(due: number): void {
    const wait = Math.max(0, due - this.#clock.now());
    this.#stopSweep = this.#clock.after(wait, () => this.#sweep(), true);
  }

  #sweep(): void {
    this.#stopSweep = undefined;
    const now = this.#clock.now();
    for (const [id, call] of this.#byId) {
      if (call.due === 0) continue;
      if (call.due > now) return this.#sweepAt(call.due);
      this.#expire(id);
    }
  }
}
