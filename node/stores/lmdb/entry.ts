import { DserviceError } from '../../../src/errors.js';
import type { StoredError } from '../../../src/pipeline/stored-error.js';
import type { Body } from '../body.js';

/** A command as it is kept: the same bytes in whatever state it is. */
export interface Command {
  readonly ref: string;
  readonly given: boolean;
  /** The number of the queue where it is, or died. */
  readonly queue: number;
  readonly key: string | undefined;
  readonly tries: number;
  readonly error: StoredError | undefined;
  readonly pushed: number;
  /** When it died. */
  readonly at: number;
  readonly body: Body;
}

/** As JSON, in this order. */
type Head = [string, 0 | 1, number, number, number, number, string | null, StoredError | null];

/** The length of the head, the head, and the body. */
export function toBytes(command: Command): Buffer {
  const { ref, given, queue, key, tries, error, pushed, at, body } = command;
  const head: Head = [ref, given ? 1 : 0, queue, tries, pushed, at, key ?? null, error ?? null];
  const text = JSON.stringify(head);
  const [ofHead, ofBody] = [Buffer.byteLength(text), Buffer.byteLength(body)];
  const bytes = Buffer.allocUnsafe(4 + ofHead + ofBody);
  bytes.writeUInt32LE(ofHead, 0);
  bytes.write(text, 4);
  if (typeof body === 'string') bytes.write(body, 4 + ofHead);
  else bytes.set(body, 4 + ofHead);
  return bytes;
}

/** Throws ERR_STORE_CORRUPT. */
export function fromBytes(bytes: Buffer): Command {
  try {
    const end = 4 + bytes.readUInt32LE(0);
    // What it was made of; what else is there has no head.
    const head = JSON.parse(bytes.toString('utf8', 4, end)) as Head;
    const [ref, given, queue, tries, pushed, at, key, error] = head;
    return {
      ref,
      given: given === 1,
      queue,
      key: key ?? undefined,
      tries,
      error: error ?? undefined,
      pushed,
      at,
      body: bytes.subarray(end),
    };
  } catch (cause) {
    throw new DserviceError('ERR_STORE_CORRUPT', 'a command cannot be read', { cause });
  }
}
