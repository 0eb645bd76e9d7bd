import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import type { Limits } from '../limits.js';
import type { Replay } from './replay.js';

/** A line grown to this many characters leaves at once, so that the reader is not left idle. */
const enough = 8 * 1024;

/**
 * Gathers the lines of one turn of the event loop into one write, and knows which have been written
 * (protocol page, section 3).
 */
export class Outbox {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #limits: Limits;
  #text = '';
  #scheduled = false;
  #corked = false;
  #stopped = false;
  /** There is no channel to write to: what is pushed is kept for the next one. */
  #away = false;
  #full = false;
  /** What the peer may not have got, where the session can go on over another channel. */
  replay: Replay | undefined;
  /** Lines taken, and lines handed to the channel. */
  pushed = 0;
  written = 0;
  /** Called after each write that found the channel full. */
  onFull: (buffered: number) => void = () => {};

  constructor(channel: Channel, clock: Clock, limits: Limits) {
    this.#channel = channel;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The channel is full, there is none, or too much is not acknowledged: whoever can wait, waits. */
  get blocked(): boolean {
    return this.#full || this.#away || this.#mustKeep > this.#limits.replay;
  }

  get #mustKeep(): number {
    return this.replay?.size ?? 0;
  }

  /** Takes a line. Not counted are those that a resume does not send again: hello, ack, ping, pong. */
  push(line: string, counted = true): void {
    if (this.#stopped) return;
    if (counted && this.replay !== undefined) this.#keep(this.replay, line);
    this.pushed++;
    if (this.#away) return;
    this.#text += line;
    if (this.#text.length >= enough) this.flush();
    else if (!this.#scheduled && !this.#corked) {
      this.#scheduled = true;
      this.#clock.endOfTurn(this.#flushLater);
    }
  }

  #keep(replay: Replay, line: string): void {
    replay.keep(line);
    if (replay.size > this.#limits.replay) this.onFull(replay.size);
  }

  /** Something is being read: what it brings about at once leaves when it is through, at `uncork`. */
  cork(): void {
    this.#corked = true;
  }

  uncork(): void {
    this.#corked = false;
    this.flush();
  }

  readonly #flushLater = (): void => {
    this.#scheduled = false;
    this.flush();
  };

  flush(): void {
    if (this.#stopped || this.#text === '') return;
    const text = this.#text;
    this.#text = '';
    this.written = this.pushed;
    this.#write(text);
  }

  #write(text: string): void {
    if (this.#channel.write(text)) return;
    const { buffered } = this.#channel;
    if (buffered < this.#limits.unsent) return;
    this.#full = true;
    this.onFull(buffered);
  }

  /** The channel has room. */
  drained(): void {
    this.#full = false;
  }

  /** There is no channel any more. What was not written is among what is kept. */
  leave(): void {
    this.#away = true;
    this.#text = '';
  }

  /** There is another channel: it is told the greeting, then what the peer has not got. */
  take(greeting: string): void {
    this.#away = false;
    this.#full = false;
    let text = greeting;
    // In pieces, since a channel may not take it all as one message.
    for (const line of this.replay?.rest() ?? []) {
      text += line;
      if (text.length < enough) continue;
      this.#write(text);
      text = '';
    }
    this.written = this.pushed;
    if (text !== '') this.#write(text);
  }

  stop(): void {
    this.#stopped = true;
    this.#text = '';
  }
}
