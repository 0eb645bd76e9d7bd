import { systemClock, type Clock } from '../clock.js';
import type { Channel } from './channel.js';
import { type Frame, framesOf } from './frames.js';
import { channelOver } from './transport.js';

/** The part of the standard WebSocket that is used; the classes of browsers and of `ws` both fit. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  /** Absent from those that a server of `ws` accepted. */
  readonly url?: string;
  binaryType: string;
  send(data: Frame): void;
  close(code?: number): void;
  addEventListener(type: 'open' | 'error', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(
    type: 'close',
    listener: (event: { code: number; reason: string }) => void,
  ): void;
}

/**
 * A message channel over a WebSocket, connecting or open, which is the channel's from here on. The
 * standard class cannot be paused: what arrives meanwhile is kept. `window`: unsent bytes at which
 * `write` returns false.
 */
export function webSocketChannel(
  ws: WebSocketLike,
  options: { clock?: Clock; window?: number } = {},
): Channel {
  const { clock = systemClock, window = 128 * 1024 } = options;
  const { url } = ws;
  let early: Frame[] | undefined = [];
  let ending = false;
  let polling = false;

  // There is no event for room.
  const poll = (): void => {
    if (polling) return;
    polling = true;
    clock.after(10, () => {
      polling = false;
      // Of a closed one it never goes down again.
      if (ws.readyState > 1) return;
      if (ws.bufferedAmount > window / 2) poll();
      else feed.drained();
    });
  };
  const { channel, feed } = channelOver(
    {
      framing: 'messages',
      peer: url
        ? { transport: /^wss/.test(url) ? 'wss' : 'ws', address: url }
        : { transport: 'ws' },
      binary: true,
      // But for what waits for it to open: bytes are sent to who has said hello.
      takes: true,
      gives: true,
      send(data, bytes) {
        const frames = framesOf(data, bytes);
        if (early) early.push(...frames);
        // One that is closing takes nothing more, and a browser would complain in its console.
        else if (ws.readyState === 1) for (const frame of frames) ws.send(frame);
        if (ws.bufferedAmount > window) poll();
      },
      buffered: () => (early ?? []).reduce((sum, data) => sum + data.length, ws.bufferedAmount),
      end() {
        ending = true;
        if (!early) ws.close(1000);
      },
      // The standard class has no other end than this.
      abort: () => ws.close(),
    },
    window,
  );
  const opened = (): void => {
    for (const data of early ?? []) ws.send(data);
    early = undefined;
    if (ending) ws.close(1000);
    else poll();
  };
  ws.binaryType = 'arraybuffer';
  ws.addEventListener('open', opened);
  ws.addEventListener('message', ({ data }) =>
    // Nothing but text and, by the line above, buffers arrives.
    feed.push(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer)),
  );
  // Says nothing: `close` follows with what is known.
  ws.addEventListener('error', () => {});
  ws.addEventListener('close', ({ code, reason }) =>
    feed.ended(
      [1000, 1001, 1005].includes(code)
        ? undefined
        : new Error(`the WebSocket was closed: ${code} ${reason}`),
    ),
  );
  if (ws.readyState === 1) opened();
  else if (ws.readyState > 1) feed.ended();
  return channel;
}
