import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { Channel } from '../../../src/channel/channel.js';
import { nodeClock } from '../../clock.js';
import { listen, type Listener, type ListenOptions } from '../../listen.js';

/** A listener, and the channels it handed over. */
export interface Listening {
  readonly listener: Listener;
  readonly port: number;
  readonly channels: Channel[];
  /** Resolves with the next channel. */
  channel(): Promise<Channel>;
  close(): Promise<void>;
}

/** A listener on a port of its own, for one test; `each` gets the channels instead of the list. */
export async function listening(
  options: Partial<ListenOptions> = {},
  each?: (channel: Channel) => void,
): Promise<Listening> {
  const channels: Channel[] = [];
  const waiting: ((channel: Channel) => void)[] = [];
  const listener = await listen({ clock: nodeClock, ...options }, (channel) => {
    if (each) return each(channel);
    channels.push(channel);
    waiting.shift()?.(channel);
  });
  return {
    listener,
    port: listener.port ?? 0,
    channels,
    channel: () => new Promise((resolve) => waiting.push(resolve)),
    async close() {
      await listener.close();
      for (const channel of channels) channel.destroy();
    },
  };
}

/** A connected socket that nothing is sent on yet. Its errors are of no interest. */
export async function dialRaw(port: number, host = '127.0.0.1'): Promise<Socket> {
  const socket = connect(port, host);
  await once(socket, 'connect');
  socket.on('error', () => {});
  return socket;
}

/** All that comes until the other side ends the connection. */
export async function untilEnd(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('latin1');
  socket.on('data', (data: string) => {
    text += data;
  });
  // Not by `once` of node:events, which rejects for a reset.
  await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

/** What comes back to these bytes until the connection is ended. */
export async function answerTo(port: number, bytes: string | Uint8Array): Promise<string> {
  const socket = await dialRaw(port);
  socket.write(bytes);
  return untilEnd(socket);
}

/** A request, with `Host` unless it is given, of headers in lines. */
export function request(line: string, headers: Record<string, string> = {}, body = ''): string {
  const all = { Host: '127.0.0.1', Connection: 'close', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `${line} HTTP/1.1\r\n${lines.join('')}Content-Length: ${body.length}\r\n\r\n${body}`;
}

export const upgrade = {
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
};

/** The status of an answer. */
export const statusOf = (answer: string): number => Number(answer.split(' ')[1]);
