/** Where a value stands inside `arguments`: keys from the outside in. Written as strings, read as both. */
export type Path = readonly (string | number)[];

/** What JSON cannot hold, told by paths into the JSON as sent (protocol page, section 2, `types`). */
export interface TypeTags {
  date?: Path[];
  bytes?: [kind: string, path: Path][];
  bigint?: Path[];
  number?: Path[];
  undefined?: Path[];
  url?: Path[];
  regexp?: Path[];
  map?: Path[];
  set?: Path[];
  error?: Path[];
  /** Of the errors, those that are DOMExceptions. */
  exception?: Path[];
  object?: Path[];
  codec?: [name: string, path: Path][];
  signal?: Path[];
  /** What was moved beside the line, in this order. */
  clone?: Path[];
  /** `info` is a blob's size and type, and a file's name and date. */
  stream?: [kind: string, path: Path, info?: object][];
}

/** Keys of a path that would reach behind the data. */
export const forbidden: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** What a caller hands along beside arguments: JSON, under names of its own. */
export type GivenMeta = Readonly<Record<string, unknown>>;

/** What travels with a call and is not for its arguments. */
export interface Meta {
  /** Milliseconds left, counted from reading. */
  readonly deadline?: number;
  /** Idempotency key. */
  readonly key?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Services passed so far, oldest first. */
  readonly path?: readonly string[];
  /** What the caller handed along, by `options(remote, { meta })`. */
  readonly given?: GivenMeta;
}

/** What a long message weighs, in bytes, while it is kept. Not a string: a peer cannot say it. */
export const weight = Symbol('weight');

/** Of a message that waits: the function that it calls. */
export const called = Symbol('called');

/** One line of the wire. Everything is unchecked: it was only parsed. */
export interface Message {
  readonly method?: unknown;
  readonly arguments?: unknown;
  readonly callbacks?: unknown;
  readonly links?: unknown;
  readonly dservice?: unknown;
  readonly reply?: unknown;
  readonly types?: unknown;
  readonly own?: unknown;
  readonly meta?: unknown;
  readonly control?: unknown;
  readonly on?: unknown;
  readonly results?: unknown;
  readonly keep?: unknown;
  readonly map?: unknown;
  readonly new?: unknown;
  /** Lengths of what follows the line; once that is here, the bytes themselves. */
  bin?: unknown;
  [weight]?: number;
  [called]?: (...args: unknown[]) => unknown;
  readonly [key: string]: unknown;
}

/** Whether a value can be indexed by a string: an object that is not null and not an array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An id as it stands in `method`, `reply` and in keys: a plain decimal integer, else undefined. */
export function readId(value: unknown): number | undefined {
  if (typeof value === 'number')
    return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string' || !/^(0|[1-9]\d{0,15})$/.test(value)) return undefined;
  const id = Number(value);
  return Number.isSafeInteger(id) ? id : undefined;
}

const urgent = new Set(['ping', 'pong', 'ack', 'close']);

/** Whether a message has nothing to wait for: it is not for the api, but for the session itself. */
export function isUrgent({ method, control }: Message): boolean {
  return method === undefined && typeof control === 'string' && urgent.has(control);
}

/** Whether a resume sends a message again, and so both sides count it: all but hello, ack, ping and pong. */
export function isCounted(message: unknown): boolean {
  if (!isRecord(message)) return true;
  const { method, control, dservice } = message;
  if (method !== undefined) return method !== 'methods' || dservice === undefined;
  return control !== 'ack' && control !== 'ping' && control !== 'pong';
}
