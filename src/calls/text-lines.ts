import { DserviceError } from '../errors.js';

/**
 * Cuts into lines what a channel delivers, where no raw bytes follow them: who names no `bin` is sent none. Text is
 * whole lines, bytes are cut anywhere.
 */
export class TextLines {
  /** Characters, or bytes of what is not whole yet, that one line may have. */
  limit: number;
  readonly #onLine: (line: string) => void;
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #rest = '';

  constructor(limit: number, onLine: (line: string) => void) {
    this.limit = limit;
    this.#onLine = onLine;
  }

  /** Throws ERR_LIMIT for a line that is too long. */
  push(data: Uint8Array | string): void {
    const whole = typeof data === 'string';
    const text = whole ? data : this.#decoder.decode(data, { stream: true });
    const end = whole ? text.length : text.lastIndexOf('\n') + 1;
    if (end > 0) {
      const lines = this.#rest + text.slice(0, end);
      this.#rest = '';
      for (const line of lines.split('\n')) {
        this.#bound(line);
        this.#onLine(line);
      }
    }
    this.#rest += text.slice(end);
    this.#bound(this.#rest);
  }

  #bound({ length }: string): void {
    if (length <= this.limit) return;
    throw new DserviceError('ERR_LIMIT', `a line is longer than ${this.limit} bytes`);
  }
}
