import type { OnReadOpts } from 'node:net';
import { allocate } from './slabs.js';

/** Bytes that are read at once, at most. More is not faster: it leaves the processor's cache before it is copied. */
const size = 64 * 1024;

/** For the options of one socket, and where the bytes are told to from then on. */
export interface OpenReading {
  readonly onread: OnReadOpts;
  reader(take: (bytes: Uint8Array) => void): void;
}

/** Memory that every socket of one `Reading` reads into: each reads, and has handed over what it read, before another does. */
export class Reading {
  // No Buffer, whose `slice` is no copy.
  #buffer: Uint8Array | undefined;

  /** Undefined where it cannot be. */
  open(): OpenReading | undefined {
    if (!shares) return undefined;
    const buffer = (this.#buffer ??= allocate(size));
    let take: (bytes: Uint8Array) => void = () => {};
    const callback = (count: number): boolean => {
      take(buffer.subarray(0, count));
      return true;
    };
    return { onread: { buffer, callback }, reader: (given) => void (take = given) };
  }
}

/** Windows may hold the memory while it waits; other runtimes have no `onread`, or another one. */
const shares =
  process.platform !== 'win32' && !('bun' in process.versions) && !('deno' in process.versions);
