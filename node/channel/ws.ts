import type { Writable } from 'node:stream';
import type WebSocket from 'ws';
import type { Attachments, Channel, ChannelPeer } from '../../src/channel/channel.js';
import { framesOf, most } from '../../src/channel/frames.js';
import { channelOver } from '../../src/channel/transport.js';
import { allocate, Slabs, SlabWriter } from './slabs.js';

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
  options: { peer?: ChannelPeer; window?: number; slabs?: Slabs } = {},
): Channel {
  const { peer = { transport: ws.url?.startsWith('wss:') ? 'wss' : 'ws' }, window = 128 * 1024 } =
    options;
  let early: string[] | undefined;
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
  /** `ws` has no public way to it. */
  const socketOf = (): Partial<Writable> | undefined =>
    (ws as unknown as { _socket?: Partial<Writable> })._socket;
  let slabWriter: SlabWriter | undefined;
  const makeWriter = (): SlabWriter =>
    new SlabWriter(
      options.slabs ?? new Slabs(),
      {
        write(frame, left) {
          ws.send(frame, left);
          uncork();
        },
        empty: () => ws.bufferedAmount === 0,
      },
      most,
    );
  let corked = false;
  const uncork = (): void => {
    if (corked) socketOf()?.uncork?.();
    corked = false;
  };
  /** The line leaves with the first of the bytes after it. */
  const sendWith = (line: string, bytes: Attachments): void => {
    socketOf()?.cork?.();
    corked = true;
    ws.send(line);
    // A client's are copied by `ws`, which masks them.
    if (ws.url) {
      for (const frame of framesOf('', bytes).slice(1)) {
        ws.send(frame);
        uncork();
      }
    } else (slabWriter ??= makeWriter()).write('', bytes);
    uncork();
  };

  const { channel, feed } = channelOver(
    {
      framing: 'messages',
      peer,
      binary: true,
      takes: true,
      gives: true,
      allocate,
      send(data, bytes = []) {
        if (early !== undefined) {
          // Bytes are sent to who has said hello, and so not yet.
          early.push(data);
          earlyBytes += data.length;
        } else if (bytes.length > 0) sendWith(data, bytes);
        else ws.send(data);
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
    // own `drain` is free.
    const socket = socketOf();
    looks = socket?.on === undefined;
    socket?.on?.('drain', () => feed.drained());
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
