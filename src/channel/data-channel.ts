import { systemClock, type Clock } from '../clock.js';
import type { Channel, ChannelPeer } from './channel.js';
import type { Frame } from './frames.js';
import { channelOver } from './transport.js';

/** The part of an RTCDataChannel that is used; those of browsers and of `@roamhq/wrtc` both fit. */
export interface DataChannelLike {
  readonly readyState: string;
  readonly bufferedAmount: number;
  /** Absent where there is no event for room: in `@roamhq/wrtc`. */
  bufferedAmountLowThreshold?: number;
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
/** Bytes that the data channel holds at most: beyond a bound of its own it fails. */
const high = 1024 * 1024;
/** Bytes in it at which it has room again. */
const low = 256 * 1024;
/** Bytes in it up to which less than a piece is sent: more may come while they leave, and fill it. */
const few = 32 * 1024;
/** Small writes of one turn that leave at once; those after them leave together. */
const hurried = 4;
/** Milliseconds between looks where there is no event. */
const lookEvery = 4;
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
  const room = Math.min(low, window >> 1);
  const least = Math.min(few, room);
  const hasEvent = rtc.bufferedAmountLowThreshold !== undefined;
  const encoder = new TextEncoder();
  // A data channel copies what it is given before `send` returns.
  const scratch = new Uint8Array(piece);
  /** Waits for the data channel: of `first` what is after `at`, then `later`, whose text is joined. */
  let first: Frame = '';
  let at = 0;
  let later: Frame[] = [];
  let laterSize = 0;
  /** In the data channel, at most: asking it costs as much as a small message where it lives in another thread. */
  let inside = 0;
  let sentThisTurn = 0;
  let ending = false;
  let said: 'bye' | 'bye bye' | undefined;
  let heard = false;
  let over = false;
  let looking = false;
  let stopLinger: (() => void) | undefined;

  /** In characters, which have a byte or more, and bytes. */
  const waiting = (): number => first.length - at + laterSize;
  const holdsAtMost = (count: number): boolean =>
    inside <= count || (inside = rtc.bufferedAmount) <= count;

  const finish = (error?: Error): void => {
    if (over) return;
    over = true;
    stopLinger?.();
    first = '';
    later = [];
    at = laterSize = 0;
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
    stopLinger = clock.after(linger, finish, true);
  };
  const wait = (more: Frame): void => {
    const last = later.at(-1);
    if (typeof last === 'string' && typeof more === 'string') later[later.length - 1] = last + more;
    else if (more.length > 0) later.push(more);
    laterSize += more.length;
  };
  /** Writes what waits into `scratch`, from there on; returns how much. */
  const fill = (from: number): number => {
    const space = piece - from;
    if (typeof first !== 'string') {
      const bytes = first.subarray(at, at + space);
      scratch.set(bytes, from);
      at += bytes.length;
      return bytes.length;
    }
    const next = first.slice(at, at + space);
    // Half a character would become another one.
    const whole = isHalf(next) && at + space < first.length ? next.slice(0, -1) : next;
    const { read, written } = encoder.encodeInto(
      whole,
      from === 0 ? scratch : scratch.subarray(from),
    );
    at += read;
    return written;
  };
  const sendPiece = (): void => {
    let size = 0;
    while (size < piece && waiting() > 0) {
      if (at === first.length) {
        first = later.shift() ?? '';
        laterSize -= first.length;
        at = 0;
      }
      const written = fill(size);
      // No room for the next character.
      if (written === 0) break;
      size += written;
    }
    inside += size;
    rtc.send(size === piece ? scratch : scratch.subarray(0, size));
    look();
  };
  /** Says how little has to be inside for the event to come. */
  const listen = (count: number): void => {
    if (hasEvent && rtc.bufferedAmountLowThreshold !== count)
      rtc.bufferedAmountLowThreshold = count;
  };
  /** `rest`: what is less than a piece leaves as well, if little is before it. */
  const pump = (rest: boolean): void => {
    if (over) return;
    try {
      for (let left; (left = waiting()) > 0; sendPiece()) {
        const whole = left >= piece;
        if (!whole && !rest) return;
        if (holdsAtMost(whole ? high : least)) continue;
        return listen(inside > room ? room : least);
      }
      listen(room);
      sayEnd();
    } catch (error) {
      finish(new Error('the data channel takes nothing more', { cause: error }));
    }
  };
  const turnEnded = (): void => {
    sentThisTurn = 0;
    pump(true);
  };
  const hasRoom = (): void => {
    pump(true);
    if (buffered() <= window >> 1) feed.drained();
  };
  /** Stands in for the event. */
  const look = (): void => {
    if (hasEvent || looking) return;
    looking = true;
    const looks = (): void => {
      looking = false;
      if (over) return;
      inside = rtc.bufferedAmount;
      if (inside <= room) hasRoom();
      if (inside > 0) look();
    };
    clock.after(lookEvery, looks, true);
  };
  const buffered = (): number => {
    if (over) return 0;
    if (hasEvent || inside > room) inside = rtc.bufferedAmount;
    return inside + waiting();
  };
  const hear = (word: string): void => {
    if (word !== 'bye' && word !== 'bye bye') return;
    heard = true;
    if (word === 'bye bye' && said !== undefined) return finish();
    ending = true;
    pump(true);
  };

  const { channel, feed } = channelOver(
    {
      framing: 'bytes',
      peer: { ...options.peer, transport: 'webrtc' },
      binary: true,
      send(data, attached = []) {
        wait(data);
        for (const bytes of attached) wait(bytes);
        if (sentThisTurn === 0) clock.endOfTurn(turnEnded);
        sentThisTurn += 1;
        // Each message costs about 100 µs to send and to receive, whatever its length.
        if (waiting() >= piece) pump(false);
        else if (sentThisTurn <= hurried) pump(true);
      },
      buffered,
      end() {
        ending = true;
        pump(true);
      },
      abort: finish,
    },
    window,
    clock,
  );

  rtc.bufferedAmountLowThreshold = room;
  rtc.binaryType = 'arraybuffer';
  rtc.addEventListener('bufferedamountlow', hasRoom);
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

/** Whether the last character is the first half of a surrogate pair. */
function isHalf(text: string): boolean {
  return (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800;
}
