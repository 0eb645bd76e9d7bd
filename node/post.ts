import {
  Agent as HttpAgent,
  type ClientRequest,
  type IncomingMessage,
  request as requestHttp,
} from 'node:http';
import { Agent as HttpsAgent, request as requestHttps } from 'node:https';
import { connect, type Socket } from 'node:net';
import { createSecureContext, type ConnectionOptions } from 'node:tls';
import { urlToHttpOptions } from 'node:url';
import type { Clock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';
import type { Post, PostOptions, Received, Sent } from '../src/http/post.js';

/** Connections that are kept for the next calls. */
const kept = { keepAlive: true, scheduling: 'lifo' } as const;

/** Requests over Node's own HTTP: what was written, and what was not, is known exactly. Throws ERR_OPTION. */
export function nodePost({ url, limits, tls, sockets }: PostOptions, clock: Clock): Post {
  const address = new URL(url);
  const { protocol, hostname, port } = address;
  const secure = protocol === 'https:';
  const target = urlToHttpOptions(address);
  const bounds = { ...kept, maxSockets: sockets ?? Infinity };
  const agent = secure ? new HttpsAgent({ ...bounds, ...checkTls(tls) }) : new HttpAgent(bounds);
  const where = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (secure ? 443 : 80)),
  };
  /** Connections of requests that are out. */
  const busy = new Set<Socket>();
  let held = true;

  return {
    reach: (timeout, signal) => reach(url, where, timeout, clock, signal),
    send: (sent) =>
      new Promise((resolve, reject) => {
        const headers = {
          ...sent.headers,
          'content-type': 'application/json',
          accept: 'application/json',
          'content-length': Buffer.byteLength(sent.body),
        };
        const options = { ...target, method: 'POST', agent, headers };
        const request = secure ? requestHttps(options) : requestHttp(options);
        request.on('socket', (socket) => {
          busy.add(socket);
          if (held) socket.ref();
          else socket.unref();
          request.once('close', () => busy.delete(socket));
        });
        exchange(request, sent, limits.line, resolve, reject);
      }),
    hold(keep) {
      held = keep;
      for (const socket of busy) {
        if (keep) socket.ref();
        else socket.unref();
      }
    },
    close: () => agent.destroy(),
  };
}

function exchange(
  request: ClientRequest,
  { body, signal, receive }: Sent,
  line: number,
  resolve: (received: Received) => void,
  reject: (error: unknown) => void,
): void {
  let connected = false;
  request.on('socket', (socket) => {
    // Of TLS too: before the handshake is done, nothing of the request has left.
    const event = 'encrypted' in socket ? 'secureConnect' : 'connect';
    if (request.reusedSocket || (!socket.connecting && event === 'connect')) connected = true;
    else socket.once(event, () => (connected = true));
  });
  const lost = (cause: unknown): void => {
    signal.removeEventListener('abort', abort);
    const why = cause instanceof Error ? cause.message : 'the connection was closed';
    const details = { cause, mayHaveRun: connected };
    reject(new DserviceError('ERR_CONNECTION_LOST', `the call has no answer: ${why}`, details));
  };
  const abort = (): void => {
    // oxlint-disable-next-line prefer-promise-reject-errors -- the signal's reason is the caller's own
    reject(signal.reason);
    request.destroy();
  };
  signal.addEventListener('abort', abort);
  request.on('error', lost);
  const closed = (): void => lost(undefined);
  request.on('close', closed);
  request.on('response', (response) => {
    // From here on the response tells whether it was cut off.
    request.off('close', closed);
    const pieces = response.statusCode === 200 ? receive : undefined;
    void read(response, line, pieces).then(
      (text) => {
        signal.removeEventListener('abort', abort);
        resolve({ status: response.statusCode ?? 0, body: text });
      },
      (error: unknown) => {
        if (DserviceError.is(error)) reject(error);
        else lost(error);
        request.destroy();
      },
    );
  });
  request.end(body);
}

/** The body of a response. Rejects with ERR_LIMIT, or when it was cut off. */
async function read(
  response: IncomingMessage,
  line: number,
  receive: Sent['receive'],
): Promise<string> {
  // Less to do, for each answer, than an iterator has.
  if (receive !== undefined) return handOn(response, receive);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > line) {
      const text = `the outcome has more than ${line} bytes`;
      throw new DserviceError('ERR_LIMIT', text, { mayHaveRun: true });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Hands on the body of a response, as it comes. Rejects when it was cut off. */
function handOn(response: IncomingMessage, receive: (piece: Buffer) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    response.on('data', receive);
    response.on('error', reject);
    response.on('end', () => resolve(''));
    response.on('close', () => reject(new Error('the answer was cut off')));
  });
}

/** Connects and leaves: no server minds, whatever it speaks. */
function reach(
  url: string,
  where: { host: string; port: number },
  timeout: number,
  clock: Clock,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(where);
    const end = (): void => {
      stop();
      signal?.removeEventListener('abort', abort);
      socket.destroy();
    };
    const abort = (): void => {
      end();
      // oxlint-disable-next-line prefer-promise-reject-errors -- the signal's reason is the caller's own
      reject(signal?.reason);
    };
    const stop = clock.after(timeout, () => {
      end();
      reject(new DserviceError('ERR_TIMEOUT', `no connection to ${url} within ${timeout} ms`));
    });
    signal?.addEventListener('abort', abort);
    socket.on('connect', () => {
      end();
      resolve();
    });
    socket.on('error', (cause: Error) => {
      end();
      const first: unknown = cause instanceof AggregateError ? cause.errors[0] : cause;
      const why = first instanceof Error ? first.message : String(first);
      const text = `cannot connect to ${url}: ${why}`;
      reject(new DserviceError('ERR_CONNECT', text, { cause, mayHaveRun: false }));
    });
  });
}

function checkTls(tls: object = {}): ConnectionOptions {
  try {
    return { secureContext: createSecureContext(tls), ...tls };
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DserviceError('ERR_OPTION', `tls: ${why}`, { cause });
  }
}
