import { defaultLimits, type Limits } from '../limits.js';
import type { Codec } from '../protocol/codecs.js';
import { messageOf } from '../protocol/encode.js';
import { type Intercept, interceptorsOf } from '../protocol/intercept.js';
import { makeHello } from '../protocol/hello.js';
import type { CallOptions } from '../protocol/options.js';
import { Session } from '../protocol/session.js';
import type { Again } from '../protocol/pipelining/unsettled.js';
import type { Settled } from '../protocol/wire.js';
import { DserviceError } from '../errors.js';
import { rejected } from '../protocol/calls.js';
import { ObservedSession } from '../service/observed-session.js';
import type { Observer } from '../service/observer.js';
import { Observers } from '../service/observers.js';
import {
  around,
  check,
  codecs as codecsRule,
  json,
  limits as limitsRule,
  logger as loggerRule,
  object,
  observe as observeRule,
  time,
} from '../service/option-rules.js';
import type { Remote } from '../service/remote.js';
import type { Logger, Runtime } from '../service/runtime.js';
import { serviceRemote } from '../service/service-remote.js';
import { dnodeUrl } from './address.js';
import { Asking } from './once.js';
import type { MakePost, Post } from './post.js';
import { requestChannel } from './request-channel.js';

export interface BatchOptions {
  /** Credentials for the other side's `authenticate`: any JSON. They travel in the body. */
  readonly auth?: unknown;
  /** Headers of each request, beside its media type. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number;
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  /** Options for `https://`; in Node, those of `tls.connect`. */
  readonly tls?: object;
  /** How instances of classes travel. The service has codecs of the same names: nobody asks it. */
  readonly codecs?: readonly Codec[];
  /** What stands around calls: docs/remotes.md. */
  readonly intercept?: Intercept;
  /** Told of each request and its calls: docs/observability.md. */
  readonly observe?: Observer | readonly Observer[];
}

/** A remote whose calls leave by HTTP. `using` gives up what is under way. */
export type Batched<T> = Remote<T> & Disposable & AsyncDisposable;

/** What a batch needs of its runtime. */
export interface BatchRuntime extends Pick<Runtime<never>, 'clock' | 'scope'> {
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  readonly observer?: Observer | undefined;
  readonly post: MakePost;
  /** Runs `fn` once, when this turn of the event loop, with all that its promises lead to, is through. */
  later(fn: () => void): void;
}

const rules = {
  ...{ auth: json, headers: object, deadline: time, limits: limitsRule, logger: loggerRule },
  ...{ tls: object, observe: observeRule, intercept: around('call', 'serve') },
  codecs: codecsRule,
};

/** Requests that are out at a time, in Node; a page's browser has a bound of its own. */
const sockets = 32;
/** Characters at which a request leaves before the turn is over. */
const enough = 1024 * 1024;

/**
 * Makes `batch`: calls by HTTP, without a socket. All calls of one turn of the event loop leave in one request,
 * also those that stand on others (`shop.user(token).orders().latest()`, promises as arguments, `map`). Throws
 * ERR_ENDPOINT, ERR_OPTION; everything else is told by the calls.
 */
export function makeBatch(runtime: BatchRuntime) {
  // Without a type, a remote is what the caller believes it to be.
  // oxlint-disable-next-line no-explicit-any
  return function batch<T = any>(url: string, options: BatchOptions = {}): Batched<T> {
    check('batch', options, rules);
    const batches = new Batches(runtime, dnodeUrl(url), options);
    const remote = serviceRemote({
      call: (path, args, given) => batches.call(path, args, given),
      peek: () => undefined,
      release: () => batches.close(),
    });
    // What the peer really has is known only at the calls.
    return remote as Batched<T>;
  };
}

/** Requests to one address, each of them a session of its own. */
class Batches {
  readonly #runtime: BatchRuntime;
  readonly #options: BatchOptions;
  readonly #url: string;
  readonly #limits: Limits;
  readonly #post: Post;
  readonly #observers: Observers;
  /** What is called now goes into this one's request. */
  #current: { readonly session: Session; readonly once: Asking } | undefined;
  readonly #sessions = new Set<Session>();
  #closed = false;

  constructor(runtime: BatchRuntime, url: string, options: BatchOptions) {
    this.#runtime = runtime;
    this.#options = options;
    this.#url = url;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#post = runtime.post({ url, limits: this.#limits, tls: options.tls, sockets });
    this.#observers = new Observers(runtime, options);
  }

  /** Never throws. */
  call(
    path: readonly string[],
    args: unknown[],
    given: CallOptions | undefined,
    settled?: Settled,
  ): Promise<unknown> {
    if (this.#closed) return rejected(closed(path.join('.')));
    const { session, once } = (this.#current ??= this.#begin());
    const again: Again = (more, values, options) =>
      // It has gone by what stands around it.
      this.call(path, values, { ...options, intercepted: true }, more);
    const outcome = once.call(path, args, given, again, settled);
    const full = session.outstanding >= this.#limits.batch || once.gathered >= enough;
    if (full) this.#leave(once);
    return outcome;
  }

  #begin(): { session: Session; once: Asking } {
    const { clock, scope, decodeText, later } = this.#runtime;
    const { auth, headers = {}, deadline, intercept, codecs, logger = console } = this.#options;
    const limits = this.#limits;
    const once = new Asking(codecs?.map(({ name }) => name));
    const silent = auth === undefined && codecs === undefined;
    const session = new Session({
      ...{ clock, scope, decodeText, limits, deadline, codecs, once },
      intercept: interceptorsOf(scope, intercept),
      channel: requestChannel({
        ...{ url: this.#url, post: this.#post, clock, headers, once },
        hello: silent ? '' : helloOf(auth, limits, codecs),
      }),
      observe: (it) => new ObservedSession(this.#observers, it, { side: 'client' }),
    });
    session.on('error', (error) => logger.warn(`dservice: a callback failed: ${messageOf(error)}`));
    session.on('end', () => this.#sessions.delete(session));
    this.#sessions.add(session);
    session.start();
    later(() => this.#leave(once));
    return { session, once };
  }

  #leave(once: Asking): void {
    if (this.#current?.once !== once) return;
    const { session } = this.#current;
    this.#current = undefined;
    if (session.outstanding > 0) once.leave();
    // All that was called was refused, or given up, or waits for its arguments.
    else session.abandon(closed());
  }

  close(): void {
    this.#closed = true;
    this.#current?.session.abandon(closed());
    this.#current = undefined;
    for (const session of this.#sessions) session.close();
    this.#post.close();
  }
}

function closed(method?: string): DserviceError {
  const details = { mayHaveRun: false, ...(method !== undefined && { method }) };
  return new DserviceError('ERR_CLOSED', 'the batch was closed on this side', details);
}

/** The line by which a request says more of itself than goes without saying. */
function helloOf(auth: unknown, limits: Limits, codecs: readonly Codec[] | undefined): string {
  const dservice = makeHello({ limits, auth, codecs, channel: {} });
  return `${JSON.stringify({ method: 'methods', arguments: [{}], dservice })}\n`;
}
