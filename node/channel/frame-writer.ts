import { randomFillSync } from 'node:crypto';
import { framesOf } from '../../src/channel/frames.js';
import { type Slabs, type SlabTarget, SlabWriter } from './slabs.js';

/** The kinds of frames (RFC 6455 §5.2), each the last of its message. */
const [text, binary] = [129, 130];

/** Writes lines and the bytes that follow them as frames of a WebSocket, with all of them in one piece of memory. */
export class FrameWriter {
  readonly #writer: SlabWriter;
  /** Where frames are masked: what comes from who dialled is. */
  readonly #keys: Keys | undefined;
  readonly #head = Buffer.alloc(14);

  constructor(slabs: Slabs, target: SlabTarget, masks: boolean) {
    this.#writer = new SlabWriter(slabs, target);
    this.#keys = masks ? new Keys() : undefined;
  }

  write(line: string, bytes: readonly Uint8Array<ArrayBuffer>[]): void {
    const writer = this.#writer;
    writer.putText(line, this.#begin(text, Buffer.byteLength(line)));
    for (const frame of framesOf('', bytes)) {
      if (typeof frame !== 'string') writer.put(frame, this.#begin(binary, frame.length));
    }
    writer.send();
  }

  /** Writes a head; returns the key of what follows it. */
  #begin(kind: number, length: number): number {
    const head = this.#head;
    const key = this.#keys?.next() ?? 0;
    const masked = this.#keys === undefined ? 0 : 128;
    let size = 2;
    head[0] = kind;
    if (length < 126) head[1] = masked | length;
    else if (length < 65_536) {
      head[1] = masked | 126;
      size = head.writeUInt16BE(length, 2);
    } else {
      head[1] = masked | 127;
      head.writeUInt32BE(Math.floor(length / 2 ** 32), 2);
      size = head.writeUInt32BE(length % 2 ** 32, 6);
    }
    if (masked > 0) size = head.writeInt32LE(key, size);
    this.#writer.put(head.subarray(0, size));
    return key;
  }
}

/** Keys that nobody foresees. Many at a time: to ask for each costs more than to mask a short frame. */
class Keys {
  readonly #pool = new Int32Array(256);
  #left = 0;

  next(): number {
    if (this.#left === 0) {
      randomFillSync(this.#pool);
      this.#left = this.#pool.length;
    }
    return this.#pool[--this.#left] ?? 0;
  }
}
