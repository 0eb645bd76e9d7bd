import type { Server, Socket } from 'node:net';
import { createServer, type Server as TlsServer, type TlsOptions } from 'node:tls';
import type { Clock } from '../../src/clock.js';
import { DserviceError } from '../../src/errors.js';

export interface SecureOptions {
  readonly tls: TlsOptions;
  readonly clock: Clock;
  /** Milliseconds for the TLS handshake. */
  readonly handshake: number;
  /** Whether this connection may stay; called before anything is read from it. */
  admit(raw: Socket): boolean;
  /** The handshake is done: `socket` takes the place of `raw`. */
  serve(socket: Socket, raw: Socket | undefined): void;
}

/** A server whose connections speak TLS, or are ended. Throws `ERR_OPTION` for a key that is none. */
export function createSecureServer(options: SecureOptions): Server {
  const { clock, handshake, admit, serve } = options;
  /** What shakes hands, by its peer: from a TLS socket there is no public way down. */
  const below = new Map<string, { raw: Socket; stop: () => void }>();
  const leave = (peer: string): Socket | undefined => {
    const found = below.get(peer);
    found?.stop();
    below.delete(peer);
    return found?.raw;
  };

  const server = create(options.tls);
  server.on('secureConnection', (socket) => {
    socket.on('error', () => {});
    serve(socket, leave(peerOf(socket)));
  });
  server.on('connection', (raw: Socket) => {
    if (!admit(raw)) return;
    const peer = peerOf(raw);
    // TLS's own limit begins anew with every byte.
    below.set(peer, { raw, stop: clock.after(handshake, () => raw.destroy(), true) });
    raw.once('close', () => {
      if (below.get(peer)?.raw === raw) leave(peer);
    });
  });
  server.on('tlsClientError', (_, socket) => socket.destroy());
  return server;
}

function create(tls: TlsOptions): TlsServer {
  try {
    return createServer(tls);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DserviceError('ERR_OPTION', `tls: ${why}`, { cause });
  }
}

function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}
