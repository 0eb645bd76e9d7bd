import { createServer, type Server, type Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import type { Channel } from '../src/channel/channel.js';
import type { Clock } from '../src/clock.js';
import { defaultLimits, type Limits } from '../src/limits.js';
import { full, writeClose } from '../src/protocol/close.js';
import { hostPort } from './channel/address.js';
import { keepAlive, socketChannel } from './channel/socket.js';
import { Slabs } from './channel/slabs.js';
import { reachableAddresses } from './listen/addresses.js';
import { bindPath, bindPort } from './listen/bind.js';
import { createGuard, type GuardOptions } from './listen/guard.js';
import { createHttp, type RequestHandler } from './listen/http.js';
import { createSecureServer } from './listen/secure.js';
import { sniff } from './listen/sniff.js';
import { createUpgrades, type Route } from './listen/upgrades.js';

export interface ListenOptions extends GuardOptions {
  readonly clock: Clock;
  /** Name or address to listen on; `127.0.0.1`. */
  readonly host?: string | undefined;
  /** TCP port; 0, any that is free. False listens on `path` only. */
  readonly port?: number | false | undefined;
  /** Path of a unix socket to listen on as well. */
  readonly path?: string | undefined;
  /** Speaks TLS on the TCP port, and only TLS. Key and certificate, as for `tls.createServer`. */
  readonly tls?: TlsOptions | undefined;
  readonly limits?: Partial<Limits> | undefined;
  /** Gets the HTTP requests that passed the guard and ask for no WebSocket. */
  readonly request?: RequestHandler | undefined;
  /** Where WebSockets lead, other than to `onChannel`. */
  readonly route?: Route | undefined;
}

export interface Listener {
  /** Where it is reached: `unix:` first, then `tcp://` or `tls://`. */
  readonly endpoints: readonly string[];
  /** The TCP port; undefined where it has none. */
  readonly port: number | undefined;
  /**
   * Stops listening and ends what is still shaking hands. Channels are their owner's. HTTP requests have
   * `time` ms (0, where none is given) to arrive and be answered.
   */
  close(time?: number): Promise<void>;
}

const tuned = { noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAlive };

/**
 * Listens for peers: dnode over TCP, TLS or a unix socket, and over WebSockets, on the same port. Each
 * connection becomes a channel. Rejects with `ERR_LISTEN` (in use, not allowed, no such address) or
 * `ERR_OPTION`.
 */
export async function listen(
  options: ListenOptions,
  onChannel: (channel: Channel) => void,
): Promise<Listener> {
  const { clock, host = '127.0.0.1', port = 0, path } = options;
  const limits: Limits = { ...defaultLimits, ...options.limits };
  /** Connections of which it is not known what they speak. */
  const pending = new Set<Socket>();
  const perAddress = new Map<string, number>();
  const servers: Server[] = [];
  const slabs = new Slabs();
  let open = 0;

  const guard = createGuard(options);
  const route = options.route ?? (() => ({ take: onChannel }));
  const http = createHttp({
    clock,
    limits,
    guard,
    request: options.request,
    upgrade: createUpgrades({ clock, limits, guard, route }),
  });

  /** Counts a connection, and refuses it where there are too many. */
  const admit = (socket: Socket): boolean => {
    // Whatever happens to a connection is not the process's concern; its channel tells its owner.
    socket.on('error', () => {});
    const address = socket.remoteAddress ?? '';
    const count = perAddress.get(address) ?? 0;
    if (open >= limits.sessions || (address && count >= limits.sessionsPerAddress)) {
      // Of a socket that was just accepted, so little leaves at once. Over TLS it would be nothing.
      if (!options.tls) socket.write(`${writeClose(full())}\n`);
      socket.destroySoon();
      return false;
    }
    open += 1;
    perAddress.set(address, count + 1);
    pending.add(socket);
    socket.once('close', () => {
      open -= 1;
      pending.delete(socket);
      const rest = (perAddress.get(address) ?? 1) - 1;
      if (rest > 0) perAddress.set(address, rest);
      else perAddress.delete(address);
    });
    return true;
  };
  const serve = (socket: Socket): void => {
    sniff(socket, clock, (protocol) => {
      pending.delete(socket);
      if (protocol === 'http') return http.attach(socket);
      onChannel(socketChannel(socket, { slabs }));
    });
  };
  const plain = (): Server =>
    createServer(tuned, (socket) => {
      if (admit(socket)) serve(socket);
    });
  const secure = (tls: TlsOptions): Server =>
    createSecureServer({
      tls: { ...tls, ...tuned },
      clock,
      handshake: limits.handshake,
      admit,
      serve(socket, raw) {
        if (raw) pending.delete(raw);
        pending.add(socket);
        socket.once('close', () => pending.delete(socket));
        serve(socket);
      },
    });
  const start = async (server: Server, bind: (server: Server) => Promise<void>): Promise<void> => {
    servers.push(server);
    await bind(server);
    // Such as too many open files: the next connection may do better.
    server.on('error', () => {});
  };
  const stop = async (time?: number): Promise<void> => {
    for (const server of servers) server.close();
    const answered = http.close(time);
    for (const socket of pending) socket.destroy();
    await answered;
    await new Promise<void>((resolve) => clock.defer(resolve));
  };

  try {
    if (path !== undefined) await start(plain(), (server) => bindPath(server, path));
    if (port !== false) {
      const server = options.tls ? secure(options.tls) : plain();
      await start(server, (it) => bindPort(it, host, port));
    }
  } catch (error) {
    await stop();
    throw error;
  }

  const bound = servers.at(-1)?.address();
  const tcp = typeof bound === 'object' && bound !== null ? bound : undefined;
  const scheme = options.tls ? 'tls' : 'tcp';
  return {
    endpoints: [
      ...(path === undefined ? [] : [`unix:${path}`]),
      ...(tcp ? reachableAddresses(tcp.address) : []).map(
        (address) => `${scheme}://${hostPort(address, tcp?.port ?? 0)}`,
      ),
    ],
    port: tcp?.port,
    close: stop,
  };
}
