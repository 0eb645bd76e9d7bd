import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { Limits } from '../limits.js';
import { ascii, fits } from '../protocol/ascii.js';
import { isThenable } from '../protocol/bridge.js';
import { lossOf, readClose, whyOver, writeClose } from '../protocol/close.js';
import { decode } from '../protocol/decode.js';
import { encode } from '../protocol/encode.js';
import { asKnown, asRun } from '../protocol/error-value.js';
import { isExposed } from '../protocol/exposed.js';
import { fillRemote } from '../protocol/fill-remote.js';
import { LocalFunctions } from '../protocol/functions.js';
import { type Feature, type Hello, readAgreed } from '../protocol/hello.js';
import { isShallow } from '../protocol/measure.js';
import { isRecord, type Message, readId } from '../protocol/message.js';
import type { CallOptions } from '../protocol/options.js';
import { type Reference, released, RemoteFunctions } from '../protocol/references.js';
import { Unresolved } from '../protocol/unresolved.js';
import { Callbacks } from './callbacks.js';
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

/** A call whose outcome is waited for. */
interface Call {
  readonly method: string;
  /** It was made as a plain peer's: the outcome comes by a callback. */
  readonly plain: boolean;
  /** Which of the lines that were written it is. */
  readonly line: number;
  fulfil(value: unknown): void;
  reject(error: unknown): void;
  /** Ends its timer, and its listener on a signal. */
  cleanup(): void;
}

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
  readonly #local: LocalFunctions;
  readonly #references: RemoteFunctions;
  readonly #callbacks: Callbacks;
  readonly #pending = new Map<number, Call>();
  /** What both can do, and how much; undefined while, or for ever if, the peer is a plain one. */
  #hello: Pick<Hello, 'features' | 'limits'> | undefined;
  #greeted = false;
  #lastId = -1;
  #text = '';
  #pushed = 0;
  #written = 0;
  #scheduled = false;
  #saidBye = false;
  #retired = false;
  #missed = 0;
  #fresh = false;
  #stopBeat = ignore;
  #over: DserviceError | undefined;

  constructor(options: CallSessionOptions) {
    const { clock, limits } = options;
    this.#options = options;
    this.#lines = new TextLines(limits.firstLine, (line) => this.#read(line));
    this.#local = new LocalFunctions(() => ++this.#lastId, limits.functions);
    this.#references = new RemoteFunctions(
      { call: (target, args, given) => this.#callReference(target, args, given) },
      limits.functions,
      () => clock.defer(() => this.#sendCulls()),
    );
    this.#callbacks = new Callbacks(this.#references, limits.calls, (id, answer) =>
      this.#reply(id, answer),
    );
  }

  /** Begins: says `methods`, and reads. Called once. */
  start(): void {
    const { channel, limits, auth } = this.#options;
    const { line, calls, functions } = limits;
    channel.open({
      receive: (data) => this.#receive(data),
      drain: ignore,
      close: (error) => this.#end(lossOf(error)),
    });
    const hello = { v: 1, features, limits: { line, calls, functions }, auth };
    const said = JSON.stringify({
      ...{ method: 'methods', arguments: [{}], callbacks: {}, links: [] },
      dservice: hello,
    });
    this.#write(said);
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
    if (target.released) return rejected(released());
    const bare = target.answer && this.#hello === undefined && given === undefined;
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
    const { signal, key, traceparent, tracestate } = given;
    const plain = this.#hello === undefined;
    // A plain peer answers by calling back; who gave it a callback wants the answer there alone.
    const silent = bare || (plain && typeof args.at(-1) === 'function');
    const id = silent ? -1 : ++this.#lastId;
    let line: string;
    try {
      const over = this.#over;
      if (over !== undefined) throw new DserviceError(over.code, over.message, over);
      if (signal?.aborted === true) throw cancelled(name, signal);
      line = `{"method":${JSON.stringify(to)},"arguments":${this.#encode(args, plain && !silent ? id : undefined, settled)}`;
    } catch (error) {
      if (error instanceof Unresolved && error.promise instanceof Promise) {
        const { promise } = error;
        return handled(
          promise.then(
            (value: unknown) =>
              this.call(
                to,
                name,
                args,
                given,
                bare,
                new Map([...(settled ?? []), [promise, value]]),
              ),
            // That is not this call's error: whether it may have run is another question.
            (reason: unknown) => {
              throw asRun(reason);
            },
          ),
        );
      }
      if (!DserviceError.is(error)) return rejected(error);
      return rejected(Object.assign(error, { mayHaveRun: false, method: name }));
    }
    if (!plain && !silent) {
      line += `,"reply":${id}`;
      const meta = JSON.stringify({ deadline: given.deadline, key, traceparent, tracestate });
      if (meta !== '{}' && this.#agreed('meta')) line += `,"meta":${meta}`;
    }
    line += '}';
    if (silent) {
      this.#write(line);
      return Promise.resolve();
    }
    return this.#wait(id, name, line, plain, given);
  }

  #wait(
    id: number,
    method: string,
    line: string,
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
          ...{ method, plain, line: this.#pushed + 1, fulfil, reject },
          cleanup() {
            stopTimer?.();
            signal?.removeEventListener('abort', abort);
          },
        });
        this.#write(line);
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
    error.mayHaveRun = true;
    this.#control('cancel', `,"call":${id}`);
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

  #agreed(feature: Feature): boolean {
    return this.#hello?.features.includes(feature) === true;
  }

  get #extended(): boolean {
    return this.#agreed('types') && this.#agreed('links') && this.#agreed('own');
  }

  /** Arguments, and the keys they need beside them. `outcome`: the id of a callback that a plain peer is given last. */
  #encode(
    args: readonly unknown[],
    outcome?: number,
    settled?: ReadonlyMap<object, unknown>,
  ): string {
    const { limits } = this.#options;
    const mentioned: number[] = [];
    const callback = outcome === undefined ? undefined : () => undefined;
    const most = this.#hello?.limits.line ?? Infinity;
    try {
      const text = encode(
        callback === undefined ? args : [...args, callback],
        {
          settled,
          mention: (fn, fresh, path) => {
            if (fn === callback && outcome !== undefined) return outcome;
            const id = this.#local.mention(fn, fresh, path);
            mentioned.push(id);
            return id;
          },
          own: (fn) => this.#references.find(fn)?.id,
          stream: refuseBeyond,
        },
        { extended: this.#extended, stacks: false, limits },
      );
      // The rest of the message needs some room too.
      if (fits(text, most - 1_024)) return text;
      throw new DserviceError('ERR_LIMIT', `the peer reads lines of at most ${most} bytes`);
    } catch (error) {
      for (const id of mentioned) this.#local.unmention(id);
      throw error;
    }
  }

  #decode(message: Message): unknown[] {
    return decode(
      message,
      {
        reference: (id) => this.#references.reference(id),
        ours: (id) => {
          const local = this.#local.get(id);
          if (local !== undefined) return local.fn;
          throw new DserviceError('ERR_REFERENCE', `function ${id} was never given`);
        },
      },
      { extended: this.#hello !== undefined, limits: this.#options.limits },
    );
  }

  #write(line: string): void {
    if (this.ended) return;
    this.#text += this.#hello === undefined ? `${ascii(line)}\n` : `${line}\n`;
    this.#pushed++;
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.endOfTurn(() => this.#flush());
  }

  #flush(): void {
    const { channel, limits } = this.#options;
    const text = this.#text;
    this.#scheduled = false;
    this.#text = '';
    if (this.ended || text === '') return;
    this.#written = this.#pushed;
    if (channel.write(text) || channel.buffered <= limits.unsentMax) return;
    const error = new DserviceError(
      'ERR_LIMIT',
      `the peer does not read: ${channel.buffered} bytes`,
    );
    channel.destroy(error);
    this.#end(error);
  }

  #control(control: Feature | 'pong', rest = ''): void {
    if (this.#agreed(control === 'pong' ? 'ping' : control)) {
      this.#write(`{"control":"${control}"${rest}}`);
    }
  }

  #reply(id: number, answer: readonly unknown[]): void {
    let text: string;
    try {
      text = this.#encode(answer);
    } catch (error) {
      const { code, message } = asKnown(error);
      text = this.#encode([new DserviceError(code, message)]);
    }
    this.#write(`{"method":${id},"arguments":${text}}`);
  }

  /** Tells the peer which of its functions are not held any more. */
  #sendCulls(): void {
    const culls = [...this.#references.takeCulls()];
    for (let at = 0; at < culls.length; at += 2_000) {
      const some = culls.slice(at, at + 2_000);
      if (this.#agreed('cull'))
        this.#control('cull', `,"counts":${JSON.stringify(Object.fromEntries(some))}`);
      else
        this.#write(
          `{"method":"cull","arguments":[${some.map(([id]) => id).join(',')}],"callbacks":{},"links":[]}`,
        );
    }
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
      this.#hello === undefined || typeof message.reply !== 'number'
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
    call?.reject(error);
    if (reply !== undefined && this.#hello !== undefined) this.#reply(reply, [error]);
    this.#settled();
  }

  #onMessage(message: Message, reply: number | undefined): void {
    const { method, control } = message;
    if (typeof method === 'number') return this.#onNumber(method, message, reply);
    if (method === 'methods') return this.#onMethods(message);
    if (method === 'cull') {
      return this.#cull(
        Array.isArray(message.arguments) ? message.arguments.map((id) => [id, Infinity]) : [],
      );
    }
    if (control === 'close') {
      this.#options.channel.close();
      return this.#end(readClose(message));
    }
    if (method !== undefined) {
      this.#drop(message);
      throw new DserviceError('ERR_METHOD', 'there is no such method', { mayHaveRun: false });
    }
    if (control === 'ping') this.#control('pong', `,"n":${readId(message.n) ?? 0}`);
    else if (control === 'cull') this.#cull(Object.entries(message.counts ?? {}));
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
    const local = this.#local.get(id);
    if (local !== undefined) return this.#callbacks.serve(local.fn, this.#decode(message), reply);
    this.#drop(message);
    const issued = id >= 0 && id <= this.#lastId;
    if (issued && reply === undefined) return;
    throw new DserviceError(issued ? 'ERR_RELEASED' : 'ERR_METHOD', `there is no function ${id}`, {
      mayHaveRun: false,
    });
  }

  #settle(call: Call, message: Message): void {
    try {
      const args = this.#decode(message);
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
      call.reject(error);
    }
  }

  #onMethods(message: Message): void {
    const { limits, onReady } = this.#options;
    const [methods] = this.#decode(message);
    const first = !this.#greeted;
    const said = message.dservice;
    if (first) {
      this.#greeted = true;
      this.#lines.limit = limits.line;
      this.#hello = readAgreed(said, features);
      this.#references.plain = !this.#agreed('cull');
      this.#local.limit = Math.min(limits.functions, this.#hello?.limits.functions ?? Infinity);
      this.#beat();
    }
    fillRemote(this.remote, methods);
    if (first && isRecord(said)) {
      if (isRecord(said.service)) this.instance = said.service.id;
      // A server that asks who is there sends its api in a second `methods`.
      if (said.authenticate === true) return;
    }
    onReady();
  }

  #cull(counts: readonly (readonly [id: unknown, count: unknown])[]): void {
    for (const [key, count] of counts) {
      const id = readId(key);
      if (id !== undefined && typeof count === 'number' && count > 0) this.#local.cull(id, count);
    }
  }

  /** What nobody waits for any more: its functions are let go. */
  #drop({ callbacks }: Message): void {
    for (const key of Object.keys(callbacks ?? {})) {
      const id = readId(key);
      if (id !== undefined) this.#references.unmention(id);
    }
  }

  /** Any byte is life. */
  #beat(): void {
    this.#stopBeat = this.#options.clock.after(
      idle,
      () => {
        if (this.#fresh || !this.#agreed('ping')) this.#missed = 0;
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
    this.#flush();
    this.#options.channel.close();
    this.#end(error, error === undefined ? code : undefined);
  }

  #end(error: DserviceError | undefined, code: ErrorCode = 'ERR_CONNECTION_LOST'): void {
    if (this.ended) return;
    this.ended = true;
    this.#stopBeat();
    const over = (this.#over = whyOver(error, code));
    for (const [id, { method, line, reject }] of this.#pending) {
      this.#take(id);
      const details = { method, mayHaveRun: line <= this.#written, cause: error };
      reject(new DserviceError(over.code, over.message, details));
    }
    this.#local.clear();
    this.#references.clear(over);
    this.#options.onEnd(error);
  }
}

/** What would arrive as something else, since this session cannot send it as what it is. Throws ERR_DATA. */
function refuseBeyond(value: object): undefined {
  const stream = Symbol.asyncIterator in value || 'getReader' in value || 'getWriter' in value;
  if (!stream && !isExposed(value) && !('arrayBuffer' in value)) return;
  const text = 'streams, blobs and instances of `Exposed` are beyond dservice/calls';
  throw new DserviceError('ERR_DATA', text);
}

function cancelled(method: string, signal: AbortSignal | undefined): DserviceError {
  const cause: unknown = signal?.reason;
  return new DserviceError('ERR_CANCELLED', `${method} was cancelled`, { method, cause });
}

/** A promise that may be forgotten. */
export function handled(promise: Promise<unknown>): Promise<unknown> {
  promise.catch(ignore);
  return promise;
}

function rejected(error: unknown): Promise<unknown> {
  // A peer may have thrown anything.
  // oxlint-disable-next-line prefer-promise-reject-errors
  return handled(Promise.reject(error));
}
