import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';

/** A line grown to this many characters leaves at once, so that the reader is not left idle. */
const enough = 8 * 1024;

/**
 * Gathers the lines of one turn of the event loop into one write, and knows which have been written
 * (protocol page, section 3).
 */
export class Outbox {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #unsent: number;
  #text = '';
  #scheduled = false;
  #corked = false;
  #stopped = false;
  /** Lines taken, and lines handed to the channel. */
  pushed = 0;
  written = 0;
  /** The channel is full: whoever can wait, waits for `onDrain`. */
  blocked = false;
  /** Called after each write that found the channel full. */
  onFull: (buffered: number) => void = () => {};

  constructor(channel: Channel, clock: Clock, unsent: number) {
    this.#channel = channel;
    this.#clock = clock;
    this.#unsent = unsent;
  }

  push(line: string): void {
    if (this.#stopped) return;
    this.#text += line;
    this.pushed++;
    if (this.#text.length >= enough) this.flush();
    else if (!this.#scheduled && !this.#corked) {
      this.#scheduled = true;
      this.#clock.endOfTurn(this.#flushLater);
    }
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
    if (this.#channel.write(text)) return;
    const { buffered } = this.#channel;
    if (buffered < this.#unsent) return;
    this.blocked = true;
    this.onFull(buffered);
  }

  stop(): void {
    this.#stopped = true;
    this.#text = '';
  }
}
