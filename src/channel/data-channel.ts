import { systemClock, type Clock } from '../clock.js';
import type { Channel, ChannelPeer } from './channel.js';
import { channelOver } from './transport.js';

/** The part of an RTCDataChannel that is used; those of browsers and of `@roamhq/wrtc` both fit. */
export interface DataChannelLike {
  readonly readyState: string;
  readonly bufferedAmount: number;
  bufferedAmountLowThreshold: number;
  binaryType: string;
  send(data: string): void;
  send(data: Uint8Array<ArrayBuffer>): void;
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void;
  addEventListener(
    type: 'open' | 'close' | 'error' | 'bufferedamountlow',
    listener: () => void,
  ): void;
}

/** The connection below a data channel, which ends with it. */
export interface DataConnection {
  /** Told if it fails. Called once. */
  onLost(listener: (error: Error) => void): void;
  /** Ends it at once. May be called again. */
  close(): void;
}

export interface DataChannelOptions {
  readonly peer?: Omit<ChannelPeer, 'transport'>;
  readonly clock?: Clock;
  /** Unsent bytes at which `write` returns false. */
  readonly window?: number;
}

/** What every implementation takes in one message. */
const piece = 16 * 1024;
/** Bytes handed to the data channel and not yet sent, at most and when there is room again: some have no bound but failing. */
const high = 512 * 1024;
const low = 128 * 1024;
/** Milliseconds for the peer to close the connection, once both sides have said that they end. */
const linger = 2_000;

/**
 * A byte channel over an open data channel, ordered and reliable, which is the channel's from here on, as
 * the connection is. Both ends have to be channels of this kind: bytes are binary messages, cut anywhere,
 * and text messages are words of ours. A data channel's own close is slow to show and drops what is under
 * way, so each side says `bye` after its last byte, and `bye bye` when it has read the other's before: who
 * hears that knows that all has arrived, and closes. What arrives cannot be held back: it is kept.
 */
export function dataChannel(
  rtc: DataChannelLike,
  connection: DataConnection,
  options: DataChannelOptions = {},
): Channel {
  const { clock = systemClock, window = high } = options;
  const encoder = new TextEncoder();
  /** Waits for the data channel: text, then what of it was made bytes, from `at` on. */
  let text = '';
  let bytes = new Uint8Array(0);
  let at = 0;
  let ending = false;
  let said: 'bye' | 'bye bye' | undefined;
  let heard = false;
  let over = false;
  let stopTimer: (() => void) | undefined;

  const finish = (error?: Error): void => {
    if (over) return;
    over = true;
    stopTimer?.();
    text = '';
    bytes = new Uint8Array(0);
    at = 0;
    connection.close();
    feed.ended(error);
  };
  const sayEnd = (): void => {
    const word = heard ? 'bye bye' : 'bye';
    if (!ending || word === said) return;
    rtc.send(word);
    said = word;
    if (!heard) return;
    feed.ended();
    // The peer closes when it has heard us: closing here could overtake what we said.
    stopTimer = clock.after(linger, finish, true);
  };
  const pump = (): void => {
    if (over) return;
    try {
      while (rtc.bufferedAmount < high) {
        if (at === bytes.length) {
          if (text === '') return sayEnd();
          bytes = encoder.encode(text);
          text = '';
          at = 0;
        }
        const next = bytes.length <= piece ? bytes : bytes.subarray(at, at + piece);
        at += next.length;
        rtc.send(next);
      }
    } catch (error) {
      finish(new Error('the data channel takes nothing more', { cause: error }));
    }
  };
  const hear = (word: string): void => {
    if (word !== 'bye' && word !== 'bye bye') return;
    heard = true;
    if (word === 'bye bye' && said !== undefined) return finish();
    ending = true;
    pump();
  };
  const buffered = (): number => (over ? 0 : rtc.bufferedAmount + bytes.length - at + text.length);

  const { channel, feed } = channelOver(
    {
      framing: 'bytes',
      peer: { ...options.peer, transport: 'webrtc' },
      send(data) {
        text += data;
        pump();
      },
      buffered,
      end() {
        ending = true;
        pump();
      },
      abort: finish,
    },
    window,
    clock,
  );

  rtc.binaryType = 'arraybuffer';
  // Of fewer bytes than this there is no word.
  rtc.bufferedAmountLowThreshold = Math.min(low, window >> 1);
  rtc.addEventListener('bufferedamountlow', () => {
    pump();
    if (buffered() <= window >> 1) feed.drained();
  });
  rtc.addEventListener('message', ({ data }) => {
    if (over || heard) return;
    if (typeof data === 'string') hear(data);
    // By the line above, nothing but buffers.
    else feed.push(new Uint8Array(data as ArrayBuffer));
  });
  // Says nothing of use: `close` follows.
  rtc.addEventListener('error', () => {});
  rtc.addEventListener('close', () =>
    finish(new Error('the data channel was closed without a bye')),
  );
  connection.onLost(finish);
  return channel;
}
