import type { Clock } from '../clock.js';
import type { DserviceError } from '../errors.js';
import type { Sink } from './checked.js';
import { ServedCall } from './context.js';
import type { AnyFunction } from './encode.js';
import { passedOn } from './error-value.js';
import type { Place } from './gates.js';
import type { Meta } from './message.js';
import type { ObservedServing } from './observer.js';
import type { Answer } from './pipelining/kept.js';
import type { Reference } from './references.js';
import type { SessionHandle } from './session-handle.js';

const ignore = (): void => {};

/** Who serves a call, and is told how it ended. */
export interface CallHost {
  /** A handler has its outcome. */
  ended(call: RunningCall, answer: Answer): void;
  /** A handler failed. */
  failed(call: RunningCall, error: unknown): void;
  /** A call was refused. */
  refused(error: DserviceError): void;
  /** A handler's outcome is not what the service says it is. */
  faulty(error: DserviceError): void;
}

/** A handler that runs, and where its outcome goes. Made for each call, so it holds no closures. */
export class RunningCall extends ServedCall implements Sink {
  readonly #serving: CallHost;
  /** The id under which its outcome is wanted. */
  readonly reply: number | undefined;
  sink: ((answer: Answer) => void) | undefined;
  readonly #callback: Reference | undefined;
  /** What stands for that callback, until it is answered: were it collected, the caller would be told to forget it. */
  held: unknown;
  #before: number;
  observed: ObservedServing | undefined;
  /** What it runs. */
  fn: AnyFunction | undefined;
  ended = false;
  /** What its message weighs. */
  weight = 0;
  /** Its place at the gate of its method, if that has one. */
  place: Place | undefined;
  /** The callback that its handler declares, where that tells when it leaves the gate. */
  answer: Reference | undefined;

  constructor(
    session: SessionHandle,
    meta: Meta,
    passed: readonly string[] | undefined,
    clock: Clock,
    serving: CallHost,
    reply: number | undefined,
    callback: Reference | undefined,
  ) {
    super(session, meta, passed, clock);
    this.#serving = serving;
    this.reply = reply;
    this.#callback = callback;
    this.#before = callback?.calls ?? 0;
  }

  /** Of one that nobody wants the outcome of, none by which it would be found. */
  get id(): number {
    return this.reply ?? -1;
  }

  /** It is its turn. */
  begin(place: Place): void {
    this.place = place;
    this.#before = (this.#callback ?? this.answer)?.calls ?? 0;
  }

  /** Its callback was called, once it ran. */
  get answered(): boolean {
    return (this.answer?.calls ?? 0) > this.#before;
  }

  override abort(reason: DserviceError): void {
    super.abort(reason);
    if (this.leaveWait() || this.place?.waits === true) this.abandon(reason);
  }

  /** It will not run, or its outcome is not waited for. */
  abandon(error: DserviceError): void {
    this.#end([error]);
  }

  refuse(told: DserviceError, detail = told): void {
    this.#serving.refused(detail);
    this.#end([told]);
  }

  fault(told: DserviceError, detail: DserviceError): void {
    this.#serving.faulty(detail);
    this.#end([told]);
  }

  fulfil(value: unknown, promised = false): void {
    const callback = this.#callback;
    const given = value !== undefined || promised;
    if (given && callback !== undefined && callback.calls === this.#before) {
      callback.call([value]).catch(ignore);
    }
    this.#end(value === undefined ? [] : [null, value]);
  }

  reject(error: unknown): void {
    this.#serving.failed(this, error);
    // Null would say that all went well.
    this.#end([passedOn(error) ?? new Error(`${String(error)} was thrown`)]);
  }

  #end(answer: Answer): void {
    if (this.ended) return;
    this.ended = true;
    this.held = undefined;
    this.#serving.ended(this, answer);
  }
}

/** Nobody waits for its outcome. */
export function isSilent({ reply, sink }: RunningCall): boolean {
  return reply === undefined && sink === undefined;
}
