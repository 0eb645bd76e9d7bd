import { AsyncLocalStorage } from 'node:async_hooks';
import type { Server as HttpServer } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import { Duplex, Readable, Writable } from 'node:stream';
import { isIPv4, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import WebSocket from 'ws';
import { adoptStandard } from '../src/channel/adopt.js';
import type { Channel } from '../src/channel/channel.js';
import type { CallContext } from '../src/protocol/context.js';
import { door } from '../src/http/door.js';
import type { Exchange } from '../src/service/engine.js';
import { parseEndpoint } from '../src/channel/endpoint.js';
import { Turns } from '../src/channel/turns.js';
import type { Discovery } from '../src/discovery/discovery.js';
import { mergeDiscoveries } from '../src/discovery/merge.js';
import { DserviceError } from '../src/errors.js';
import { askingWatch } from '../src/service/asking-watch.js';
import { fn, isObject, object, port, text, texts } from '../src/service/option-rules.js';
import { rendezvousOf, webrtcOptions } from '../src/service/rendezvous.js';
import { semverMatcher } from '../src/service/range.js';
import type { Reach, ServiceOptions } from '../src/service/service-options.js';
import type { ServiceRuntime } from '../src/service/service-runtime.js';
import { Reading } from './channel/reading.js';
import { Slabs } from './channel/slabs.js';
import { socketChannel } from './channel/socket.js';
import { streamChannel } from './channel/stream.js';
import { wsChannel } from './channel/ws.js';
import { nodeClock } from './clock.js';
import { connectChannel } from './connect.js';
import { diagnostics } from './diagnostics.js';
import { jsonRpc } from './jsonrpc.js';
import { listen, type ListenOptions } from './listen.js';
import { declaredRelies } from './manifest.js';
import { createExchanges } from './listen/exchange.js';
import { mount } from './listen/mounted.js';
import { mdns } from './mdns/mdns.js';
import { Shutdown } from './shutdown.js';
import { webrtc } from './webrtc.js';

export interface At extends Omit<ListenOptions, 'clock' | 'limits' | 'route' | 'onRefused'> {
  /**
   * An HTTP server that listens, or will, in place of one of its own: dnode is spoken at `path` of it (`/dnode`, not
   * that of a unix socket) and below. It goes on as it was, and stays when this is closed.
   */
  readonly server?: HttpServer | SecureServer | undefined;
}

/** What the core needs of Node. One for the process: a call's context is found wherever it is asked for. */
function makeRuntime(): ServiceRuntime<At> {
  const shutdown = new Shutdown();
  const storage = new AsyncLocalStorage<CallContext>();
  const slabs = new Slabs();
  const reading = new Reading();
  const turns = new Turns(nodeClock);
  return {
    clock: nodeClock,
    scope: {
      run: (context, fn, ...args) => storage.run(context, fn, ...args),
      get: () => storage.getStore(),
    },
    observer: diagnostics(),
    // For short text, several times faster than TextDecoder.
    decodeText: (bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    adopt(target) {
      if (target instanceof Socket) return socketChannel(target, { slabs });
      if (target instanceof WebSocket) return wsChannel(target);
      if (target instanceof Duplex || isPair(target)) return streamChannel(target);
      return adoptStandard(target, nodeClock);
    },
    connect: (endpoint, options) =>
      // The core passes on what the user gave for TLS, and Node checks it.
      connectChannel(endpoint, {
        ...options,
        tls: options.tls as ConnectionOptions,
        ...{ clock: nodeClock, slabs, reading },
      }),
    isGone,
    atRules: {
      server: {
        says: 'an http or https server',
        // Neither those of TCP, which tell of no requests, nor those of HTTP/2, whose requests are others.
        ok: (value) =>
          isObject(value) &&
          ['emit', 'address', 'setTimeout'].every((name) => name in value) &&
          !('updateSettings' in value),
      },
      ...{ host: text, path: text, tls: object, origins: texts, hosts: texts, request: fn },
      port: { says: `${port.says}, or false`, ok: (value) => value === false || port.ok(value) },
    },
    engines: [jsonRpc],
    async listen(at, limits, serve, answer) {
      const onChannel = (channel: Channel): void => serve(turns.over(channel));
      const { server } = at;
      if (server !== undefined) {
        return mount({ ...at, server, limits, turns, clock: nodeClock }, onChannel);
      }
      const enter = door({ clock: nodeClock, limits, onChannel });
      const answerAny = (exchange: Exchange) => enter(exchange) ?? answer?.(exchange);
      const request =
        at.request ?? createExchanges({ clock: nodeClock, limits, turns, answer: answerAny });
      const listener = await listen({ ...at, request, limits, clock: nodeClock }, onChannel);
      return {
        ...listener,
        close(time = 0) {
          const began = nodeClock.now();
          const through = enter.close(time);
          if (through === undefined) return listener.close(time);
          // Each POST of theirs may come by a connection of its own.
          return through.then(() => listener.close(Math.max(1, time + began - nodeClock.now())));
        },
      };
    },
    matcher: () => semverMatcher,
    get reach() {
      return readReach(process.env.DSERVICE_REACH);
    },
    discover: (reach, options) => discover(reach, options),
    merge: (discoveries) => mergeDiscoveries({ discoveries, clock: nodeClock }),
    place,
    reachable,
    watchCycle: askingWatch,
    declared: ({ manifest }) => declaredRelies(manifest),
    onShutdown: (stop) => shutdown.add(stop),
  };
}

export const nodeRuntime = makeRuntime();

function isPair(target: unknown): target is { readable: Readable; writable: Writable } {
  return (
    typeof target === 'object' &&
    target !== null &&
    'readable' in target &&
    target.readable instanceof Readable &&
    'writable' in target &&
    target.writable instanceof Writable
  );
}

/** Multicast DNS, and the rendezvous that are named. */
function discover(reach: Reach, options: ServiceOptions): Discovery {
  const multicast = mdns({ reach });
  const named = process.env.DSERVICE_RENDEZVOUS?.split(' ').filter(Boolean) ?? [];
  const places = options.rendezvous ?? (named.length > 0 ? named : undefined);
  if (places === undefined) return multicast;
  const direct = options.webrtc === false ? undefined : webrtc(webrtcOptions(options));
  const discoveries = [multicast, ...rendezvousOf(places, options, nodeRuntime, direct)];
  return mergeDiscoveries({ discoveries, clock: nodeClock });
}

function readReach(text: string | undefined): Reach {
  if (text === undefined || text === '' || text === 'local') return 'local';
  if (text === 'lan') return text;
  throw new DserviceError('ERR_OPTION', `DSERVICE_REACH is "local" or "lan", not "${text}"`);
}

function place(options: ServiceOptions, reach: Reach): At {
  const {
    host = reach === 'lan' ? '0.0.0.0' : '127.0.0.1',
    port,
    path,
    tls,
    origins,
    hosts,
  } = options;
  return { host, port, path, tls, origins, hosts };
}

/** The host has answered, and nobody listens there; or the unix socket is not there. A network that is down says other things. */
function isGone(error: unknown): boolean {
  if (!DserviceError.is(error) || error.code !== 'ERR_CONNECT') return false;
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
  return code === 'ECONNREFUSED' || code === 'ENOENT';
}

/** A caller with local reach uses only what cannot leave the machine. */
function reachable(endpoint: string, reach: Reach): boolean {
  try {
    if (endpoint.startsWith('unix:')) return true;
    // Of dnode's endpoints the form is checked; what is left is a URL, of another engine.
    const dnode = /^(tcp|tls|wss?):/.test(endpoint) ? parseEndpoint(endpoint) : undefined;
    const host = dnode !== undefined && 'host' in dnode ? dnode.host : new URL(endpoint).hostname;
    if (reach === 'lan') return true;
    // Not `127.example.com`, which is anybody's.
    return /^(\[?::1\]?|localhost)$/.test(host) || (isIPv4(host) && host.startsWith('127.'));
  } catch {
    // Records are hints from others: one that we cannot read is no way to anybody.
    return false;
  }
}
