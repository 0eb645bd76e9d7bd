import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { defaultLimits } from '../limits.js';
import type { Attachments, Channel, ChannelHandlers, ChannelPeer, Deliveries } from './channel.js';

/** What an adapter does for its channel. It begins paused: `resume` is called at `open`. */
export interface Transport extends Deliveries {
  readonly framing: 'bytes' | 'messages';
  readonly peer: ChannelPeer;
  /** It is one request and its answer. */
  readonly once?: object;
  /** `send` takes bytes. */
  readonly binary?: boolean;
  /** `send` has read the bytes when it returns. */
  readonly takes?: boolean;
  /** What is pushed is overwritten when `push` has returned. */
  readonly reuses?: boolean;
  /** `send` takes values: see `Channel`. */
  readonly moves?: object;
  /** Takes the text, and the bytes that follow it, whatever they have to wait for. Not called after `end` or `abort`. */
  send(data: string, bytes?: Attachments): void;
  /** Bytes taken and not yet handed on. */
  buffered(): number;
  /** The owner has read this piece. */
  taken?(data: Uint8Array | string): void;
  pause?(): void;
  resume?(): void;
  /** Whether it keeps the process alive. */
  readonly hold?: ((keep: boolean) => void) | undefined;
  /** Begins an orderly end; `feed.ended` follows once what was sent has left. Called at most once. */
  end(): void;
  /** Ends at once. What it still feeds is ignored. */
  abort(): void;
}

/** What an adapter tells its channel. */
export interface Feed {
  /** Something arrived; `moved` with one line. */
  push(data: Uint8Array | string, moved?: readonly unknown[]): void;
  /** There may be room again. */
  drained(): void;
  /** The transport is over: what was pushed is delivered, then the owner is told. */
  ended(error?: Error): void;
}

/** Milliseconds without progress in sending what is left, and for the peer's own end after that. */
const stalled = 10_000;
const unanswered = 2_000;

/**
 * The rules of the channel port, kept once for all adapters: what arrives waits for `open` and
 * `resume`, the end is told once, last and never synchronously, and nothing is written after it.
 * `write` returns false while more than `window` bytes are buffered. With a clock, a transport that makes no
 * progress after its `end` is aborted. Who goes on sending to somebody who does not read is held back by most
 * transports; where they cannot (data channels, ports, a page's WebSocket), the channel fails with ERR_LIMIT at
 * `most` bytes or characters that wait.
 */
export function channelOver(
  transport: Transport,
  window: number,
  clock?: Clock,
  most = defaultLimits.unsentMax,
): { channel: Channel; feed: Feed } {
  const channel = new TransportChannel(transport, window, clock, most);
  return { channel, feed: channel };
}

/** A class, since there is one for each session: it takes a third of what closures would. */
class TransportChannel implements Channel, Feed {
  readonly #transport: Transport;
  readonly #window: number;
  readonly #clock: Clock | undefined;
  readonly #most: number;
  /** What came while nobody took it. */
  #queue: [data: Uint8Array | string, moved: readonly unknown[] | undefined][] | undefined;
  #queued = 0;
  #handlers: ChannelHandlers | undefined;
  #end: { error: Error | undefined } | undefined;
  #paused = false;
  #flowing = false;
  /** Nothing more is written. */
  #closing = false;
  /** The owner has closed. */
  #leaving = false;
  #waiting = false;
  #told = false;
  #stopTimer: (() => void) | undefined;

  constructor(transport: Transport, window: number, clock: Clock | undefined, most: number) {
    this.#transport = transport;
    this.#window = window;
    this.#clock = clock;
    this.#most = most;
  }

  get framing(): 'bytes' | 'messages' {
    return this.#transport.framing;
  }

  get peer(): ChannelPeer {
    return this.#transport.peer;
  }

  get binary(): boolean {
    return this.#transport.binary === true;
  }

  get takes(): boolean {
    return this.#transport.takes === true;
  }

  get gives(): boolean {
    return this.#transport.gives === true;
  }

  allocate(size: number): Uint8Array<ArrayBuffer> {
    return this.#transport.allocate?.(size) ?? new Uint8Array(size);
  }

  get moves(): object | undefined {
    return this.#transport.moves;
  }

  get once(): object | undefined {
    return this.#transport.once;
  }

  get buffered(): number {
    return this.#transport.buffered();
  }

  push(data: Uint8Array | string, moved?: readonly unknown[]): void {
    if (this.#end !== undefined) return;
    const owner = this.#handlers;
    if (owner !== undefined && !this.#paused && !this.#flowing && this.#queue === undefined) {
      this.#flowing = true;
      try {
        owner.receive(data, moved);
        this.#transport.taken?.(data);
      } finally {
        this.#flowing = false;
      }
      return this.#flow();
    }
    this.#queue ??= [];
    const kept = this.#transport.reuses === true && typeof data !== 'string' ? data.slice() : data;
    this.#queue.push([kept, moved]);
    this.#queued += data.length;
    this.#flow();
    // One message may be as long as it likes: whoever cuts messages has bounded it.
    if (this.#queued <= this.#most || this.#flowing || (this.#queue?.length ?? 0) < 2) return;
    this.destroy(new DserviceError('ERR_LIMIT', `over ${this.#most} bytes came and were not read`));
  }

  drained(): void {
    if (!this.#waiting || this.#closing || this.#handlers === undefined) return;
    this.#waiting = false;
    this.#handlers.drain();
  }

  ended(error?: Error): void {
    if (this.#end === undefined) this.#finish(error);
  }

  open(owner: ChannelHandlers): void {
    this.#handlers = owner;
    this.#paused = false;
    this.#transport.resume?.();
    queueMicrotask(() => {
      if (this.buffered <= this.#window) this.drained();
      this.#flow();
    });
  }

  write(data: string, bytes?: Attachments): boolean {
    if (this.#closing) return true;
    this.#transport.send(data, bytes);
    if (this.buffered <= this.#window) return true;
    this.#waiting = true;
    return false;
  }

  pause(): void {
    // Who has closed waits for the end, and a held end would never be told.
    if (this.#leaving) return;
    this.#paused = true;
    this.#transport.pause?.();
  }

  resume(): void {
    this.#paused = false;
    this.#transport.resume?.();
    // What is there from now on is delivered as it comes.
    if ((this.#queue ?? this.#end) !== undefined) queueMicrotask(() => this.#flow());
  }

  close(): void {
    if (this.#leaving) return;
    this.#leaving = true;
    // What has arrived is still delivered, and the peer's end has to be read.
    this.resume();
    if (this.#closing) return;
    this.#closing = true;
    this.#watch(this.buffered);
    this.#transport.end();
  }

  destroy(error?: Error): void {
    if (this.#told) return;
    this.#queue = undefined;
    this.#queued = 0;
    this.#paused = false;
    this.#finish(error);
    this.#transport.abort();
  }

  hold(keep: boolean): void {
    this.#transport.hold?.(keep);
  }

  #flow(): void {
    const owner = this.#handlers;
    if (owner === undefined || this.#flowing) return;
    this.#flowing = true;
    try {
      for (let next; !this.#paused && (next = this.#queue?.shift()) !== undefined;) {
        const [data, moved] = next;
        this.#queued -= data.length;
        owner.receive(data, moved);
        this.#transport.taken?.(data);
      }
    } finally {
      this.#flowing = false;
    }
    if (this.#queue?.length === 0) this.#queue = undefined;
    if (this.#end === undefined || this.#told || this.#queue !== undefined) return;
    this.#told = true;
    const { error } = this.#end;
    queueMicrotask(() => owner.close(error));
  }

  #finish(error?: Error): void {
    this.#closing = true;
    this.#end = { error };
    this.#stopTimer?.();
    this.#flow();
  }

  #watch(before: number): void {
    this.#stopTimer = this.#clock?.after(
      before > 0 ? stalled : unanswered,
      () => {
        const left = this.buffered;
        if (left < before) this.#watch(left);
        else this.destroy();
      },
      true,
    );
  }
}
