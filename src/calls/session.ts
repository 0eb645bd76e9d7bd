import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { Limits } from '../limits.js';
import { ascii } from '../protocol/ascii.js';
import { isThenable } from '../protocol/bridge.js';
import { lossOf, readClose, whyOver, writeClose } from '../protocol/close.js';
import { asKnown, asRun } from '../protocol/error-value.js';
import { fillRemote } from '../protocol/fill-remote.js';
import { type Feature, readAgreed } from '../protocol/hello.js';
import { sizeOfGiven } from '../protocol/given-meta.js';
import { isShallow } from '../protocol/measure.js';
import { isRecord, type Message, readId } from '../protocol/message.js';
import type { CallOptions } from '../protocol/options.js';
import type { Reference } from '../protocol/references.js';
import { Unresolved } from '../protocol/unresolved.js';
import type { Call } from './call.js';
import { Callbacks } from './callbacks.js';
import { LinesOut } from './lines-out.js';
import { cancelled, handled, rejected } from './outcome.js';
import { Tables } from './tables.js';
import { TextLines } from './text-lines.js';

export interface CallSessionOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Credentials for the peer: any JSON. */
  readonly auth?: unknown;
  /** Milliseconds that a call may take, where it does not say. */
  readonly deadline: number;
  /** The peer's api is here, for the first time or anew. */
  onReady(): void;
  /** A callback failed, with nobody to tell. */
  onError(error: unknown): void;
  /** It is over; with an error, unless it was closed in good order. */
  onEnd(error: DserviceError | undefined): void;
}

/** What this session can do, and names: docs/protocol.md. */
const features: readonly Feature[] = [
  ...(['reply', 'types', 'links', 'own', 'cull', 'cancel', 'meta', 'ping', 'bye'] as const),
];

/** An idle session pings so often (ms), and ends after so many that were missed. */
const idle = 15_000;
const misses = 2;

const ignore = (): void => {};

/**
 * A session of who only calls (protocol page): the same wire, tables and codec as `Session`, without what serves,
 * streams, pipelines, follows attachments or resumes. Nothing that a peer sends leaves here as an exception.
 */
export class CallSession {
  readonly remote: Record<string, unknown> = {};
  /** The peer will leave: no new calls, please. */
  leaving = false;
  ended = false;
  /** Something was read. */
  heard = false;
  /** Which instance the peer says it is. */
  instance: unknown;
  readonly #options: CallSessionOptions;
  readonly #lines: TextLines;
  readonly #tables: Tables;
  readonly #out: LinesOut;
  readonly #callbacks: Callbacks;
  readonly #pending = new Map<number, Call>();
  #greeted = false;
  #saidBye = false;
  #retired = false;
  #missed = 0;
  #fresh = false;
  #stopBeat = ignore;
  #over: DserviceError | undefined;

  constructor(options: CallSessionOptions) {
    const { channel, clock, limits } = options;
    this.#options = options;
    this.#lines = new TextLines(limits.firstLine, (line) => this.#read(line));
    const tables = (this.#tables = new Tables(limits, {
      callReference: (target, args, given) => this.#callReference(target, args, given),
      onCull: () => clock.defer(() => this.#sendCulls()),
      now: () => clock.now(),
    }));
    this.#callbacks = new Callbacks(
      tables.references,
      limits.calls,
      (id, answer) => this.#reply(id, answer),
      options.onError,
    );
    this.#out = new LinesOut(channel, clock, (buffered) => {
      if (buffered <= limits.unsentMax) return;
      const error = new DserviceError('ERR_LIMIT', `the peer does not read: ${buffered} bytes`);
      channel.destroy(error);
      this.#end(error);
    });
  }

  /** Begins: says `methods`, and reads. Called once. */
  start(): void {
    const { channel, limits, auth } = this.#options;
    channel.open({
      receive: (data) => this.#receive(data),
      drain: ignore,
      close: (error) => this.#end(lossOf(error)),
    });
    const { line, calls, functions } = limits;
    const dservice = { v: 1, features, limits: { line, calls, functions }, auth };
    const methods = { method: 'methods', arguments: [{}], callbacks: {}, links: [] };
    this.#write(JSON.stringify({ ...methods, dservice }));
  }

  /** Calls whose outcome is not in. */
  get outstanding(): number {
    return this.#pending.size;
  }

  /** Ends when the last outcome is in. */
  retire(): void {
    this.leaving = this.#retired = true;
    this.#settled();
  }

  close(): void {
    this.#finish('ERR_CLOSED', 'the session was closed on this side');
  }

  #callReference(target: Reference, args: unknown[], given?: CallOptions): Promise<unknown> {
    if (target.released) return rejected(this.#tables.references.error(target));
    const bare = target.answer && this.#tables.hello === undefined && given === undefined;
    return this.call(target.id, target.name, args, given, bare);
  }

  /**
   * Calls by id or by name. Never throws: what cannot be sent rejects, with `mayHaveRun: false`. `bare`: nobody
   * wants an outcome.
   */
  call(
    to: number | string,
    name: string,
    args: readonly unknown[],
    given: CallOptions = {},
    bare = false,
    settled?: ReadonlyMap<object, unknown>,
  ): Promise<unknown> {
    const { signal, key, traceparent, tracestate, meta: own } = given;
    const plain = this.#tables.hello === undefined;
    // A plain peer answers by calling back; who gave it a callback wants the answer there alone.
    const silent = bare || (plain && typeof args.at(-1) === 'function');
    const id = silent ? -1 : this.#tables.nextId();
    let line: string;
    try {
      const over = this.#over;
      if (over !== undefined) throw new DserviceError(over.code, over.message, over);
      if (signal?.aborted === true) throw cancelled(name, signal);
      const beside = own && sizeOfGiven(own, this.#options.limits);
      line = `{"method":${JSON.stringify(to)},"arguments":${this.#tables.encode(args, plain && !silent ? id : undefined, settled, beside)}`;
    } catch (error) {
      if (error instanceof Unresolved && error.promise instanceof Promise) {
        const { promise } = error;
        return this.#await(promise, name, given, (value, left) => {
          const known = new Map([...(settled ?? []), [promise, value]]);
          return this.call(to, name, args, left, bare, known);
        });
      }
      if (!DserviceError.is(error)) return rejected(error);
      return rejected(Object.assign(error, { mayHaveRun: false, method: name }));
    }
    if (!plain && !silent) {
      line += `,"reply":${id}`;
      const { deadline } = given;
      const meta = JSON.stringify({ deadline, key, traceparent, tracestate, given: own });
      if (meta !== '{}' && this.#tables.agreed('meta')) line += `,"meta":${meta}`;
    }
    line += '}';
    if (silent) {
      this.#write(line);
      return Promise.resolve();
    }
    return this.#wait(id, name, line, plain, given);
  }

  /** Waits for a promise among the arguments of a call, but no longer than for the call. */
  #await(
    promise: Promise<unknown>,
    name: string,
    given: CallOptions,
    call: (value: unknown, left: CallOptions) => Promise<unknown>,
  ): Promise<unknown> {
    const { clock } = this.#options;
    const id = this.#tables.nextId();
    const { deadline = this.#options.deadline } = given;
    const due = clock.now() + deadline;
    promise.then(
      (value: unknown) => {
        const left = deadline === Infinity ? deadline : Math.max(1, due - clock.now());
        this.#take(id)?.fulfil(call(value, { ...given, deadline: left }));
        this.#settled();
      },
      (reason: unknown) => {
        // That is not this call's error: whether it may have run is another question.
        this.#take(id)?.reject(asRun(reason));
        this.#settled();
      },
    );
    return this.#wait(id, name, undefined, false, given);
  }

  /** Without a line, nothing leaves. */
  #wait(
    id: number,
    method: string,
    line: string | undefined,
    plain: boolean,
    { signal, deadline = this.#options.deadline }: CallOptions,
  ): Promise<unknown> {
    return handled(
      new Promise((fulfil, reject) => {
        const late = (): void => {
          const text = `no outcome of ${method} before its deadline`;
          this.#giveUp(id, new DserviceError('ERR_DEADLINE', text, { method }));
        };
        const abort = (): void => this.#giveUp(id, cancelled(method, signal));
        const stopTimer =
          deadline === Infinity ? undefined : this.#options.clock.after(deadline, late, true);
        signal?.addEventListener('abort', abort);
        this.#pending.set(id, {
          ...{ method, plain, fulfil, reject },
          line: line === undefined ? Infinity : this.#out.pushed + 1,
          cleanup() {
            stopTimer?.();
            signal?.removeEventListener('abort', abort);
          },
        });
        if (line !== undefined) this.#write(line);
      }),
    );
  }

  #take(id: number): Call | undefined {
    const call = this.#pending.get(id);
    this.#pending.delete(id);
    call?.cleanup();
    return call;
  }

  #giveUp(id: number, error: DserviceError): void {
    const call = this.#take(id);
    if (call === undefined) return;
    // It leaves at the end of this turn, if it has not.
    error.mayHaveRun = call.line !== Infinity;
    if (error.mayHaveRun) this.#control('cancel', `,"call":${id}`);
    call.reject(error);
    this.#settled();
  }

  /** A call has its outcome: it may have been the last. */
  #settled(): void {
    if (!this.leaving || this.#pending.size > 0) return;
    if (this.#retired) return this.close();
    if (!this.#saidBye) this.#control('bye');
    this.#saidBye = true;
  }

  #write(line: string): void {
    this.#out.push(this.#tables.hello === undefined ? ascii(line) : line);
  }

  #control(control: Feature | 'pong', rest = ''): void {
    if (this.#tables.agreed(control === 'pong' ? 'ping' : control)) {
      this.#write(`{"control":"${control}"${rest}}`);
    }
  }

  #reply(id: number, answer: readonly unknown[]): void {
    const text = this.#tables.encodeAnswer(answer);
    if (text !== undefined) this.#write(`{"method":${id},"arguments":${text}}`);
  }

  #sendCulls(): void {
    for (const line of this.#tables.culls()) this.#write(line);
  }

  #receive(data: Uint8Array | string): void {
    this.heard = this.#fresh = true;
    try {
      this.#lines.push(data);
    } catch (error) {
      // Only the reader itself throws here, for a line that is too long.
      this.#finish('ERR_LIMIT', asKnown(error).message);
    }
  }

  #read(line: string): void {
    const { limits } = this.#options;
    if (this.ended || line === '') return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      if (line.trim() !== '') this.#finish('ERR_MALFORMED', 'a line is not JSON');
      return;
    }
    if (!isRecord(message)) return;
    const { method } = message;
    const reply =
      this.#tables.hello === undefined || typeof message.reply !== 'number'
        ? undefined
        : readId(message.reply);
    try {
      if (line.length > 2 * limits.depth && !isShallow(message.arguments, limits.depth + 1)) {
        throw new DserviceError('ERR_LIMIT', `a message is nested deeper than ${limits.depth}`);
      }
      this.#onMessage(message, reply);
    } catch (error) {
      this.#refuse(asKnown(error), reply, method);
    }
  }

  /** Tells whoever waits, on either side, that a message was refused. */
  #refuse(error: DserviceError, reply: number | undefined, outcome: unknown): void {
    const call = typeof outcome === 'number' ? this.#take(outcome) : undefined;
    call?.reject(Object.assign(error, { mayHaveRun: true }));
    if (reply !== undefined && this.#tables.hello !== undefined) this.#reply(reply, [error]);
    this.#settled();
  }

  #onMessage(message: Message, reply: number | undefined): void {
    const { method, control } = message;
    if (typeof method === 'number') return this.#onNumber(method, message, reply);
    if (method === 'methods') return this.#onMethods(message);
    if (method === 'cull') {
      return this.#tables.cull(
        Array.isArray(message.arguments) ? message.arguments.map((id) => [id, Infinity]) : [],
      );
    }
    if (control === 'close') {
      this.#options.channel.close();
      return this.#end(readClose(message));
    }
    if (method !== undefined) {
      this.#tables.drop(message);
      throw new DserviceError('ERR_METHOD', 'there is no such method', { mayHaveRun: false });
    }
    if (control === 'ping') this.#control('pong', `,"n":${readId(message.n) ?? 0}`);
    else if (control === 'cull') this.#tables.cull(Object.entries(message.counts ?? {}));
    else if (control === 'bye') {
      this.leaving = true;
      this.#settled();
    }
  }

  #onNumber(id: number, message: Message, reply: number | undefined): void {
    const call = this.#take(id);
    if (call !== undefined) {
      this.#settle(call, message);
      if (reply !== undefined) this.#reply(reply, []);
      return this.#settled();
    }
    const local = this.#tables.local.get(id);
    if (local !== undefined)
      return this.#callbacks.serve(local.fn, this.#tables.decode(message, local.name), reply);
    this.#tables.drop(message);
    const issued = this.#tables.issued(id);
    if (issued && reply === undefined) return;
    throw new DserviceError(issued ? 'ERR_RELEASED' : 'ERR_METHOD', `there is no function ${id}`, {
      mayHaveRun: false,
    });
  }

  #settle(call: Call, message: Message): void {
    try {
      const args = this.#tables.decode(message, call.method);
      const value = args[call.plain ? 0 : 1];
      if (!call.plain && args.length > 0 && args[0] !== null) call.reject(args[0]);
      else if ((message.callbacks ?? message.own) === undefined || !isThenable(value)) {
        call.fulfil(value);
      } else {
        throw new DserviceError('ERR_THENABLE', 'the outcome has a function named `then`', {
          ...{ method: call.method, mayHaveRun: true },
        });
      }
    } catch (error) {
      call.reject(Object.assign(asKnown(error), { method: call.method, mayHaveRun: true }));
    }
  }

  #onMethods(message: Message): void {
    const { limits, onReady } = this.#options;
    const [methods] = this.#tables.decode(message);
    const first = !this.#greeted;
    const said = message.dservice;
    if (first) {
      this.#greeted = true;
      this.#lines.limit = limits.line;
      this.#tables.greet(readAgreed(said, features));
      this.#beat();
    }
    fillRemote(this.remote, methods);
    if (first && isRecord(said) && isRecord(said.service)) this.instance = said.service.id;
    // A server that asks who is there sends its api in a second `methods`.
    if (!first || !isRecord(said) || said.authenticate !== true) onReady();
  }

  /** Any byte is life. */
  #beat(): void {
    this.#stopBeat = this.#options.clock.after(
      idle,
      () => {
        if (this.#fresh || !this.#tables.agreed('ping')) this.#missed = 0;
        else if (++this.#missed > misses) {
          return this.#finish('ERR_HEARTBEAT', 'the peer shows no life');
        } else this.#control('ping', ',"n":0');
        this.#fresh = false;
        this.#beat();
      },
      true,
    );
  }

  /** Ends the session, and says why where it is not in good order. */
  #finish(code: ErrorCode, message: string): void {
    if (this.ended) return;
    const error = code === 'ERR_CLOSED' ? undefined : new DserviceError(code, message);
    if (error !== undefined) this.#write(writeClose(error));
    this.#out.flush();
    this.#options.channel.close();
    this.#end(error, error === undefined ? code : undefined);
  }

  #end(error: DserviceError | undefined, code: ErrorCode = 'ERR_CONNECTION_LOST'): void {
    if (this.ended) return;
    this.ended = true;
    this.#stopBeat();
    this.#out.stop();
    const over = (this.#over = whyOver(error, code));
    for (const [id, { method, line, reject }] of this.#pending) {
      this.#take(id);
      const details = { method, mayHaveRun: line <= this.#out.written, cause: error };
      reject(new DserviceError(over.code, over.message, details));
    }
    this.#tables.local.clear();
    this.#tables.references.clear(over);
    this.#options.onEnd(error);
  }
}
