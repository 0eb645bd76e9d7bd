import { connect as connectTcp, type Socket, type TcpNetConnectOpts } from 'node:net';
import { connect as connectTls, createSecureContext, type ConnectionOptions } from 'node:tls';
import WebSocket from 'ws';
import type { Channel } from '../src/channel/channel.js';
import { parseEndpoint, type Endpoint } from '../src/channel/endpoint.js';
import { systemClock, type Clock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';
import { defaultLimits, type Limits } from '../src/limits.js';
import type { OpenReading, Reading } from './channel/reading.js';
import type { Slabs } from './channel/slabs.js';
import { socketChannel, type SocketOptions } from './channel/socket.js';
import { wsChannel, wsOptions } from './channel/ws.js';

export interface ConnectOptions {
  /** For `tls://` and `wss://`: `ca`, `cert`, `key`, `servername`, as for `tls.connect`. */
  readonly tls?: ConnectionOptions | undefined;
  /** The Origin that a WebSocket says: of the page for which this connects. */
  readonly origin?: string | undefined;
  /** Milliseconds until it gives up with `ERR_TIMEOUT`; 10 s. */
  readonly timeout?: number | undefined;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Partial<Limits> | undefined;
  readonly clock?: Clock | undefined;
  /** What sockets write from and read into, shared by many; without, each has its own. */
  readonly slabs?: Slabs | undefined;
  readonly reading?: Reading | undefined;
}

/** What is under way: the channel once it is there, and how to give up. */
interface Attempt {
  readonly abort: () => void;
  readonly done: Promise<Channel>;
}

/**
 * Connects to an endpoint: `tcp://host:port`, `tls://host:port`, `unix:/path`, `ws://…`, `wss://…`.
 * Rejects with `ERR_ENDPOINT` (it is none), `ERR_OPTION` (a certificate that is none), `ERR_CONNECT` (nobody there, not resolved, refused; with
 * the cause), `ERR_TIMEOUT`, or the signal's reason.
 */
export async function connectChannel(
  endpoint: string,
  options: ConnectOptions = {},
): Promise<Channel> {
  const { timeout = 10_000, signal, clock = systemClock } = options;
  const target = parseEndpoint(endpoint);
  signal?.throwIfAborted();
  const secure = target.transport === 'tls' || target.transport === 'wss';
  const tls = secure ? checkTls(options.tls) : undefined;
  const attempt = begin(endpoint, target, { ...options, tls });
  let giveUp: ((reason: unknown) => void) | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    giveUp = reject;
  });
  const stopTimer = clock.after(timeout, () => {
    const message = `no connection to ${endpoint} within ${timeout} ms`;
    giveUp?.(new DserviceError('ERR_TIMEOUT', message));
  });
  const aborted = (): void => giveUp?.(signal?.reason);
  signal?.addEventListener('abort', aborted);
  try {
    return await Promise.race([attempt.done, givenUp]);
  } catch (error) {
    attempt.abort();
    throw error;
  } finally {
    stopTimer();
    signal?.removeEventListener('abort', aborted);
  }
}

function begin(endpoint: string, target: Endpoint, options: ConnectOptions): Attempt {
  switch (target.transport) {
    case 'tcp':
    case 'unix': {
      const read = options.reading?.open();
      const onread = read && { onread: read.onread };
      const { slabs } = options;
      if (target.transport === 'unix') {
        const { path } = target;
        const peer = { transport: 'unix', address: path };
        const given = { slabs, peer, reader: read };
        return trySocket(endpoint, 'connect', connectTcp({ path, ...onread }), given);
      }
      const { host, port } = target;
      const given = { slabs, reader: read };
      return trySocket(endpoint, 'connect', connectTcp({ host, port, ...onread }), given);
    }
    case 'tls': {
      const { host, port } = target;
      const socket = connectTls({ ...options.tls, host, port });
      return trySocket(endpoint, 'secureConnect', socket, { slabs: options.slabs });
    }
    default:
      return tryWebSocket(endpoint, target.url, target.transport, options);
  }
}

function trySocket(
  endpoint: string,
  connected: 'connect' | 'secureConnect',
  socket: Socket,
  options: SocketOptions,
): Attempt {
  const done = new Promise<Channel>((resolve, reject) => {
    const failed = (error?: unknown): void => reject(unreachable(endpoint, error));
    socket.on('error', failed);
    socket.on('close', failed);
    socket.once(connected, () => {
      resolve(socketChannel(socket, options));
      socket.off('error', failed);
      socket.off('close', failed);
    });
  });
  return {
    done,
    abort() {
      socket.on('error', () => {});
      socket.destroy();
    },
  };
}

function tryWebSocket(
  endpoint: string,
  url: string,
  transport: string,
  options: ConnectOptions,
): Attempt {
  const limits = { ...defaultLimits, ...options.limits };
  const { origin, tls, slabs } = options;
  // A TLS socket has none.
  const read = transport === 'ws' ? options.reading?.open() : undefined;
  const ws = new WebSocket(url, {
    ...{ ...wsOptions(limits), ...tls },
    ...(origin === undefined ? {} : { origin }),
    ...(read && { createConnection: connectReading(read) }),
  });
  const peer = { transport, address: url };
  const channel = wsChannel(ws, { peer, slabs, reader: read });
  const done = new Promise<Channel>((resolve, reject) => {
    const failed = (error: unknown): void => reject(unreachable(endpoint, error));
    ws.once('error', failed);
    ws.once('open', () => {
      ws.off('error', failed);
      resolve(channel);
    });
  });
  return { done, abort: () => channel.destroy() };
}

/** Makes a socket that reads by a `Reading`; until somebody else is told, as any other does. */
function connectReading(read: OpenReading): (options: object) => Socket {
  return (options) => {
    // As `ws` would: they are those of a request, whose `path` is not a socket's.
    const socket = connectTcp({
      ...(options as TcpNetConnectOpts),
      path: undefined,
      onread: read.onread,
    });
    read.tell({ push: (bytes) => socket.push(Buffer.from(bytes)) });
    return socket;
  };
}

/** What `tls.connect` would throw, and `ws` would take for a failure to connect. */
function checkTls(tls: ConnectionOptions = {}): ConnectionOptions {
  try {
    return { secureContext: createSecureContext(tls), ...tls };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DserviceError('ERR_OPTION', `tls: ${why}`, { cause });
  }
}

function unreachable(endpoint: string, cause: unknown): DserviceError {
  // Several addresses were tried: each has its own error, and the whole has no message.
  const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
  const why = first instanceof Error ? first.message : 'the connection was closed';
  return new DserviceError('ERR_CONNECT', `cannot connect to ${endpoint}: ${why}`, { cause });
}
