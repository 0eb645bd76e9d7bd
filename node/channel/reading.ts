import type { OnReadOpts } from 'node:net';
import { allocate } from './slabs.js';

/** Bytes that are read at once, at most. More is not faster: it leaves the processor's cache before it is copied. */
const size = 64 * 1024;

/** Who is told what a socket has read. */
export interface ReadTarget {
  push(bytes: Uint8Array): unknown;
}

/** Memory that every socket of one `Reading` reads into: each reads, and has handed over what it read, before another does. */
export class Reading {
  // No Buffer, whose `slice` is no copy.
  #buffer: Uint8Array | undefined;

  /** For one socket. Undefined where it cannot be. */
  open(): OpenReading | undefined {
    return shares ? new OpenReading((this.#buffer ??= allocate(size))) : undefined;
  }
}

const nobody: ReadTarget = { push() {} };

/** What one socket reads: an object, and no more functions than must be, since there is one for each that dials. */
export class OpenReading {
  readonly #buffer: Uint8Array;
  #target = nobody;

  constructor(buffer: Uint8Array) {
    this.#buffer = buffer;
  }

  /** For the socket's options. */
  get onread(): OnReadOpts {
    const callback = (count: number): boolean => {
      this.#target.push(this.#buffer.subarray(0, count));
      return true;
    };
    return { buffer: this.#buffer, callback };
  }

  /** Whom it is told from here on. */
  tell(target: ReadTarget = nobody): void {
    this.#target = target;
  }
}

/** Windows may hold the memory while it waits; other runtimes have no `onread`, or another one. */
const shares =
  process.platform !== 'win32' && !('bun' in process.versions) && !('deno' in process.versions);
