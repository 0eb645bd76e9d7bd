import type { Readable, Writable, Duplex } from 'node:stream';
import type { Channel, ChannelPeer } from '../../src/channel/channel.js';
import { channelOver } from '../../src/channel/transport.js';
import { systemClock, type Clock } from '../../src/clock.js';

export interface StreamPair {
  readonly readable: Readable;
  readonly writable: Writable;
}

export interface StreamOptions {
  peer?: ChannelPeer;
  /** Unsent bytes at which `write` returns false. */
  window?: number | undefined;
  /** Bounds the wait for the peer's end after ours. Without one, the stream has its own bound. */
  clock?: Clock | undefined;
  /** Told when the end begins. */
  ending?: () => void;
  /** Both ends are ours to know: raw bytes may follow a line. */
  binary?: boolean;
  /** Whether it keeps the process alive. */
  hold?: (keep: boolean) => void;
}

/**
 * A byte channel over a Node stream, or over two of them. The streams are the channel's from here on:
 * it listens for their errors, ends and destroys them.
 */
export function streamChannel(stream: Duplex | StreamPair, options: StreamOptions = {}): Channel {
  const { readable, writable } =
    'readable' in stream && typeof stream.readable === 'object'
      ? stream
      : // A Duplex has a boolean `readable`, so this one is not a pair.
        { readable: stream, writable: stream };
  return pairChannel(readable, writable, { clock: systemClock, ...options });
}

/** As `streamChannel`, of the two halves. */
export function pairChannel(
  readable: Readable,
  writable: Writable,
  options: StreamOptions,
): Channel {
  const { peer = { transport: 'stream' }, clock, binary = false } = options;
  // At least what makes a stream promise a `drain`.
  const window = Math.max(options.window ?? 128 * 1024, writable.writableHighWaterMark);
  let readEnd = false;
  let writeEnd = false;

  const abort = (): void => {
    readable.destroy();
    writable.destroy();
  };
  const fail = (error?: Error): void => {
    abort();
    feed.ended(error);
  };
  const settle = (): void => {
    if (readEnd && writeEnd) feed.ended();
  };
  const end = (): void => {
    if (writable.writableFinished) writeEnd = true;
    else {
      options.ending?.();
      writable.end();
    }
  };

  const { channel, feed } = channelOver(
    {
      framing: 'bytes',
      peer,
      binary,
      send(data, bytes = []) {
        if (bytes.length === 0) return void writable.write(data);
        // The line and its bytes in one call of the system.
        writable.cork();
        writable.write(data);
        for (const piece of bytes) if (piece.length > 0) writable.write(piece);
        writable.uncork();
      },
      buffered: () => writable.writableLength,
      hold: options.hold,
      pause: () => readable.pause(),
      resume: () => readable.resume(),
      end,
      abort,
    },
    window,
    clock,
  );

  readable.pause();
  readable.on('data', (chunk: Uint8Array | string) => feed.push(chunk));
  readable.on('end', () => {
    readEnd = true;
    end();
    settle();
  });
  writable.on('drain', () => feed.drained());
  writable.on('finish', () => {
    writeEnd = true;
    settle();
  });
  for (const half of new Set([readable, writable])) {
    half.on('error', fail);
    half.on('close', () => {
      // Not an end, though nothing failed: cut off by somebody who holds the stream as well.
      if (half === readable ? !readEnd : !writeEnd) fail();
    });
  }
  return channel;
}
