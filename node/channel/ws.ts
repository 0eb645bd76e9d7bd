import type { Writable } from 'node:stream';
import type WebSocket from 'ws';
import type { Attachments, Channel, ChannelPeer } from '../../src/channel/channel.js';
import { framesOf, most } from '../../src/channel/frames.js';
import { channelOver, type Feed, type Transport } from '../../src/channel/transport.js';
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

/** Under which a WebSocket, and its socket, have what stands over it: so that all share the functions that are told of them. */
const over = Symbol('the transport over it');

interface Carrying {
  [over]?: WsTransport;
}

/**
 * A message channel over a WebSocket of the `ws` package, server's or client's, connecting or open. The
 * WebSocket is the channel's from here on.
 */
export function wsChannel(
  ws: WebSocket,
  options: { peer?: ChannelPeer; window?: number; slabs?: Slabs } = {},
): Channel {
  const { peer, window = 128 * 1024, slabs } = options;
  const transport = new WsTransport(ws, window, slabs, peer);
  const { channel, feed } = channelOver(transport, window);
  transport.begin(feed);
  return channel;
}

/** What is sent before the WebSocket is open. */
interface Early {
  readonly texts: string[];
  bytes: number;
}

/** A class, since there is one for each connection: functions of its own take three times as much. */
class WsTransport implements Transport {
  readonly #ws: WebSocket;
  readonly peer: ChannelPeer;
  readonly #window: number;
  #slabs: Slabs | undefined;
  #feed: Feed | undefined;
  #early: Early | undefined;
  #ending = false;
  #flowing = false;
  #corked = false;
  /** There is no event for room: Bun has a `ws` of its own, whose client has no socket that could tell. */
  #looks = false;
  #looking: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #slabWriter: SlabWriter | undefined;

  constructor(
    ws: WebSocket,
    window: number,
    slabs: Slabs | undefined,
    peer: ChannelPeer = { transport: ws.url?.startsWith('wss:') ? 'wss' : 'ws' },
  ) {
    this.#ws = ws;
    this.#window = window;
    this.#slabs = slabs;
    this.peer = peer;
  }

  get framing(): 'messages' {
    return 'messages';
  }

  get binary(): true {
    return true;
  }

  get takes(): true {
    return true;
  }

  get gives(): true {
    return true;
  }

  allocate(size: number): Uint8Array<ArrayBuffer> {
    return allocate(size);
  }

  begin(feed: Feed): void {
    const ws: WebSocket & Carrying = this.#ws;
    this.#feed = feed;
    ws[over] = this;
    ws.on('message', onMessage);
    ws.on('error', onError);
    ws.on('close', onClose);
    if (ws.readyState === ws.CONNECTING) {
      this.#early = { texts: [], bytes: 0 };
      ws.on('open', onOpen);
    } else if (ws.readyState === ws.OPEN) {
      this.opened();
    } else {
      feed.ended();
    }
  }

  opened(): void {
    const ws = this.#ws;
    if (!this.#flowing) ws.pause();
    // `ws` tells of each message sent by a callback, which costs more than sending it. Its socket's
    // own `drain` is free.
    const socket = this.#socket;
    this.#looks = socket?.on === undefined;
    if (socket?.on !== undefined) {
      socket[over] = this;
      socket.on('drain', onDrain);
    }
    for (const text of this.#early?.texts ?? []) ws.send(text);
    this.#early = undefined;
    if (this.#ending) ws.close(1000);
    else if (ws.bufferedAmount <= this.#window) this.drained();
    else if (this.#looks) this.#look();
  }

  drained(): void {
    this.#feed?.drained();
  }

  read(data: Uint8Array | string): void {
    this.#feed?.push(data);
  }

  failed(error: Error): void {
    this.#failure = error;
  }

  closed(code: number, reason: Buffer): void {
    if (this.#failure === undefined && !fine.has(code)) {
      const text = `the WebSocket was closed with ${code} ${reason.toString('utf8')}`;
      this.#failure = new Error(text.trimEnd());
    }
    this.#feed?.ended(this.#failure);
  }

  send(text: string, bytes: Attachments = []): void {
    const early = this.#early;
    if (early !== undefined) {
      // Bytes are sent to who has said hello, and so not yet.
      early.texts.push(text);
      early.bytes += text.length;
    } else if (bytes.length > 0) this.#sendWith(text, bytes);
    else this.#ws.send(text);
    if (this.#looks && this.#ws.bufferedAmount > this.#window) this.#look();
  }

  buffered(): number {
    return (this.#early?.bytes ?? 0) + this.#ws.bufferedAmount;
  }

  pause(): void {
    this.#flowing = false;
    this.#ws.pause();
  }

  resume(): void {
    this.#flowing = true;
    this.#ws.resume();
  }

  end(): void {
    this.#ending = true;
    if (this.#early === undefined) this.#ws.close(1000);
  }

  abort(): void {
    this.#ws.terminate();
  }

  #look(): void {
    if (this.#looking !== undefined) return;
    this.#looking = setTimeout(() => {
      const ws = this.#ws;
      this.#looking = undefined;
      // Of a closed one it never goes down again.
      if (ws.readyState !== ws.OPEN) return;
      if (ws.bufferedAmount > this.#window / 2) this.#look();
      else this.drained();
    }, 10);
  }

  /** `ws` has no public way to it. */
  get #socket(): (Partial<Writable> & Carrying) | undefined {
    return (this.#ws as unknown as { _socket?: Partial<Writable> })._socket;
  }

  #makeWriter(): SlabWriter {
    const ws = this.#ws;
    return new SlabWriter(
      (this.#slabs ??= new Slabs()),
      {
        write: (frame, left) => {
          ws.send(frame, left);
          this.#uncork();
        },
        empty: () => ws.bufferedAmount === 0,
      },
      most,
    );
  }

  #uncork(): void {
    if (this.#corked) this.#socket?.uncork?.();
    this.#corked = false;
  }

  /** The line leaves with the first of the bytes after it. */
  #sendWith(line: string, bytes: Attachments): void {
    const ws = this.#ws;
    this.#socket?.cork?.();
    this.#corked = true;
    ws.send(line);
    // A client's are copied by `ws`, which masks them.
    if (ws.url) {
      for (const frame of framesOf('', bytes).slice(1)) {
        ws.send(frame);
        this.#uncork();
      }
    } else (this.#slabWriter ??= this.#makeWriter()).write('', bytes);
    this.#uncork();
  }
}

function onOpen(this: WebSocket & Carrying): void {
  this[over]?.opened();
}

function onMessage(this: WebSocket & Carrying, data: Buffer, isBinary: boolean): void {
  // Text as one string: taking a string apart is quicker than decoding each line of a buffer.
  this[over]?.read(isBinary ? data : data.toString('utf8'));
}

function onError(this: WebSocket & Carrying, error: Error): void {
  this[over]?.failed(error);
}

function onClose(this: WebSocket & Carrying, code: number, reason: Buffer): void {
  this[over]?.closed(code, reason);
}

/** Of the socket below. */
function onDrain(this: Carrying): void {
  this[over]?.drained();
}
