import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';

/** Gathers the lines of one turn of the event loop into one write, and knows how many have left. */
export class LinesOut {
  readonly #channel: Channel;
  readonly #clock: Clock;
  #text = '';
  #stopped = false;
  /** Lines taken, and lines handed to the channel. */
  pushed = 0;
  written = 0;
  /** Told of what is unsent, after a write that found the channel full. */
  readonly #onFull: (buffered: number) => void;

  constructor(channel: Channel, clock: Clock, onFull: (buffered: number) => void) {
    this.#channel = channel;
    this.#clock = clock;
    this.#onFull = onFull;
  }

  /** Takes a line, without its newline. */
  push(line: string): void {
    if (this.#stopped) return;
    this.pushed++;
    if (this.#text === '') this.#clock.endOfTurn(() => this.flush());
    this.#text += `${line}\n`;
  }

  flush(): void {
    const text = this.#text;
    this.#text = '';
    if (this.#stopped || text === '') return;
    this.written = this.pushed;
    if (!this.#channel.write(text)) this.#onFull(this.#channel.buffered);
  }

  stop(): void {
    this.#stopped = true;
  }
}
