import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Attached } from './attachments.js';
import { fromBase64, makeBytes } from './bytes.js';
import type { AnyFunction } from './encode.js';
import { fillError, makeError } from './error-value.js';
import { forbidden, isRecord, type Message, readId } from './message.js';
import { readDate, readNumber, readRegExp, weigh } from './texts.js';

/**
 * What the decoder needs to know of functions: the tables behind it. What may be missing is what a session can do
 * beyond calls.
 */
export interface References {
  /** Our stand-in for a function of the peer's, for one more mention, at that path. Throws ERR_LIMIT. */
  reference(id: number, path: unknown): AnyFunction;
  /** A function of ours that comes back, or what it stands for. Throws ERR_REFERENCE for an id that we never gave. */
  ours(id: number): unknown;
  /** What followed the line of a message. */
  attached?(message: Message): Attached | undefined;
  /** Puts streams and objects in the place of the functions that stand for them. Returns when that is done, where it is not yet. */
  compose?(
    place: Placement,
    types: Readonly<Record<string, unknown>>,
  ): Promise<unknown> | undefined;
  /** Puts instances in the place of their data. Throws ERR_MALFORMED, ERR_DATA. */
  coded?(place: Placement, types: Readonly<Record<string, unknown>>, links: unknown): void;
  /** The arguments are whole when this is resolved, and not before. */
  wait?(whole: Promise<void>): void;
}

export interface DecodeOptions {
  /** False reads `callbacks` and `links` only, as dnode does. */
  readonly extended: boolean;
  readonly limits: Pick<Limits, 'entries' | 'bigintDigits' | 'regexp'>;
  /** Puts values that were moved beside the line in their places, where that may be. Throws ERR_MALFORMED. */
  readonly moved?:
    | ((
        place: Placement,
        types: Readonly<Record<string, unknown>>,
        values?: readonly unknown[],
      ) => void)
    | undefined;
  /** What stands for the outcome of a call among the arguments, where outcomes may stand there. */
  readonly slot?: ((call: number) => unknown) | undefined;
}

/**
 * The arguments of a message, with functions, links and typed values put in place (protocol page,
 * sections 1 and 2). A message without extras costs nothing here. Throws ERR_MALFORMED, ERR_LIMIT,
 * ERR_REFERENCE.
 */
export function decode(
  message: Message,
  references: References,
  options: DecodeOptions,
): unknown[] {
  const { arguments: args = [], callbacks, links, types, own } = message;
  const results = options.slot === undefined ? undefined : message.results;
  if (!Array.isArray(args)) throw malformed('`arguments` is not an array');
  if (
    callbacks === undefined &&
    links === undefined &&
    types === undefined &&
    own === undefined &&
    results === undefined
  ) {
    return args;
  }
  const place = new Placement(args, options.limits.entries);
  if (options.extended && types !== undefined) {
    const attached = references.attached?.(message);
    place.leaves(types, options.limits, attached);
    if (isRecord(types) && types.clone !== undefined)
      options.moved?.(place, types, attached?.moved?.values);
  }
  place.put('callbacks', callbacks, (id, path) => references.reference(id, path));
  let late: Promise<unknown> | undefined;
  if (options.extended) {
    place.put('own', own, (id) => references.ours(id));
    if (options.slot !== undefined && results !== undefined) {
      if (!isRecord(results)) throw malformed('`results` is not an object');
      // Within a recording, -1 is its element.
      place.put('results', results, options.slot, -1);
    }
    if (isRecord(types)) {
      late = references.compose?.(place, types);
      place.containers(types);
    }
  }
  const rest = (): void => {
    place.links(links);
    if (isRecord(types) && types.codec !== undefined) {
      if (references.coded === undefined) throw malformed('there are no codecs here');
      references.coded(place, types, links);
    }
    place.fill();
  };
  if (late === undefined) rest();
  else references.wait?.(late.then(rest));
  return args;
}

export function malformed(what: string): DserviceError {
  return new DserviceError('ERR_MALFORMED', what);
}

type Container = Map<unknown, unknown> | Set<unknown> | Error;
export type Parent = unknown[] | Record<string, unknown>;

/** The arguments of a message, while values are put in their places. */
export class Placement {
  readonly #args: unknown[];
  readonly #limit: number;
  #entries = 0;
  /** Maps, sets and errors are made empty; what they will hold is walked and changed until they are filled. */
  readonly #raw = new Map<object, unknown[] | Record<string, unknown>>();

  readonly #fills: (() => void)[] = [];
  /** What was filled before the rest. */
  readonly #whole = new Set<object>();

  constructor(args: unknown[], limit: number) {
    this.#args = args;
    this.#limit = limit;
  }

  /** Puts what is found by ids, of which one below 0 may be meant as well. */
  put(
    key: string,
    entries: unknown,
    find: (id: number, path: unknown) => unknown,
    below = 0,
  ): void {
    if (entries === undefined) return;
    // An old peer in a language without a difference may send [] for {}.
    if (typeof entries !== 'object' || entries === null)
      throw malformed(`\`${key}\` is not an object`);
    for (const [text, path] of Object.entries(entries)) {
      const id = text === String(below) ? below : readId(text);
      if (id === undefined) throw malformed(`"${text.slice(0, 32)}" in \`${key}\` is not an id`);
      this.#count();
      const [parent, last] = this.target(path);
      put(parent, last, find(id, path));
    }
  }

  links(links: unknown): void {
    if (links === undefined) return;
    // The same difference as above, the other way round.
    if (!Array.isArray(links)) {
      if (isRecord(links) && Object.keys(links).length === 0) return;
      throw malformed('`links` is not an array');
    }
    for (const link of links as unknown[]) {
      if (!isRecord(link)) throw malformed('a link is not an object');
      this.#count();
      const value = this.#get(link.from);
      const [parent, last] = this.target(link.to);
      put(parent, last, value);
    }
  }

  leaves(types: unknown, limits: DecodeOptions['limits'], attached?: Attached): void {
    const { bigintDigits: digits, regexp } = limits;
    let pattern = 0;
    if (!isRecord(types)) throw malformed('`types` is not an object');
    this.#each(types, 'date', readDate);
    this.#each(types, 'number', readNumber);
    this.#each(types, 'url', (text) => {
      this.#count(text.length / 256);
      return new URL(text);
    });
    this.#each(types, 'regexp', (text) => {
      // What is too long is not looked through.
      pattern += text.length > regexp ? text.length : weigh(text);
      if (pattern <= regexp) return readRegExp(text);
      throw new DserviceError('ERR_LIMIT', `more than ${regexp} characters of regular expressions`);
    });
    this.#each(types, 'bigint', (text) => {
      if (text.length - (text[0] === '-' ? 1 : 0) > digits) {
        throw new DserviceError('ERR_LIMIT', `a bigint has more than ${digits} digits`);
      }
      // What reading one takes grows with the square of its digits.
      this.#count((text.length / 400) ** 2);
      if (!/^-?\d+$/.test(text)) throw new SyntaxError('not a decimal number');
      return BigInt(text);
    });
    for (const path of this.paths(types, 'undefined')) {
      const [parent, last] = this.target(path);
      put(parent, last, undefined);
    }
    for (const [i, entry] of this.paths(types, 'bytes').entries()) {
      if (!Array.isArray(entry)) throw malformed('an entry of `types.bytes` is not a pair');
      const [kind, path] = entry as unknown[];
      if (attached === undefined || attached.length === 0) {
        this.#replace('bytes', path, (text) => makeBytes(String(kind), fromBase64(text)));
      } else this.#attach(path, String(kind), attached[i]);
    }
  }

  containers(types: Readonly<Record<string, unknown>>): void {
    const exceptions = new Set<unknown>();
    for (const kind of ['map', 'set', 'exception', 'error'] as const) {
      for (const path of this.paths(types, kind)) {
        const [parent, last] = this.target(path);
        const raw = child(parent, last);
        let made: Container;
        if (kind === 'error' || kind === 'exception') {
          // An exception is named an error as well, for those who do not know the difference.
          if (kind === 'error' && exceptions.delete(raw)) continue;
          if (!isPlain(raw) || Array.isArray(raw)) throw malformed('an error is not an object');
          // Each key of its own costs what another value does, and hundreds of times more where there are many.
          this.#count(Object.keys(raw).length);
          made = makeError(raw, kind === 'exception');
          if (kind === 'exception') exceptions.add(made);
          this.#raw.set(made, raw);
        } else {
          if (!Array.isArray(raw)) throw malformed(`a ${kind} is not an array`);
          made = kind === 'map' ? new Map() : new Set();
          this.#raw.set(made, raw);
        }
        put(parent, last, made);
      }
    }
  }

  /** Puts what is made of an object that is walked and changed until all is in its place: then it is told. */
  hold(parent: Parent, key: string | number, made: object, raw: Parent, fill: () => void): void {
    this.#raw.set(made, raw);
    this.#fills.push(fill);
    put(parent, key, made);
  }

  fill(): void {
    for (const [made, raw] of this.#raw) if (!this.#whole.has(made)) fillOne(made, raw);
    for (const fill of this.#fills) fill();
  }

  /** What a map, a set or an error is made of while it is not filled; undefined of anything else. */
  rawOf(made: object): Parent | undefined {
    return this.#raw.get(made);
  }

  /** Fills what stands at a place, which is needed before the rest. False where it was before. */
  fillEarly(made: object, raw: Parent | undefined): boolean {
    if (this.#whole.has(made)) return false;
    this.#whole.add(made);
    if (raw !== undefined) fillOne(made, raw);
    return true;
  }

  #each(
    types: Readonly<Record<string, unknown>>,
    kind: string,
    make: (text: string) => unknown,
  ): void {
    for (const path of this.paths(types, kind)) this.#replace(kind, path, make);
  }

  #replace(kind: string, path: unknown, make: (text: string) => unknown): void {
    const [parent, last] = this.target(path);
    const text = child(parent, last);
    if (typeof text !== 'string') throw malformed(`a ${kind} is not a string`);
    try {
      put(parent, last, make(text));
    } catch (cause) {
      if (DserviceError.is(cause)) throw cause;
      throw new DserviceError('ERR_MALFORMED', `not a ${kind}: "${text.slice(0, 64)}"`, { cause });
    }
  }

  /** Puts bytes that followed the line in their place, where null stands. */
  #attach(path: unknown, kind: string, bytes: Uint8Array<ArrayBuffer> | undefined): void {
    const [parent, last] = this.target(path);
    // Their number and their lengths were checked before they came.
    if (bytes === undefined || child(parent, last) !== null) {
      throw malformed('bytes follow for what is not null');
    }
    put(parent, last, makeBytes(kind, bytes));
  }

  /** The entries of a kind, which are counted. */
  paths(types: Readonly<Record<string, unknown>>, kind: string): unknown[] {
    const paths = Object.hasOwn(types, kind) ? types[kind] : [];
    if (!Array.isArray(paths)) throw malformed(`\`types.${kind}\` is not an array`);
    this.#count(paths.length);
    return paths;
  }

  #count(more = 1): void {
    this.#entries += more;
    if (this.#entries > this.#limit) {
      throw new DserviceError('ERR_LIMIT', `more than ${this.#limit} entries in one message`);
    }
  }

  /** What holds the value at a path, and its key there. */
  target(path: unknown): [parent: Parent, key: string | number] {
    const parent = this.parent(path);
    const key: unknown = (path as unknown[]).at(-1);
    if (Array.isArray(parent)) return [parent, index(key, parent)];
    return [parent, name(key)];
  }

  #get(path: unknown): unknown {
    if (Array.isArray(path) && path.length === 0) return this.#args;
    const [parent, key] = this.target(path);
    return child(parent, key);
  }

  /** What holds the value at a path; `visit` is told of all that does. */
  parent(path: unknown, visit?: (holder: Parent) => void): Parent {
    if (!Array.isArray(path) || path.length === 0)
      throw malformed('a path is not an array of keys');
    let at: Parent = this.#args;
    visit?.(at);
    for (let i = 0; i < path.length - 1; i++) {
      const key: unknown = path[i];
      const next: unknown = child(at, Array.isArray(at) ? index(key, at) : name(key));
      const raw = typeof next === 'object' && next !== null ? this.#raw.get(next) : undefined;
      if (raw !== undefined) at = raw;
      else if (isPlain(next)) at = next;
      else throw malformed('a path leads through something that holds nothing');
      visit?.(at);
    }
    return at;
  }
}

function fillOne(made: object, raw: Parent): void {
  if (made instanceof Error) {
    if (!Array.isArray(raw)) fillError(made, raw);
  } else if (Array.isArray(raw)) {
    for (const item of raw) {
      if (made instanceof Set) made.add(item);
      else if (!(made instanceof Map)) continue;
      else if (Array.isArray(item) && item.length === 2) made.set(item[0], item[1]);
      else throw malformed('an entry of a map is not a pair');
    }
  }
}

/** An array or an object as JSON makes them: nothing else is stepped into. */
export function isPlain(value: unknown): value is Parent {
  if (typeof value !== 'object' || value === null) return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

export function child(parent: Parent, key: string | number): unknown {
  // An index was checked against the array, and a name can only find what is the object's own.
  return Object.hasOwn(parent, key) ? (parent as Record<string | number, unknown>)[key] : undefined;
}

export function put(parent: Parent, key: string | number, value: unknown): void {
  (parent as Record<string | number, unknown>)[key] = value;
}

function index(key: unknown, array: unknown[]): number {
  const at = readId(key);
  if (at === undefined || at >= array.length)
    throw malformed('a path leads past the end of an array');
  return at;
}

function name(key: unknown): string {
  if (typeof key === 'number') return String(key);
  if (typeof key !== 'string' || forbidden.has(key))
    throw malformed('a path holds a key that is not allowed');
  return key;
}
