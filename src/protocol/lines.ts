import { DserviceError } from '../errors.js';

const newline = 10;

/** What the readers of one server may keep together. */
export interface Budget {
  used: number;
  readonly limit: number;
}

/**
 * Cuts what a channel delivers into lines (protocol page, section 3). Works in bytes, so that a
 * character split across two pieces is whole again before it is decoded.
 */
export class LineReader {
  /** Bytes that one line may have; more is an error. */
  limit: number;
  readonly #onLine: (line: string) => void;
  readonly #decode: (bytes: Uint8Array) => string;
  readonly #budget: Budget | undefined;
  #parts: Uint8Array[] = [];
  #size = 0;
  #stopped = false;
  /** Counts the restarts: what is left of a piece that was being read then is dropped. */
  #restarts = 0;

  constructor(
    limit: number,
    onLine: (line: string) => void,
    decode: (bytes: Uint8Array) => string = decodeUtf8,
    budget?: Budget,
  ) {
    this.#budget = budget;
    this.limit = limit;
    this.#onLine = onLine;
    this.#decode = decode;
  }

  /** Forgets the rest of a line: what is pushed from here on comes from elsewhere. */
  restart(): void {
    this.#restarts++;
    this.#clear();
  }

  /** Delivers nothing more, not even the rest of what is being read. */
  stop(): void {
    this.#stopped = true;
    this.#clear();
  }

  /**
   * Takes the next piece: bytes cut anywhere, or text that is one or more whole lines.
   * Throws ERR_LIMIT for a line longer than `limit`.
   */
  push(data: Uint8Array | string): void {
    if (this.#stopped) return;
    if (typeof data === 'string') return this.#split(data);
    const restarts = this.#restarts;
    const end = data.lastIndexOf(newline);
    if (end === -1) return this.#keep(data);
    let start = 0;
    if (this.#size > 0) {
      start = data.indexOf(newline) + 1;
      this.#keep(data.subarray(0, start - 1));
      const whole = concat(this.#parts, this.#size);
      this.#clear();
      this.#emit(this.#decode(whole));
      if (restarts !== this.#restarts) return;
    }
    if (start <= end) this.#split(this.#decode(data.subarray(start, end)));
    if (restarts !== this.#restarts) return;
    if (end + 1 < data.length) this.#keep(data.subarray(end + 1));
  }

  #split(text: string): void {
    const restarts = this.#restarts;
    let start = 0;
    for (;;) {
      const end = text.indexOf('\n', start);
      if (end === -1) break;
      this.#emit(text.slice(start, end));
      if (restarts !== this.#restarts) return;
      start = end + 1;
    }
    if (start === 0) this.#emit(text);
    else if (start < text.length) this.#emit(text.slice(start));
  }

  #keep(bytes: Uint8Array): void {
    if (this.#stopped || bytes.length === 0) return;
    if (this.#size + bytes.length > this.limit) throw tooLong(this.limit);
    if (this.#budget !== undefined) {
      if (this.#budget.used + bytes.length > this.#budget.limit) {
        throw new DserviceError(
          'ERR_LIMIT',
          `over ${this.#budget.limit} bytes of unfinished lines`,
        );
      }
      this.#budget.used += bytes.length;
    }
    // The channel may use its buffer again, so what is kept is copied.
    this.#parts.push(bytes.slice());
    this.#size += bytes.length;
  }

  #clear(): void {
    if (this.#budget !== undefined) this.#budget.used -= this.#size;
    this.#parts = [];
    this.#size = 0;
  }

  #emit(line: string): void {
    if (this.#stopped) return;
    if (line.length > this.limit) throw tooLong(this.limit);
    this.#onLine(line);
  }
}

function tooLong(limit: number): DserviceError {
  return new DserviceError('ERR_LIMIT', `a line is longer than ${limit} bytes`);
}

function concat(parts: Uint8Array[], size: number): Uint8Array {
  const only = parts[0];
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function decodeUtf8(bytes: Uint8Array): string {
  // A byte order mark is data here: JSON.parse refuses it.
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
}
