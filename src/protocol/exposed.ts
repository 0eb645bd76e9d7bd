import { DserviceError } from '../errors.js';
import type { AnyFunction } from './encode.js';
import { exposed, type Exposing, ofProperty } from './exposing.js';
import { bound, keepSaid } from './method-options.js';
import { counted, released } from './released.js';
import { self, standFor } from './remote-object.js';

// A registered symbol, as that of `exposed`.
/** Under this symbol the prototypes of exposed instances have the names of the properties that they share. */
export const shared: unique symbol = Symbol.for('dservice.shared') as never;

/** What shares these properties of its own. */
export interface Sharing<K extends string> {
  readonly [shared]: readonly K[];
}

/** What no shared property is called: what every object has, and what promises and JSON look for. */
const reserved: ReadonlySet<string> = new Set(['then', 'toJSON', 'prototype']);

/**
 * A class whose instances go by reference: the peer gets an object with the methods of the prototype
 * chain (up to this class), bound to the instance. Names that begin with `_`, accessors and data stay here, but for
 * those that `Exposed.with` names. A class that extends it and stands in an api can be constructed from afar.
 */
export class Exposed {
  get [exposed](): Exposing {
    return behaviour;
  }

  /**
   * The name of a method that is told when a session has let go of an instance for good, or has ended:
   * `[Exposed.released]({ peer, session, last }) { … }`. Peers do not see it. What it throws is logged.
   */
  static readonly released: typeof released = released;

  /**
   * A class to extend whose instances share these properties: the peer reads and, where they can be written, writes
   * them. `class Counter extends Exposed.with('value') { value = 0; }`. Throws ERR_NAME for names that begin with
   * `_`, or that every object has.
   */
  static with<
    const K extends string,
    // The one form of constructor that a class may be mixed into.
    // oxlint-disable-next-line no-explicit-any
    C extends abstract new (...args: any[]) => object,
  >(
    this: C,
    ...names: K[]
    // oxlint-disable-next-line no-explicit-any
  ): C & (new (...args: any[]) => Sharing<K>) {
    for (const name of names) {
      if (!name.startsWith('_') && !(name in Object.prototype) && !reserved.has(name)) continue;
      throw new DserviceError('ERR_NAME', `"${name}" cannot be shared: it is reserved`);
    }
    // What it adds is on the prototype alone; an abstract class stays abstract for who extends it.
    const made = class extends (this as unknown as new () => object) {};
    const all = [...sharedNames(made.prototype), ...names];
    Object.defineProperty(made.prototype, shared, { value: all });
    return made as never;
  }
}

/** The names of the properties that an exposed instance shares. */
function sharedNames(instance: object): readonly string[] {
  return (instance as Partial<Sharing<string>>)[shared] ?? [];
}

/** What every instance has of itself. */
const behaviour: Exposing = {
  methods(instance) {
    const found = new Map<string, AnyFunction>();
    let proto: unknown = Object.getPrototypeOf(instance);
    while (typeof proto === 'object' && proto !== null && !Object.hasOwn(proto, exposed)) {
      for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
        if (name.startsWith('_') || name in Object.prototype) continue;
        const fn: unknown = property.value;
        // Called with what a peer sends, as every handler.
        if (typeof fn === 'function' && !found.has(name)) found.set(name, fn as AnyFunction);
      }
      proto = Object.getPrototypeOf(proto);
    }
    return found;
  },
  has: (instance, name) =>
    name.startsWith('=')
      ? sharedNames(instance).includes(name.slice(1))
      : behaviour.methods(instance).has(name),
  names(instance, share) {
    const methods = behaviour.methods(instance);
    const properties = share ? sharedNames(instance).filter((name) => !methods.has(name)) : [];
    return [...methods.keys(), ...properties.map((name) => `=${name}`)];
  },
  bound(instance, name) {
    return counted(instance, functionOf(instance, name));
  },
  constructing(fn) {
    // No such thing as `Exposed` itself; and a classic function can be given any prototype, a class cannot.
    const writable = Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable !== false;
    if (writable || Object.hasOwn(fn.prototype as object, exposed)) return undefined;
    const made = (...args: unknown[]): unknown => Reflect.construct(fn, args);
    return Object.defineProperty(keepSaid(fn, made), 'length', { value: fn.length });
  },
};

/** What stands for a name of an instance's. */
function functionOf(instance: object, name: string): AnyFunction {
  if (name === self) {
    return standFor(
      () => undefined,
      () => instance,
    );
  }
  if (name.startsWith('=')) return sharedProperty(instance, name.slice(1));
  const method: unknown = Reflect.get(instance, name);
  if (typeof method !== 'function') throw new TypeError(`${name} is not a function`);
  return bound(method as AnyFunction, instance);
}

/**
 * A property that an exposed instance shares, as a function: without arguments it reads, with one it writes. It
 * throws ERR_METHOD for what cannot be read or written: what is a method, what has no getter or setter.
 */
function sharedProperty(instance: object, name: string): AnyFunction {
  const property = (...args: unknown[]): unknown => {
    const { get, set, writable } = propertyOf(instance, name);
    if (args.length === 0) {
      if ((get ?? writable) !== undefined) return Reflect.get(instance, name) as unknown;
      throw noProperty(name, 'read');
    }
    // What is frozen says no.
    if ((set ?? writable) && Reflect.set(instance, name, args[0])) return undefined;
    throw noProperty(name, 'written');
  };
  return Object.assign(property, { [ofProperty]: true });
}

/** What describes a property of an instance; of a method, nothing. */
function propertyOf(instance: object, name: string): PropertyDescriptor {
  for (let at: unknown = instance; typeof at === 'object' && at !== null;) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found !== undefined) {
      return at !== instance && typeof found.value === 'function' ? {} : found;
    }
    at = Object.getPrototypeOf(at);
  }
  // It was named, and is not there yet.
  return { writable: true };
}

function noProperty(method: string, what: string): DserviceError {
  const text = `there is no property "${method}" that can be ${what}`;
  return new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
}
