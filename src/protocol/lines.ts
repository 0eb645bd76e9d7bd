import type { Deliveries } from '../channel/channel.js';
import { DserviceError } from '../errors.js';
import type { Collector, Following } from './attachments.js';
import type { Budget, Keeper } from './budget.js';

const newline = 10;

/** Who reads the lines. */
export interface LineHost {
  /** A line, without its newline; returns what it asks for before the next one: bytes that follow it. */
  read(line: string): Following | undefined | void;
  /** What is kept has to make room for others: there is no going on. */
  evict?(error: DserviceError): void;
}

/** Makes what takes them; `charge` is told of bytes before they are kept, and throws where there is no room. */
type Collect = (following: Following, charge: (bytes: number) => void) => Collector;

/**
 * Cuts what a channel delivers into lines, and the bytes that follow some of them (protocol page, section
 * 3). Works in bytes, so that a character split across two pieces is whole again before it is decoded.
 */
export class LineReader implements Keeper {
  /** Bytes that one line may have; more is an error. */
  limit: number;
  /** Whether bytes may follow lines; undefined as long as any line may decide that. */
  binary: boolean | undefined = false;
  readonly #host: LineHost;
  readonly #decode: (bytes: Uint8Array) => string;
  /** What has come of a line whose end has not: as bytes, since a character may be cut by their ends. */
  #parts: Uint8Array[] | undefined;
  readonly #budget: Budget | undefined;
  readonly #makeCollector: Collect | undefined;
  /** Bytes of a line whose end has not come. */
  #size = 0;
  #collector: Collector | undefined;
  #stopped = false;
  /** Messages that were begun in one piece and finished in another, or given up. */
  #finished = 0;
  /** Counts the restarts: what is left of a piece that was being read then is dropped. */
  #restarts = 0;

  constructor(
    limit: number,
    host: LineHost,
    decode = decodeLines,
    budget?: Budget,
    collector?: Collect,
  ) {
    this.#budget = budget;
    this.#makeCollector = collector;
    this.limit = limit;
    this.#host = host;
    this.#decode = decode;
  }

  /** Bytes follow the last line, and are not all here. */
  get collecting(): boolean {
    return this.#collector !== undefined;
  }

  /** Undefined where no message is unfinished; else, how many were before it. */
  get unfinished(): number | undefined {
    return this.#size > 0 || this.#collector !== undefined ? this.#finished : undefined;
  }

  evict(error: DserviceError): void {
    this.stop();
    this.#host.evict?.(error);
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
   * `by` says how bytes may be kept.
   * Throws ERR_LIMIT for a line longer than `limit`, ERR_MALFORMED where bytes follow unforeseen.
   */
  push(data: Uint8Array | string, by?: Deliveries): void {
    if (this.#stopped) return;
    const restarts = this.#restarts;
    if (typeof data === 'string') {
      if (this.#collector !== undefined || this.#size > 0) this.#breakOff();
      if (restarts === this.#restarts) this.#split(data, false);
      return;
    }
    for (let at = 0; at < data.length && restarts === this.#restarts;) {
      if (this.#stopped) return;
      at = this.#collector === undefined ? this.#read(data, at) : this.#collect(data, at, by);
    }
  }

  /** Text came where bytes were to go on: what they belong to is not whole, and is not waited for. */
  #breakOff(): void {
    const unfinished = this.#collector;
    const rest = unfinished === undefined ? this.#join() : '';
    this.#clear();
    if (unfinished === undefined) this.#split(rest, false);
    else unfinished.following.done(undefined);
  }

  /** Reads lines from there on, as many as can be decoded at once; returns where it has come. */
  #read(data: Uint8Array, from: number): number {
    const end = this.#size > 0 ? data.indexOf(newline, from) : this.#endOfLines(data, from);
    const bytes = data.subarray(from, end < from ? data.length : end);
    if (end < from) {
      this.#keep(bytes);
      return data.length;
    }
    if (this.#size + bytes.length > this.limit && this.#size > 0) throw tooLong(this.limit);
    const whole = this.#parts === undefined ? this.#decode(bytes) : this.#join(bytes);
    if (this.#size > 0) this.#clear();
    this.#split(whole, true);
    return end + 1;
  }

  /** The newline up to which there is nothing but lines; none where that is below `from`. */
  #endOfLines(data: Uint8Array, from: number): number {
    if (this.binary === undefined) return data.indexOf(newline, from);
    const mark = this.binary ? findMark(data, from) : -1;
    if (mark === -1) return data.lastIndexOf(newline);
    // First those before the one that bytes may follow, then that one.
    const before = data.lastIndexOf(newline, mark);
    return before >= from ? before : data.indexOf(newline, mark);
  }

  #collect(data: Uint8Array, from: number, by: Deliveries | undefined): number {
    const collector = this.#collector;
    if (collector === undefined) return from;
    const taken = collector.take(data, from, by);
    if (collector.complete) {
      this.#clear();
      collector.finish();
    }
    return from + taken;
  }

  /** Hands over lines of text. `raw`: what follows in the same piece, if bytes have to, was not cut rightly. */
  #split(text: string, raw: boolean): void {
    const restarts = this.#restarts;
    for (let start = 0, first = true; first || start < text.length; first = false) {
      const end = text.indexOf('\n', start);
      const line = end === -1 ? text.slice(start) : text.slice(start, end);
      start = end === -1 ? text.length : end + 1;
      const following = this.#emit(line);
      if (end === -1 && following === undefined) return;
      if (restarts !== this.#restarts || this.#stopped) return;
      if (following === undefined) continue;
      this.#follow(following, start >= text.length, raw);
      if (restarts !== this.#restarts) return;
    }
  }

  #follow(following: Following, last: boolean, raw: boolean): void {
    const collector = this.#makeCollector?.(following, (bytes) => this.#charge(bytes));
    if (collector === undefined) return;
    if (collector.complete) collector.finish();
    else if (last) this.#collector = collector;
    else if (!raw) following.done(undefined);
    else
      throw new DserviceError(
        'ERR_MALFORMED',
        'bytes follow a line that does not say "bin" in so many letters',
      );
  }

  #keep(bytes: Uint8Array): void {
    if (this.#stopped || bytes.length === 0) return;
    if (this.#size + bytes.length > this.limit) throw tooLong(this.limit);
    this.#charge(bytes.length);
    this.#size += bytes.length;
    (this.#parts ??= []).push(bytes.slice());
  }

  /** What has been kept, and these bytes, as text. */
  #join(...last: Uint8Array[]): string {
    const whole = new Uint8Array(this.#size + (last[0]?.length ?? 0));
    let at = 0;
    for (const part of [...(this.#parts ?? []), ...last]) {
      whole.set(part, at);
      at += part.length;
    }
    return this.#decode(whole);
  }

  /** Counts what is kept among what all sessions of a server keep. */
  #charge(bytes: number): void {
    this.#budget?.take(bytes, this);
  }

  #clear(): void {
    this.#finished++;
    this.#budget?.give(this.#size + (this.#collector?.size ?? 0), this, true);
    this.#parts = undefined;
    this.#size = 0;
    this.#collector = undefined;
  }

  #emit(line: string): Following | undefined {
    if (this.#stopped) return undefined;
    if (line.length > this.limit) throw tooLong(this.limit);
    return this.#host.read(line) ?? undefined;
  }
}

/** Where `"bin"` stands next, in which every line that bytes follow says so; else -1. Looks at one byte in five. */
function findMark(data: Uint8Array, from: number): number {
  for (let i = from + 4; i < data.length;) {
    switch (data[i]) {
      case 34: {
        const found = data[i - 1] === 110 && data[i - 2] === 105 && data[i - 3] === 98;
        if (found && data[i - 4] === 34) return i - 4;
        i += 4;
        break;
      }
      case 110:
        i += 1;
        break;
      case 105:
        i += 2;
        break;
      case 98:
        i += 3;
        break;
      default:
        i += 5;
    }
  }
  return -1;
}

function tooLong(limit: number): DserviceError {
  return new DserviceError('ERR_LIMIT', `a line is longer than ${limit} bytes`);
}

const utf8 = /* @__PURE__ */ new TextDecoder('utf-8', { ignoreBOM: true });

/** Of whole lines, by the decoder that every runtime has. A byte order mark is data here: JSON.parse refuses it. */
const decodeLines = (bytes: Uint8Array): string => utf8.decode(bytes);
