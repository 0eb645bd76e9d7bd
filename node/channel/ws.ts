import type { Writable } from 'node:stream';
import type WebSocket from 'ws';
import type { Channel, ChannelPeer } from '../../src/channel/channel.js';
import { type Frame, framesOf } from '../../src/channel/frames.js';
import { channelOver } from '../../src/channel/transport.js';

/** How `ws` is set up at both ends, beside what differs between them. */
export function wsOptions(limits: { readonly line: number }): {
  perMessageDeflate: false;
  maxPayload: number;
} {
  return {
    // Compression costs more time than the network takes, and holds memory for each connection.
    perMessageDeflate: false,
    // A frame may hold several lines: those of a turn, about 8 KiB, and then one that is long.
    maxPayload: limits.line + 64 * 1024,
  };
}

/** The close codes that say nothing is wrong: normal, going away, none given (RFC 6455 §7.4.1). */
const fine = new Set([1000, 1001, 1005]);

/**
 * A message channel over a WebSocket of the `ws` package, server's or client's, connecting or open. The
 * WebSocket is the channel's from here on.
 */
export function wsChannel(
  ws: WebSocket,
  options: { peer?: ChannelPeer; window?: number } = {},
): Channel {
  const { peer = { transport: ws.url?.startsWith('wss:') ? 'wss' : 'ws' }, window = 128 * 1024 } =
    options;
  let early: Frame[] | undefined;
  let earlyBytes = 0;
  let ending = false;
  let flowing = false;
  let failure: Error | undefined;
  /** There is no event for room: Bun has a `ws` of its own, whose client has no socket that could tell. */
  let looks = false;
  let looking: NodeJS.Timeout | undefined;

  const look = (): void => {
    looking ??= setTimeout(() => {
      looking = undefined;
      // Of a closed one it never goes down again.
      if (ws.readyState !== ws.OPEN) return;
      if (ws.bufferedAmount > window / 2) look();
      else feed.drained();
    }, 10);
  };
  const { channel, feed } = channelOver(
    {
      framing: 'messages',
      peer,
      binary: true,
      send(data, bytes = []) {
        for (const frame of framesOf(data, bytes)) {
          if (early === undefined) ws.send(frame);
          else {
            early.push(frame);
            earlyBytes += frame.length;
          }
        }
        if (looks && ws.bufferedAmount > window) look();
      },
      buffered: () => earlyBytes + ws.bufferedAmount,
      pause() {
        flowing = false;
        ws.pause();
      },
      resume() {
        flowing = true;
        ws.resume();
      },
      end() {
        ending = true;
        if (early === undefined) ws.close(1000);
      },
      abort: () => ws.terminate(),
    },
    window,
  );

  const opened = (): void => {
    if (!flowing) ws.pause();
    // `ws` tells of each message sent by a callback, which costs more than sending it. Its socket's
    // own `drain` is free, but `ws` has no public way to the socket.
    const { _socket } = ws as unknown as { _socket?: Partial<Writable> };
    looks = _socket?.on === undefined;
    _socket?.on?.('drain', () => feed.drained());
    for (const data of early ?? []) ws.send(data);
    early = undefined;
    earlyBytes = 0;
    if (ending) ws.close(1000);
    else if (ws.bufferedAmount <= window) feed.drained();
    else if (looks) look();
  };
  ws.on('message', (data: Buffer, isBinary) => {
    // Text as one string: taking a string apart is quicker than decoding each line of a buffer.
    feed.push(isBinary ? data : data.toString('utf8'));
  });
  ws.on('error', (error) => {
    failure = error;
  });
  ws.on('close', (code, reason) => {
    if (failure === undefined && !fine.has(code)) {
      failure = new Error(
        `the WebSocket was closed with ${code} ${reason.toString('utf8')}`.trimEnd(),
      );
    }
    feed.ended(failure);
  });
  if (ws.readyState === ws.CONNECTING) {
    early = [];
    ws.on('open', opened);
  } else if (ws.readyState === ws.OPEN) {
    opened();
  } else {
    feed.ended();
  }
  return channel;
}
