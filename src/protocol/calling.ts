import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { since } from './ago.js';
import type { Attached } from './attachments.js';
import type { CallingHost, CallingOptions } from './calling-host.js';
import { cancelled, fulfil, headOn, nameOf, type Owner, PendingCall, rejected } from './calls.js';
import type { ContextScope } from './context.js';
import { sizeOfGiven } from './given-meta.js';
import { HeldLines } from './held.js';
import type { InterceptCalls } from './intercept.js';
import type { Message } from './message.js';
import { writeMeta } from './meta.js';
import type { CallOptions } from './options.js';
import { PendingCalls, type PendingHost } from './pending-calls.js';
import type { Ahead, MapFunction } from './pipelining/ahead.js';
import { Later } from './pipelining/later.js';
import { checkRecorded, Recording } from './pipelining/recording.js';
import { RemotePromise } from './pipelining/remote-promise.js';
import { type Again, Unsettled } from './pipelining/unsettled.js';
import { constructsNothing, headOf, type Reference } from './references.js';
import { StreamCalls } from './streams/stream-calls.js';
import { Unresolved } from './unresolved.js';
import type { Settled, Wire, WireCalling } from './wire.js';

/** The calling half of a session: what we ask of the peer, and wait for. */
export class Calling implements Owner, PendingHost, WireCalling {
  readonly #wire: Wire;
  readonly #clock: Clock;
  readonly #scope: ContextScope;
  readonly #deadline: number;
  readonly #intercept: InterceptCalls | undefined;
  readonly #host: CallingHost;
  readonly pending: PendingCalls<PendingCall>;
  /** Calls held back, in order: the channel is full, or the peer has enough of them. */
  readonly #held: HeldLines;
  /** What is called is not called, but written down, while this is there. */
  #recording: Recording | undefined;
  /** Calls of the functions of streams. */
  #streams: StreamCalls | undefined;
  #unsettled: Unsettled | undefined;
  /** When the turn began of which the calls are gathered: their deadlines count from there. */
  #turn = 0;
  /** Why nothing can be called any more, and no function of a stream: made where somebody asks. */
  over: (() => DserviceError) | undefined;
  streamsOver: (() => DserviceError) | undefined;
  #overAt: number | undefined;

  constructor(
    wire: Wire,
    { clock, scope, deadline = 30_000, intercept }: CallingOptions,
    host: CallingHost,
  ) {
    this.#wire = wire;
    this.#clock = clock;
    this.#scope = scope;
    this.#deadline = deadline;
    this.#intercept = intercept?.call;
    this.#host = host;
    this.pending = new PendingCalls(clock, this);
    this.#held = new HeldLines(wire);
    wire.calling = this;
  }

  get streams(): StreamCalls {
    if (this.#streams !== undefined) return this.#streams;
    this.#streams = new StreamCalls(this.#wire, this.pending, this);
    const over = this.streamsOver ?? this.over;
    if (over !== undefined) this.#streams.end(over);
    return this.#streams;
  }

  /** Calls whose outcome is not in. */
  get outstanding(): number {
    return this.pending.size;
  }

  reference(target: Reference, args: unknown[], given?: CallOptions): Promise<unknown> {
    if (target.released) return rejected(this.#wire.references.error(target));
    // The answer to a plain peer's call is called as it stands. Old callbacks look at all they get, and
    // none of them answers an answer: asked for an outcome, it would be pending until its deadline.
    const bare = target.answer && this.#wire.plain && given === undefined;
    return this.made(target.head, target.name, args, given, bare);
  }

  /** Calls by name. Never throws: what cannot be sent rejects, with `mayHaveRun: false`. */
  call(name: string, args: unknown[], given: CallOptions | undefined): Promise<unknown> {
    return this.made(headOf(name), name, args, given, false);
  }

  /**
   * A call by somebody here: what stands around such calls is asked first. `again` makes it once more where promises
   * among its arguments, those in `settled` aside, had to be awaited.
   */
  made(
    head: string,
    name: string,
    args: unknown[],
    given: CallOptions | undefined,
    bare: boolean,
    settled?: Settled,
    again?: Again,
  ): Promise<unknown> {
    const intercept = this.#intercept;
    if (intercept === undefined || given?.intercepted === true || this.#recording !== undefined) {
      return this.#observed(head, name, args, given, bare, settled, again);
    }
    return intercept(name, args, given, (values, options) =>
      this.#observed(head, name, values, options, bare, settled, again),
    );
  }

  #observed(
    head: string,
    name: string,
    args: unknown[] | undefined,
    given: CallOptions | undefined,
    bare = false,
    settled?: Settled,
    again?: Again,
  ): Promise<unknown> {
    if (given?.construct === true) head = this.#wire.agreed('new') ? `${head},"new":true` : '';
    if (head === '') return this.#refuse(constructsNothing(), name);
    // What stands for the outcome is no promise, but is used as one would be.
    if (this.#recording !== undefined) return this.#recording.call(head, args) as Promise<unknown>;
    const observed = this.#host.observer?.call(name, given);
    const outcome = this.#call(head, name, args, observed?.options ?? given, bare, settled, again);
    return observed === undefined ? outcome : observed.follow(outcome);
  }

  /** `head`: the target of the message. Without arguments, what is there is read. */
  #call(
    head: string,
    name: string,
    args: unknown[] | undefined,
    given: CallOptions | undefined,
    bare: boolean,
    settled?: Settled,
    again?: Again,
  ): Promise<unknown> {
    const wire = this.#wire;
    if (this.over !== undefined) return this.#refuse(this.#since(this.over), name);
    if (given?.signal?.aborted === true) return this.#refuse(cancelled(name, given.signal), name);
    // A plain peer answers by calling back; who gave it a callback wants the answer there alone.
    const { unanswered } = wire;
    const silent = bare || !!unanswered || (wire.plain && typeof args?.at(-1) === 'function');
    const id = silent ? -1 : wire.nextId();
    let line: string;
    try {
      const beside = given?.meta && sizeOfGiven(given.meta, wire.limits);
      const plainly = wire.plain && !silent ? id : undefined;
      line = `{${head}${args === undefined ? '' : `,"arguments":${wire.encode(args, plainly, settled, beside)}`}`;
    } catch (error) {
      if (!(error instanceof Unresolved) || !(error.promise instanceof Promise)) {
        return this.#refuse(error, name);
      }
      this.#unsettled ??= new Unsettled(this.#clock, this.#deadline);
      return this.#unsettled.wait(error.promise, settled, name, given, (more, rest) =>
        again === undefined
          ? this.#call(head, name, args, rest, bare, more)
          : again(more, args ?? [], rest),
      );
    }
    if (silent) {
      this.send(`${line}}`);
      return unanswered === undefined ? Promise.resolve() : rejected(unanswered(name));
    }
    const current = this.#scope.get();
    const left = given?.apart === true ? undefined : current?.deadline;
    const deadline = Math.min(given?.deadline ?? this.#deadline, left ?? Infinity);
    if (wire.plain) return this.#wait(id, name, `${line}}`, deadline, given);
    const named = given?.deadline !== undefined || left !== undefined;
    const meta =
      (given === undefined && current === undefined) || !wire.agreed('meta')
        ? ''
        : writeMeta(
            given,
            current?.meta,
            named && deadline !== Infinity ? deadline : undefined,
            current?.passed,
          );
    return this.#wait(id, name, `${line},"reply":${wire.ids.of(id)}${meta}}`, deadline, given);
  }

  reach(
    call: PendingCall,
    path: readonly string[],
    args: unknown[] | undefined,
    given?: CallOptions,
  ): Promise<unknown> {
    if (!this.#keep(call)) return new Later(call.outcome).reach(path, args, given);
    return this.#observed(headOn(call, path), nameOf(call, path), args, given);
  }

  map(
    call: PendingCall,
    path: readonly string[],
    fn: MapFunction,
    given?: CallOptions,
  ): Promise<unknown> {
    if (!this.#wire.agreed('map') || !this.#keep(call)) {
      return new Later(call.outcome).map(path, fn);
    }
    const recording = new Recording(this.#wire);
    const outer = this.#recording;
    this.#recording = recording;
    let entries: string;
    try {
      entries = recording.record(fn);
    } catch (error) {
      return this.#refuse(error, nameOf(call, path));
    } finally {
      this.#recording = outer;
    }
    const name = `${nameOf(call, path)}.map`;
    return this.#observed(`${headOn(call, path)},"map":${entries}`, name, undefined, given);
  }

  /** Whether what is asked of the outcome of a call can be sent now, since the peer keeps it. */
  #keep(call: PendingCall): boolean {
    if (call.owner !== this || this.pending.get(call.id) !== call) return false;
    if (call.kept || !this.#wire.agreed('pipeline')) return call.kept;
    const key = ',"keep":true';
    call.kept =
      call.line === Infinity
        ? this.#held.amend(call.id, key)
        : this.#wire.outbox.amend(call.line, key);
    return call.kept;
  }

  /** The id of the call whose outcome that is to be, where the peer can put it among the arguments. */
  outcomeOf(value: object): number | undefined {
    if (this.#recording !== undefined) return this.#recording.entryOf(value);
    checkRecorded(value);
    let call: Ahead | undefined = RemotePromise.aheadOf(value);
    while (call?.source !== undefined) call = call.source;
    return call instanceof PendingCall && this.#keep(call) ? call.id : undefined;
  }

  #take(id: number): PendingCall | undefined {
    const call = this.pending.take(id);
    if (call?.kept === true) this.#wire.control('release', `,"call":${id}`);
    return call;
  }

  /** Asks the peer something that is not for its api. Never throws. */
  ask(control: string, given: CallOptions, args?: unknown[]): Promise<unknown> {
    if (this.over !== undefined) return this.#refuse(this.#since(this.over), control);
    const id = this.#wire.nextId();
    let line = `{"control":"${control}","reply":${JSON.stringify(id)}`;
    try {
      if (args !== undefined) line += `,"arguments":${this.#wire.encode(args)}`;
    } catch (error) {
      return this.#refuse(error, control);
    }
    return this.#wait(id, control, `${line}}`, given.deadline ?? this.#deadline, given);
  }

  #wait(
    id: number,
    method: string,
    line: string,
    deadline: number,
    given: CallOptions | undefined,
  ): Promise<unknown> {
    const signal = given?.signal;
    const usual = deadline === this.#deadline;
    // The time is asked for once a turn: it costs as much as what is written.
    if (this.#wire.outbox.empty) this.#turn = this.#clock.now();
    const due = usual && deadline !== Infinity ? this.#turn + deadline : 0;
    const call = new PendingCall(this, id, method, due, this.#wire.plain, given);
    // What this call has was encoded last.
    call.streamed = this.#wire.streamed;
    if (!usual || signal !== undefined) {
      const stopTimer =
        usual || deadline === Infinity
          ? undefined
          : this.#clock.after(deadline, () => this.expire(id), true);
      const abort = (): void => this.#giveUp(id, cancelled(method, signal));
      signal?.addEventListener('abort', abort);
      call.cleanup = () => {
        stopTimer?.();
        signal?.removeEventListener('abort', abort);
      };
    }
    this.pending.add(call);
    if (this.#mustHold || this.pending.size > this.#room()) this.#held.add(line, id);
    else this.#write(call, line);
    this.#host.onCall();
    return call.outcome;
  }

  /** Sends a line that nobody waits for, in its place among those that are held. */
  send(line: string): void {
    if (this.#mustHold) this.#held.add(line, undefined);
    else this.#wire.write(line);
  }

  #write(call: PendingCall, line: string, attached?: Attached): void {
    // Told before, since writing may find the channel full for good, and end everything.
    call.line = this.#wire.outbox.pushed + 1;
    this.#wire.write(line, attached);
  }

  get #mustHold(): boolean {
    return this.#wire.outbox.blocked || this.#held.size > 0;
  }

  /** Calls that the peer may have pending. */
  #room(): number {
    return this.#wire.hello?.limits.calls ?? Infinity;
  }

  /** Lets held lines go, in order, as far as there is room. */
  release(): void {
    this.#streams?.release();
    for (const held of this.#held) {
      const { line, attached, id } = held;
      // Calls still held are pending too, but are not yet the peer's burden.
      const burden = this.pending.size - this.#held.calls;
      if (this.#wire.outbox.blocked || (id !== undefined && burden >= this.#room())) return;
      this.#held.take(held);
      const call = id === undefined ? undefined : this.pending.get(id);
      if (call === undefined) this.#wire.write(line, attached);
      else this.#write(call, line, attached);
    }
  }

  /** Whether that is the id of a call that waits. */
  awaits(id: unknown): boolean {
    return typeof id === 'number' && this.pending.get(id) !== undefined;
  }

  /** Takes the outcome of a call, if the message is one. */
  settle(id: number, message: Message): boolean {
    const call = this.#take(id);
    if (call === undefined) return false;
    try {
      const args = this.#wire.decode(message, call.method);
      const whole = this.#wire.takeWhole();
      if (!call.plain && args.length > 0 && args[0] !== null) call.reject(args[0]);
      else if (whole === undefined) fulfil(call, args, message);
      else {
        whole.then(() => fulfil(call, args, message)).catch((error: unknown) => call.reject(error));
      }
    } catch (error) {
      call.reject(error);
    }
    this.#settled();
    return true;
  }

  /** The outcome of a call came in a message that is refused. */
  fail(id: number, error: DserviceError): void {
    const call = this.#take(id);
    if (call === undefined) return;
    error.mayHaveRun ??= true;
    call.reject(error);
    this.#settled();
  }

  expire(id: number): void {
    const method = this.pending.get(id)?.method ?? '';
    const text = `no outcome of ${method} before its deadline`;
    this.#giveUp(id, new DserviceError('ERR_DEADLINE', text, { method }));
  }

  #giveUp(id: number, error: DserviceError): void {
    this.drop(id, error, this.pending.get(id)?.line !== Infinity);
  }

  /** Gives up a call, if it waits, which may have run or not: the peer hears of that, or never of the call. */
  drop(id: number, error: DserviceError, mayHaveRun: boolean): void {
    const call = this.#take(id);
    if (call === undefined) return;
    error.mayHaveRun = mayHaveRun;
    if (error.mayHaveRun) this.#wire.control('cancel', `,"call":${id}`);
    else this.#held.drop(id);
    call.reject(error);
    this.#settled();
  }

  onUse(): void {
    this.#host.onUse();
  }

  #settled(): void {
    if (this.#held.size > 0) this.release();
    this.#host.onSettled();
  }

  #since(over: () => DserviceError): DserviceError {
    return since(over(), this.#overAt === undefined ? 0 : this.#clock.now() - this.#overAt);
  }

  #refuse(error: unknown, method: string): Promise<never> {
    if (DserviceError.is(error)) {
      error.mayHaveRun = false;
      error.method = method;
    }
    return rejected(error);
  }

  /** Nothing more can be called; what waits goes on waiting. */
  seal(why: () => DserviceError): void {
    this.over = why;
    this.#streams?.end(why);
  }

  /** Nothing is called any more; what waits is rejected. */
  end(why: DserviceError): void {
    this.seal(this.over ?? (() => why));
    this.#overAt = this.#clock.now();
    this.#held.clear();
    this.#unsettled?.end(why);
    const { code, message, cause } = why;
    // A channel may know that nothing has arrived of what was written to it.
    const none = DserviceError.is(cause) && cause.mayHaveRun === false;
    this.pending.rejectAll(code, message, none ? 0 : this.#wire.outbox.written, cause);
  }
}
