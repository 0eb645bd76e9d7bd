import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Channel } from './channel.js';
import { dataChannel, type DataChannelLike } from './data-channel.js';
import type { Direct, DirectAttempt, DirectOptions } from './direct.js';
import { readSignal, type Signal } from './signal.js';

/** A server that helps to find a way: STUN or TURN. */
export interface IceServer {
  readonly urls: string | string[];
  readonly username?: string;
  readonly credential?: string;
}

/** What a simple-peer is made with, as far as we care. */
export interface PeerOptions {
  readonly initiator: boolean;
  readonly config: { readonly iceServers: readonly IceServer[] };
  readonly channelConfig: Readonly<Record<string, unknown>>;
  readonly iceCompleteTimeout: number;
}

/** The part of a simple-peer that is used. */
export interface PeerLike {
  readonly _channel: (DataChannelLike & DataChannelHandlers) | null;
  signal(data: unknown): void;
  destroy(): void;
  on(event: 'signal', listener: (signal: unknown) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'close', listener: () => void): unknown;
}

/** By which simple-peer listens. */
interface DataChannelHandlers {
  onmessage: unknown;
  onopen: unknown;
  onclose: unknown;
  onerror: unknown;
  onbufferedamountlow: unknown;
}

export interface WebrtcOptions {
  /**
   * None without this: an attempt then finds the ways within one machine or network, and tells nobody
   * outside of it. With a STUN server, which learns the address, it finds those through most routers.
   */
  readonly iceServers?: readonly IceServer[];
  /** Milliseconds for an attempt; 10,000 without. */
  readonly timeout?: number;
  readonly clock?: Clock;
}

/** Signals of the other side's that are kept while simple-peer is loaded, and taken in all. */
const signalsAtMost = 256;

/**
 * Direct channels by simple-peer, which `load` brings at the first attempt. It finds the way; the bytes go
 * through its data channel without it, since its stream costs a copy and a turn for each message, has 64 KiB of
 * room, and closes by a timer.
 */
export function webrtcBy(
  load: () => Promise<(options: PeerOptions) => PeerLike>,
  options: WebrtcOptions & { readonly clock: Clock },
): Direct {
  const { iceServers = [], timeout = 10_000, clock } = options;
  const peerOptions = (initiator: boolean): PeerOptions => ({
    initiator,
    config: { iceServers },
    // Made by both sides, it is there from the start, and open half a round trip sooner.
    channelConfig: { negotiated: true, id: 0 },
    // Candidates leave one by one. The timer for sending them together would keep a process alive.
    iceCompleteTimeout: 1,
  });
  return (attempt) => begin(attempt, load, peerOptions(attempt.initiator), timeout, clock);
}

function begin(
  { initiator, peer: who, send }: DirectOptions,
  load: () => Promise<(options: PeerOptions) => PeerLike>,
  peerOptions: PeerOptions,
  timeout: number,
  clock: Clock,
): DirectAttempt {
  let early: Signal[] = [];
  let signals = 0;
  let peer: PeerLike | undefined;
  let settled = false;
  let lost: ((error: Error) => void) | undefined;
  let resolve!: (channel: Channel) => void;
  let reject!: (error: Error) => void;
  const channel = new Promise<Channel>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Who has cancelled need not look.
  channel.catch(() => {});

  const settle = (): void => {
    settled = true;
    early = [];
    stopTimer();
  };
  const fail = (error: DserviceError): void => {
    if (settled) return;
    settle();
    reject(error);
    peer?.destroy();
  };
  const failed = (why: string, cause?: unknown): void =>
    fail(
      new DserviceError(
        'ERR_CONNECT',
        `no direct channel: ${why}`,
        cause === undefined ? {} : { cause },
      ),
    );
  const stopTimer = clock.after(timeout, () =>
    fail(new DserviceError('ERR_TIMEOUT', `no direct channel within ${timeout} ms`)),
  );

  /** Runs what may throw. */
  const guard = (fn: () => void): void => {
    try {
      fn();
    } catch (error) {
      failed('an error', error);
    }
  };
  const start = (make: (options: PeerOptions) => PeerLike): void => {
    if (settled) return;
    const it = make(peerOptions);
    peer = it;
    it.on('error', (error) => {
      failed(error.message, error);
      lost?.(error);
    });
    it.on('close', () => {
      failed('the connection was closed');
      lost?.(new Error('the connection was closed'));
    });
    it.on('signal', (signal) => {
      if (!settled) guard(() => send(signal));
    });
    const rtc = it._channel;
    // It could not begin, and says so by an error.
    if (rtc === null) return;
    // Else all that arrives would be kept by its stream too.
    rtc.onmessage = rtc.onopen = rtc.onclose = rtc.onerror = rtc.onbufferedamountlow = null;
    const opened = (): void => {
      if (settled) return;
      settle();
      const connection = {
        onLost: (listener: (error: Error) => void) => void (lost = listener),
        close: () => it.destroy(),
      };
      resolve(dataChannel(rtc, connection, { peer: who, clock }));
    };
    rtc.addEventListener('open', opened);
    rtc.addEventListener('close', () => failed('the data channel was closed'));
    for (const signal of early) it.signal(signal);
    early = [];
  };
  load().then(
    (make) => guard(() => start(make)),
    (error: unknown) => failed('WebRTC could not be loaded', error),
  );

  return {
    channel,
    signal(data) {
      if (settled) return;
      const signal = readSignal(data, initiator);
      signals += 1;
      if (signal === undefined) return failed('what came is no signal');
      if (signals > signalsAtMost) return failed('too many signals');
      if (peer === undefined) early.push(signal);
      else guard(() => peer?.signal(signal));
    },
    cancel: () => fail(new DserviceError('ERR_CANCELLED', 'the direct channel was given up')),
  };
}
