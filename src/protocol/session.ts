import { Emitter } from '../emitter.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import { type About, readAbout } from './about.js';
import { checkApi, makeApi } from './api.js';
import { Admission, tooLate } from './admission.js';
import { Calling } from './calling.js';
import type { Continuity, Resumable } from './continuity.js';
import { Controls, type Question } from './controls.js';
import { Dispatch } from './dispatch.js';
import { asKnown } from './error-value.js';
import { messageOf } from './encode.js';
import { closeWell, lossOf, readClose, untold, whyOver, writeClose } from './close.js';
import { Farewell } from './farewell.js';
import { fillRemote } from './fill-remote.js';
import { Flow } from './flow.js';
import { Gates } from './gates.js';
import { featuresOf, type Hello, makeHello, readHello } from './hello.js';
import { Intake } from './intake.js';
import { Link } from './link.js';
import { isUrgent, type Message } from './message.js';
import { sendMethods } from './methods.js';
import { behind, type CallOptions } from './options.js';
import type { Once } from './once.js';
import { Pulse } from './pulse.js';
import { Serving } from './serving.js';
import type { Peer, SessionEvents, SessionHandle } from './session-handle.js';
import type { SessionOptions } from './session-options.js';
import { shareWithin } from './shared.js';
import { Streams } from './streams/streams.js';
import { Wire } from './wire.js';

/**
 * Two programs that call each other over one channel (protocol page): in plain dnode, until both have said hello.
 * Messages are written in `Wire.write` and read in `#onMessage`; `Calling` waits for the peer, `Serving` runs
 * handlers for it. Nothing that a peer sends, and nothing that a handler throws, leaves here as an exception.
 */
export class Session implements SessionHandle {
  readonly remote: Record<string, unknown> = {};
  about: About = new Map();
  #peer: Peer;
  readonly #options: SessionOptions;
  readonly #channel: Link;
  readonly #events = new Emitter<SessionEvents>();
  readonly #intake: Intake;
  readonly #wire: Wire;
  readonly #calling: Calling;
  readonly #serving: Serving;
  readonly #flow: Flow;
  readonly #admission: Admission;
  readonly #farewell: Farewell;
  /** Where the session may go on over another channel. */
  readonly continuity: Continuity | undefined;
  readonly #pulse: Pulse;
  readonly #controls: Controls;
  readonly #dispatch: Dispatch;
  #api: object = {};
  /** The peer let us in; its api is here. */
  #ready = false;
  #ended = false;
  /** Why it is over, once it is. */
  reason: DserviceError | undefined;
  #held = true;
  #cancelHandshake: (() => void) | undefined;

  constructor(options: SessionOptions) {
    const { clock, limits, scope, resume, authorize, intercept, health, relies } = options;
    Object.defineProperty(this.remote, behind, { value: this });
    const observer = options.observe?.(this);
    this.#options = options;
    const channel = (this.#channel = new Link(options.channel));
    this.#peer = channel.peer;
    this.#admission = new Admission(options.authenticate, clock, limits.handshake);
    this.#intake = new Intake({
      onMessage: (message, line) => this.#onMessage(message, line),
      ...{ limits, decodeText: options.decodeText, budget: options.budget },
      mayPass: (message) => this.#dispatch.mayPass(message),
      onRefused: (error, reply, outcome) => this.#refuse(error, reply, outcome),
      onFatal: (code, text) => this.#finish(code, text),
    });
    this.#wire = new Wire(
      { ...options, channel },
      { call: (target, args, given) => this.#calling.reference(target, args, given) },
    );
    this.#wire.untold = (error) => this.#events.emit('error', error);
    this.#calling = new Calling({
      deadline: options.deadline ?? 30_000,
      ...{ wire: this.#wire, clock, scope, observer, intercept: intercept?.call },
      ...{ onCall: () => this.#pulse.busy(), onSettled: () => this.#farewell.settled() },
    });
    this.#calling.pending.onUse = () => !this.#held && this.hold(false);
    this.#serving = new Serving({
      session: this,
      ...{ wire: this.#wire, clock, scope, observer, callbacks: options.callbacks },
      stop: options.service && { name: options.service.name, maxVisits: options.maxVisits },
      ...{ gates: options.gates ?? new Gates(clock), authorize, intercept: intercept?.serve },
      onError: (error) => this.#events.emit('error', error),
      onRefused: (error) => this.#events.emit('fail', error),
      onDone: () => {
        if (!this.#serving.overloaded) this.#flow.resume('serving');
        this.#farewell.served();
      },
    });
    this.#wire.makeStreams = () =>
      new Streams({
        call: (target, args) => this.#calling.streams.call(target, args),
        ...{ wire: this.#wire, clock, scope, onUse: () => this.hold(this.#held) },
        onError: (error) => this.#events.emit('error', error),
        onEnded: () => this.#farewell.served(),
      });
    this.#flow = new Flow({
      onRoom: () => this.#calling.release(),
      ...{ channel, clock, limits, intake: this.#intake, outbox: this.#wire.outbox },
      onOverflow: (error) => {
        channel.destroy(error);
        this.#end(error);
      },
      onStalled: (why) => this.#giveUp(new DserviceError('ERR_TIMEOUT', why)),
    });
    this.#farewell = new Farewell({
      clock,
      ...{ plain: () => !this.#wire.agreed('bye'), sayBye: () => this.#wire.control('bye') },
      ...{ outstanding: () => this.outstanding, close: () => this.close() },
      serving: () => this.#serving.count + (this.#wire.anyStreams?.live ?? 0),
    });
    this.#dispatch = new Dispatch(this.#wire, this.#calling, this.#serving, this.#intake);
    this.#pulse = new Pulse({
      outstanding: () => this.#calling.outstanding,
      ...{ clock, times: options.heartbeat },
      ping: (n) => this.#wire.control('ping', `,"n":${n}`),
      suspect: (suspect) => this.#events.emit('suspect', suspect),
      dead: () => this.#giveUp(new DserviceError('ERR_HEARTBEAT', 'the peer shows no life')),
    });
    this.#controls = new Controls({
      wire: this.#wire,
      ...{ serving: this.#serving, farewell: this.#farewell, pulse: this.#pulse },
      ...{ continuity: () => this.continuity, health, relies },
      subscribe: (...args) => options.subscribe?.(this, ...args),
      ...{ onBye: () => this.#events.emit('bye'), onCulled: () => this.hold(this.#held) },
      onFatal: (text) => this.#finish('ERR_MALFORMED', text),
    });
    if (resume !== undefined) this.continuity = this.#continue(resume);
  }

  #continue(resume: Resumable): Continuity {
    const { clock, limits } = this.#options;
    return resume.make({
      ...{ link: this.#channel, outbox: this.#wire.outbox, intake: this.#intake },
      ...{ flow: this.#flow, clock, limits },
      onAway: (why) => {
        this.#pulse.stop();
        if (why !== undefined) this.#events.emit('away', why);
      },
      onMoved: () => {
        this.#peer = { ...this.#peer, ...this.#channel.peer };
        this.#watch();
        this.#events.emit('moved', this.#peer);
      },
      onExpired: (error) => this.abandon(error),
    });
  }

  /** Begins: says `methods`, and reads. Called once, after the listeners are on. */
  start(): void {
    const { clock, limits, api, once } = this.#options;
    this.#channel.open({
      receive: (data, moved) => this.#receive(data, moved),
      drain: () => this.#flow.drained(),
      close: (error) => this.#lost(error),
    });
    if (once !== undefined) this.#greet(once.hello(limits));
    else this.#cancelHandshake = clock.after(limits.handshake, () => this.#late(), true);
    try {
      this.#api = makeApi(api, this.remote, this);
      if (once !== undefined) this.#beginOnce(once);
    } catch (error) {
      return this.#noApi(error);
    }
    this.#sendApi(true);
  }

  #beginOnce(once: Once): void {
    once.begin({
      ...{ wire: this.#wire, calling: this.#calling, serving: this.#serving },
      ...{ farewell: this.#farewell, channel: this.#channel, api: this.#api },
    });
    if (this.#admission.admitted) this.#announceRemote();
    else void this.#authenticate();
  }

  on<K extends keyof SessionEvents>(
    event: K,
    listener: (...args: SessionEvents[K]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  get peer(): Peer {
    return this.#peer;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get extended(): boolean {
    return !this.#wire.plain;
  }

  get suspect(): boolean {
    return this.#pulse.suspect;
  }

  /** What the peer said of itself: undefined for a plain one, and until it said it. */
  get hello(): Hello | undefined {
    return this.#wire.hello;
  }

  get away(): boolean {
    return this.continuity?.away ?? false;
  }

  get leaving(): boolean {
    return this.#farewell.heard;
  }

  get outstanding(): number {
    return this.#calling.outstanding;
  }

  get tables(): SessionHandle['tables'] {
    const { count, pipelined } = this.#serving;
    const calls = { pending: this.outstanding, serving: count, kept: pipelined.size };
    return { ...this.#wire.tables, ...calls };
  }

  /** Whether the channel keeps the process alive, as calls, streams and functions of ours that the peer holds do. */
  hold(keep: boolean): void {
    this.#held = keep;
    this.#channel.hold(keep || !this.#calling.pending.empty || this.#wire.held);
  }

  announce(api: object): void {
    checkApi(api);
    this.#api = api;
    if (!this.#admission.admitted || this.#ended || this.#options.once !== undefined) return;
    sendMethods(this.#wire, api);
  }

  ping(): Promise<number | undefined> {
    return this.#pulse.measure();
  }

  call(name: string, args: unknown[], given?: CallOptions): Promise<unknown> {
    return this.#calling.call(name, args, given);
  }

  ask(control: Question, given: CallOptions, args?: unknown[]): Promise<unknown> {
    return this.#wire.agreed(control) ? this.#calling.ask(control, given, args) : Promise.resolve();
  }

  close(): void {
    this.#wire.anyStreams?.stop();
    this.#finish('ERR_CLOSED', 'the session was closed on this side');
  }

  /** Ends a session that cannot go on, though it may only be away. */
  abandon(error: DserviceError): void {
    this.#channel.close();
    this.#end(error);
  }

  /** While it is away: gives up the calls that may go elsewhere, see `Calling.yield`. */
  yield(): void {
    if (this.away) this.#calling.yield((method) => this.about.get(method)?.idempotent === true);
  }

  drain(time = 10_000): Promise<void> {
    return this.#ended ? Promise.resolve() : this.#farewell.drain(time, this.away);
  }

  #sendApi(first: boolean): void {
    if (this.#ended || this.#options.once !== undefined) return;
    try {
      const api = this.#admission.admitted ? this.#api : {};
      sendMethods(this.#wire, api, first ? makeHello(this.#options) : undefined);
    } catch (error) {
      this.#noApi(error);
    }
  }

  #late(): void {
    const { handshake } = this.#options.limits;
    this.#finish('ERR_TIMEOUT', `no \`methods\` came within ${handshake} ms`);
  }

  #noApi(error: unknown): void {
    this.#events.emit('error', error);
    this.#finish('ERR_API', `the api cannot be sent: ${messageOf(error)}`);
  }

  #receive(data: Uint8Array | string, moved?: readonly unknown[]): void {
    this.#pulse.heard(this.#intake.collecting);
    this.#wire.outbox.cork();
    this.#intake.push(data, moved);
    this.#flow.read(data.length);
    this.continuity?.read(data.length);
    this.#wire.outbox.uncork();
  }

  /** The one place where a message is read. */
  #onMessage(message: Message, line: string): void {
    // Of the piece that ended the session there may be more.
    if (this.#ended) return;
    const { method } = message;
    if (!this.#admission.admitted && method !== 'methods' && !isUrgent(message)) {
      if (this.#admission.keep(line, message)) return;
      return this.#finish('ERR_LIMIT', 'too many messages before it is known who is there');
    }
    try {
      if (method === 'methods') this.#onMethods(message);
      else if (method === 'cull') this.#controls.cullAll(message);
      else if (this.#dispatch.read(this.#api, message)) this.#onControl(message);
      if (this.#serving.overloaded) this.#flow.pause('serving');
    } catch (error) {
      const outcome = typeof method === 'number' ? method : undefined;
      this.#refuse(asKnown(error), this.#serving.replyOf(message), outcome);
    }
  }

  #onMethods(message: Message): void {
    const first = this.#cancelHandshake !== undefined;
    // The first is plain in all but its hello, and counts only if it can be read.
    const [methods] = this.#wire.decode(message);
    const named = featuresOf(this.#channel, this.continuity);
    if (first) this.#greet(readHello(message.dservice, named));
    fillRemote(this.remote, methods);
    if (this.#wire.agreed('share')) shareWithin(this.remote, this.#wire.untold);
    this.about = readAbout(this.#wire.plain ? undefined : message.about);
    if (!this.#admission.admitted) {
      if (first) void this.#authenticate();
      // A server that asks who is there sends its api in a second `methods`.
    } else if (!first || this.#wire.hello?.authenticate !== true) {
      this.#announceRemote();
    }
  }

  #greet(hello: Hello | undefined): void {
    this.#cancelHandshake?.();
    this.#cancelHandshake = undefined;
    this.#intake.greeted(hello?.features.includes('bin') === true);
    if (hello !== undefined) {
      this.#wire.greet(hello);
      this.#farewell.greeted();
      this.#watch();
    }
    this.continuity?.greeted(this.#wire.agreed('resume'), hello?.session);
  }

  #watch(): void {
    if (this.#wire.agreed('ping')) this.#pulse.start(this.#peer.transport);
  }

  /** Takes the channel for lost, if there may be another. Till then it stays open: a slow peer could take its end for ours. */
  lose(why: Error): boolean {
    return this.#ready && this.continuity?.possible === true && this.continuity.leave(why) >= 0;
  }

  /** Ends what does not go on; or, if there may be another channel, this one. */
  #giveUp(error: DserviceError): void {
    if (this.lose(error)) this.#channel.destroy(error);
    else this.#finish(error.code, error.message);
  }

  #announceRemote(): void {
    this.#ready = true;
    this.#events.emit('remote', this.remote);
  }

  async #authenticate(): Promise<void> {
    // Only so that the channel brings no more: what it brings all the same is kept, and bounded.
    this.#channel.pause();
    const identity = await this.#admission.decide(this.#wire.hello?.auth, this.#peer);
    if (this.#ended) return;
    if (identity === tooLate) return this.#finish('ERR_TIMEOUT', String(tooLate.description));
    if (identity === undefined) return this.#finish('ERR_AUTH', 'credentials were not accepted');
    this.#admission.admitted = true;
    this.#peer = { ...this.#peer, identity };
    this.#sendApi(false);
    if (this.#ended) return;
    this.#channel.resume();
    if (this.#wire.hello?.authenticate !== true) this.#announceRemote();
    for (const { line, attached } of this.#admission.take()) this.#intake.reread(line, attached);
  }

  #onControl(message: Message): void {
    if (message.control !== 'close') return this.#controls.read(message);
    this.#channel.close();
    this.#end(readClose(message));
  }

  /** Tells whoever waits, on either side, that a message was refused. */
  #refuse(error: DserviceError, reply: number | undefined, outcome: number | undefined): void {
    if (outcome !== undefined) this.#calling.fail(outcome, error);
    if (reply !== undefined && !this.#wire.plain) this.#serving.reply(reply, [error]);
    this.#events.emit('fail', error);
  }

  /** Ends the session, and says why where it is not in good order. */
  #finish(code: ErrorCode, message: string): void {
    if (this.#ended) return;
    const error = code === 'ERR_CLOSED' ? undefined : new DserviceError(code, message);
    if (error !== undefined) this.#wire.write(writeClose(error));
    else if (this.continuity?.possible ?? this.#options.once?.cut()) this.#wire.write(closeWell);
    this.#wire.outbox.flush();
    this.#channel.close();
    this.#end(error, error === undefined ? code : undefined);
  }

  /** The channel has ended by itself. */
  #lost(cause: Error | undefined): void {
    if (this.#ended) return;
    const quiet = this.leaving || this.#options.once !== undefined;
    const why = cause ?? (quiet ? undefined : untold(this.#channel));
    if (why === undefined || !this.lose(why)) this.#end(lossOf(cause));
  }

  /** `code` is what calls that wait are rejected with. */
  #end(error: DserviceError | undefined, code: ErrorCode = 'ERR_CONNECTION_LOST'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#intake.stop();
    this.#pulse.stop();
    this.#flow.stop();
    this.continuity?.stop();
    this.#cancelHandshake?.();
    // Of one request it is known why there is no answer.
    const why = whyOver(error, (this.#options.once && error?.code) ?? code);
    this.#options.once?.end();
    for (const it of [this.#calling, this.#serving, this.#wire.anyStreams]) it?.end(why);
    this.#wire.clear((this.reason = why));
    this.#admission.take();
    this.#farewell.end();
    this.#events.emit('end', error);
  }
}
