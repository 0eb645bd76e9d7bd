import { applyMask } from './mask.js';

/** Bytes of a slab: so many that a large value leaves in few writes, and so few that they stay in a processor's cache. */
const size = 256 * 1024;
/** Slabs that are kept for later. */
const spare = 4;

/** Memory that is written from, and used again when that has left: to have some made for each write costs more than to copy. */
export class Slabs {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    // Not of Node's pool, which others have parts of.
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  give(slab: Buffer): void {
    if (this.#free.length < spare) this.#free.push(slab);
  }
}

/** Memory of its own, with anything in it. */
export function allocate(size: number): Uint8Array<ArrayBuffer> {
  // Not a Buffer: it becomes a value.
  return new Uint8Array(Buffer.allocUnsafeSlow(size).buffer);
}

/** What a `SlabWriter` writes to. */
export interface SlabTarget {
  /** Takes bytes, and tells when they have left, or that they never will. */
  write(bytes: Buffer, left: (error?: Error | null) => void): void;
  /** Whether nothing waits to leave. */
  empty(): boolean;
}

/** Copies what is to be written, so that it may be changed at once. Has a slab only while there is something in it. */
export class SlabWriter {
  readonly #slabs: Slabs;
  readonly #target: SlabTarget;
  /** Those that are full and have not left, each with its end in all that was ever written. */
  #full: { readonly slab: Buffer; readonly end: number }[] = [];
  #slab: Buffer | undefined;
  /** The part of it that is filled and not written. */
  #from = 0;
  #to = 0;
  #written = 0;
  #left = 0;

  constructor(slabs: Slabs, target: SlabTarget) {
    this.#slabs = slabs;
    this.#target = target;
  }

  /** Writes text and the bytes after it, in as few pieces as they have room in. */
  write(text: string, bytes: readonly Uint8Array[] = []): void {
    this.putText(text);
    for (const piece of bytes) this.put(piece);
    this.send();
  }

  /** Takes text, masked by a key: what is taken leaves when there is no more room, or at `send`. */
  putText(text: string, key = 0): void {
    const slab = this.#current();
    // No character has more than three.
    if (text.length * 3 > slab.length - this.#to) return this.put(Buffer.from(text), key);
    const count = slab.write(text, this.#to);
    if (key !== 0) applyMask(slab.subarray(this.#to, this.#to + count), key);
    this.#to += count;
  }

  /** Takes bytes. */
  put(bytes: Uint8Array, key = 0): void {
    for (let at = 0; at < bytes.length;) {
      const slab = this.#current();
      const count = Math.min(slab.length - this.#to, bytes.length - at);
      const all = count === bytes.length;
      slab.set(all ? bytes : bytes.subarray(at, at + count), this.#to);
      if (key !== 0) applyMask(slab.subarray(this.#to, this.#to + count), key, at);
      this.#to += count;
      at += count;
      if (this.#to === slab.length) this.send();
    }
  }

  #current(): Buffer {
    return (this.#slab ??= this.#slabs.take());
  }

  send(): void {
    const slab = this.#slab;
    if (slab === undefined || this.#from === this.#to) return;
    const end = (this.#written += this.#to - this.#from);
    const bytes = slab.subarray(this.#from, this.#to);
    this.#from = this.#to;
    if (this.#to === slab.length) {
      this.#full.push({ slab, end });
      this.#drop();
    }
    this.#target.write(bytes, (error) => this.#gone(end, error));
    // The system took all of it, as it mostly does.
    if (this.#target.empty()) this.#gone(end);
  }

  #drop(): void {
    this.#slab = undefined;
    this.#from = 0;
    this.#to = 0;
  }

  /** All has left up to there. */
  #gone(end: number, error?: Error | null): void {
    if (error) {
      // It may still be read.
      this.#full = [];
      return this.#drop();
    }
    if (end <= this.#left) return;
    this.#left = end;
    while (this.#full[0] !== undefined && this.#full[0].end <= end) {
      const first = this.#full.shift();
      if (first !== undefined) this.#slabs.give(first.slab);
    }
    if (this.#slab === undefined || end < this.#written || this.#from < this.#to) return;
    this.#slabs.give(this.#slab);
    this.#drop();
  }
}
