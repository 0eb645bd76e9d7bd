import { DserviceError } from '../errors.js';
import type { AnyFunction } from './encode.js';
import { exposedNames, isExposed } from './exposed.js';
import type { Path } from './message.js';
import { bound } from './method.js';
import { streamFunction } from './streams/stream-function.js';

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
}

/** Our functions that the peer may call by number. Every operation takes constant time. */
export class LocalFunctions {
  readonly #nextId: () => number;
  readonly #byId = new Map<number, LocalFunction>();
  readonly #byFn = new Map<AnyFunction, LocalFunction>();
  readonly #methods = new WeakMap<object, Map<string, AnyFunction>>();
  /** How many the peer is willing to hold. */
  limit: number;
  /** What is mentioned now is our api. */
  announcing = false;
  /** Where methods stand in our api, also of those that the peer let go; where somebody asks. */
  paths: WeakMap<AnyFunction, string> | undefined;

  constructor(nextId: () => number, limit: number) {
    this.#nextId = nextId;
    this.limit = limit;
  }

  get size(): number {
    return this.#byId.size;
  }

  get(id: number): LocalFunction | undefined {
    return this.#byId.get(id);
  }

  /** The id for one more mention. Throws ERR_LIMIT. */
  mention(fn: AnyFunction, fresh: boolean, path: Path): number {
    if (this.announcing) this.paths?.set(fn, path.slice(1).join('.'));
    const known = fresh ? undefined : this.#byFn.get(fn);
    if (known !== undefined) {
      known.mentions++;
      if (this.announcing) known.method = path.slice(1).join('.');
      return known.id;
    }
    if (this.#byId.size >= this.limit) {
      throw new DserviceError('ERR_LIMIT', `the peer holds ${this.limit} functions already`);
    }
    const name = path.slice(1).join('.') || 'callback';
    const method = this.announcing ? name : undefined;
    const local: LocalFunction = { id: this.#nextId(), fn, name, method, mentions: 1 };
    this.#byId.set(local.id, local);
    if (!fresh || !this.#byFn.has(fn)) this.#byFn.set(fn, local);
    return local.id;
  }

  /** The peer let go of `count` mentions (all, in plain dnode). */
  cull(id: number, count = Infinity): void {
    const culled = this.#drop(id, count);
    if (culled !== undefined) streamFunction(culled)?.culled();
  }

  /** One mention less, that the peer will never hear of. */
  unmention(id: number): void {
    const unsent = this.#drop(id, 1);
    if (unsent !== undefined) streamFunction(unsent)?.unsent();
  }

  /** The function, if that was its last mention. */
  #drop(id: number, count: number): AnyFunction | undefined {
    const local = this.#byId.get(id);
    if (local === undefined) return undefined;
    local.mentions -= count;
    if (local.mentions > 0) return undefined;
    this.#byId.delete(id);
    if (this.#byFn.get(local.fn) === local) this.#byFn.delete(local.fn);
    return local.fn;
  }

  /** A method of an exposed instance, bound; the same function each time. */
  method(instance: object, name: string): AnyFunction {
    let methods = this.#methods.get(instance);
    if (methods === undefined) {
      methods = new Map<string, AnyFunction>();
      this.#methods.set(instance, methods);
    }
    let found = methods.get(name);
    if (found === undefined) {
      const method: unknown = Reflect.get(instance, name);
      if (typeof method !== 'function') throw new TypeError(`${name} is not a function`);
      found = bound(method as AnyFunction, instance);
      methods.set(name, found);
    }
    return found;
  }

  /** The function that a method's name stands for in an api, or undefined. May throw what a getter throws. */
  named(api: object, name: string): AnyFunction | undefined {
    if (isExposed(api))
      return exposedNames(api).includes(name) ? this.method(api, name) : undefined;
    // Own and enumerable, and nothing else: never inherited, never an index into the table.
    if (!Object.prototype.propertyIsEnumerable.call(api, name)) return undefined;
    const value: unknown = Reflect.get(api, name);
    return typeof value === 'function' ? (value as AnyFunction) : undefined;
  }

  clear(): void {
    this.#byId.clear();
    this.#byFn.clear();
  }
}
