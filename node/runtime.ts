import { AsyncLocalStorage } from 'node:async_hooks';
import { Duplex, Readable, Writable } from 'node:stream';
import { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import WebSocket from 'ws';
import { adoptStandard } from '../src/channel/adopt.js';
import { type CallContext } from '../src/protocol/context.js';
import type { Runtime } from '../src/service/runtime.js';
import { socketChannel } from './channel/socket.js';
import { streamChannel } from './channel/stream.js';
import { wsChannel } from './channel/ws.js';
import { nodeClock } from './clock.js';
import { connectChannel } from './connect.js';
import { listen, type ListenOptions } from './listen.js';

export type At = Omit<ListenOptions, 'clock' | 'limits'>;

/** What the core needs of Node. One for the process: a call's context is found wherever it is asked for. */
function makeRuntime(): Runtime<At> {
  const storage = new AsyncLocalStorage<CallContext>();
  return {
    clock: nodeClock,
    scope: {
      run: (context, fn, ...args) => storage.run(context, fn, ...args),
      get: () => storage.getStore(),
    },
    // For short text, several times faster than TextDecoder.
    decodeText: (bytes) =>
      Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'),
    adopt(target) {
      if (target instanceof Socket) return socketChannel(target);
      if (target instanceof WebSocket) return wsChannel(target);
      if (target instanceof Duplex || isPair(target)) return streamChannel(target);
      return adoptStandard(target, nodeClock);
    },
    connect: (endpoint, options) =>
      // The core passes on what the user gave for TLS, and Node checks it.
      connectChannel(endpoint, { ...options, tls: options.tls as ConnectionOptions, clock: nodeClock }),
    listen: (at, limits, onChannel) => listen({ ...at, limits, clock: nodeClock }, onChannel),
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
