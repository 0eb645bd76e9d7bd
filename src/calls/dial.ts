import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { defaultLimits, type Limits } from '../limits.js';
import { messageOf } from '../protocol/encode.js';
import { dispose } from '../protocol/options.js';
import type { Remote } from './remote.js';
import { CallSession } from './session.js';

/** What `dservice/calls` needs of a runtime. */
export interface CallsRuntime {
  readonly clock: Clock;
  /** A channel over what is there already, or to an endpoint, which need not be open yet. Throws or rejects with ERR_ENDPOINT, ERR_CONNECT. */
  open(target: string | object, options: OpenOptions): Channel | Promise<Channel>;
}

interface OpenOptions {
  readonly tls: object | undefined;
  readonly timeout: number;
  readonly signal: AbortSignal | undefined;
}

export interface DialOptions {
  /** Credentials for the other side's `authenticate`: any JSON. */
  readonly auth?: unknown;
  /** Milliseconds until it gives up: connecting, and the first word of the peer; 10,000. */
  readonly timeout?: number;
  readonly signal?: AbortSignal;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number;
  readonly limits?: Partial<Limits>;
  /** Gets a line for what fails with nobody to tell; the console, without it. */
  readonly logger?: { warn(message: string): void };
  /** In Node, for `tls://` and `wss://`: those of `tls.connect`. */
  readonly tls?: object;
}

/** A remote that `using` closes. */
export type Dialled<T> = Remote<T> & Disposable;

/** Throws ERR_OPTION. */
export function checkOptions(given: object, known: string): void {
  for (const [key, value] of Object.entries(given)) {
    const time = key === 'timeout' || key === 'deadline';
    if (!known.split(' ').includes(key) || (time && !(value > 0))) {
      throw new DserviceError('ERR_OPTION', `"${key}" is not one of ${known}, or not right`);
    }
  }
}

export const dialOptions = 'auth timeout signal deadline limits logger tls';

/** A session to what `dial` takes, once the peer's api is here. `onEnd`: it is over, after that. */
export async function openSession(
  { clock, open }: CallsRuntime,
  target: string | object,
  options: DialOptions,
  onEnd: () => void = () => {},
): Promise<CallSession> {
  const { auth, signal, deadline = 30_000, timeout = 10_000, tls, logger = console } = options;
  const limits = { ...defaultLimits, ...options.limits };
  signal?.throwIfAborted();
  const channel = await open(target, { tls, timeout, signal });
  if (signal?.aborted === true) {
    channel.destroy();
    throw signal.reason;
  }
  return new Promise((resolve, reject) => {
    const session = new CallSession({
      ...{ channel, clock, limits, auth, deadline },
      onReady() {
        settled();
        resolve(session);
      },
      onError: (error) => logger.warn(`dservice: a callback failed: ${messageOf(error)}`),
      onEnd(error) {
        settled();
        const lost = new DserviceError('ERR_CONNECTION_LOST', 'it ended before its api came');
        const text = `cannot connect to ${String(channel.peer.address)}: ${error?.message}`;
        // Who said nothing was not reached. Of who was there before, nobody waits here any more.
        reject(
          session.heard
            ? (error ?? lost)
            : new DserviceError('ERR_CONNECT', text, { cause: error }),
        );
        onEnd();
      },
    });
    const giveUp = (error: unknown): void => {
      // The signal's reason is the caller's own.
      // oxlint-disable-next-line prefer-promise-reject-errors
      reject(error);
      session.close();
    };
    const stopTimer = clock.after(timeout, () =>
      giveUp(new DserviceError('ERR_TIMEOUT', `the peer said nothing within ${timeout} ms`)),
    );
    const abort = (): void => giveUp(signal?.reason);
    const settled = (): void => {
      stopTimer();
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort);
    session.start();
  });
}

/**
 * Connects to an endpoint, or over a port, socket or channel that is there already, for calls alone. Resolves with
 * the peer's remote once its api is here; `using` closes it. Rejects with ERR_ENDPOINT, ERR_CONNECT, ERR_TIMEOUT,
 * ERR_AUTH, ERR_CONNECTION_LOST, ERR_OPTION, or the signal's reason.
 */
export function makeDial(runtime: CallsRuntime) {
  // Without a type, a remote is what the caller believes it to be.
  // oxlint-disable-next-line no-explicit-any
  return async function dial<T = any>(
    target: string | object,
    options: DialOptions = {},
  ): Promise<Dialled<T>> {
    checkOptions(options, dialOptions);
    const session = await openSession(runtime, target, options);
    const { remote } = session;
    Object.defineProperty(remote, dispose, { value: () => session.close() });
    // What the peer really has is known only at the calls.
    return remote as Dialled<T>;
  };
}
