import { type Attached, sizeOf } from './attachments.js';

/** Whole lines that left, or are to leave, together, and the bytes that follow the last of them. */
interface Piece {
  readonly text: string;
  readonly attached?: Attached | undefined;
  readonly lines: number;
}

/**
 * What the peer may not have got: it is sent again when the session goes on over another channel (protocol
 * page, resume). What was written is kept as it was written, many lines at once, since to keep each by itself
 * costs a third of all speed.
 */
export class Replay {
  #pieces: Piece[] = [];
  /** Where the first kept piece stands in `#pieces`: what was acknowledged is cut off seldom. */
  #head = 0;
  /** Lines of the pieces that are not kept any more. */
  #gone = 0;
  /** Lines that the peer has got. */
  #acked = 0;
  #size = 0;
  /** Lines that were ever kept. */
  sent = 0;

  /** Characters and bytes that are kept. */
  get size(): number {
    return this.#size;
  }

  /** `text` is so many whole lines; `attached` follows the last of them. */
  keep(text: string, lines: number, attached?: Attached): void {
    this.#pieces.push({ text, lines, attached });
    this.#size += text.length + sizeOf(attached);
    this.sent += lines;
  }

  /** Forgets those of the last `count` pieces that are not wanted, of which none was sent. Returns how many. */
  drop(count: number, unwanted: (text: string) => boolean): number {
    const fresh = this.#pieces.splice(this.#pieces.length - count);
    let dropped = 0;
    for (const piece of fresh) {
      if (unwanted(piece.text)) {
        dropped++;
        this.#size -= piece.text.length + sizeOf(piece.attached);
        this.sent -= piece.lines;
      } else this.#pieces.push(piece);
    }
    return dropped;
  }

  /** The peer has got so many lines in all. False for a number that cannot be. */
  acknowledge(got: number): boolean {
    if (!(got >= this.#acked && got <= this.sent)) return false;
    this.#acked = got;
    for (;;) {
      const piece = this.#pieces[this.#head];
      if (piece === undefined || this.#gone + piece.lines > got) break;
      this.#pieces[this.#head++] = nothing;
      this.#gone += piece.lines;
      this.#size -= piece.text.length + sizeOf(piece.attached);
    }
    if (this.#head > this.#pieces.length / 2) {
      this.#pieces = this.#pieces.slice(this.#head);
      this.#head = 0;
    }
    return true;
  }

  /** What the peer has not got, in order: pieces of whole lines. */
  *rest(): Iterable<Pick<Piece, 'text' | 'attached'>> {
    let had = this.#acked - this.#gone;
    for (const { text, attached } of this.#pieces.slice(this.#head)) {
      let at = 0;
      for (; had > 0; had--) at = text.indexOf('\n', at) + 1;
      yield { text: text.slice(at), attached };
    }
  }
}

const nothing: Piece = { text: '', lines: 0 };
