import type { Channel, ChannelPeer } from './channel.js';

/** What an attempt at a direct channel is made with. */
export interface DirectOptions {
  /** The side that begins. The other one waits for its first signal. */
  readonly initiator: boolean;
  /** Who is at the other end, as told by whoever carries the signals. */
  readonly peer: Omit<ChannelPeer, 'transport'>;
  /** Sends a signal (any JSON) to the other side's attempt, in order, by whatever way there is. */
  send(signal: unknown): void;
}

/** An attempt under way. */
export interface DirectAttempt {
  /** A signal of the other side's. One that is no signal fails the attempt, and throws nothing. */
  signal(data: unknown): void;
  /** The channel, once it is open. Rejects with ERR_CONNECT, ERR_TIMEOUT, ERR_CANCELLED. */
  readonly channel: Promise<Channel>;
  /** Gives up. Does nothing once there is a channel. */
  cancel(): void;
}

/** Makes direct channels between two programs that can already exchange a few signals: WebRTC. */
export type Direct = (options: DirectOptions) => DirectAttempt;
