import { DserviceError } from '../errors.js';

// Registered symbols, so that classes of another copy of this package are recognised.
const exposed = Symbol.for('dservice.exposed');
/** Under this symbol the prototypes of exposed instances have the names of the properties that they share. */
export const shared: unique symbol = Symbol.for('dservice.shared') as never;

/** What shares these properties of its own. */
export interface Sharing<K extends string> {
  readonly [shared]: readonly K[];
}

/** Of a function that reads and writes a property. */
const ofProperty = Symbol('property');

/** What no shared property is called: what every object has, and what promises and JSON look for. */
const reserved: ReadonlySet<string> = new Set(['then', 'toJSON', 'prototype']);

/**
 * A class whose instances go by reference: the peer gets an object with the methods of the prototype
 * chain (up to this class), bound to the instance. Names that begin with `_`, accessors and data stay here, but for
 * those that `Exposed.with` names. A class that extends it and stands in an api can be constructed from afar.
 */
export class Exposed {
  get [exposed](): true {
    return true;
  }

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
export function sharedNames(instance: object): readonly string[] {
  return (instance as Partial<Sharing<string>>)[shared] ?? [];
}

/** Whether a value goes by reference, for extending `Exposed` of this or another copy of the package. */
export function isExposed(value: object): boolean {
  return exposed in value;
}

/** The callable names of an exposed instance. */
export function exposedNames(instance: object): string[] {
  const names = new Set<string>();
  let proto: unknown = Object.getPrototypeOf(instance);
  while (typeof proto === 'object' && proto !== null && !Object.hasOwn(proto, exposed)) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
      if (name === 'constructor' || name.startsWith('_') || name in Object.prototype) continue;
      if (typeof property.value === 'function') names.add(name);
    }
    proto = Object.getPrototypeOf(proto);
  }
  return [...names];
}

/**
 * A property that an exposed instance shares, as a function: without arguments it reads, with one it writes. It
 * throws ERR_METHOD for what cannot be read or written: what is not there, a method, what has no getter or setter.
 */
export function sharedProperty(instance: object, name: string): (...args: unknown[]) => unknown {
  const property = (...args: unknown[]): unknown => {
    const found = sharedNames(instance).includes(name) ? propertyOf(instance, name) : isMethod;
    const { get, set, writable } = found;
    if (args.length === 0) {
      if (found === isMethod || (set !== undefined && get === undefined)) {
        throw noProperty(name, 'read');
      }
      return Reflect.get(instance, name) as unknown;
    }
    if (set === undefined && writable !== true) throw noProperty(name, 'written');
    // What is frozen says no.
    if (!Reflect.set(instance, name, args[0])) throw noProperty(name, 'written');
    return undefined;
  };
  return Object.assign(property, { [ofProperty]: true });
}

/** Whether a function reads and writes a property. */
export function isProperty(fn: object): boolean {
  return ofProperty in fn;
}

/** What stands where a property would. */
const isMethod: PropertyDescriptor = {};
/** What was named, and is not there yet. */
const absent: PropertyDescriptor = { writable: true };

/** What describes a property of an instance. */
function propertyOf(instance: object, name: string): PropertyDescriptor {
  for (let at: unknown = instance; typeof at === 'object' && at !== null;) {
    const found = Object.getOwnPropertyDescriptor(at, name);
    if (found !== undefined) {
      return at !== instance && typeof found.value === 'function' ? isMethod : found;
    }
    at = Object.getPrototypeOf(at);
  }
  return absent;
}

function noProperty(name: string, what: string): DserviceError {
  const text = `there is no property "${name.slice(0, 64)}" that can be ${what}`;
  return new DserviceError('ERR_METHOD', text, { method: name.slice(0, 64), mayHaveRun: false });
}

/** Whether a function is a class whose instances go by reference, and no such thing as `Exposed` itself. */
export function isExposedClass(fn: (...args: never[]) => unknown): boolean {
  const { prototype } = fn as { prototype?: unknown };
  return (
    typeof prototype === 'object' &&
    prototype !== null &&
    exposed in prototype &&
    !Object.hasOwn(prototype, exposed) &&
    // A classic function can be given any prototype; a class cannot.
    Object.getOwnPropertyDescriptor(fn, 'prototype')?.writable === false
  );
}

/**
 * What goes in the place of a value that goes by reference: its methods, and where it may, `=name` for each property
 * that it shares. Undefined for what goes by value.
 */
export function exposedParts<F>(
  value: object,
  method: (instance: object, name: string) => F,
  share = false,
): Record<string, F> | undefined {
  if (!isExposed(value)) return undefined;
  const names = exposedNames(value);
  if (share) {
    for (const name of sharedNames(value)) if (!names.includes(name)) names.push(`=${name}`);
  }
  return Object.fromEntries(names.map((name) => [name, method(value, name)]));
}
