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
  /**
   * Puts what was moved, streams, signals and objects in the place of what stands for them. Returns when that is done,
   * where it is not yet. Throws ERR_MALFORMED, ERR_LIMIT.
   */
  compose?(
    place: Placement,
    types: Types,
    attached: Attached | undefined,
  ): Promise<unknown> | undefined;
  /** Puts instances in the place of their data. Throws ERR_MALFORMED, ERR_DATA. */
  readonly placeCoded?: ((place: Placement, types: Types, links: unknown) => void) | undefined;
  /** The arguments are whole when this is resolved, and not before. */
  wait?(whole: Promise<void>): void;
}

export interface DecodeOptions {
  /** False reads `callbacks` and `links` only, as dnode does. */
  readonly extended: boolean;
  readonly limits: Pick<Limits, 'entries' | 'bigintDigits' | 'regexp'>;
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
  const { arguments: args = [], callbacks, links } = message;
  const { extended, slot, limits } = options;
  const types = extended ? message.types : undefined;
  const own = extended ? message.own : undefined;
  const results = slot && extended ? message.results : undefined;
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
  const place = new Placement(args, limits.entries);
  place.put('callbacks', callbacks, (id, path) => references.reference(id, path));
  place.put('own', own, (id) => references.ours(id));
  if (slot !== undefined && results !== undefined) {
    if (!isRecord(results)) throw malformed('`results` is not an object');
    // Within a recording, -1 is its element.
    place.put('results', results, slot, -1);
  }
  let late: Promise<unknown> | undefined;
  let rest = (): void => {
    place.links(links);
    place.fill();
  };
  if (types !== undefined) {
    if (!isRecord(types)) throw malformed('`types` is not an object');
    const attached = references.attached?.(message);
    place.leaves(types, limits, attached);
    late = references.compose?.(place, types, attached);
    place.containers(types);
    if (types.codec !== undefined) {
      rest = () => {
        place.links(links);
        const { placeCoded } = references;
        if (placeCoded === undefined) throw malformed('there are no codecs here');
        placeCoded(place, types, links);
        place.fill();
      };
    }
  }
  if (late === undefined) rest();
  else references.wait?.(late.then(rest));
  return args;
}

export function malformed(what: string): DserviceError {
  return new DserviceError('ERR_MALFORMED', what);
}

/** `types` of a message. */
export type Types = Readonly<Record<string, unknown>>;
export type Parent = unknown[] | Record<string, unknown>;

/** The arguments of a message, while values are put in their places. */
export class Placement {
  readonly #args: unknown[];
  readonly #limit: number;
  #entries = 0;
  /** Maps, sets and errors are made empty; what they will hold is walked and changed until they are filled. */
  readonly #raw = new Map<object, Parent>();

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
      // As `change`: for functions, this is much of what a call costs.
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
      this.change(link.to, () => value);
    }
  }

  leaves(types: Types, limits: DecodeOptions['limits'], attached: Attached | undefined): void {
    const { bigintDigits: digits, regexp } = limits;
    let pattern = 0;
    const texts = (kind: string, make: (text: string) => unknown): void =>
      this.each(types, kind, (raw) => readText(kind, raw, make));
    texts('date', readDate);
    texts('number', readNumber);
    texts('url', (text) => {
      this.#count(text.length / 256);
      return new URL(text);
    });
    texts('regexp', (text) => {
      // What is too long is not looked through.
      pattern += text.length > regexp ? text.length : weigh(text);
      if (pattern <= regexp) return readRegExp(text);
      throw new DserviceError('ERR_LIMIT', `more than ${regexp} characters of regular expressions`);
    });
    texts('bigint', (text) => {
      if (text.length - (text[0] === '-' ? 1 : 0) > digits) {
        throw new DserviceError('ERR_LIMIT', `a bigint has more than ${digits} digits`);
      }
      // What reading one takes grows with the square of its digits.
      this.#count((text.length / 400) ** 2);
      if (!/^-?\d+$/.test(text)) throw new SyntaxError('not a decimal number');
      return BigInt(text);
    });
    this.each(types, 'undefined', () => undefined);
    for (const [i, [kind, path]] of this.lists(types, 'bytes').entries()) {
      this.change(path, (raw) => {
        if (attached === undefined || attached.length === 0) {
          return readText('bytes', raw, (text) => makeBytes(String(kind), fromBase64(text)));
        }
        // Their number and their lengths were checked before they came.
        const bytes = attached[i];
        if (bytes !== undefined && raw === null) return makeBytes(String(kind), bytes);
        throw malformed('bytes follow for what is not null');
      });
    }
  }

  containers(types: Types): void {
    for (const kind of ['map', 'set'] as const) {
      this.each(types, kind, (raw) => {
        if (!Array.isArray(raw)) throw malformed(`a ${kind} is not an array`);
        return this.#later(kind === 'map' ? new Map() : new Set(), raw);
      });
    }
    const exceptions = new Set<unknown>();
    for (const kind of ['exception', 'error'] as const) {
      this.each(types, kind, (raw) => {
        // An exception is named an error as well, for those who do not know the difference.
        if (kind === 'error' && exceptions.delete(raw)) return raw;
        if (!isPlain(raw) || Array.isArray(raw)) throw malformed('an error is not an object');
        // Each key of its own costs what another value does, and hundreds of times more where there are many.
        this.#count(Object.keys(raw).length);
        const made = makeError(raw, kind === 'exception');
        if (kind === 'exception') exceptions.add(made);
        return this.#later(made, raw);
      });
    }
  }

  /** What is made of an object, which is walked and changed until all is in its place. */
  #later<T extends object>(made: T, raw: Parent): T {
    this.#raw.set(made, raw);
    return made;
  }

  /** The same, of what is told then. */
  hold<T extends object>(made: T, raw: Parent, fill: () => void): T {
    this.#fills.push(fill);
    return this.#later(made, raw);
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

  /** Puts in the place of each value of a kind what is made of it. */
  each(types: Types, kind: string, make: (raw: unknown, at: number) => unknown): void {
    for (const [i, path] of this.paths(types, kind).entries()) {
      const [parent, key] = this.target(path);
      put(parent, key, make(child(parent, key), i));
    }
  }

  /** Puts in the place of the value at a path what is made of it. */
  change(path: unknown, make: (raw: unknown) => unknown): void {
    const [parent, key] = this.target(path);
    put(parent, key, make(child(parent, key)));
  }

  /** The entries of a kind, which are counted. */
  paths(types: Types, kind: string): unknown[] {
    const paths = Object.hasOwn(types, kind) ? types[kind] : [];
    if (!Array.isArray(paths)) throw malformed(`\`types.${kind}\` is not an array`);
    this.#count(paths.length);
    return paths;
  }

  /** The same, where each is a list that says more than a path. */
  lists(types: Types, kind: string): unknown[][] {
    return this.paths(types, kind).map((entry) => {
      if (Array.isArray(entry)) return entry as unknown[];
      throw malformed(`an entry of \`types.${kind}\` is not an array`);
    });
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
    return [parent, keyIn(parent, (path as unknown[]).at(-1))];
  }

  #get(path: unknown): unknown {
    if (Array.isArray(path) && path.length === 0) return this.#args;
    return child(...this.target(path));
  }

  /** What holds the value at a path; `visit` is told of all that does. */
  parent(path: unknown, visit?: (holder: Parent) => void): Parent {
    if (!Array.isArray(path) || path.length === 0)
      throw malformed('a path is not an array of keys');
    let at: Parent = this.#args;
    visit?.(at);
    for (let i = 0; i < path.length - 1; i++) {
      const next: unknown = child(at, keyIn(at, path[i]));
      const raw = typeof next === 'object' && next !== null ? this.#raw.get(next) : undefined;
      if (raw !== undefined) at = raw;
      else if (isPlain(next)) at = next;
      else throw malformed('a path leads through something that holds nothing');
      visit?.(at);
    }
    return at;
  }
}

/** A value that is one text in the line. Throws ERR_MALFORMED for what is none. */
function readText(kind: string, raw: unknown, make: (text: string) => unknown): unknown {
  if (typeof raw !== 'string') throw malformed(`a ${kind} is not a string`);
  try {
    return make(raw);
  } catch (cause) {
    if (DserviceError.is(cause)) throw cause;
    throw new DserviceError('ERR_MALFORMED', `not a ${kind}: "${raw.slice(0, 64)}"`, { cause });
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

/** A key of a path, as what holds the value there has it. */
function keyIn(parent: Parent, key: unknown): string | number {
  if (Array.isArray(parent)) {
    const at = readId(key);
    if (at !== undefined && at < parent.length) return at;
    throw malformed('a path leads past the end of an array');
  }
  if (typeof key === 'number') return String(key);
  if (typeof key === 'string' && !forbidden.has(key)) return key;
  throw malformed('a path holds a key that is not allowed');
}
