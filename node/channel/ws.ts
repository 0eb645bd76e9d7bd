import type { Socket } from 'node:net';
import type WebSocket from 'ws';
import type { Attachments, Channel, ChannelPeer } from '../../src/channel/channel.js';
import { framesOf } from '../../src/channel/frames.js';
import { channelOver, type Feed, type Transport } from '../../src/channel/transport.js';
import { FrameTap, type TapTarget } from './frame-tap.js';
import { FrameWriter } from './frame-writer.js';
import type { OpenReading } from './reading.js';
import { allocate, Slabs } from './slabs.js';

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

export interface WsOptions {
  readonly peer?: ChannelPeer | undefined;
  /** Unsent bytes at which `write` returns false. */
  readonly window?: number;
  /** What bytes are written from, shared by many. */
  readonly slabs?: Slabs | undefined;
  /** Where what its socket reads is told, if it was made so: see `Reading`. */
  readonly reader?: OpenReading | undefined;
}

/**
 * A message channel over a WebSocket of the `ws` package, server's or client's, connecting or open. The
 * WebSocket is the channel's from here on.
 */
export function wsChannel(ws: WebSocket, options: WsOptions = {}): Channel {
  const { window = 128 * 1024 } = options;
  const transport = new WsTransport(ws, window, options);
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
class WsTransport implements Transport, TapTarget {
  readonly #ws: WebSocket;
  readonly peer: ChannelPeer;
  readonly #window: number;
  #slabs: Slabs | undefined;
  #feed: Feed | undefined;
  #early: Early | undefined;
  #ending = false;
  #flowing = false;
  /** There is no event for room: Bun has a `ws` of its own, whose client has no socket that could tell. */
  #looks = false;
  #looking: NodeJS.Timeout | undefined;
  #failure: Error | undefined;
  #writer: FrameWriter | undefined;
  readonly #reader: OpenReading | undefined;
  #tap: FrameTap | undefined;
  /** How `ws` listens to its socket. */
  #theirs: ((bytes: Buffer) => void) | undefined;

  constructor(ws: WebSocket, window: number, { slabs, peer, reader }: WsOptions) {
    this.#ws = ws;
    this.#window = window;
    this.#slabs = slabs;
    this.#reader = reader;
    this.peer = peer ?? { transport: ws.url?.startsWith('wss:') ? 'wss' : 'ws' };
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

  get gives(): boolean {
    return this.#reader === undefined;
  }

  get reuses(): boolean {
    return this.#reader !== undefined;
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
    this.#looks = socket === undefined;
    if (socket !== undefined) {
      socket[over] = this;
      socket.on('drain', onDrain);
      this.#listen(socket);
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

  /** Binary frames go past `ws`, where it is as it is known here. */
  #listen(socket: Socket): void {
    const theirs = socket.listeners('data').find(({ name }) => name === 'socketOnData');
    if (theirs === undefined || !this.#plain) return;
    // It is what `ws` listens with.
    this.#theirs = theirs as (bytes: Buffer) => void;
    this.#tap = new FrameTap(!this.#ws.url, this);
    socket.off('data', this.#theirs).on('data', onData);
    // `ws` reads what is left when the socket has closed.
    socket.prependListener('close', onSocketClose);
    this.#reader?.tell(this);
  }

  /** Its `Reading` has read. */
  push(bytes: Uint8Array): void {
    const socket = this.#socket;
    // What came with the handshake is first.
    if (socket !== undefined && socket.readableLength > 0) socket.push(Buffer.from(bytes));
    else this.came(bytes);
  }

  /** The socket has read. */
  came(bytes: Uint8Array): void {
    this.#tap?.push(bytes);
  }

  take(bytes: Uint8Array): void {
    this.#feed?.push(bytes);
  }

  pass({ buffer, byteOffset, length }: Uint8Array): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    const bytes = Buffer.from(buffer, byteOffset, length);
    // `ws` keeps what it is given, as long as a message is not whole.
    this.#theirs?.call(socket, this.#reader === undefined ? bytes : Buffer.from(bytes));
  }

  leave(): void {
    const socket = this.#unlisten();
    // It stops listening by itself, when there is nothing more to come.
    if (this.#theirs !== undefined) socket?.on('data', this.#theirs);
    this.#reader?.tell({ push: (bytes) => socket?.push(Buffer.from(bytes)) });
  }

  #unlisten(): Socket | undefined {
    return this.#socket?.off('data', onData).off('close', onSocketClose);
  }

  failed(error: Error): void {
    this.#failure = error;
    // Nothing is read after what is against the rules.
    this.#unlisten();
    this.#reader?.tell();
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

  /** `ws` has no public way to it; Bun's own has none. */
  get #socket(): (Socket & Carrying) | undefined {
    const { _socket } = this.#ws as unknown as { readonly _socket?: Partial<Socket> };
    // As far as it is used here, it is whole then.
    return typeof _socket?.on === 'function' ? (_socket as Socket) : undefined;
  }

  /** Whether frames travel as they are: there is no extension that changes them. */
  get #plain(): boolean {
    return this.#ws.extensions === '';
  }

  #makeWriter(): FrameWriter | undefined {
    const ws = this.#ws;
    const socket = this.#socket;
    if (socket === undefined || !this.#plain) return undefined;
    const target = {
      write: (bytes: Buffer, left: (error?: Error | null) => void) =>
        void socket.write(bytes, left),
      empty: () => ws.bufferedAmount === 0,
    };
    return new FrameWriter((this.#slabs ??= new Slabs()), target, Boolean(ws.url));
  }

  #sendWith(line: string, bytes: Attachments): void {
    const ws = this.#ws;
    // What is sent from now on, `ws` drops as well.
    if (ws.readyState !== ws.OPEN) return;
    this.#writer ??= this.#makeWriter();
    if (this.#writer !== undefined) return this.#writer.write(line, bytes);
    for (const frame of framesOf(line, bytes)) {
      ws.send(typeof frame === 'string' ? frame : frame.slice());
    }
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

/** Of the socket below. */
function onData(this: Carrying, bytes: Buffer): void {
  this[over]?.came(bytes);
}

/** Of the socket below, before `ws` is told. */
function onSocketClose(this: Socket & Carrying): void {
  for (let rest; (rest = this.read() as Buffer | null) !== null;) this[over]?.came(rest);
}
