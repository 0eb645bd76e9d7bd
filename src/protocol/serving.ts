import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { type Authorize, authorizeCall, type CallRequest } from './authorize.js';
import { callbackIndex, invoke, isClassic } from './bridge.js';
import { arrive, type Stop } from './chain.js';
import { arity, invokerOf, isChecked, type Sink } from './checked.js';
import type { ContextScope } from './context.js';
import type { AnyFunction } from './encode.js';
import { asKnown } from './error-value.js';
import { ofProperty } from './exposing.js';
import { Gates } from './gates.js';
import type { InterceptServing } from './intercept.js';
import { called, type Message, type Meta, readId, weight } from './message.js';
import { type Direct, type HolderOfFunctions, keeperOf } from './keeper.js';
import { noMeta, readMeta } from './meta.js';
import { constructing, methodOptions, type Said } from './method-options.js';
import type { SessionObserver } from './observer.js';
import { callable } from './options.js';
import { Outcomes } from './outcomes.js';
import type { Host } from './pipelining/host.js';
import type { Answer } from './pipelining/kept.js';
import { IdTable } from './id-table.js';
import { Digits } from './quick.js';
import { Pipelined } from './pipelining/pipelined.js';
import type { Reference } from './references.js';
import { type CallHost, isSilent, RunningCall } from './running-call.js';
import { discard } from './streams/outgoing.js';
import type { Wire } from './wire.js';

export interface ServingOptions {
  readonly clock: Clock;
  readonly scope: ContextScope;
  /** Where methods that say how many run at once have their gates: those of several sessions, or its own. */
  readonly gates?: Gates | undefined;
  /** The service whose methods these are, and how often a chain of calls may come back to it. */
  readonly service?: { readonly name: string } | undefined;
  readonly maxVisits?: number | undefined;
  /** The style of all handlers, where it is not to be told from each. */
  readonly callbacks?: boolean | undefined;
  /** Decides whether a call may run. */
  readonly authorize?: Authorize | undefined;
  /** Runs handlers by way of interceptors, where there are some. */
  readonly intercept?: { readonly serve: InterceptServing | undefined } | undefined;
}

/** Whose calls are served: the session. */
export interface ServingHost extends HolderOfFunctions {
  /** Who watches the session. */
  readonly observer: SessionObserver | undefined;
  /** A call was refused by what the service says of it. */
  onFail(error: DserviceError): void;
  /** A handler has ended. */
  onDone(): void;
}

/** What stands before handlers. */
export interface Guards {
  readonly authorize?: Authorize | undefined;
  readonly intercept?: InterceptServing | undefined;
  /** Nobody watches: it is no call by itself. */
  readonly unwatched?: boolean;
}

const noGuards: Guards = {};

/** The serving half of a session: what the peer asks of us, and gets. */
export class Serving implements Host, CallHost {
  readonly #options: ServingOptions;
  readonly #host: ServingHost;
  readonly guards: Guards;
  readonly #stop: Stop | undefined;
  #gates: Gates | undefined;
  readonly #wire: Wire;
  readonly #outcomes: Outcomes;
  /** Calls that stand on outcomes of others. */
  readonly pipelined: Pipelined;
  readonly #running = new IdTable<RunningCall>();
  /** Those whose caller asked for no outcome. */
  #oneWay: Set<RunningCall> | undefined;
  /** Those that are over for their caller, and have yet to call it back: they keep their place at a gate. */
  #answering: Set<RunningCall> | undefined;
  #count = 0;
  /** What the messages weigh whose calls run, or wait. */
  #weight = 0;
  #over = false;
  /** Those of outcomes. */
  readonly #ids = new Digits();

  constructor(wire: Wire, options: ServingOptions, host: ServingHost) {
    const { clock, gates, service, maxVisits, authorize, intercept } = options;
    this.#options = options;
    this.#host = host;
    this.#wire = wire;
    this.#gates = gates;
    this.#stop = service && { name: service.name, maxVisits };
    this.#outcomes = new Outcomes(wire);
    this.pipelined = new Pipelined(wire, this, clock);
    const serve = intercept?.serve;
    const guarded = (authorize ?? serve) !== undefined;
    this.guards = guarded ? { authorize, intercept: serve } : noGuards;
    if (guarded) wire.local.paths = new WeakMap();
  }

  /** Handlers that run, and those that wait for their turn. */
  get count(): number {
    return this.#count;
  }

  /** Whether as many run as may. */
  get full(): boolean {
    return this.#count >= this.#wire.limits.calls;
  }

  /** Whether so much runs that the peer is to wait. One of ours was told how many calls it may make, but not how large. */
  get overloaded(): boolean {
    const { plain, limits } = this.#wire;
    return (plain && this.full) || this.#weight > limits.held;
  }

  /** So many more calls wait for what they stand on: this message's. `then`: one that waits no more is made. */
  waiting(more: number, message: Message, then?: () => void): void {
    this.#count += more;
    this.#weight += more * (message[weight] ?? 0);
    then?.();
    this.#runs(message[called], more);
    if (more < 0) this.#host.onDone();
  }

  /** So many more calls of a function run, or wait. */
  #runs(fn: AnyFunction | undefined, more: number): void {
    keeperOf(fn)?.counts(this.#host, 0, more);
  }

  /** Throws ERR_BUSY where as many calls run as may. */
  checkRoom(): void {
    if (!this.full || this.#wire.plain) return;
    const text = `${this.#wire.limits.calls} calls are running already`;
    throw new DserviceError('ERR_BUSY', text, { mayHaveRun: false });
  }

  /**
   * Runs a handler, which is called `name`, for a message, and replies. `method`: where it stands in our
   * api, if it does. Throws what the decoder throws, ERR_BUSY, ERR_CALL_CYCLE, and ERR_REFERENCE for an outcome that
   * is not kept.
   */
  serve(fn: AnyFunction, message: Message, name: string, method?: string): void {
    if (message.results === undefined || this.#wire.plain) {
      const args = this.#wire.decode(message, name);
      const whole = this.#wire.takeWhole();
      if (whole !== undefined) message[called] = fn;
      return this.whole(whole, message, () => this.run(fn, args, message, name, method));
    }
    message[called] = fn;
    this.pipelined.fill(message, (args, later) => this.run(fn, args, later, name, method));
  }

  /** Runs a call when the blobs among its arguments are read: until then it waits. */
  whole(whole: Promise<void> | undefined, message: Message, run: () => void): void {
    if (whole === undefined) return run();
    this.waiting(1, message);
    const begin = (): void => {
      if (!this.#over) run();
    };
    void whole
      .then(begin)
      .catch((error: unknown) => this.refuse(message, error))
      .then(() => this.waiting(-1, message));
  }

  /** Tells why a call does not run: its caller, or else who serves. */
  refuse(message: Message, error: unknown): void {
    const reply = this.replyOf(message);
    if (reply === undefined) this.#host.onError(error);
    else this.reply(reply, [error]);
  }

  /** As `serve`, with arguments that were read. `sink` takes the outcome, in place of the caller. */
  run(
    fn: AnyFunction,
    args: unknown[],
    message: Message,
    name: string,
    method?: string,
    sink?: (answer: Answer) => void,
  ): void {
    this.runAs(fn, args, message, name, method, sink, this.guards);
  }

  /** Answers a question of the session's own, which everybody may ask. */
  answer(fn: AnyFunction, reply: number, name: string): void {
    this.runAs(fn, [], { reply }, name, undefined, undefined, noGuards);
  }

  /** As `run`, by other guards. */
  runAs(
    fn: AnyFunction,
    args: unknown[],
    message: Message,
    name: string,
    method: string | undefined,
    sink: ((answer: Answer) => void) | undefined,
    { authorize, intercept, unwatched }: Guards,
  ): void {
    const { clock, scope } = this.#options;
    const { session, observer } = this.#host;
    const where = method ?? this.#wire.local.paths?.get(fn);
    if (message.new === true && this.#wire.agreed('new')) fn = constructing(fn);
    const reply = this.replyOf(message);
    this.checkRoom();
    const meta = this.#metaOf(message);
    const passed = this.#passed(meta, method);
    const last = args.at(-1);
    const answer =
      typeof last === 'function' ? this.#wire.references.alive(last as AnyFunction) : undefined;
    if (answer !== undefined) answer.answer = true;
    // A handler that declares less than it got, the last being a function, may answer by returning.
    // One that stands for a function elsewhere has handed the callback on: it is answered there.
    // So has a class: what is constructed is no answer to one.
    const callback =
      answer !== undefined && args.length > fn.length && !(callable in fn) && message.new !== true
        ? answer
        : undefined;
    // A plain peer that reads a property asks for it by its callback, which is not to be written there.
    if (callback !== undefined && this.#wire.plain && ofProperty in fn) args.pop();
    const call = new RunningCall(session, meta, passed, clock, this, reply, callback);
    if (callback !== undefined) call.held = last;
    call.sink = sink;
    call.fn = fn;
    this.#runs(fn, 1);
    call.weight = message[weight] ?? 0;
    this.#count++;
    this.#weight += call.weight;
    if (unwatched !== true) call.observed = observer?.serve(name, meta);
    if (authorize === undefined && intercept === undefined) {
      this.#start(call, fn, args, name, method, answer);
    } else {
      const { peer } = session;
      const request = {
        ...{ service: this.#stop?.name, method: where, name, args },
        ...{ session, peer, meta },
      };
      const around = intercept && { intercept, request };
      const start = (): void => this.#start(call, fn, args, name, method, answer, around);
      if (authorize === undefined) start();
      else authorizeCall({ authorize, scope }, call, request, start);
    }
    if (call.ended) return;
    // An id that is in use already: that call is told of the end like all others, and cannot be cancelled by itself.
    if (reply === undefined || this.#running.get(reply) !== undefined) {
      (this.#oneWay ??= new Set()).add(call);
    } else this.#running.set(call);
  }

  /** Refuses a call that nobody watches yet, and tells who watches. */
  forbid(message: Message, name: string, error: unknown): void {
    this.#host.observer?.serve(name, this.#metaOf(message))?.end(true, error);
    this.refuse(message, error);
  }

  #metaOf({ meta }: Message): Meta {
    const { plain, limits } = this.#wire;
    return meta === undefined || plain ? noMeta : readMeta(meta, limits);
  }

  /** Runs a call that may run. */
  #start(
    call: RunningCall,
    fn: AnyFunction,
    args: unknown[],
    name: string,
    method: string | undefined,
    answer: Reference | undefined,
    around?: { readonly intercept: InterceptServing; readonly request: CallRequest },
  ): void {
    const { observed } = call;
    const said = methodOptions(fn);
    if (observed === undefined && said?.concurrency === undefined && around === undefined) {
      return this.#handle(call, fn, args, said, method ?? name, answer, call);
    }
    const handle = (values: unknown[], sink: Sink): void =>
      this.#handle(call, fn, values, said, method ?? name, answer, sink);
    const begin = (): void =>
      around === undefined ? handle(args, call) : around.intercept(call, around.request, handle);
    const run = observed === undefined ? begin : () => observed.run(begin);
    if (said?.concurrency === undefined) run();
    else {
      // A handler that declares its caller's callback ends when it calls that.
      const declared =
        args.length <= fn.length && this.#callbackAt(call, fn, args, said, answer) === undefined;
      if (declared && (isSilent(call) || isClassic(fn))) call.answer = answer;
      this.#enter(call, said, method, run);
    }
  }

  /** Runs a handler, in its context; its outcome goes to `sink`. */
  #handle(
    call: RunningCall,
    fn: AnyFunction,
    args: unknown[],
    said: Said | undefined,
    name: string,
    answer: Reference | undefined,
    sink: Sink,
  ): void {
    const { scope, callbacks } = this.#options;
    const at = this.#callbackAt(call, fn, args, said, answer);
    if (!isChecked(said)) scope.run(call, invoke, fn, args, at, sink);
    else {
      const checks = { said, scope, callbacks, name };
      scope.run(call, invokerOf(said), checks, fn, args, at, call, sink);
    }
  }

  /** Where a handler gets a callback for its outcome, if it does. */
  #callbackAt(
    call: RunningCall,
    fn: AnyFunction,
    args: unknown[],
    said: Said | undefined,
    answer: Reference | undefined,
  ): number | undefined {
    // Who gives the callback that the handler declares is answered there, and waits for nothing else.
    const given = answer !== undefined && args.length === fn.length;
    if (given || isSilent(call)) return undefined;
    const got = said === undefined ? args.length : arity(said, args.length);
    const { callbacks } = this.#options;
    // A property is read and written at once, whatever the style of the handlers.
    return callbackIndex(fn, got, callbacks === true && ofProperty in fn ? false : callbacks);
  }

  /** Serves a function of a stream, apart from what users call. Throws what the decoder throws. */
  stream(direct: Direct, message: Message): void {
    const reply = this.replyOf(message);
    direct(this.#wire.decode(message), (outcome) => {
      if (reply !== undefined && !this.#over) this.#answer(reply, this.#wire.encode(outcome));
    });
  }

  /** The services that a call has passed. Called back, a service is not visited again. Throws ERR_CALL_CYCLE. */
  #passed({ path }: Meta, method: string | undefined): readonly string[] | undefined {
    const stop = this.#stop;
    return stop === undefined || method === undefined ? path : arrive(path, stop, method);
  }

  /** Runs a call when there is room for it among those of its method, or refuses it with ERR_BUSY. */
  #enter(call: RunningCall, said: Said, method: string | undefined, run: () => void): void {
    try {
      // A method is one over all sessions, also where each has an api of its own; any other function is
      // what was said of it.
      this.#gates ??= new Gates(this.#options.clock);
      call.place = this.#gates.enter(method ?? said.given ?? said, said, {
        ...{ method, deadline: call.deadline, patient: this.#wire.plain },
        start(place) {
          call.begin(place);
          run();
        },
        late: (error) => call.abandon(error),
      });
    } catch (error) {
      call.refuse(asKnown(error));
    }
  }

  /** A handler has its outcome. */
  ended(call: RunningCall, answer: Answer): void {
    this.#count--;
    this.#weight -= call.weight;
    call.done();
    // `[error]`, `[null, value]` or `[]`.
    call.observed?.end(answer.length === 1, answer[0]);
    const { reply, sink } = call;
    if (reply !== undefined && this.#running.get(reply) === call) this.#running.delete(reply);
    else this.#oneWay?.delete(call);
    if (sink !== undefined) sink(answer);
    else if (reply !== undefined) this.reply(reply, answer);
    this.#runs(call.fn, -1);
    if (answer.length > 0 || !this.#awaitAnswer(call)) call.place?.leave();
    this.#host.onDone();
  }

  /** Whether a handler has yet to call its caller back: its place is kept until then. */
  #awaitAnswer(call: RunningCall): boolean {
    const { answer } = call;
    if (answer === undefined || answer.released || call.answered || this.#over) return false;
    (this.#answering ??= new Set()).add(call);
    const others = answer.onCall;
    answer.onCall = () => {
      answer.onCall = undefined;
      others?.();
      this.#answering?.delete(call);
      call.place?.leave();
    };
    return true;
  }

  /** A call was refused. */
  refused(error: DserviceError): void {
    this.#host.onFail(error);
  }

  /** A handler's outcome is not what the service says it is. */
  faulty(error: DserviceError): void {
    this.#host.onError(error);
  }

  /** A handler failed. */
  failed(call: RunningCall, error: unknown): void {
    if (isSilent(call)) this.#host.onError(error);
  }

  /** The id under which a message wants its outcome. */
  replyOf(message: Message): number | undefined {
    if (this.#wire.plain || typeof message.reply !== 'number') return undefined;
    return readId(message.reply);
  }

  /** Sends an outcome: `[]`, `[null, value]` or `[error]`. Never throws. */
  reply(id: number, answer: Answer): void {
    if (this.#over) return discard(answer[1]);
    const encoded = this.#outcomes.encode(answer);
    const size = this.pipelined.size > 0 ? this.#outcomes.sizeOf(encoded) : undefined;
    this.#answer(id, encoded);
    if (size !== undefined) this.pipelined.settled(id, answer, size);
  }

  #answer(id: number, encoded: string): void {
    this.#wire.signals?.replied(id);
    this.#wire.write(`{"method":${this.#ids.of(id)},"arguments":${encoded}}`);
  }

  cancel(id: unknown): void {
    if (typeof id !== 'number' || this.pipelined.cancel(id)) return;
    this.#running.get(id)?.abort(new DserviceError('ERR_CANCELLED', 'the caller gave up'));
  }

  /** The session is over: handlers that still run learn it by their signal. */
  end(reason: DserviceError): void {
    this.#over = true;
    const calls = [...this.#running.inOrder(), ...(this.#oneWay ?? [])];
    // Those that wait first: one that runs may end at once, and would let them in.
    for (const waits of [true, false]) {
      for (const call of calls) if ((call.place?.waits === true) === waits) call.abort(reason);
    }
    for (const call of this.#answering ?? []) call.place?.leave();
    this.#answering = undefined;
    this.#running.clear();
    this.#oneWay = undefined;
    this.pipelined.end();
  }
}
