import type { Readable, Writable, Duplex } from 'node:stream';
import type { Attachments, Channel, ChannelPeer } from '../../src/channel/channel.js';
import { channelOver, type Feed, type Transport } from '../../src/channel/transport.js';
import { systemClock, type Clock } from '../../src/clock.js';
import type { OpenReading } from './reading.js';
import { allocate, type Slabs, SlabWriter } from './slabs.js';

/** Bytes of a message that are worth a slab. */
const many = 16 * 1024;

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
  /** What bytes are written from: with it they may be `lent`. */
  slabs?: Slabs;
  /** Nobody else listens to the stream. */
  alone?: boolean;
  /** Gives what it has read, in memory that is used again, to whom it is told. Without it, the stream does. */
  reader?: OpenReading | undefined;
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
  // At least what makes a stream promise a `drain`.
  const window = Math.max(options.window ?? 128 * 1024, writable.writableHighWaterMark);
  const transport = new StreamTransport(readable, writable, options);
  const { channel, feed } = channelOver(transport, window, options.clock);
  transport.begin(feed);
  return channel;
}

/** A class, since there is one for each connection: functions of its own take three times as much. */
class StreamTransport implements Transport {
  readonly framing = 'bytes';
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #options: StreamOptions;
  /** Most never have much to write. */
  #slabWriter: SlabWriter | undefined;
  #readEnd = false;
  #writeEnd = false;

  constructor(readable: Readable, writable: Writable, options: StreamOptions) {
    this.#readable = readable;
    this.#writable = writable;
    this.#options = options;
  }

  get peer(): ChannelPeer {
    return this.#options.peer ?? aStream;
  }

  get binary(): boolean {
    return this.#options.binary === true;
  }

  get takes(): boolean {
    return this.#options.slabs !== undefined;
  }

  get reuses(): boolean {
    return this.#options.reader !== undefined;
  }

  get gives(): boolean {
    return this.#options.alone === true && !this.reuses;
  }

  allocate(size: number): Uint8Array<ArrayBuffer> {
    return allocate(size);
  }

  begin(feed: Feed): void {
    const readable = this.#readable;
    const writable = this.#writable;
    const fail = (error?: Error): void => {
      this.abort();
      feed.ended(error);
    };
    const settle = (): void => {
      if (this.#readEnd && this.#writeEnd) feed.ended();
    };
    readable.pause();
    const { reader } = this.#options;
    if (reader !== undefined) reader.tell(feed);
    else readable.on('data', (chunk: Uint8Array | string) => feed.push(chunk));
    readable.on('end', () => {
      this.#readEnd = true;
      this.end();
      settle();
    });
    writable.on('drain', () => feed.drained());
    writable.on('finish', () => {
      this.#writeEnd = true;
      settle();
    });
    // Not an end, though nothing failed: cut off by somebody who holds the stream as well.
    readable.on('error', fail);
    readable.on('close', () => {
      if (!this.#readEnd) fail();
    });
    if ((readable as object) === writable) return;
    writable.on('error', fail);
    writable.on('close', () => {
      if (!this.#writeEnd) fail();
    });
  }

  send(data: string, bytes: Attachments = []): void {
    const writable = this.#writable;
    if (bytes.length === 0) return void writable.write(data);
    const { slabs } = this.#options;
    if (slabs !== undefined && sizeOf(bytes) >= many) {
      this.#slabWriter ??= makeWriter(slabs, writable);
      return this.#slabWriter.write(data, bytes);
    }
    // The line and its bytes in one call of the system.
    writable.cork();
    writable.write(data);
    for (const piece of bytes) {
      if (piece.length > 0) writable.write(slabs === undefined ? piece : Buffer.from(piece));
    }
    writable.uncork();
  }

  buffered(): number {
    return this.#writable.writableLength;
  }

  hold(keep: boolean): void {
    this.#options.hold?.(keep);
  }

  pause(): void {
    this.#readable.pause();
  }

  resume(): void {
    this.#readable.resume();
  }

  end(): void {
    if (this.#writable.writableFinished) this.#writeEnd = true;
    else {
      this.#options.ending?.();
      this.#writable.end();
    }
  }

  abort(): void {
    this.#readable.destroy();
    this.#writable.destroy();
  }
}

function makeWriter(slabs: Slabs, writable: Writable): SlabWriter {
  return new SlabWriter(slabs, {
    write: (bytes, left) => void writable.write(bytes, left),
    empty: () => writable.writableLength === 0,
  });
}

const sizeOf = (all: Attachments): number => all.reduce((sum, { length }) => sum + length, 0);

const aStream: ChannelPeer = { transport: 'stream' };
