import { Emitter } from '../emitter.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import type { About } from '../protocol/about.js';
import { rejected } from '../protocol/calls.js';
import { constructsNothing } from '../protocol/references.js';
import { isRecord } from '../protocol/message.js';
import { isShallow, scan } from '../protocol/measure.js';
import type { SessionObserver } from '../protocol/observer.js';
import type { Callable, CallOptions } from '../protocol/options.js';
import { noTables, type Peer, type SessionEvents } from '../protocol/session-handle.js';
import { onEnd } from '../service/behind.js';
import type { EngineDial, EngineSession } from '../service/engine.js';
import { serviceRemote } from '../service/service-remote.js';
import { readFault } from './fault.js';
import { headersOf } from './headers.js';
import { toJson } from './json.js';
import { writeAuth } from '../http/auth.js';
import type { Post, Received } from '../http/post.js';

/** What a status says of a call that has no response object: it did not run. */
const refusals: Readonly<Record<number, readonly [ErrorCode, string]>> = {
  401: ['ERR_AUTH', 'the credentials were not accepted'],
  403: ['ERR_AUTH', 'it does not let this caller in'],
  404: ['ERR_METHOD', 'there is no JSON-RPC at that address'],
  405: ['ERR_METHOD', 'there is no JSON-RPC at that address'],
  413: ['ERR_LIMIT', 'the arguments are more than it takes'],
  415: ['ERR_METHOD', 'it takes no JSON there'],
  421: ['ERR_AUTH', 'it is not served under that name'],
  429: ['ERR_BUSY', 'it takes no more calls'],
  503: ['ERR_BUSY', 'it takes no more calls'],
};

/** Calls to one JSON-RPC server: each is a request of its own, so nothing is held between them. */
export class JsonRpcSession implements EngineSession {
  readonly remote: Record<string, unknown>;
  readonly about: About = new Map();
  readonly peer: Peer;
  readonly ready = true;
  readonly extended = false;
  readonly leaving = false;
  readonly suspect = false;
  readonly away = false;
  readonly #post: Post;
  readonly #options: EngineDial;
  readonly #auth: Record<string, string>;
  readonly #observer: SessionObserver | undefined;
  readonly #events = new Emitter<SessionEvents>();
  /** What ends each call that is out. */
  readonly #calls = new Set<(error: DserviceError) => void>();
  readonly #quiet = new Set<() => void>();
  #lastId = 0;
  #closed = false;
  #ended = false;

  /** Throws ERR_OPTION for credentials that cannot be sent. */
  constructor(url: string, post: Post, options: EngineDial) {
    this.peer = { transport: url.startsWith('https:') ? 'https' : 'http', address: url };
    this.#post = post;
    this.#options = options;
    this.#auth = writeAuth(options.auth);
    this.#observer = options.observe?.(this);
    // It does not tell what it has: every name is a function, which says at the call that it is none.
    this.remote = serviceRemote({
      call: (path, args, given) => this.call(path.join('.'), args, given),
      peek: () => undefined,
      release: () => this.close(),
      onBroken: (listener) => onEnd(this, listener),
    }) as Record<string, unknown>;
  }

  /** Nobody was there at the last call: whoever finds instances looks for it anew. */
  get ended(): boolean {
    return this.#ended;
  }

  get outstanding(): number {
    return this.#calls.size;
  }

  get tables() {
    return { ...noTables, pending: this.#calls.size };
  }

  on<K extends keyof SessionEvents>(
    event: K,
    listener: (...args: SessionEvents[K]) => void,
  ): () => void {
    return this.#events.on(event, listener);
  }

  find(path: readonly string[]): Callable {
    const name = path.join('.');
    return { call: (args, given) => this.call(name, args, given), release: () => {} };
  }

  call(method: string, args: unknown[], given?: CallOptions): Promise<unknown> {
    const intercept = this.#options.intercept?.call;
    if (intercept === undefined || given?.intercepted === true) {
      return this.#observed(method, args, given);
    }
    return intercept(method, args, given, (values, more) => this.#observed(method, values, more));
  }

  #observed(method: string, args: unknown[], given?: CallOptions): Promise<unknown> {
    const observed = this.#observer?.call(method, given);
    if (observed === undefined) return this.#call(method, args, given);
    return observed.follow(this.#call(method, args, observed.options));
  }

  #call(method: string, args: unknown[], given: CallOptions = {}): Promise<unknown> {
    const { clock, scope, limits } = this.#options;
    const { signal } = given;
    const fail = (error: DserviceError, mayHaveRun: boolean): DserviceError =>
      Object.assign(error, { method, mayHaveRun });
    if (this.#closed) return rejected(fail(closed(), false));
    if (given.construct === true) return rejected(fail(constructsNothing(), false));
    if (signal?.aborted === true) return rejected(fail(cancelled(method, signal), false));
    const current = scope.get();
    const left = current?.deadline;
    const own = given.deadline ?? this.#options.deadline ?? 30_000;
    const deadline = left === undefined ? own : Math.min(own, left);
    const id = ++this.#lastId;
    let headers: Record<string, string>;
    let body: string;
    try {
      const params = toJson(args, { limits, stacks: this.#options.stacks === true });
      body = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)},"params":${params}}`;
      if (body.length > limits.line) {
        throw new DserviceError('ERR_LIMIT', `the call has more than ${limits.line} bytes`);
      }
      const named = given.deadline !== undefined || left !== undefined;
      const ms = named && deadline !== Infinity ? deadline : undefined;
      headers = { ...this.#auth, ...headersOf(given, current, ms) };
    } catch (error) {
      return rejected(DserviceError.is(error) ? fail(error, false) : error);
    }
    const controller = new AbortController();
    const outcome = new Promise<unknown>((resolve, reject) => {
      const over = (): void => {
        stopTimer?.();
        signal?.removeEventListener('abort', abort);
        this.#calls.delete(end);
        if (this.#calls.size === 0) for (const told of [...this.#quiet]) told();
      };
      const end = (error: DserviceError): void => {
        over();
        // It may be on its way, or done: only the server could tell.
        reject(fail(error, true));
        controller.abort(error);
      };
      const abort = (): void => end(cancelled(method, signal));
      const late = `no outcome of ${method} before its deadline`;
      const stopTimer =
        deadline === Infinity
          ? undefined
          : clock.after(deadline, () => end(new DserviceError('ERR_DEADLINE', late)));
      signal?.addEventListener('abort', abort);
      this.#calls.add(end);
      this.#post.send({ headers, body, signal: controller.signal }).then(
        (received) => {
          if (!this.#calls.has(end)) return;
          over();
          this.#settle(id, method, received, resolve, reject);
        },
        (error: unknown) => {
          if (!this.#calls.has(end)) return;
          over();
          const known = DserviceError.is(error)
            ? error
            : new DserviceError('ERR_CONNECTION_LOST', String(error));
          known.method = method;
          known.mayHaveRun ??= true;
          reject(known);
          if (!known.mayHaveRun) this.#lost(known);
        },
      );
    });
    // An outcome that nobody waits for must not end a Node process.
    outcome.catch(() => {});
    return outcome;
  }

  #settle(
    id: number,
    method: string,
    { status, body }: Received,
    resolve: (value: unknown) => void,
    reject: (error: unknown) => void,
  ): void {
    const refusal = refusals[status];
    const wrong = (code: ErrorCode, text: string, mayHaveRun: boolean): void =>
      reject(new DserviceError(code, `${this.peer.address}: ${text}`, { method, mayHaveRun }));
    const response = parse(body, this.#options.limits);
    // Some servers tell a fault by the status as well.
    const told = isRecord(response) && (response.id === id || response.id === null);
    if (!told || response.jsonrpc !== '2.0') {
      if (refusal !== undefined) return wrong(refusal[0], refusal[1], false);
      return wrong('ERR_MALFORMED', `no JSON-RPC response, but status ${status}`, true);
    }
    if (Object.hasOwn(response, 'error')) return reject(readFault(response.error, method));
    if (response.id === id && Object.hasOwn(response, 'result')) return resolve(response.result);
    return wrong('ERR_MALFORMED', 'a response without a result', true);
  }

  /** Nobody was there: it is looked for anew by whoever finds instances, and tried again at the next call. */
  #lost(error: DserviceError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events.emit('end', error);
  }

  ping(): Promise<undefined> {
    return Promise.resolve(undefined);
  }

  /** Nothing here can be called by the other side. */
  announce(): void {
    throw new DserviceError('ERR_STATE', 'a JSON-RPC server calls nothing here');
  }

  hold(keep: boolean): void {
    this.#post.hold(keep);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const end of [...this.#calls]) end(closed());
    this.#post.close();
    if (this.#ended) return;
    this.#ended = true;
    this.#events.emit('end', undefined);
  }

  async drain(time = 10_000): Promise<void> {
    if (this.#calls.size > 0) {
      await new Promise<void>((resolve) => {
        const stop = this.#options.clock.after(time, resolve);
        this.#quiet.add(() => {
          stop();
          resolve();
        });
      });
    }
    this.close();
  }
}

/** The JSON of a body, as far as it keeps to the limits; undefined for anything else. */
function parse(text: string, { depth, nodes }: EngineDial['limits']): unknown {
  if (text.length > 64 * 1024) {
    const found = scan(text);
    if (found.nodes > nodes || found.depth > depth + 2) return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isShallow(value, depth + 2) ? value : undefined;
  } catch {
    return undefined;
  }
}

function closed(): DserviceError {
  return new DserviceError('ERR_CLOSED', 'the session was closed on this side');
}

function cancelled(method: string, signal: AbortSignal | undefined): DserviceError {
  const cause: unknown = signal?.reason;
  return new DserviceError('ERR_CANCELLED', `${method} was cancelled`, { cause });
}
