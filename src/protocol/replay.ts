/**
 * Lines that the peer may not have got: what is sent again when the session goes on over another
 * channel (protocol page, resume). Keeping, acknowledging and counting take constant time a line.
 */
export class Replay {
  #lines: string[] = [];
  /** Where the first kept line stands in `#lines`: what was acknowledged is cut off seldom. */
  #head = 0;
  /** Lines that the peer has got. */
  #acked = 0;
  #size = 0;

  /** Characters that are kept. */
  get size(): number {
    return this.#size;
  }

  /** Lines that were ever kept. */
  get sent(): number {
    return this.#acked + this.#lines.length - this.#head;
  }

  keep(line: string): void {
    this.#lines.push(line);
    this.#size += line.length;
  }

  /** The peer has got so many lines in all. False for a number that cannot be. */
  acknowledge(got: number): boolean {
    if (!(got >= this.#acked && got <= this.sent)) return false;
    for (; this.#acked < got; this.#acked++) {
      const line = this.#lines[this.#head] ?? '';
      this.#lines[this.#head++] = '';
      this.#size -= line.length;
    }
    if (this.#head > this.#lines.length / 2) {
      this.#lines = this.#lines.slice(this.#head);
      this.#head = 0;
    }
    return true;
  }

  /** What the peer has not got, in order. */
  rest(): readonly string[] {
    return this.#lines.slice(this.#head);
  }
}
