import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { defaultLimits } from '../limits.js';
import type { Channel, ChannelHandlers, ChannelPeer } from './channel.js';

/** What an adapter does for its channel. It begins paused: `resume` is called at `open`. */
export interface Transport {
  readonly framing: 'bytes' | 'messages';
  readonly peer: ChannelPeer;
  /** It is one request and its answer. */
  readonly once?: object;
  /** `send` takes bytes. */
  readonly binary?: boolean;
  /** Takes the text, and the bytes that follow it, whatever they have to wait for. Not called after `end` or `abort`. */
  send(data: string, bytes?: readonly Uint8Array<ArrayBuffer>[]): void;
  /** Bytes taken and not yet handed on. */
  buffered(): number;
  /** The owner has read this piece. */
  taken?(data: Uint8Array | string): void;
  pause?(): void;
  resume?(): void;
  /** Begins an orderly end; `feed.ended` follows once what was sent has left. Called at most once. */
  end(): void;
  /** Ends at once. What it still feeds is ignored. */
  abort(): void;
}

/** What an adapter tells its channel. */
export interface Feed {
  /** Something arrived. */
  push(data: Uint8Array | string): void;
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
  const queue: (Uint8Array | string)[] = [];
  let queued = 0;
  let handlers: ChannelHandlers | undefined;
  let end: { error: Error | undefined } | undefined;
  let paused = false;
  let flowing = false;
  /** Nothing more is written. */
  let closing = false;
  /** The owner has closed. */
  let leaving = false;
  let waiting = false;
  let told = false;
  let stopTimer: (() => void) | undefined;

  const flow = (): void => {
    if (handlers === undefined || flowing) return;
    flowing = true;
    try {
      for (let data; !paused && (data = queue.shift()) !== undefined;) {
        queued -= data.length;
        handlers.receive(data);
        transport.taken?.(data);
      }
    } finally {
      flowing = false;
    }
    if (end === undefined || told || queue.length > 0) return;
    told = true;
    const { error } = end;
    const owner = handlers;
    queueMicrotask(() => owner.close(error));
  };
  const soon = (): void => queueMicrotask(flow);
  const go = (): void => {
    paused = false;
    transport.resume?.();
    soon();
  };
  const finish = (error?: Error): void => {
    closing = true;
    end = { error };
    stopTimer?.();
    flow();
  };

  const watch = (before: number): void => {
    stopTimer = clock?.after(
      before > 0 ? stalled : unanswered,
      () => {
        const left = transport.buffered();
        if (left < before) watch(left);
        else channel.destroy();
      },
      true,
    );
  };

  const feed: Feed = {
    push(data) {
      if (end !== undefined) return;
      queue.push(data);
      queued += data.length;
      flow();
      // One message may be as long as it likes: whoever cuts messages has bounded it.
      if (queued <= most || queue.length < 2 || flowing) return;
      channel.destroy(new DserviceError('ERR_LIMIT', `over ${most} bytes came and were not read`));
    },
    drained() {
      if (!waiting || closing || handlers === undefined) return;
      waiting = false;
      handlers.drain();
    },
    ended(error) {
      if (end === undefined) finish(error);
    },
  };

  const channel: Channel = {
    framing: transport.framing,
    peer: transport.peer,
    binary: transport.binary === true,
    once: transport.once,
    get buffered() {
      return transport.buffered();
    },
    open(owner) {
      handlers = owner;
      queueMicrotask(() => {
        if (transport.buffered() <= window) feed.drained();
      });
      go();
    },
    write(data, bytes) {
      if (closing) return true;
      transport.send(data, bytes);
      if (transport.buffered() <= window) return true;
      waiting = true;
      return false;
    },
    pause() {
      // Who has closed waits for the end, and a held end would never be told.
      if (leaving) return;
      paused = true;
      transport.pause?.();
    },
    resume: go,
    close() {
      if (leaving) return;
      leaving = true;
      // What has arrived is still delivered, and the peer's end has to be read.
      go();
      if (closing) return;
      closing = true;
      watch(transport.buffered());
      transport.end();
    },
    destroy(error) {
      if (told) return;
      queue.length = 0;
      queued = 0;
      paused = false;
      finish(error);
      transport.abort();
    },
  };
  return { channel, feed };
}
