import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import type { Limits } from '../limits.js';
import { type Attached, sizeOf, steady } from './attachments.js';
import type { Replay } from './replay.js';

/** A line grown to this many characters leaves at once, so that the reader is not left idle. */
const enough = 8 * 1024;

/** Who holds back what would be written: the flow of the session. */
export interface OutboxFlow {
  /** Called after each write that found the channel full. */
  onFull(buffered: number): void;
}

const nothing = (): void => {};
const noText = (): string => '';

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
  /** So many characters leave at once. */
  enough = enough;
  /** Lines in `#text`, each with its newline; while away, lines that nobody was sent, each of which is kept by itself. */
  #fresh = 0;
  /** What the peer may not have got, where the session can go on over another channel. */
  replay: Replay | undefined;
  /** Lines taken, and lines handed to the channel. */
  pushed = 0;
  written = 0;
  /** Whole lines that leave before what is written, with it, and are not kept. */
  lead: () => string = noText;
  /** Told of each line that is kept while there is no channel, or that is held back. */
  onKept: (more: number) => void = nothing;
  /** Set before anything is written. */
  flow!: OutboxFlow;

  constructor(channel: Channel, clock: Clock, limits: Limits) {
    this.#channel = channel;
    this.#clock = clock;
    this.#limits = limits;
  }

  /** The channel is full, there is none, or too much is not acknowledged: whoever can wait, waits. */
  get blocked(): boolean {
    return this.#full || this.#away || this.#mustKeep > this.#limits.replay;
  }

  /** Nothing has gathered: what is pushed next begins a write. */
  get empty(): boolean {
    return this.#text === '';
  }

  /** Characters that have not left. */
  get gathered(): number {
    return this.#text.length;
  }

  /** Whether bytes are read again when `push` has returned. */
  get #keepsBytes(): boolean {
    return this.#away || this.replay !== undefined || this.#channel.takes !== true;
  }

  get #mustKeep(): number {
    return this.replay?.size ?? 0;
  }

  /**
   * Takes a line, and the bytes that follow it: it leaves at once then. Not counted are those that a resume does not
   * send again: hello, ack, ping, pong.
   */
  push(line: string, counted = true, attached?: Attached): void {
    if (this.#stopped) return;
    if (!counted && this.replay !== undefined) return this.#writeAlone(line);
    this.pushed++;
    this.#fresh++;
    const kept = attached && (this.#keepsBytes ? steady(attached) : attached);
    if (this.#away) {
      this.#keep(line, 1, kept);
      return this.onKept(line.length + sizeOf(kept));
    }
    this.#text += line;
    if (kept !== undefined || this.#text.length >= this.enough) this.flush(kept);
    else if (!this.#scheduled && !this.#corked) {
      this.#scheduled = true;
      // Made for each turn that writes: kept, it would be there for each session that is idle.
      this.#clock.endOfTurn(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
  }

  /** Writes a line that is not kept, so that what is written with others is what is kept. */
  #writeAlone(line: string): void {
    this.flush();
    this.pushed++;
    if (this.#away || this.#stopped) return;
    this.written = this.pushed;
    this.#write(line);
  }

  /** Adds a key, led by a comma, to a message that has not left: that many were pushed with it. False if it has. */
  amend(pushed: number, key: string): boolean {
    let after = this.pushed - pushed;
    if (after >= this.#fresh || this.#text === '') return false;
    let end = this.#text.length - 1;
    for (; after > 0; after--) end = this.#text.lastIndexOf('\n', end - 1);
    // Before its last brace, and its newline.
    this.#text = this.#text.slice(0, end - 1) + key + this.#text.slice(end - 1);
    return true;
  }

  #keep(text: string, lines: number, attached?: Attached): void {
    const { replay } = this;
    if (replay === undefined) return;
    replay.keep(text, lines, attached);
    if (replay.size > this.#limits.replay) this.flow.onFull(replay.size);
  }

  /** Something is being read: what it brings about at once leaves when it is through, at `uncork`. */
  cork(): void {
    this.#corked = true;
  }

  uncork(): void {
    this.#corked = false;
    this.flush();
  }

  /** Writes what leads, if anything does, by itself where nothing has gathered. */
  flushLead(): void {
    if (this.#stopped || this.#away) return;
    if (this.#text === '') this.#write('');
    else this.flush();
  }

  /** Writes what has gathered; `attached` follows its last line. */
  flush(attached?: Attached): void {
    if (this.#stopped || this.#text === '') return;
    const text = this.#text;
    const lines = this.#fresh;
    this.#text = '';
    this.written = this.pushed;
    this.#fresh = 0;
    this.#keep(text, lines, attached);
    this.#write(text, attached);
  }

  #write(text: string, attached?: Attached): void {
    const led = this.lead() + text;
    if (led === '' || this.#channel.write(led, attached)) return;
    const { buffered } = this.#channel;
    if (buffered < this.#limits.unsent) return;
    this.#full = true;
    this.flow.onFull(buffered);
  }

  /** The channel has room. */
  drained(): void {
    this.#full = false;
  }

  /** There is no channel any more. What was not written is kept as well. */
  leave(): void {
    const text = this.#text;
    this.#away = true;
    this.#text = '';
    for (let at = 0; at < text.length;) {
      const end = text.indexOf('\n', at) + 1;
      this.#keep(text.slice(at, end), 1);
      at = end;
    }
  }

  /** While there is no channel: takes back those lines that were not written and are not wanted any more. */
  withdraw(unwanted: (line: string) => boolean): void {
    if (this.#away) this.#fresh -= this.replay?.drop(this.#fresh, unwanted) ?? 0;
  }

  /** There is another channel: it is told the greeting, then what the peer has not got. */
  take(greeting: string): void {
    this.#away = false;
    this.#full = false;
    let text = greeting;
    // In pieces, since a channel may not take it all as one message.
    for (const piece of this.replay?.rest() ?? []) {
      text += piece.text;
      if (text.length < enough && piece.attached === undefined) continue;
      this.#write(text, piece.attached);
      text = '';
    }
    this.written = this.pushed;
    this.#fresh = 0;
    if (text !== '') this.#write(text);
  }

  stop(): void {
    this.#stopped = true;
    this.#text = '';
  }
}
