import type { Channel } from '../channel/channel.js';
import { DserviceError } from '../errors.js';
import { defaultLimits, type Limits } from '../limits.js';
import type { Codec } from '../protocol/codecs.js';
import { type Api, checkApi } from '../protocol/api.js';
import type { Authorize } from '../protocol/authorize.js';
import { type Intercept, type Interceptors, interceptorsOf } from '../protocol/intercept.js';
import type { Resumable } from '../protocol/continuity.js';
import { messageOf } from '../protocol/encode.js';
import { behind, dispose } from '../protocol/options.js';
import { Session } from '../protocol/session.js';
import type { SessionOptions } from '../protocol/session-options.js';
import { type Engine, type EngineDial, engineFor, type EngineSession } from './engine.js';
import { ObservedSession, type SessionEnds } from './observed-session.js';
import type { Observer } from './observer.js';
import { Observers } from './observers.js';
import { check } from './option-rules.js';
import type { Remote } from './remote.js';
import type { Logger, Runtime } from './runtime.js';
import { dialRules } from './serve.js';

export interface DialOptions {
  /** What the other side may call here. */
  readonly api?: Api;
  /** Credentials for the other side's `authenticate`: any JSON. */
  readonly auth?: unknown;
  /** Decides of each call that the other side makes here whether it may run: true, or a promise of true. */
  readonly authorize?: Authorize;
  /** What stands around calls, of those made here and of those served: docs/remotes.md. */
  readonly intercept?: Intercept;
  /** Milliseconds until it gives up: connecting, and the first word of the peer; 10,000. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number;
  readonly callbacks?: boolean;
  readonly stacks?: boolean;
  /** How instances of classes travel, where both sides have codecs of the same names: docs/values.md. */
  readonly codecs?: readonly Codec[];
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  /** Engines by which endpoints are dialled, beside dnode; those of the runtime, without it. */
  readonly engines?: readonly Engine[];
  /** Options for `tls://` and `wss://`; in Node, those of `tls.connect`. */
  readonly tls?: object;
  /** Told of the connection and its calls: docs/observability.md. */
  readonly observe?: Observer | readonly Observer[];
}

/** A remote that `using` closes. */
export type Dialled<T> = Remote<T> & Disposable & AsyncDisposable;

/** The session behind a remote that was dialled. Throws ERR_STATE for any other object. */
export function sessionOf(remote: object): Session {
  const session: unknown = Reflect.get(remote, behind);
  if (session instanceof Session) return session;
  throw new DserviceError('ERR_STATE', 'this is no remote that was dialled, by dnode');
}

/**
 * Connects to an endpoint, or over a channel, port, socket or stream that is there already. Resolves
 * with the peer's remote once its api is here; `using` closes it. Rejects with ERR_ENDPOINT,
 * ERR_CONNECT, ERR_TIMEOUT, ERR_AUTH, ERR_CONNECTION_LOST, ERR_OPTION, or the signal's reason.
 */
export function makeDial<At>(runtime: Runtime<At>) {
  const watching = (options: DialOptions): SessionOptions['observe'] => {
    const observers = new Observers(runtime, options);
    return (it) => new ObservedSession(observers, it, client);
  };
  /** Of all that are dialled without any of their own. */
  const usual = watching({});
  const said = { last: '' };
  // Without a type, a remote is what the caller believes it to be.
  // oxlint-disable-next-line no-explicit-any
  return async function dial<T = any>(
    target: string | object,
    options: DialOptions = {},
  ): Promise<Dialled<T>> {
    check('dial', options, dialRules);
    if (options.api !== undefined) checkApi(options.api);
    const limits =
      options.limits === undefined ? defaultLimits : { ...defaultLimits, ...options.limits };
    const { timeout = 10_000 } = options;
    const given: Given = {
      ...options,
      limits,
      timeout,
      said,
      intercept: interceptorsOf(runtime.scope, options.intercept),
      observe: (options.observe ?? options.logger) === undefined ? usual : watching(options),
    };
    const session =
      typeof target === 'string'
        ? await dialEndpoint(runtime, target, given, options.engines ?? runtime.engines)
        : await openSession(runtime, adopt(runtime, target), given);
    const { remote } = session;
    Object.defineProperties(remote, {
      [behind]: { value: session },
      [dispose]: { value: close },
      [Symbol.asyncDispose ?? Symbol.for('Symbol.asyncDispose')]: { value: drain },
    });
    // What the peer really has is known only at the calls.
    return remote as Dialled<T>;
  };
}

/** Of every session that was dialled by an address. */
const client: SessionEnds = { side: 'client' };

/** Of every remote that was dialled: not one for each. */
function close(this: HasSession): void {
  this[behind].close();
}

function drain(this: HasSession): Promise<void> {
  return this[behind].drain();
}

interface HasSession {
  readonly [behind]: EngineSession;
}

type Given = Omit<EngineDial, 'clock' | 'scope'> & Pick<OpenOptions, 'said'>;

/** A session by the engine whose endpoint it is; of what is no endpoint at all, dnode says which there are. */
async function dialEndpoint<At>(
  runtime: Runtime<At>,
  endpoint: string,
  options: Given,
  engines: readonly Engine[],
): Promise<EngineSession> {
  const { clock, scope } = runtime;
  const engine = engineFor(engines, endpoint);
  const session = await engine?.dial?.(endpoint, { ...options, clock, scope });
  return session ?? (await dialDnode(runtime, endpoint, options));
}

/** How the built-in engine dials. */
async function dialDnode<At>(
  runtime: Runtime<At>,
  endpoint: string,
  options: Given,
): Promise<Session> {
  const { timeout, signal, tls, limits } = options;
  const started = runtime.clock.now();
  const channel = await runtime.connect(endpoint, { timeout, signal, tls, limits });
  const left = Math.max(1, timeout - (runtime.clock.now() - started));
  return await openSession(runtime, channel, { ...options, timeout: left });
}

function adopt<At>(runtime: Runtime<At>, target: object): Channel {
  const channel = runtime.adopt(target);
  if (channel !== undefined) return channel;
  const text = 'dial takes an endpoint, or a channel, port, socket or stream';
  throw new DserviceError('ERR_ENDPOINT', text);
}

/** As `DialOptions`, where an option may be there and undefined. */
export interface OpenOptions {
  readonly api?: Api | undefined;
  readonly auth?: unknown;
  readonly authorize?: Authorize | undefined;
  readonly intercept?: Interceptors | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly deadline?: number | undefined;
  readonly callbacks?: boolean | undefined;
  readonly stacks?: boolean | undefined;
  readonly codecs?: readonly Codec[] | undefined;
  readonly logger?: Logger | undefined;
  readonly limits: Limits;
  readonly timeout: number;
  /** The session may go on over another channel. */
  readonly resume?: Resumable | undefined;
  readonly observe?: SessionOptions['observe'];
  readonly said?: SessionOptions['said'];
}

/** A session over a channel, once the peer's api is here. Rejects with why it did not come. */
export function openSession<At>(
  runtime: Pick<Runtime<At>, 'clock' | 'scope' | 'decodeText'>,
  channel: Channel,
  options: OpenOptions,
): Promise<Session> {
  const { clock } = runtime;
  const { signal, timeout, logger = console } = options;
  const session = new Session(sessionOptions(runtime, channel, options));
  session.on('error', failedWith(logger));
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      // The signal's reason is the caller's own.
      // oxlint-disable-next-line prefer-promise-reject-errors
      reject(signal?.reason);
      session.close();
    };
    const settled = (): void => {
      stopTimer();
      // Nothing of the dial stays with the session.
      for (const stop of stops) stop();
      signal?.removeEventListener('abort', abort);
    };
    const stopTimer = clock.after(timeout, () => {
      const where = channel.peer.address ?? channel.peer.transport;
      const text = `${where} said nothing of dnode within ${Math.round(timeout)} ms`;
      reject(new DserviceError('ERR_TIMEOUT', text));
      session.close();
    });
    const stops = [
      session.on('remote', () => {
        settled();
        resolve(session);
      }),
      session.on('end', (error) => {
        settled();
        const text = 'the peer ended the connection before its api came';
        reject(error ?? new DserviceError('ERR_CONNECTION_LOST', text));
      }),
    ];
    signal?.addEventListener('abort', abort);
    session.start();
  });
}

/** All of them, and of one shape: what is made by spreading has a shape of its own, for each session. */
function sessionOptions<At>(
  { clock, scope, decodeText }: Pick<Runtime<At>, 'clock' | 'scope' | 'decodeText'>,
  channel: Channel,
  options: OpenOptions,
): SessionOptions {
  return {
    channel,
    clock,
    scope,
    decodeText,
    limits: options.limits,
    handshake: options.timeout,
    api: options.api,
    auth: options.auth,
    authorize: options.authorize,
    intercept: options.intercept,
    deadline: options.deadline,
    callbacks: options.callbacks,
    stacks: options.stacks,
    codecs: options.codecs,
    resume: options.resume,
    observe: options.observe,
    said: options.said,
  };
}

function failedWith(logger: Logger): (error: unknown) => void {
  return (error) => logger.warn(`dservice: a callback failed: ${messageOf(error)}`);
}
