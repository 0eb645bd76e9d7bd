import type { Clock } from '../clock.js';

/** Bytes a second: a message that grows by less, over a whole `stall`, is not sent but held open. */
const slowest = 64;
/** Bytes a second that a peer takes at least, of what waits for it. Between two looks nothing may be seen to move. */
const slowestTaker = 16 * 1024;

const first = { finished: -1, read: 0, halts: 0 };

/** Whose channel it is. */
export interface StallHost {
  readonly clock: Clock;
  readonly channel: { readonly buffered: number };
  readonly limits: { readonly stall: number };
  /** A message of which a part is here: how many were finished before it. Undefined: there is none. */
  readonly intake: { readonly unfinished: number | undefined };
  /** Changes whenever reading is held up, goes on, or does so from another channel. */
  readonly halts: number;
  /** Nothing is read: reading is held up, or there is no channel. */
  readonly halted: boolean;
  onStalled(why: string): void;
}

/**
 * Ends what neither goes on nor ends: a message that is sent byte by byte, a peer that takes nothing
 * (docs/limits.md, `stall`). It watches only while there is something unfinished.
 */
export class Stall {
  readonly #host: StallHost;
  /** Bytes that were read. */
  #read = 0;
  #stop: (() => void) | undefined;
  /** How it was at the last look: which message was unfinished, and how far it had come. */
  #last = first;
  #fullSince: number | undefined;

  constructor(host: StallHost) {
    this.#host = host;
  }

  /** A piece was read, at whose end a message is unfinished. */
  read(bytes: number): void {
    this.#read += bytes;
    if (this.#stop === undefined && this.#host.intake.unfinished !== undefined) this.#look();
  }

  /** What is sent waits. */
  full(): void {
    this.#fullSince ??= this.#host.clock.now();
    if (this.#stop === undefined) this.#look();
  }

  /** The peer has taken some. */
  taken(): void {
    this.#fullSince = undefined;
  }

  /** Remembers how it is, and looks again. */
  #look(): void {
    const { clock, limits, intake } = this.#host;
    this.#last = { finished: intake.unfinished ?? -1, read: this.#read, halts: this.#host.halts };
    this.#stop = clock.after(limits.stall, () => this.#check(), true);
  }

  #check(): void {
    const { clock, limits, channel, intake } = this.#host;
    const { stall } = limits;
    const { finished, read, halts } = this.#last;
    this.#stop = undefined;
    const now = intake.unfinished;
    const grown = this.#read - read;
    // Where we would not have it read, the peer is not to blame.
    const watched = !this.#host.halted && this.#host.halts === halts;
    if (watched && now === finished && grown < (stall / 1_000) * slowest) {
      return this.#host.onStalled(`only ${grown} bytes of a message came in ${stall} ms`);
    }
    const waited = clock.now() - (this.#fullSince ?? clock.now());
    if (waited > stall + (channel.buffered / slowestTaker) * 1_000) {
      const text = `the peer took nothing of ${channel.buffered} bytes in ${Math.round(waited)} ms`;
      return this.#host.onStalled(text);
    }
    if (now !== undefined || this.#fullSince !== undefined) this.#look();
  }

  stop(): void {
    this.#stop?.();
  }
}
