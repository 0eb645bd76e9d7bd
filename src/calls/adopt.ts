import type { Channel } from '../channel/channel.js';
import { messagePortChannel, type PortLike } from '../channel/message-port.js';
import { webSocketChannel, type WebSocketLike } from '../channel/websocket.js';
import { DserviceError } from '../errors.js';

/** A channel over what is there already: a channel itself, a WebSocket, a MessagePort, Worker or worker scope. Throws ERR_ENDPOINT. */
export function adoptPort(target: object): Channel {
  if ('framing' in target) return target as Channel;
  if ('bufferedAmount' in target) return webSocketChannel(target as WebSocketLike);
  // Of a window nobody knows who posts to it.
  if ('postMessage' in target && !('window' in target))
    return messagePortChannel(target as PortLike);
  throw new DserviceError('ERR_ENDPOINT', 'dial takes an endpoint, or a channel, port or socket');
}
