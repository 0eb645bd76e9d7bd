import { createHash } from 'node:crypto';

/**
 * The first byte of a key: what is kept under it. The keys of a queue go on with its number, those of a pipeline with
 * the pipeline's. Numbers are big-endian, and not below 0, so that keys are in their order.
 */
export const kinds = {
  /** The version of this layout, and the numbers given so far. */
  folder: 1,
  /** [name] The number of a pipeline. */
  pipeline: 2,
  /** [pipeline] What is counted of a pipeline. */
  pipelineState: 3,
  /** [pipeline, name] The number of a queue. */
  queue: 4,
  /** [queue] What is counted of a queue. */
  queueState: 5,
  /** [pipeline, worker] When a worker was seen; [pipeline, worker, place] its answers. */
  worker: 6,
  answer: 7,
  /** [queue, key] There while somebody holds the key. */
  holder: 8,
  /** [pipeline, ref] The key under which a command stands. */
  ref: 9,
  /** [queue, order] */
  input: 16,
  /** [queue, key, order] */
  held: 17,
  /** [queue, deadline, token, place] */
  working: 18,
  /** [queue, due, order, outside] */
  waiting: 19,
  /** [pipeline, order] */
  dead: 20,
  /** [pipeline, order] */
  finished: 21,
} as const;

/** Bytes of a text that stand in a key as they are: LMDB's keys have at most 1,978. */
const longestText = 1_600;

/** The key of something of a queue or a pipeline. Texts end with a 0. */
export function keyOf(kind: number, of: number, ...parts: readonly (string | number)[]): Buffer {
  let size = 5;
  for (const part of parts) size += typeof part === 'number' ? 8 : Buffer.byteLength(part) + 1;
  const key = Buffer.allocUnsafe(size);
  key[0] = kind;
  key.writeUInt32BE(of, 1);
  let at = 5;
  for (const part of parts) {
    if (typeof part === 'number') at = key.writeDoubleBE(Math.max(0, part), at);
    else {
      at += key.write(part, at);
      key[at++] = 0;
    }
  }
  return key;
}

/** Where what begins with a key ends. */
export function after(prefix: Buffer): Buffer {
  return Buffer.concat([prefix, Buffer.alloc(8, 0xff)]);
}

export function kindOf(key: Buffer): number {
  return key[0] ?? 0;
}

/** The number of the queue, or the pipeline. */
export function ownerOf(key: Buffer): number {
  return key.readUInt32BE(1);
}

/** The number that comes first in a key: the order, the deadline, when it is due. */
export function numberIn(key: Buffer): number {
  return key.readDoubleBE(5);
}

/** Of a key of `working`. */
export function tokenIn(key: Buffer): string {
  return key.toString('latin1', 13, key.length - 9);
}

/** Of a key of `waiting`. */
export function isOutside(key: Buffer): boolean {
  return key.readDoubleBE(21) === 1;
}

/** A name, a key or a ref as it stands in a key: by its hash, where it is too long for one, or not fit. */
export function textOf(text: string): string {
  if (!/[\0\p{Surrogate}]/u.test(text) && Buffer.byteLength(text) <= longestText) return text;
  // No name begins with a control character.
  return `\u0001${createHash('sha256').update(text, 'utf16le').digest('base64url')}`;
}
