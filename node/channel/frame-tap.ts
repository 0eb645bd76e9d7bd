import { most } from '../../src/channel/frames.js';
import { applyMask } from './mask.js';

/** Where what comes over a WebSocket goes. */
export interface TapTarget {
  /** Bytes of a binary frame, cut anywhere. */
  take(bytes: Uint8Array): void;
  /** All else as it came, cut anywhere. */
  pass(bytes: Uint8Array): void;
  /** Whatever comes from here on is passed. */
  leave(): void;
}

/** The kinds of frames (RFC 6455 §5.2) that are known here. */
const [binary, ping, pong] = [2, 9, 10];

/**
 * Takes binary frames out of what comes over a WebSocket, while they come. All else is for who knows the rules: text,
 * what is asked and answered, messages of several frames, long ones; and what does not look as it should, or is the last
 * that is read, with all that comes behind it.
 */
export class FrameTap {
  readonly #target: TapTarget;
  /** Frames have to be masked: they come from who dialled. */
  readonly #masked: boolean;
  /** The beginning of a head, of 14 bytes at most, whose rest has not come. */
  #begun: Uint8Array | undefined;
  /** Bytes of the frame that have come, and that have not; whether they are taken, and what masks them. */
  #at = 0;
  #left = 0;
  #takes = false;
  #key = 0;
  /** A message of several frames has begun. */
  #parted = false;
  #over = false;

  constructor(masked: boolean, target: TapTarget) {
    this.#masked = masked;
    this.#target = target;
  }

  /** What is pushed is changed: masks are taken off in place. */
  push(given: Uint8Array): void {
    const chunk = this.#begun === undefined ? given : Buffer.concat([this.#begun, given]);
    this.#begun = undefined;
    /** What is between the two is to be passed. */
    let [from, at] = [0, 0];
    while (at < chunk.length && !this.#over) {
      if (this.#left > 0) {
        const end = Math.min(chunk.length, at + this.#left);
        this.#left -= end - at;
        if (this.#takes) {
          this.#take(chunk.subarray(at, end));
          from = end;
        }
        at = end;
        continue;
      }
      if (this.#isOdd(chunk, at)) {
        this.#over = true;
        this.#target.leave();
        break;
      }
      const size = headSize(chunk, at, this.#masked);
      if (at + size > chunk.length) {
        this.#begun = chunk.slice(at);
        return this.#pass(chunk, from, at);
      }
      this.#begin(chunk, at, size);
      if (this.#takes) {
        this.#pass(chunk, from, at);
        from = at + size;
      }
      at += size;
    }
    this.#pass(chunk, from, chunk.length);
  }

  /** Whether there is somebody else for what comes from there on, as far as can be told by what has come of it. */
  #isOdd(chunk: Uint8Array, at: number): boolean {
    if (chunk.length < at + 2) return false;
    const [first, second] = [chunk[at] ?? 0, chunk[at + 1] ?? 0];
    const kind = first & 15;
    if ((first & 112) !== 0 || second >= 128 !== this.#masked) return true;
    if (kind === ping || kind === pong) return first < 128 || (second & 127) > 125;
    if (kind > binary || (kind === 0) !== this.#parted) return true;
    return !Number.isSafeInteger(lengthAt(chunk, at));
  }

  /** A head is there. */
  #begin(chunk: Uint8Array, at: number, size: number): void {
    const first = chunk[at] ?? 0;
    const [last, kind] = [first >= 128, first & 15];
    if (kind <= binary) this.#parted = !last;
    this.#at = 0;
    this.#left = lengthAt(chunk, at);
    this.#takes = kind === binary && last && this.#left <= most;
    if (this.#takes && this.#masked) this.#key = keyAt(chunk, at + size - 4);
  }

  #take(bytes: Uint8Array): void {
    if (this.#masked) applyMask(bytes, this.#key, this.#at);
    this.#at += bytes.length;
    this.#target.take(bytes);
  }

  #pass(chunk: Uint8Array, from: number, to: number): void {
    if (from < to) this.#target.pass(to - from < chunk.length ? chunk.subarray(from, to) : chunk);
  }
}

/** Bytes of the head that begins there, as far as can be told by what has come of it. */
function headSize(chunk: Uint8Array, at: number, masked: boolean): number {
  const said = (chunk[at + 1] ?? 0) & 127;
  const size = masked ? 6 : 2;
  if (said < 126) return size;
  return said === 126 ? size + 2 : size + 8;
}

/** Bytes of the frame whose head is there. */
function lengthAt(chunk: Uint8Array, at: number): number {
  const said = (chunk[at + 1] ?? 0) & 127;
  if (said < 126) return said;
  let length = 0;
  const end = at + (said === 126 ? 4 : 10);
  for (let i = at + 2; i < end; i++) length = 256 * length + (chunk[i] ?? 0);
  return length;
}

function keyAt(chunk: Uint8Array, at: number): number {
  let key = 0;
  for (let i = 3; i >= 0; i--) key = (key << 8) | (chunk[at + i] ?? 0);
  return key;
}
