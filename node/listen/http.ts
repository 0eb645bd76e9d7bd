import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../../src/clock.js';
import type { Guard } from './guard.js';
import { isForSocket, passOver } from './offers.js';
import { refuse, refuseRequest } from './refuse.js';
import type { Upgrade } from './upgrades.js';

export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

export interface HttpOptions {
  readonly clock: Clock;
  readonly limits: { readonly handshake: number };
  readonly guard: Guard;
  readonly request?: RequestHandler | undefined;
  readonly upgrade: Upgrade;
}

export interface Http {
  /** Takes over a connection whose first bytes, still unread, are HTTP. */
  attach(socket: Socket): void;
  /**
   * Ends each connection when its responses are done, and those between requests. With `time` ms, these have
   * a second in which a request that was under way arrives; resolves when all are through, or time is up.
   */
  close(time?: number): Promise<void>;
}

/** Bytes of all headers of a request. */
const headerSize = 8 * 1024;
/** Milliseconds for a request's body. */
const bodyTime = 60_000;
/** Milliseconds that a connection waits for its next request. */
const idleTime = 5_000;

/** Milliseconds in which a request arrives that was under way when nobody listened any more. */
const crossing = 1_000;

/** The HTTP half of a listener: every request passes the guard. */
export function createHttp(options: HttpOptions): Http {
  const { clock, limits, guard, upgrade } = options;
  const settings = {
    maxHeaderSize: headerSize,
    keepAliveTimeout: idleTime,
    // An absent Host is the guard's to answer.
    requireHostHeader: false,
    // From Node 24.9 on, and in Deno and Bun: what is said no to comes as any other request.
    shouldUpgradeCallback: isForSocket,
  };
  const server = createServer(settings);
  // What holds each connection to its time: Node's own limits work only in a server that listens.
  const deadlines = new Map<Socket, () => void>();
  /** Requests without a whole answer, of each connection: several, where they were sent without waiting. */
  const busy = new Map<Socket, Set<ServerResponse>>();
  let closing = false;
  /** Told when the last connection is gone. */
  let through = (): void => {};

  const allow = (socket: Socket, ms: number, done = () => false): void => {
    deadlines.get(socket)?.();
    const late = (): void => {
      if (!done()) tooLate(socket);
    };
    deadlines.set(socket, clock.after(ms, late, true));
  };
  /** Ends a connection whose request did not come in time, and says so where an answer can be begun. */
  const tooLate = (socket: Socket): void => {
    const text = 'The request did not come in time.';
    const responses = busy.get(socket);
    if (responses === undefined) return refuse(socket, 408, text);
    const [first] = responses;
    if (responses.size > 1 || first === undefined || first.headersSent)
      return void socket.destroy();
    refuseRequest(first, 408, text);
    // The rest of it is not waited for.
    socket.destroySoon();
  };
  const release = (socket: Socket): void => {
    deadlines.get(socket)?.();
    deadlines.delete(socket);
    if (deadlines.size === 0) through();
  };
  /** Between two requests a connection is ended without a word, unless the next was begun. */
  const waitForNext = (socket: Socket): void => {
    const { bytesRead } = socket;
    allow(socket, idleTime + limits.handshake, () => {
      const idle = socket.bytesRead === bytesRead;
      if (idle) socket.destroy();
      return idle;
    });
  };
  const begin = (socket: Socket, response: ServerResponse): void => {
    const responses = busy.get(socket) ?? new Set();
    busy.set(socket, responses.add(response));
    if (closing) response.shouldKeepAlive = false;
    response.once('close', () => {
      responses.delete(response);
      if (responses.size > 0) return;
      busy.delete(socket);
      if (closing) socket.destroySoon();
      else if (!socket.destroyed) waitForNext(socket);
    });
  };

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const { socket } = request;
    begin(socket, response);
    // Of an offer that was said no to, Node drops what came right behind: its sender is told that nothing else was read.
    if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
    // Answering may take as long as it takes.
    allow(socket, bodyTime, () => request.complete);
    const refusal = guard(request);
    if (refusal) return refuseRequest(response, refusal.status, refusal.text);
    if (options.request) return options.request(request, response);
    response.setHeader('Upgrade', 'websocket');
    refuseRequest(
      response,
      426,
      'A dservice listens here: speak dnode over TCP or over a WebSocket.',
    );
  });
  server.on('upgrade', (request: IncomingMessage, stream: unknown, head: Buffer) => {
    // Only ever a connection that was attached below.
    const socket = stream as Socket;
    release(socket);
    if (isForSocket(request)) return upgrade(request, socket, head);
    // An older Node does not ask.
    passOver(request, socket, head);
    attach(socket);
  });
  server.on('clientError', (error: NodeJS.ErrnoException, stream: unknown) => {
    // As above.
    refuse(stream as Socket, error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400, 'No HTTP request.');
  });

  const attach = (socket: Socket): void => {
    allow(socket, limits.handshake);
    socket.once('close', () => release(socket));
    server.emit('connection', socket);
    // The parser took the handle over; what was read before it did is still in the stream.
    socket.resume();
  };

  return {
    attach,
    close(time = 0) {
      closing = true;
      for (const responses of busy.values()) {
        for (const response of responses) response.shouldKeepAlive = false;
      }
      const endIdle = (): void => {
        for (const socket of deadlines.keys()) if (!busy.has(socket)) socket.destroy();
      };
      if (time === 0) endIdle();
      if (time === 0 || deadlines.size === 0) return Promise.resolve();
      return new Promise((resolve) => {
        const stopQuiet = clock.after(Math.min(time, crossing), endIdle);
        const stopAll = clock.after(time, () => {
          for (const socket of deadlines.keys()) socket.destroy();
        });
        through = () => {
          stopQuiet();
          stopAll();
          resolve();
        };
      });
    },
  };
}
