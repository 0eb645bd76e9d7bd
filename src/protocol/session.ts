import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { Emitter } from '../emitter.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { Limits } from '../limits.js';
import { type Api, checkApi, fillRemote, makeApi, readableApi } from './api.js';
import { Calling } from './calling.js';
import type { ContextScope, Peer } from './context.js';
import { messageOf } from './encode.js';
import { Flow } from './flow.js';
import { Heartbeat, heartbeatTimes, type HeartbeatTimes } from './heartbeat.js';
import { makeHello, readHello } from './hello.js';
import { type Budget, LineReader } from './lines.js';
import { isShallow, scan } from './measure.js';
import { isControl, isRecord, type Message, readId } from './message.js';
import type { CallOptions } from './options.js';
import { Serving } from './serving.js';
import { Wire } from './wire.js';

/** Decides who is let in, and returns an identity. False, undefined, null or a throw refuses. */
export type Authenticate = (auth: unknown, peer: Peer) => unknown;

export interface SessionOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly scope: ContextScope;
  readonly limits: Limits;
  readonly api?: Api | undefined;
  /** Credentials for the peer: any JSON. */
  readonly auth?: unknown;
  readonly authenticate?: Authenticate | undefined;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number | undefined;
  /** Whether all handlers take callbacks, or none does, where it is not to be told from each. */
  readonly callbacks?: boolean | undefined;
  /** Whether errors carry their stack to the peer; false. */
  readonly stacks?: boolean | undefined;
  readonly heartbeat?: HeartbeatTimes | undefined;
  /** Decodes UTF-8, where the runtime has something faster than TextDecoder. */
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  /** What the sessions of one server may keep of unfinished lines. */
  readonly budget?: Budget | undefined;
}

export type SessionEvents = {
  /** The peer's api is here, for the first time or anew. */
  remote: [remote: Record<string, unknown>];
  /** The peer did something wrong, and the session goes on. */
  fail: [error: DserviceError];
  /** Code of ours failed with nobody to tell: a handler whose caller wants no outcome, or a listener. */
  error: [error: unknown];
  /** The peer is slow to show life while calls are out, or shows it again. */
  suspect: [suspect: boolean];
  /** The peer will leave: no new calls, please. */
  bye: [];
  /** The session is over; with an error, unless it was closed in good order. */
  end: [error: DserviceError | undefined];
};

/** Lines longer than this are measured before they are parsed. */
const longLine = 64 * 1024;

/**
 * Two programs that call each other over one channel (protocol page). It is plain dnode until both
 * have said hello, and always with a peer that says none.
 *
 * Messages are written in `Wire.write` and read in `#message`; `Calling` waits for the peer,
 * `Serving` runs handlers for it. Nothing that a peer sends, and nothing that a handler throws,
 * leaves here as an exception.
 */
export class Session {
  /** The peer's api: one object for the whole session, filled, and filled anew, by its `methods`. */
  readonly remote: Record<string, unknown> = {};
  #peer: Peer;
  readonly #options: SessionOptions;
  readonly #channel: Channel;
  readonly #events = new Emitter<SessionEvents>();
  readonly #lines: LineReader;
  readonly #wire: Wire;
  readonly #calling: Calling;
  readonly #serving: Serving;
  readonly #flow: Flow;
  /** Lines longer than these are measured before, or looked at after, they are parsed. */
  readonly #measureFrom: number;
  readonly #lookFrom: number;
  #heartbeat: Heartbeat | undefined;
  #api: object = {};
  /** The peer was let in; its calls run. */
  #admitted: boolean;
  /** The peer let us in; its api is here. */
  #ready = false;
  /** Lines that came before it was decided who is there. */
  #inbox: string[] = [];
  #ended = false;
  #held = true;
  #byeSaid = false;
  #byeHeard = false;
  #cancelHandshake: (() => void) | undefined;
  #draining: { promise: Promise<void>; done: () => void } | undefined;

  constructor(options: SessionOptions) {
    const { channel, clock, limits, scope } = options;
    this.#options = options;
    this.#channel = channel;
    this.#peer = channel.peer;
    this.#admitted = options.authenticate === undefined;
    // A value takes two characters at least, and so does a level of nesting.
    this.#measureFrom = Math.min(longLine, 2 * limits.nodes);
    this.#lookFrom = 2 * limits.depth;
    this.#lines = new LineReader(
      limits.firstLine,
      (line) => this.#line(line),
      options.decodeText,
      options.budget,
    );
    this.#wire = new Wire(
      { channel, clock, limits, stacks: options.stacks === true },
      { call: (target, args, given) => this.#calling.reference(target, args, given) },
    );
    this.#calling = new Calling({
      wire: this.#wire,
      clock,
      scope,
      deadline: options.deadline ?? 30_000,
      onCall: () => this.#heartbeat?.busy(),
      onSettled: () => this.#answerBye(),
    });
    this.#serving = new Serving({
      session: this,
      wire: this.#wire,
      clock,
      scope,
      callbacks: options.callbacks,
      onError: (error) => this.#events.emit('error', error),
      onDone: () => this.#served(),
    });
    this.#flow = new Flow(channel, clock, this.#wire.outbox);
    this.#wire.outbox.onFull = (buffered) => this.#full(buffered);
  }

  /** Begins: says `methods`, and reads. Called once, after the listeners are on. */
  start(): void {
    const { clock, limits, api } = this.#options;
    this.#channel.open({
      receive: (data) => this.#receive(data),
      drain: () => {
        this.#flow.drained();
        this.#calling.release();
      },
      close: (error) => this.#lost(error),
    });
    this.#cancelHandshake = clock.after(
      limits.handshake,
      () => this.#finish('ERR_TIMEOUT', `no \`methods\` came within ${limits.handshake} ms`),
      true,
    );
    try {
      this.#api = makeApi(api, this.remote, this);
    } catch (error) {
      return this.#noApi(error);
    }
    this.#sendApi(true);
  }

  /** Adds a listener, and returns what removes it. */
  on<K extends keyof SessionEvents>(
    event: K,
    listener: (...args: SessionEvents[K]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  /** Who is there. */
  get peer(): Peer {
    return this.#peer;
  }

  /** Whether the peer's api has come. */
  get ready(): boolean {
    return this.#ready;
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Whether the peer speaks the extension: known once it is `ready`. */
  get extended(): boolean {
    return !this.#wire.plain;
  }

  get suspect(): boolean {
    return this.#heartbeat?.suspect ?? false;
  }

  /** Whether the peer has said that it will leave. */
  get leaving(): boolean {
    return this.#byeHeard;
  }

  /** Calls of ours whose outcome is not in. */
  get outstanding(): number {
    return this.#calling.outstanding;
  }

  /** How many functions each side holds of the other's, and how many calls are on their way each way. */
  get tables(): { local: number; references: number; pending: number; serving: number } {
    const { local, references } = this.#wire;
    const { outstanding: pending } = this.#calling;
    return {
      local: local.size,
      references: references.size,
      pending,
      serving: this.#serving.count,
    };
  }

  /**
   * Whether the channel keeps the process alive: while somebody here uses the session, and as long as
   * the peer holds a function of ours, which it may call.
   */
  hold(keep: boolean): void {
    this.#held = keep;
    this.#channel.hold?.(keep || this.#wire.local.size > 0);
  }

  /** Announces another api: the peer's remote is filled anew. Throws ERR_API, ERR_NAME, ERR_DATA. */
  announce(api: object): void {
    checkApi(api);
    this.#api = api;
    if (this.#admitted && !this.#ended) this.#sendMethods(api, false);
  }

  /** Calls a method by its name, whether or not the peer has told of it. */
  call(name: string, args: unknown[], given?: CallOptions): Promise<unknown> {
    return this.#calling.call(name, name, args, given);
  }

  /** Ends in good order: what was written leaves; what waits for an outcome rejects with ERR_CLOSED. */
  close(): void {
    this.#finish('ERR_CLOSED', 'the session was closed on this side');
  }

  /**
   * Ends without failing anybody: asks the peer to call no more, serves what crosses that, finishes
   * what runs (within `time` ms), and closes. A plain peer, which cannot be asked, gets a second of quiet.
   */
  drain(time = 10_000): Promise<void> {
    if (this.#draining !== undefined) return this.#draining.promise;
    if (this.#ended) return Promise.resolve();
    const { clock } = this.#options;
    let done = (): void => {};
    const drained = new Promise<void>((resolve) => (done = resolve));
    const cancelTimer = clock.after(time, done);
    const promise = drained.then(() => {
      cancelTimer();
      this.close();
    });
    this.#draining = { promise, done };
    if (this.#wire.plain) clock.after(Math.min(1_000, time), () => this.#checkDrained(true), true);
    else this.#sayBye();
    this.#checkDrained();
    return promise;
  }

  #sendApi(first: boolean): void {
    try {
      this.#sendMethods(this.#admitted ? this.#api : {}, first);
    } catch (error) {
      this.#noApi(error);
    }
  }

  #noApi(error: unknown): void {
    this.#events.emit('error', error);
    this.#finish('ERR_API', `the api cannot be sent: ${messageOf(error)}`);
  }

  #sendMethods(api: object, first: boolean): void {
    const { auth, authenticate, limits } = this.#options;
    const args = this.#wire.encode([readableApi(api)]);
    const hello = first ? JSON.stringify(makeHello(limits, auth, authenticate !== undefined)) : '';
    const rest = first ? `,"dservice":${hello}` : '';
    this.#wire.write(`{"method":"methods","arguments":${args}${rest}}`);
  }

  #receive(data: Uint8Array | string): void {
    if (this.#heartbeat !== undefined) this.#heartbeat.heard = true;
    try {
      this.#lines.push(data);
    } catch (error) {
      // Only the reader itself throws here, for a line that is too long.
      this.#finish('ERR_LIMIT', messageOf(error));
    }
  }

  #line(line: string): void {
    if (this.#ended) return;
    let message: unknown;
    try {
      if (line.length > this.#measureFrom && !this.#measure(line)) return;
      message = JSON.parse(line);
    } catch {
      if (line.trim() !== '') this.#finish('ERR_MALFORMED', 'a line is not JSON');
      return;
    }
    if (!isRecord(message)) {
      this.#events.emit('fail', new DserviceError('ERR_MALFORMED', 'a message is not an object'));
    } else if (this.#admitted || message.method === 'methods' || isControl(message)) {
      this.#message(message, line.length > this.#lookFrom);
    } else if (this.#inbox.push(line) > 1_000) {
      this.#finish('ERR_LIMIT', 'more than 1000 messages before it is known who is there');
    }
  }

  /** Whether a long line keeps to the limits of depth and size; if it does not, the peer is told. */
  #measure(line: string): boolean {
    const { depth, nodes } = this.#options.limits;
    const found = scan(line);
    // The message and its arguments are two levels by themselves.
    if (found.depth <= depth + 2 && found.nodes <= nodes) return true;
    const what =
      found.nodes > nodes ? `has more than ${nodes} values` : `is nested deeper than ${depth}`;
    const error = new DserviceError('ERR_LIMIT', `a message ${what}`);
    const outcome = /^\{"method":(\d{1,16}),/.exec(line.slice(0, 32));
    if (outcome !== null) this.#calling.fail(Number(outcome[1]), error);
    this.#refuse(this.#replyInText(line), error);
    return false;
  }

  /** The reply id of a line that is refused unread: ours stands at the end, and is cheap to find there. */
  #replyInText(line: string): number | undefined {
    const found = this.#wire.plain ? null : /"reply":(\d{1,16})[^[\]]*$/.exec(line.slice(-1_024));
    return found === null ? undefined : readId(found[1]);
  }

  /** The one place where a message is read. */
  #message(message: Message, look: boolean): void {
    const { method } = message;
    try {
      const { depth } = this.#options.limits;
      // The arguments are a level by themselves.
      if (look && !isShallow(message.arguments, depth + 1)) {
        throw new DserviceError('ERR_LIMIT', `a message is nested deeper than ${depth}`);
      }
      if (typeof method === 'number') this.#onNumber(method, message);
      else if (typeof method === 'string') this.#onName(method, message);
      else if (typeof message.control === 'string') this.#onControl(message.control, message);
      else throw new DserviceError('ERR_MALFORMED', 'a message has no method');
    } catch (error) {
      const known = DserviceError.is(error)
        ? error
        : new DserviceError('ERR_API', messageOf(error), { cause: error });
      if (typeof method === 'number') this.#calling.fail(method, known);
      this.#refuse(this.#serving.replyOf(message), known);
    }
  }

  #onNumber(id: number, message: Message): void {
    if (this.#calling.settle(id, message)) return;
    const local = this.#wire.local.get(id);
    if (local !== undefined) this.#serving.serve(local.fn, message);
    else if (this.#wire.issued(id) && message.reply === undefined) this.#calling.drop(message);
    else {
      const released = this.#wire.issued(id);
      const text = released ? `function ${id} was released` : `there is no function ${id}`;
      throw new DserviceError(released ? 'ERR_RELEASED' : 'ERR_METHOD', text, {
        mayHaveRun: false,
      });
    }
    this.#pauseIfFull();
  }

  #onName(name: string, message: Message): void {
    if (name === 'methods') return this.#onMethods(message);
    if (name === 'cull') {
      const ids: unknown[] = Array.isArray(message.arguments) ? message.arguments : [];
      return this.#cull(ids.map((id) => [id, Infinity]));
    }
    const fn = this.#wire.local.named(this.#api, name);
    if (fn === undefined) {
      const method = name.slice(0, 64);
      const text = `there is no method "${method}"`;
      throw new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
    }
    this.#serving.serve(fn, message);
    this.#pauseIfFull();
  }

  /** A plain peer can be told to wait in no other way; one of ours was told how many calls it may make. */
  #pauseIfFull(): void {
    if (this.#wire.plain && this.#serving.full) this.#flow.pause('serving');
  }

  #onMethods(message: Message): void {
    const first = this.#cancelHandshake !== undefined;
    // The first is plain in all but its hello, and counts only if it can be read.
    const [methods] = this.#wire.decode(message);
    if (first) this.#greet(message);
    fillRemote(this.remote, methods);
    if (!this.#admitted) {
      if (first) this.#authenticate();
      // A server that asks who is there sends its api in a second `methods`.
    } else if (!first || this.#wire.hello?.authenticate !== true) {
      this.#announceRemote();
    }
  }

  #greet(message: Message): void {
    const { clock, limits, heartbeat } = this.#options;
    this.#cancelHandshake?.();
    this.#cancelHandshake = undefined;
    this.#lines.limit = limits.line;
    const hello = readHello(message.dservice);
    if (hello === undefined) return;
    this.#wire.greet(hello);
    const outstanding = (): boolean => this.#calling.outstanding > 0;
    this.#heartbeat = new Heartbeat(clock, heartbeat ?? heartbeatTimes, outstanding, {
      ping: () => this.#wire.control('ping', ',"n":0'),
      suspect: (suspect) => this.#events.emit('suspect', suspect),
      dead: () => this.#finish('ERR_HEARTBEAT', 'the peer shows no life'),
    });
  }

  #announceRemote(): void {
    this.#ready = true;
    this.#events.emit('remote', this.remote);
  }

  #authenticate(): void {
    const refuse = (): void => this.#finish('ERR_AUTH', 'the credentials were not accepted');
    const admit = (identity: unknown): void => {
      if (this.#ended) return;
      if (identity === undefined || identity === null || identity === false) return refuse();
      this.#admitted = true;
      this.#peer = { ...this.#peer, identity };
      this.#sendApi(false);
      if (this.#ended) return;
      this.#flow.resume('authenticate');
      if (this.#wire.hello?.authenticate !== true) this.#announceRemote();
      const inbox = this.#inbox;
      this.#inbox = [];
      for (const line of inbox) this.#line(line);
    };
    this.#flow.pause('authenticate');
    Promise.resolve(this.#wire.hello?.auth)
      .then((auth) => this.#options.authenticate?.(auth, this.#peer))
      .then(admit, refuse);
  }

  #onControl(control: string, message: Message): void {
    if (control === 'close') return this.#onClose(message);
    if (this.#wire.plain) return;
    switch (control) {
      case 'ping':
        return this.#wire.control('pong', `,"n":${readId(message.n) ?? 0}`);
      case 'cancel':
        return this.#serving.cancel(message.call);
      case 'cull':
        return isRecord(message.counts) ? this.#cull(Object.entries(message.counts)) : undefined;
      case 'bye':
        this.#byeHeard = true;
        this.#events.emit('bye');
        this.#answerBye();
        return this.#checkDrained();
    }
  }

  #onClose(message: Message): void {
    const code = typeof message.code === 'string' ? message.code : 'ERR_CLOSED';
    const text = typeof message.message === 'string' ? message.message.slice(0, 1_000) : code;
    const ours = code === 'ERR_AUTH' ? 'ERR_AUTH' : 'ERR_CONNECTION_LOST';
    const cause = { code, message: text };
    this.#channel.close();
    this.#end(new DserviceError(ours, `the peer ended the session: ${text}`, { cause }));
  }

  #cull(counts: [id: unknown, count: unknown][]): void {
    for (const [key, count] of counts) {
      const id = readId(key);
      if (id !== undefined && typeof count === 'number' && count > 0)
        this.#wire.local.cull(id, count);
    }
    if (!this.#held) this.hold(false);
  }

  #refuse(reply: number | undefined, error: DserviceError): void {
    if (reply !== undefined) this.#serving.reply(reply, [error]);
    this.#events.emit('fail', error);
  }

  #served(): void {
    if (!this.#serving.full) this.#flow.resume('serving');
    this.#checkDrained();
  }

  #full(buffered: number): void {
    if (buffered <= this.#options.limits.unsentMax) return this.#flow.full();
    const error = new DserviceError(
      'ERR_LIMIT',
      `the peer does not read: ${buffered} bytes are unsent`,
    );
    this.#channel.destroy(error);
    this.#end(error);
  }

  #sayBye(): void {
    if (this.#byeSaid) return;
    this.#byeSaid = true;
    this.#wire.control('bye');
  }

  /** Who was asked to call no more says bye when its last outcome is in. */
  #answerBye(): void {
    if (this.#byeHeard && this.#calling.outstanding === 0) this.#sayBye();
  }

  #checkDrained(quiet = false): void {
    if (this.#serving.count === 0 && (this.#byeHeard || quiet)) this.#draining?.done();
  }

  /** Ends the session, and says why where it is not in good order. */
  #finish(code: ErrorCode, message: string): void {
    if (this.#ended) return;
    if (code !== 'ERR_CLOSED')
      this.#wire.write(JSON.stringify({ control: 'close', code, message }));
    this.#wire.outbox.flush();
    this.#channel.close();
    if (code === 'ERR_CLOSED') this.#end(undefined, code);
    else this.#end(new DserviceError(code, message));
  }

  /** The channel has ended by itself. */
  #lost(cause: Error | undefined): void {
    if (cause === undefined || DserviceError.is(cause)) return this.#end(cause);
    const text = `the connection was lost: ${cause.message}`;
    this.#end(new DserviceError('ERR_CONNECTION_LOST', text, { cause }));
  }

  /** `code` is what calls that wait are rejected with. */
  #end(error: DserviceError | undefined, code: ErrorCode = 'ERR_CONNECTION_LOST'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#lines.stop();
    this.#heartbeat?.stop();
    this.#flow.stop();
    this.#cancelHandshake?.();
    if (error?.code === 'ERR_AUTH') code = error.code;
    const message =
      error?.message ??
      (code === 'ERR_CLOSED' ? 'the session is closed' : 'the peer ended the connection');
    this.#calling.end(code, message, error);
    this.#serving.end(new DserviceError(code, message, { cause: error }));
    this.#wire.clear();
    this.#inbox = [];
    this.#draining?.done();
    this.#events.emit('end', error);
  }
}
