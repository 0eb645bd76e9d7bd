import { DserviceError, type ErrorDetails } from '../errors.js';
import type { Limits } from '../limits.js';
import { Bytes, viewBytes } from './bytes.js';
import { forbidden, type Path, type TypeTags } from './message.js';
import { room } from './plain.js';
import { Unresolved } from './unresolved.js';

export type AnyFunction = (...args: unknown[]) => unknown;

/** What an instance of a user's class goes as. */
export interface Coded {
  readonly name: string;
  readonly data: unknown;
}

/** What stands for a stream, or a signal, on the wire. */
export interface StreamParts {
  /** Of a signal: whether the peer makes one again of it. */
  readonly tagged?: boolean;
  /** What it is made again as; undefined of what only holds streams. */
  readonly kind?: string;
  readonly info?: object | undefined;
  /** The functions by which it is read or written, or the streams that it holds; of a signal of the peer's the function behind it. */
  readonly parts: object;
}

/**
 * What the encoder needs to know of functions: the tables behind it. What may be missing is what a session can do
 * beyond calls: without it, its values are functions and objects like any other.
 */
export interface FunctionIds {
  /** The id of a function of ours for one more mention; `fresh` asks for one that was never used. */
  mention(fn: AnyFunction, fresh: boolean, path: Path): number;
  /** The id of a function of the peer's, if it is one that it gave us on this session. Throws ERR_RELEASED. */
  own(fn: AnyFunction): number | undefined;
  /**
   * The methods of what goes by reference, the same functions each time, by the name '' one that stands for it itself;
   * of what comes back to the peer that one alone; undefined for what goes by value. Throws ERR_RELEASED.
   */
  exposed?(value: object): Readonly<Record<string, AnyFunction>> | AnyFunction | undefined;
  /** The promise, or whatever has an `outcome`, that a function stands for; undefined for functions as such. */
  later?(fn: AnyFunction): object | undefined;
  /** The call of ours whose outcome that is to be, if the peer can put it in place. May throw ERR_DATA. */
  outcome?(value: object): number | undefined;
  /** What promises among the arguments turned out to be. */
  readonly settled?: ReadonlyMap<object, unknown> | undefined;
  /** What stands for a stream, which is taken; undefined for other values. What it throws becomes ERR_DATA. */
  stream?(value: object): StreamParts | undefined;
  /** What an instance of a class with a codec goes as. What it throws becomes ERR_DATA. */
  coded?(value: object): Coded | undefined;
}

export interface EncodeOptions {
  /** False writes what every dnode since 2011 reads, and nothing else. */
  readonly extended: boolean;
  /** Whether the peer makes a stream again of the functions that stand for one. */
  readonly streams?: boolean;
  /** Whether errors carry their stack. */
  readonly stacks: boolean;
  readonly limits: Pick<Limits, 'depth' | 'nodes' | 'entries'>;
  /** The JSON where that alone says it all, else undefined, of quick.ts: with it that is faster, and comes to the same. */
  readonly plainJson?: (
    args: readonly unknown[],
    limits: Pick<Limits, 'depth' | 'nodes'>,
  ) => string | undefined;
  /** Takes bytes that are to follow the line, and returns the key that says so, led by a comma; nothing where they stand in it. */
  readonly attach?: { attach(bytes: readonly Bytes[]): string } | undefined;
  /** Told of each object of the message: whether it goes beside the line, as it is. What it throws becomes ERR_DATA. */
  readonly moves?: ((value: object, path: Path) => boolean) | undefined;
}

/**
 * Turns arguments into JSON, followed by the keys of the message that they need beside them, each led
 * by a comma (protocol page, sections 1 and 2). With `plainJson`, plain data costs one look and one `JSON.stringify`.
 * Throws ERR_DATA, naming the path, for what cannot be sent, ERR_LIMIT for too deep or too much,
 * ERR_RELEASED for a function of the peer's that was let go; then nothing was mentioned.
 */
export function encode(
  args: readonly unknown[],
  functions: FunctionIds,
  options: EncodeOptions,
): string {
  try {
    const json = options.plainJson?.(args, options.limits);
    if (json !== undefined) return options.extended ? json : `${json},"callbacks":{},"links":[]`;
  } catch {
    // Something in it cannot be read: the walk finds where that is.
  }
  return new Walk(functions, options).encode(args);
}

export function messageOf(error: unknown): string {
  try {
    return String(error instanceof Error ? error.message : error);
  } catch {
    return 'what was thrown cannot be put into words';
  }
}

/** What an object is by its own account, or by what the runtime knows of it. */
function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

/** What errors have that is not enumerable: AggregateError the second, SuppressedError the last two. */
const hiddenKeys = ['cause', 'errors', 'error', 'suppressed'] as const;

const boxes = new Set(['Number', 'String', 'Boolean', 'BigInt', 'Symbol']);

/** Copies arguments into what JSON can hold, and notes what it cannot. */
class Walk {
  readonly #functions: FunctionIds;
  readonly #options: EncodeOptions;
  readonly #path: string[] = [];
  readonly #seen = new Map<object, Path>();
  /** Functions found, and where: they get their ids when everything else has gone well. */
  readonly #found: { fn: AnyFunction; path: Path; fresh: boolean }[] = [];
  readonly #own: Record<string, Path> = {};
  readonly #results: Record<string, Path> = {};
  readonly #links: { from: Path; to: Path }[] = [];
  readonly #types: TypeTags = {};
  readonly #bytes: Bytes[] = [];
  /** Instances whose data is being written. */
  readonly #coding = new Set<object>();
  #nodes = 0;
  #entries = 0;

  constructor(functions: FunctionIds, options: EncodeOptions) {
    this.#functions = functions;
    this.#options = options;
  }

  encode(args: readonly unknown[]): string {
    try {
      return this.#encode(args);
    } catch (error) {
      if (DserviceError.is(error)) throw error;
      throw this.#unsendable(messageOf(error), { cause: error });
    }
  }

  #encode(args: readonly unknown[]): string {
    const { extended } = this.#options;
    this.#seen.set(args, []);
    const copy = args.map((value, i) => this.#at(String(i), value));
    const bin = this.#options.attach?.attach(this.#bytes) ?? '';
    const json = JSON.stringify(copy);
    let extras = '';
    const callbacks = this.#found.map(
      ({ fn, path, fresh }) =>
        `"${this.#functions.mention(fn, fresh, path)}":${JSON.stringify(path)}`,
    );
    if (callbacks.length > 0 || !extended) extras += `,"callbacks":{${callbacks.join(',')}}`;
    if (this.#links.length > 0 || !extended) extras += `,"links":${JSON.stringify(this.#links)}`;
    for (const [key, entries] of [
      ['own', this.#own],
      ['results', this.#results],
      ['types', this.#types],
    ] as const) {
      if (Object.keys(entries).length > 0) extras += `,"${key}":${JSON.stringify(entries)}`;
    }
    return json + extras + bin;
  }

  #list(items: Iterable<unknown>): unknown[] {
    // Array.from also visits holes.
    return Array.from(items, (item, i) => this.#at(String(i), item));
  }

  #at(key: string, value: unknown): unknown {
    this.#path.push(key);
    const copy = this.#value(value);
    this.#path.pop();
    return copy;
  }

  #value(value: unknown): unknown {
    const { extended } = this.#options;
    this.#nodes++;
    this.#room(0);
    switch (typeof value) {
      case 'string':
      case 'boolean':
        return value;
      case 'number':
        if (extended && (!Number.isFinite(value) || Object.is(value, -0))) {
          this.#tag('number');
          return Object.is(value, -0) ? '-0' : String(value);
        }
        return value;
      case 'undefined':
        if (extended) this.#tag('undefined');
        return extended ? null : undefined;
      case 'function':
        return this.#callable(value as AnyFunction);
      case 'bigint':
        if (!extended) throw this.#unsendable('a plain dnode peer knows no bigint');
        this.#tag('bigint');
        return String(value);
      case 'symbol':
        if (extended) throw this.#unsendable('a symbol stays in its process');
        return undefined;
      case 'object':
        return value === null ? null : this.#object(value);
    }
  }

  /** A promise: what it turned out to be, or the outcome of a call of ours, which the peer puts in place. */
  #promise(promise: object): unknown {
    const { settled } = this.#functions;
    if (settled?.has(promise)) return this.#value(settled.get(promise));
    // Who decodes an instance needs all of it; and it may be another promise each time.
    if (this.#coding.size > 0) throw this.#unsendable('what a codec makes of it holds a promise');
    const call = this.#options.extended ? this.#functions.outcome?.(promise) : undefined;
    if (call === undefined) throw new Unresolved(promise, this.#where());
    this.#results[call] = this.#note();
    return null;
  }

  /** A function, or what stands for a value that is to come and can be called as well. */
  #callable(fn: AnyFunction): unknown {
    const promise = this.#functions.later?.(fn);
    return promise === undefined ? this.#function(fn) : this.#promise(promise);
  }

  #function(fn: AnyFunction): unknown {
    const { extended } = this.#options;
    if (extended) {
      const own = this.#functions.own(fn);
      const first = this.#seen.get(fn);
      if (first !== undefined) return this.#link(first);
      const path = this.#note();
      this.#seen.set(fn, path);
      // One id may stand for one path only: a second mention of it is a link, above.
      if (own !== undefined) this.#own[own] = path;
      else this.#found.push({ fn, path, fresh: false });
    } else {
      this.#found.push({ fn, path: this.#note(), fresh: this.#seen.has(fn) });
      this.#seen.set(fn, []);
    }
    return '[Function]';
  }

  #object(value: object): unknown {
    const { extended, limits } = this.#options;
    const first = this.#seen.get(value);
    // dnode knows links for cycles only: there an alias is sent as a copy.
    if (first !== undefined) {
      // It would have to be there before it is made.
      if (this.#coding.has(value)) throw this.#unsendable('what a codec makes of it holds itself');
      return this.#link(first);
    }
    if (this.#path.length > limits.depth) {
      throw new DserviceError('ERR_LIMIT', `nested deeper than ${limits.depth}`);
    }
    this.#seen.set(value, [...this.#path]);
    const copy = this.#contents(value);
    if (!extended) this.#seen.delete(value);
    return copy;
  }

  #contents(value: object): unknown {
    if (this.#options.moves?.(value, this.#path) === true) {
      this.#tag('clone');
      return null;
    }
    if (Array.isArray(value)) {
      this.#room(value.length);
      return this.#list(value);
    }
    if (value instanceof Promise) return this.#promise(value);
    const exposed = this.#functions.exposed?.(value);
    if (typeof exposed === 'function') return this.#function(exposed);
    if (exposed !== undefined) {
      if (Object.hasOwn(exposed, '')) this.#tag('object');
      return this.#properties(exposed);
    }
    const proto: unknown = Object.getPrototypeOf(value);
    const plain = proto === Object.prototype || proto === null;
    const coded = plain ? undefined : this.#functions.coded?.(value);
    if (coded !== undefined) return this.#coded(value, coded);
    if (!plain || Symbol.asyncIterator in value) {
      const stream = this.#functions.stream?.(value);
      if (stream !== undefined) return this.#stream(stream);
    }
    if (plain) return this.#properties(value);
    // What a value is, also of another realm: a frame's, or a test's.
    const kind = kindOf(value);
    if (kind === 'Error' || value instanceof Error) return this.#error(value as Error, kind);
    if (boxes.has(kind)) return this.#value(value.valueOf());
    const leaf = this.#options.extended ? this.#leaf(value, kind) : undefined;
    if (leaf !== undefined) return leaf;
    const toJSON: unknown = Object.hasOwn(value, 'toJSON')
      ? undefined
      : Reflect.get(value, 'toJSON');
    if (typeof toJSON === 'function') {
      const json: unknown = Reflect.apply(toJSON, value, [this.#path.at(-1) ?? '']);
      return json === value ? this.#properties(value) : this.#value(json);
    }
    if (kind !== 'Object' && kind !== 'Arguments' && this.#options.extended) {
      const unless = this.#options.moves && ', unless `transfer` moves it';
      throw this.#unsendable(`a ${kind} stays in its process${unless ?? ''}`);
    }
    return this.#properties(value);
  }

  /** Values with a tag of their own, which only a peer of ours understands. What only passes for one throws. */
  #leaf(value: object, kind: string): unknown {
    switch (kind) {
      case 'Date': {
        this.#tag('date');
        const time = Date.prototype.getTime.call(value);
        return Number.isNaN(time) ? 'Invalid Date' : new Date(time).toISOString();
      }
      case 'Map': {
        this.#tag('map');
        return this.#list(Map.prototype.entries.call(value));
      }
      case 'Set': {
        this.#tag('set');
        return this.#list(Set.prototype.values.call(value));
      }
      case 'URL':
        this.#tag('url');
        return (value as URL).href;
      case 'RegExp':
        this.#tag('regexp');
        return RegExp.prototype.toString.call(value);
    }
    const found = viewBytes(value, kind);
    if (found === undefined) return undefined;
    (this.#types.bytes ??= []).push([found[0], this.#note()]);
    this.#nodes++;
    const bytes = new Bytes(found[1]);
    this.#bytes.push(bytes);
    return bytes;
  }

  #coded(value: object, { name, data }: Coded): unknown {
    // What it returned stands in the place of the instance: elsewhere it is another one.
    const alone = typeof data !== 'object' || data === null || !this.#seen.has(data);
    this.#coding.add(value);
    const copy = this.#value(data);
    this.#coding.delete(value);
    if (alone) this.#seen.delete(data as object);
    (this.#types.codec ??= []).push([name, this.#note()]);
    return copy;
  }

  #stream({ kind, info, tagged, parts }: StreamParts): unknown {
    if (typeof parts === 'function') return this.#function(parts as AnyFunction);
    if (tagged === true) this.#tag('signal');
    if (kind !== undefined && this.#options.streams === true) {
      const path = this.#note();
      (this.#types.stream ??= []).push(info === undefined ? [kind, path] : [kind, path, info]);
    }
    return this.#properties(parts);
  }

  #error(error: Error, kind: string): unknown {
    if (this.#options.extended) {
      this.#tag('error');
      if (kind === 'DOMException') this.#tag('exception');
    }
    const data: Record<string, unknown> = { name: error.name, message: error.message };
    if (this.#options.stacks && error.stack !== undefined) data.stack = error.stack;
    for (const key of hiddenKeys) {
      const item: unknown = Reflect.get(error, key);
      if (item !== undefined) data[key] = item;
    }
    return this.#properties({ ...data, ...error });
  }

  #properties(value: object): Record<string, unknown> {
    // Without a prototype, a key named __proto__ is a key like any other.
    const copy: Record<string, unknown> = Object.create(null) as Record<string, unknown>;
    for (const key of Object.keys(value)) {
      let item: unknown;
      try {
        item = (value as Record<string, unknown>)[key];
      } catch (cause) {
        throw new DserviceError(
          'ERR_DATA',
          `${this.#where(key)} cannot be read: ${messageOf(cause)}`,
          { cause },
        );
      }
      copy[key] = this.#at(key, item);
    }
    return copy;
  }

  #link(from: Path): string {
    this.#links.push({ from, to: this.#note() });
    this.#nodes += from.length + 1;
    return '[Circular]';
  }

  #tag(kind: Exclude<keyof TypeTags, 'bytes' | 'stream'>): void {
    (this.#types[kind] ??= []).push(this.#note());
  }

  /** Refuses what would be too much, before it is made. The peer counts the rest of the message too. */
  #room(more: number): void {
    const { nodes } = this.#options.limits;
    if (this.#nodes + more > room(nodes)) {
      throw new DserviceError('ERR_LIMIT', `more than ${nodes} values in one message`);
    }
  }

  /** The path of here, counted as an entry of the message. */
  #note(): Path {
    const { entries } = this.#options.limits;
    if (++this.#entries > entries) {
      throw new DserviceError(
        'ERR_LIMIT',
        `more than ${entries} functions, links and typed values`,
      );
    }
    this.#nodes += this.#path.length + 3;
    if (this.#path.some((key) => forbidden.has(key))) {
      throw this.#unsendable('only plain data stands at a key of that name');
    }
    return [...this.#path];
  }

  #unsendable(why: string, details?: ErrorDetails): DserviceError {
    return new DserviceError('ERR_DATA', `${this.#where()} cannot be sent: ${why}`, details);
  }

  #where(key?: string): string {
    const path = key === undefined ? this.#path : [...this.#path, key];
    return `argument ${path.join('.')}`;
  }
}
