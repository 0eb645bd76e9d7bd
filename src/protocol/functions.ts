import { DserviceError } from '../errors.js';
import type { AnyFunction } from './encode.js';
import { IdTable } from './id-table.js';
import type { Path } from './message.js';

/** A function of ours that the peer holds. */
export interface LocalFunction {
  readonly id: number;
  readonly fn: AnyFunction;
  /** Where it first stood: of an api, the method's name. */
  readonly name: string;
  /** Where it stands in our api, if it is one of its methods. */
  method: string | undefined;
  /** How often it was mentioned, less what was culled. */
  mentions: number;
  /** The peer has heard of it, and let go of some of that. */
  culled: boolean;
}

/** Whose functions they are. */
export interface LocalHost {
  /** The next id, for this function: none comes twice. */
  nextId(fn: AnyFunction): number;
  /** Told of each function that has no mention left. */
  onGone?(local: LocalFunction): void;
}

/** Our functions that the peer may call by number. Every operation takes constant time. */
export class LocalFunctions {
  readonly #host: LocalHost;
  readonly #byId = new IdTable<LocalFunction>();
  #byFn: Map<AnyFunction, LocalFunction> | undefined;
  /** How many the peer is willing to hold. */
  limit: number;
  /** What is mentioned now is our api. */
  announcing = false;
  /** Where methods stand in our api, also of those that the peer let go; where somebody asks. */
  paths: WeakMap<AnyFunction, string> | undefined;

  constructor(host: LocalHost, limit: number) {
    this.#host = host;
    this.limit = limit;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): LocalFunction | undefined {
    return this.#byId.get(id);
  }

  /** The id of a function that the peer holds. */
  idOf(fn: AnyFunction): number | undefined {
    return this.#byFn?.get(fn)?.id;
  }

  /** The id for one more mention. Throws ERR_LIMIT. */
  mention(fn: AnyFunction, fresh: boolean, path: Path): number {
    const name = path.slice(1).join('.');
    if (this.announcing) this.paths?.set(fn, name);
    const known = fresh ? undefined : this.#byFn?.get(fn);
    if (known !== undefined) {
      known.mentions++;
      if (this.announcing) known.method = name;
      return known.id;
    }
    if (this.#byId.size >= this.limit) {
      throw new DserviceError('ERR_LIMIT', `the peer holds ${this.limit} functions already`);
    }
    const id = this.#host.nextId(fn);
    const method = this.announcing ? name : undefined;
    const local = { id, fn, name: name || 'callback', method, mentions: 1, culled: false };
    this.#byId.set(local);
    this.#byFn ??= new Map();
    if (!this.#byFn.has(fn)) this.#byFn.set(fn, local);
    return id;
  }

  /** The peer let go of `count` mentions (all, in plain dnode). */
  cull(id: number, count = Infinity): void {
    this.#drop(id, count, true);
  }

  /** One mention less, that the peer will never hear of. */
  unmention(id: number): void {
    this.#drop(id, 1, false);
  }

  #drop(id: number, count: number, culled: boolean): void {
    const local = this.#byId.get(id);
    if (local === undefined) return;
    local.mentions -= count;
    local.culled ||= culled;
    if (local.mentions > 0) return;
    this.#byId.delete(id);
    if (this.#byFn?.get(local.fn) === local) this.#byFn.delete(local.fn);
    this.#host.onGone?.(local);
  }

  clear(): void {
    this.#byId.clear();
    this.#byFn = undefined;
  }
}
