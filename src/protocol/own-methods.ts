import type { AnyFunction } from './encode.js';
import { exposedNames, exposedParts, isExposed } from './exposed.js';
import { bound } from './method.js';

/** The functions of ours that names stand for: in an api, and in what goes by reference. */
export class OwnMethods {
  readonly #bound = new WeakMap<object, Map<string, AnyFunction>>();

  /** The methods of what goes by reference, the same functions each time; undefined for what goes by value. */
  exposed(value: object): Record<string, AnyFunction> | undefined {
    return exposedParts(value, (instance, name) => this.#method(instance, name));
  }

  /** A method of an exposed instance, bound; the same function each time. */
  #method(instance: object, name: string): AnyFunction {
    let methods = this.#bound.get(instance);
    if (methods === undefined) {
      methods = new Map<string, AnyFunction>();
      this.#bound.set(instance, methods);
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
      return exposedNames(api).includes(name) ? this.#method(api, name) : undefined;
    // Own and enumerable, and nothing else: never inherited, never an index into the table.
    if (!Object.prototype.propertyIsEnumerable.call(api, name)) return undefined;
    const value: unknown = Reflect.get(api, name);
    return typeof value === 'function' ? (value as AnyFunction) : undefined;
  }
}
