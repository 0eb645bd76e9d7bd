import type { Clock } from '../clock.js';
import type { Channel } from './channel.js';
import { messagePortChannel, type PortLike } from './message-port.js';
import { webStreamsChannel } from './web-streams.js';
import { webSocketChannel, type WebSocketLike } from './websocket.js';

/**
 * A channel over what every runtime has: a channel itself, a WebSocket, a MessagePort, Worker or
 * worker scope, a pair of web streams. Undefined for anything else.
 */
export function adoptStandard(target: unknown, clock: Clock): Channel | undefined {
  if (typeof target !== 'object' || target === null) return undefined;
  // Of a window nobody knows who posts to it, or who reads. Any window says this much of itself.
  if ('window' in target && target.window === target) return undefined;
  // Each is told by what it has, so that ports and sockets of any realm or package fit.
  if ('framing' in target && 'open' in target) return target as Channel;
  if ('readyState' in target && 'bufferedAmount' in target) {
    return webSocketChannel(target as WebSocketLike, { clock });
  }
  if ('postMessage' in target) return messagePortChannel(target as PortLike, { clock });
  return isPair(target) ? webStreamsChannel(target, { clock }) : undefined;
}

function isPair(target: object): target is Parameters<typeof webStreamsChannel>[0] {
  return (
    'readable' in target &&
    target.readable instanceof ReadableStream &&
    'writable' in target &&
    target.writable instanceof WritableStream
  );
}
