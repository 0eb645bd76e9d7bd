import { systemClock, type Clock } from '../clock.js';
import type { Channel } from './channel.js';
import { channelOver, type Feed } from './transport.js';

export interface MemoryOptions {
  /** Delivers at the end of its turn (`defer`). */
  clock?: Clock;
  /** `messages` by default. `bytes` cuts what is written into pieces, and wipes them after reading. */
  framing?: 'bytes' | 'messages';
  /** Unread bytes at which `write` returns false. */
  window?: number;
  /** Bytes in a piece. */
  piece?: number;
}

/** One direction's writer, as the other side sees it. */
interface Side {
  readonly channel: Channel;
  readonly feed: Feed;
  /** The other side has read that many bytes of this side's. */
  read(bytes: number): void;
  /** The other side has ended. */
  peerEnded(): void;
}

/**
 * Two channels connected to each other, in one process. It is as strict as a network: delivery is
 * never synchronous, and who reads slowly stops the other's writer.
 */
export function memoryPair(options: MemoryOptions = {}): [Channel, Channel] {
  const a: Side = side(options, () => b);
  const b: Side = side(options, () => a);
  return [a.channel, b.channel];
}

function side(options: MemoryOptions, other: () => Side): Side {
  const { clock = systemClock, framing = 'messages', window = 64 * 1024 } = options;
  const piece = options.piece ?? 16_381;
  const encoder = new TextEncoder();
  let unread = 0;
  let sentEnd = false;

  const post = (data: Uint8Array | string): void => {
    unread += data.length;
    clock.defer(() => other().feed.push(data));
  };
  const postEnd = (): void => {
    if (sentEnd) return;
    sentEnd = true;
    clock.defer(() => other().peerEnded());
  };

  const { channel, feed } = channelOver(
    {
      framing,
      peer: { transport: 'memory' },
      binary: true,
      send(data, attached = []) {
        const parts: readonly Uint8Array[] =
          framing === 'messages' ? attached : [encoder.encode(data), ...attached];
        if (framing === 'messages') post(data);
        for (const bytes of parts) {
          for (let at = 0; at < bytes.length; at += piece) post(bytes.slice(at, at + piece));
        }
      },
      buffered: () => unread,
      taken(data) {
        other().read(data.length);
        // The bytes were lent until `receive` returned: whoever kept them finds out here.
        if (typeof data !== 'string') data.fill(0);
      },
      end: postEnd,
      abort: postEnd,
    },
    window,
    clock,
  );

  return {
    channel,
    feed,
    read(bytes) {
      unread -= bytes;
      if (unread <= window / 2) feed.drained();
    },
    peerEnded() {
      postEnd();
      feed.ended();
    },
  };
}
