import type { Attachments, Deliveries } from '../channel/channel.js';
import type { ErrorCode } from '../errors.js';
import { fitsKind, isLoose } from './bytes.js';
import { isRecord, type Message } from './message.js';

/**
 * Raw bytes that follow a line, one for each entry of its `types.bytes` (protocol page, `bin`). Each has a buffer of its
 * own. Values that were moved with it are beside them, and may be alone there.
 */
export type Attached = Attachments;

/** What has to follow a line before its message is whole. */
export interface Following {
  readonly lengths: readonly number[];
  /** False: it is only read past. */
  readonly keep: boolean;
  /** It came, or (undefined) was read past, or something else came in its place. */
  done(attached: Attached | undefined): void;
}

/** Why a message is refused: what a message does or has. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly what: string;
}

/** Something else came in the place of what has to follow. */
export const cutShort: Refusal = {
  code: 'ERR_MALFORMED',
  what: 'lacks bytes that should follow it',
};

/** Bytes that are made room for at once; beyond, room grows with what has come. */
const atOnce = 1024 * 1024;

export function sizeOf(attached: readonly Uint8Array[] | undefined): number {
  return attached === undefined ? 0 : attached.reduce((sum, { length }) => sum + length, 0);
}

/** Bytes that a message holds beside its line: that followed it, and of buffers that were moved with it. */
export function weightOf(attached: Attached | undefined): number {
  const buffers = new Set<object>();
  for (const value of attached?.moved?.values ?? []) {
    buffers.add(ArrayBuffer.isView(value) ? value.buffer : value);
  }
  let sum = sizeOf(attached);
  for (const it of buffers) sum += it instanceof ArrayBuffer ? it.byteLength : 0;
  return sum;
}

/** What follows a line, so that it can wait: what is lent is copied. */
export function steady(attached: Attached): Attached {
  if (attached.lent !== true) return attached;
  const { moved } = attached;
  return Object.assign(
    attached.map((bytes) => bytes.slice()),
    moved && { moved },
  );
}

/** Bytes, and what was moved with their line, which is anything that a peer may post. */
export function withMoved(bytes: Attached, moved: readonly unknown[]): Attached {
  return Object.assign([...bytes], { moved: { values: moved.map(Object), list: [] } });
}

/** What came with a message that is whole. JSON cannot hold any, so what a peer says there is not taken for it. */
export function attachedTo({ bin }: Message): Attached | undefined {
  const found =
    Array.isArray(bin) &&
    (bin.length > 0 || 'moved' in bin) &&
    bin.every((it) => it instanceof Uint8Array);
  // As was just seen; and bytes that stand in a message are those that a `Collector` put there.
  return found ? (bin as Attached) : undefined;
}

/** The lengths in `bin`, or undefined where it cannot be told how much follows. */
export function readLengths(bin: unknown): readonly number[] | undefined {
  if (!Array.isArray(bin)) return undefined;
  let sum = 0;
  for (const length of bin as unknown[]) {
    if (typeof length !== 'number' || !Number.isSafeInteger(length) || length < 0) return undefined;
    sum += length;
  }
  return Number.isSafeInteger(sum) ? (bin as number[]) : undefined;
}

/** Why a message is refused for what follows it, before any of that is kept; undefined if it is not. */
export function checkLengths(
  types: unknown,
  lengths: readonly number[],
  limit: number,
): Refusal | undefined {
  const entries: unknown = isRecord(types) ? (types.bytes ?? []) : [];
  if (!Array.isArray(entries) || entries.length !== lengths.length) {
    return { code: 'ERR_MALFORMED', what: 'has not one length in `bin` for each of `types.bytes`' };
  }
  const sum = lengths.reduce((all, length) => all + length, 0);
  if (sum > limit) {
    return { code: 'ERR_LIMIT', what: `is followed by more than ${limit} bytes` };
  }
  for (const [i, entry] of (entries as unknown[]).entries()) {
    const kind: unknown = Array.isArray(entry) ? entry[0] : undefined;
    if (!fitsKind(kind, lengths[i] ?? 0)) {
      const name = typeof kind === 'string' ? kind.slice(0, 32) : 'nameless value';
      const what = `has a ${name} of ${lengths[i]} bytes`;
      return { code: 'ERR_MALFORMED', what };
    }
  }
  return undefined;
}

/** Whether these are all bytes of a buffer that has as many, and that nobody else writes to: a port may bring others. */
function fills(data: Uint8Array, length: number): boolean {
  return data.byteLength === length && data.buffer.byteLength === length && !isLoose(data);
}

/** Takes what follows a line, as it comes. Makes no room for what was only announced. */
export class Collector {
  readonly following: Following;
  readonly #charge: (bytes: number) => void;
  readonly #whole: Uint8Array<ArrayBuffer>[] = [];
  #current = new Uint8Array(0);
  /** Bytes that have come of the current one. */
  #filled = 0;
  #index = 0;
  /** Bytes that are kept. */
  size = 0;

  /** `charge` is told of bytes before they are kept, and throws where there is no room for them. */
  constructor(following: Following, charge: (bytes: number) => void) {
    this.following = following;
    this.#charge = charge;
    this.#next();
  }

  get complete(): boolean {
    return this.#index === this.following.lengths.length;
  }

  /** Takes what it lacks of the data from there on; returns how many bytes. */
  take(data: Uint8Array, from: number, by: Deliveries = {}): number {
    const { lengths, keep } = this.following;
    let at = from;
    while (!this.complete && at < data.length) {
      const length = lengths[this.#index] ?? 0;
      const count = Math.min(length - this.#filled, data.length - at);
      if (keep) {
        this.#charge(count);
        if (
          by.gives === true &&
          this.#filled === 0 &&
          at + count === data.length &&
          fills(data, length)
        ) {
          // It has just the length that is wanted: what was before is read, and what is to come has room.
          if (at > 0) data.copyWithin(0, at);
          // It is none that is shared.
          this.#current = new Uint8Array(data.buffer as ArrayBuffer);
        } else {
          this.#makeRoom(this.#filled + count, length, by);
          this.#current.set(data.subarray(at, at + count), this.#filled);
        }
        this.size += count;
      }
      this.#filled += count;
      at += count;
      this.#next();
    }
    return at - from;
  }

  /** It is complete: hands over what came. */
  finish(): void {
    this.following.done(this.following.keep ? this.#whole : undefined);
  }

  #makeRoom(needed: number, length: number, by: Deliveries): void {
    const before = this.#current;
    if (needed <= before.length) return;
    const size = Math.min(length, Math.max(needed, atOnce, 4 * before.length));
    // Handed over only when all of it has come.
    this.#current = by.allocate?.(size) ?? new Uint8Array(size);
    if (this.#filled > 0) this.#current.set(before.subarray(0, this.#filled));
  }

  /** Goes past those that are whole, which are those without bytes as well. */
  #next(): void {
    const { lengths, keep } = this.following;
    while (!this.complete && this.#filled === lengths[this.#index]) {
      if (keep) this.#whole.push(this.#current);
      this.#current = new Uint8Array(0);
      this.#filled = 0;
      this.#index++;
    }
  }
}
