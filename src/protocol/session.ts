import { systemClock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import { type About, aboutOf, keptAbout } from './about.js';
import { checkApi, makeApi } from './api.js';
import { Admission, tooLate } from './admission.js';
import type { Continuity, Resumable } from './continuity.js';
import type { Question } from './controls.js';
import { asKnown } from './error-value.js';
import { messageOf } from './encode.js';
import { closeWell, lossOf, readClose, untold, whyOver, writeClose } from './close.js';
import { fillRemote } from './fill-remote.js';
import { agreed, featuresOf, type Heard, makeHello, readHello } from './hello.js';
import { isUrgent, type Message } from './message.js';
import { sendMethods } from './methods.js';
import { behind, type CallOptions } from './options.js';
import type { Once } from './once.js';
import { Parts } from './parts.js';
import type { Peer, SessionEvents, SessionHandle } from './session-handle.js';
import type { SessionOptions } from './session-options.js';
import { shareWithin } from './shared.js';

/** Of all who ask nobody who is there. */
const open = /* @__PURE__ */ new Admission(undefined, systemClock, 0);

/**
 * Two programs that call each other over one channel (protocol page): in plain dnode, until both have said hello.
 * Messages are written in `Wire.write` and read in `onMessage`; `Calling` waits for the peer, `Serving` runs
 * handlers for it. Nothing that a peer sends, and nothing that a handler throws, leaves here as an exception.
 */
export class Session implements SessionHandle {
  readonly remote: Record<string, unknown> = {};
  #kept = '';
  #about: About | undefined;
  #peer: Peer;
  readonly #options: SessionOptions;
  readonly #parts: Parts;
  readonly #admission: Admission;
  /** Where the session may go on over another channel. */
  readonly continuity: Continuity | undefined;
  #api: object = {};
  /** The peer let us in; its api is here. */
  #ready = false;
  #ended = false;
  /** Why it is over, once it is. */
  reason: DserviceError | undefined;
  #cancelHandshake: (() => void) | undefined;

  constructor(options: SessionOptions) {
    const { authenticate, clock, resume } = options;
    Object.defineProperty(this.remote, behind, { value: this });
    this.#options = options;
    this.#parts = new Parts(options, this);
    this.#peer = this.#parts.channel.peer;
    this.#admission = authenticate ? new Admission(authenticate, clock, this.#time) : open;
    this.#parts.observer = options.observe?.(this);
    if (resume !== undefined) this.continuity = this.#continue(resume);
  }

  #continue(resume: Resumable): Continuity {
    const { clock, limits } = this.#options;
    const { wire, calling, intake, flow } = this.#parts;
    return resume.make({
      ...{ wire, outbox: wire.outbox, calling, intake, flow, clock, limits },
      onAway: (why) => {
        this.#parts.pulse.stop();
        if (why === undefined) return;
        this.#parts.observer?.away?.(why);
        this.#parts.events.emit('away', why);
      },
      onMoved: () => {
        this.#peer = { ...this.#peer, ...this.#parts.channel.peer };
        this.#watch();
        this.#parts.observer?.moved?.();
        this.#parts.events.emit('moved', this.#peer);
      },
      onExpired: (error) => this.abandon(error),
    });
  }

  /** Milliseconds for the first word of the peer. */
  get #time(): number {
    return this.#options.handshake ?? this.#options.limits.handshake;
  }

  /** Begins: says `methods`, and reads. Called once, after the listeners are on. */
  start(): void {
    const { clock, limits, api, once } = this.#options;
    this.#parts.channel.open(this.#parts);
    if (once !== undefined) this.#greet(once.hello(limits));
    else this.#cancelHandshake = clock.after(this.#time, () => this.#late(), true);
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
      ...{ wire: this.#parts.wire, calling: this.#parts.calling, serving: this.#parts.serving },
      ...{ farewell: this.#parts.farewell, channel: this.#parts.channel, api: this.#api },
    });
    if (this.#admission.admitted) this.#announceRemote();
    else void this.#authenticate();
  }

  on<K extends keyof SessionEvents>(
    event: K,
    listener: (...args: SessionEvents[K]) => void,
  ): () => void {
    return this.#parts.events.on(event, listener);
  }

  get peer(): Peer {
    return this.#peer;
  }

  get about(): About {
    return (this.#about ??= aboutOf(this.#kept));
  }

  get ready(): boolean {
    return this.#ready;
  }

  get ended(): boolean {
    return this.#ended;
  }

  get extended(): boolean {
    return !this.#parts.wire.plain;
  }

  get suspect(): boolean {
    return this.#parts.pulse.suspect;
  }

  /** What the peer said of itself: undefined for a plain one, and until it said it. */
  get hello(): Heard | undefined {
    return this.#parts.wire.hello;
  }

  get away(): boolean {
    return this.continuity?.away ?? false;
  }

  get leaving(): boolean {
    return this.#parts.farewell.heard;
  }

  get outstanding(): number {
    return this.#parts.calling.outstanding;
  }

  get tables(): SessionHandle['tables'] {
    const { count, pipelined } = this.#parts.serving;
    const calls = { pending: this.outstanding, serving: count, kept: pipelined.size };
    return { ...this.#parts.wire.tables, ...calls };
  }

  /** Whether the channel keeps the process alive, as calls, streams and functions of ours that the peer holds do. */
  hold(keep: boolean): void {
    this.#parts.hold(keep);
  }

  announce(api: object): void {
    checkApi(api);
    this.#api = api;
    if (!this.#admission.admitted || this.#ended || this.#options.once !== undefined) return;
    sendMethods(this.#parts.wire, api);
  }

  ping(): Promise<number | undefined> {
    return this.#parts.pulse.measure();
  }

  call(name: string, args: unknown[], given?: CallOptions): Promise<unknown> {
    return this.#parts.calling.call(name, args, given);
  }

  ask(control: Question, given: CallOptions, args?: unknown[]): Promise<unknown> {
    return this.#parts.wire.agreed(control)
      ? this.#parts.calling.ask(control, given, args)
      : Promise.resolve();
  }

  close(): void {
    this.#parts.wire.anyStreams?.stop();
    this.finish('ERR_CLOSED', 'the session was closed on this side');
  }

  /** Ends a session that cannot go on, though it may only be away. */
  abandon(error: DserviceError): void {
    this.#parts.channel.close();
    this.end(error);
  }

  /** While it is away: gives up the calls that may go elsewhere. */
  yield(): void {
    this.continuity?.yield((method) => this.about.get(method)?.idempotent === true);
  }

  drain(time = 10_000): Promise<void> {
    return this.#ended ? Promise.resolve() : this.#parts.farewell.drain(time, this.away);
  }

  #sendApi(first: boolean): void {
    if (this.#ended || this.#options.once !== undefined) return;
    try {
      const api = this.#admission.admitted ? this.#api : {};
      sendMethods(this.#parts.wire, api, first ? makeHello(this.#options) : undefined);
    } catch (error) {
      this.#noApi(error);
    }
  }

  #late(): void {
    this.finish('ERR_TIMEOUT', `no \`methods\` came within ${this.#time} ms`);
  }

  #noApi(error: unknown): void {
    this.#parts.events.emit('error', error);
    this.finish('ERR_API', `the api cannot be sent: ${messageOf(error)}`);
  }

  /** The one place where a message is read. @internal */
  onMessage(message: Message, line: string): void {
    // Of the piece that ended the session there may be more.
    if (this.#ended) return;
    const { method } = message;
    if (!this.#admission.admitted && method !== 'methods' && !isUrgent(message)) {
      if (this.#admission.keep(line, message)) return;
      return this.finish('ERR_LIMIT', 'too many messages before it is known who is there');
    }
    try {
      if (method === 'methods') this.#onMethods(message);
      else if (method === 'cull') this.#parts.controls.cullAll(message);
      else if (this.#parts.dispatch.read(this.#api, message)) this.#onControl(message);
      if (this.#parts.serving.overloaded) this.#parts.flow.pause('serving');
    } catch (error) {
      const outcome = typeof method === 'number' ? method : undefined;
      this.onRefused(asKnown(error), this.#parts.serving.replyOf(message), outcome);
    }
  }

  #onMethods(message: Message): void {
    const first = this.#cancelHandshake !== undefined;
    // The first is plain in all but its hello, and counts only if it can be read.
    const [methods] = this.#parts.wire.decodeApi(message);
    const named = featuresOf(this.#parts.channel, this.continuity);
    if (first) this.#greet(readHello(message.dservice, named));
    fillRemote(this.remote, methods);
    if (this.#parts.wire.agreed('share'))
      shareWithin(this.remote, (error) => this.#parts.onError(error));
    this.#about = undefined;
    const { said = { last: '' } } = this.#options;
    const kept = this.#parts.wire.plain ? '' : keptAbout(message.about);
    // Of many sessions with one service each would have a text of its own.
    if (kept !== said.last) said.last = kept;
    this.#kept = said.last;
    if (!this.#admission.admitted) {
      if (first) void this.#authenticate();
      // A server that asks who is there sends its api in a second `methods`.
    } else if (!first || this.#parts.wire.hello?.authenticate !== true) {
      this.#announceRemote();
    }
  }

  #greet(hello: Heard | undefined): void {
    this.#cancelHandshake?.();
    this.#cancelHandshake = undefined;
    this.#parts.intake.greeted(agreed(hello, 'bin'));
    if (hello !== undefined) {
      this.#parts.wire.greet(hello);
      this.#parts.farewell.greeted();
      this.#watch();
    }
    this.continuity?.greeted(this.#parts.wire.agreed('resume'), hello?.session);
  }

  #watch(): void {
    if (this.#parts.wire.agreed('ping')) this.#parts.pulse.start(this.#peer.transport);
  }

  /** Takes the channel for lost, if there may be another. Till then it stays open: a slow peer could take its end for ours. */
  lose(why: Error): boolean {
    return this.#ready && this.continuity?.possible === true && this.continuity.leave(why) >= 0;
  }

  /** Ends what does not go on; or, if there may be another channel, this one. @internal */
  giveUp(error: DserviceError): void {
    if (this.lose(error)) this.#parts.channel.destroy(error);
    else this.finish(error.code, error.message);
  }

  #announceRemote(): void {
    this.#ready = true;
    this.#parts.observer?.opened?.();
    this.#parts.events.emit('remote', this.remote);
  }

  async #authenticate(): Promise<void> {
    // Only so that the channel brings no more: what it brings all the same is kept, and bounded.
    this.#parts.flow.halt(true);
    const identity = await this.#admission.decide(this.#parts.wire.hello?.auth, this.#peer);
    if (this.#ended) return;
    if (identity === tooLate) return this.finish('ERR_TIMEOUT', String(tooLate.description));
    if (identity === undefined) return this.finish('ERR_AUTH', 'credentials were not accepted');
    this.#admission.admitted = true;
    this.#peer = { ...this.#peer, identity };
    this.#sendApi(false);
    if (this.#ended) return;
    this.#parts.flow.halt(false);
    if (this.#parts.wire.hello?.authenticate !== true) this.#announceRemote();
    for (const { line, attached } of this.#admission.take())
      this.#parts.intake.reread(line, attached);
  }

  #onControl(message: Message): void {
    if (message.control !== 'close') return this.#parts.controls.read(message);
    this.#parts.channel.close();
    this.end(readClose(message));
  }

  /** Tells whoever waits, on either side, that a message was refused. @internal */
  onRefused(error: DserviceError, reply: number | undefined, outcome: number | undefined): void {
    if (outcome !== undefined) this.#parts.calling.fail(outcome, error);
    // A call whose message is refused has not run.
    if (reply !== undefined) error.mayHaveRun ??= false;
    if (reply !== undefined && !this.#parts.wire.plain) this.#parts.serving.reply(reply, [error]);
    this.#parts.events.emit('fail', error);
  }

  /** Ends the session, and says why where it is not in good order. @internal */
  finish(code: ErrorCode, message: string): void {
    if (this.#ended) return;
    const error = code === 'ERR_CLOSED' ? undefined : new DserviceError(code, message);
    if (error !== undefined) this.#parts.wire.write(writeClose(error));
    else if (this.continuity?.possible ?? this.#options.once?.cut())
      this.#parts.wire.write(closeWell);
    this.#parts.wire.outbox.flush();
    this.#parts.channel.close();
    this.end(error, error === undefined ? code : undefined);
  }

  /** The channel has ended by itself. @internal */
  onLost(cause: Error | undefined): void {
    if (this.#ended) return;
    const quiet = this.leaving || this.#options.once !== undefined;
    const why = cause ?? (quiet ? undefined : untold(this.#parts.channel));
    if (why === undefined || !this.lose(why)) this.end(lossOf(cause));
  }

  /** `code` is what calls that wait are rejected with. @internal */
  end(error: DserviceError | undefined, code: ErrorCode = 'ERR_CONNECTION_LOST'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.intake.stop();
    this.#parts.pulse.stop();
    this.#parts.flow.stop();
    this.continuity?.stop();
    this.#cancelHandshake?.();
    // Of one request it is known why there is no answer.
    const why = whyOver(error, (this.#options.once && error?.code) ?? code);
    this.#options.once?.end();
    const { calling, serving, wire, farewell, events, observer } = this.#parts;
    for (const it of [calling, serving, wire.anyStreams]) it?.end(why);
    wire.clear((this.reason = why));
    this.#admission.take();
    farewell.end();
    observer?.ended?.(error);
    events.emit('end', error);
  }
}
