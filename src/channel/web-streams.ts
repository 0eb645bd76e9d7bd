import { systemClock, type Clock } from '../clock.js';
import type { Channel } from './channel.js';
import { channelOver } from './transport.js';

/**
 * A byte channel over two web streams, which are the channel's from here on. `window`: unsent bytes at
 * which `write` returns false.
 */
export function webStreamsChannel(
  streams: {
    readonly readable: ReadableStream<Uint8Array | string>;
    readonly writable: WritableStream<Uint8Array>;
  },
  options: { clock?: Clock; window?: number } = {},
): Channel {
  const { clock = systemClock, window = 128 * 1024 } = options;
  const reader = streams.readable.getReader();
  const writer = streams.writable.getWriter();
  const encoder = new TextEncoder();
  let unsent = 0;
  let flowing = false;
  let reading = false;
  let closed: Promise<void> | undefined;

  const abort = (error?: unknown): void => {
    reader.cancel(error).catch(() => {});
    writer.abort(error).catch(() => {});
  };
  const fail = (error: unknown): void => {
    abort(error);
    feed.ended(error instanceof Error ? error : new Error(String(error)));
  };
  const end = (): Promise<void> => (closed ??= writer.close().catch(() => {}));
  const read = async (): Promise<void> => {
    if (reading) return;
    reading = true;
    while (flowing) {
      const { done, value } = await reader.read();
      if (done) {
        await end();
        return feed.ended();
      }
      feed.push(value);
    }
    reading = false;
  };

  const { channel, feed } = channelOver(
    {
      framing: 'bytes',
      peer: { transport: 'stream' },
      send(data) {
        const bytes = encoder.encode(data);
        unsent += bytes.length;
        writer.write(bytes).then(() => {
          unsent -= bytes.length;
          if (unsent <= window / 2) feed.drained();
        }, fail);
      },
      buffered: () => unsent,
      pause() {
        flowing = false;
      },
      resume() {
        flowing = true;
        read().catch(fail);
      },
      end: () => void end(),
      abort,
    },
    window,
    clock,
  );
  return channel;
}
