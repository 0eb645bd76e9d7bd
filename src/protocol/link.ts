import type { Attachments, Channel, ChannelHandlers, ChannelPeer } from '../channel/channel.js';

/**
 * The channel of a session, which may be another one tomorrow: what the session says to it goes to the
 * current one, and only the current one is heard. Without one, what is written is dropped.
 */
export class Link implements Channel {
  #channel: Channel;
  #handlers: ChannelHandlers | undefined;
  /** Listens to no channel, until it is given the next. */
  #away = false;
  #paused = false;
  #kept = true;
  /** Told whether it keeps the process alive, which it cannot do without a channel. */
  onHold: ((keep: boolean) => void) | undefined;

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get framing(): 'bytes' | 'messages' {
    return this.#channel.framing;
  }

  get peer(): ChannelPeer {
    return this.#channel.peer;
  }

  get binary(): boolean {
    return this.#channel.binary === true;
  }

  get takes(): boolean {
    return this.#channel.takes === true;
  }

  get gives(): boolean {
    return this.#channel.gives === true;
  }

  allocate(size: number): Uint8Array<ArrayBuffer> {
    return this.#channel.allocate?.(size) ?? new Uint8Array(size);
  }

  get moves(): object | undefined {
    return this.#channel.moves;
  }

  get buffered(): number {
    return this.#away ? 0 : this.#channel.buffered;
  }

  open(handlers: ChannelHandlers): void {
    this.#handlers = handlers;
    this.#channel.open(new Heard(this, this.#channel, handlers));
  }

  /** Whether that is the channel that is heard. */
  hears(channel: Channel): boolean {
    return channel === this.#channel && !this.#away;
  }

  write(data: string, bytes?: Attachments): boolean {
    return this.#away || this.#channel.write(data, bytes);
  }

  pause(): void {
    this.#paused = true;
    if (!this.#away) this.#channel.pause();
  }

  resume(): void {
    this.#paused = false;
    if (!this.#away) this.#channel.resume();
  }

  hold(keep: boolean): void {
    this.#kept = keep;
    if (!this.#away) this.#channel.hold?.(keep);
    this.onHold?.(keep);
  }

  close(): void {
    this.#channel.close();
  }

  destroy(error?: Error): void {
    this.#channel.destroy(error);
  }

  /** Listens to the current channel no more. It stays open, in case that it was for nothing. */
  leave(): void {
    this.#away = true;
  }

  /**
   * Goes on with another channel, and ends the one before: at once, since what has not left it is sent
   * again over this one, and need not be kept twice.
   */
  take(channel: Channel): void {
    const before = this.#channel;
    this.#channel = channel;
    this.#away = false;
    before.destroy();
    if (this.#handlers !== undefined) this.open(this.#handlers);
    if (!this.#kept) channel.hold?.(false);
    if (this.#paused) channel.pause();
  }
}

/** What one channel is heard by, as long as it is the current one. */
class Heard implements ChannelHandlers {
  readonly #link: Link;
  readonly #channel: Channel;
  readonly #handlers: ChannelHandlers;

  constructor(link: Link, channel: Channel, handlers: ChannelHandlers) {
    this.#link = link;
    this.#channel = channel;
    this.#handlers = handlers;
  }

  receive(data: Uint8Array | string, moved?: readonly unknown[]): void {
    if (this.#link.hears(this.#channel)) this.#handlers.receive(data, moved);
  }

  drain(): void {
    if (this.#link.hears(this.#channel)) this.#handlers.drain();
  }

  close(error?: Error): void {
    if (this.#link.hears(this.#channel)) this.#handlers.close(error);
  }
}
