import type { AnyFunction } from './encode.js';
import { exposedNames, exposedParts, isExposed, sharedNames, sharedProperty } from './exposed.js';
import { bound } from './method-options.js';
import { self, standInFor } from './remote-object.js';

/** The functions of ours that names stand for: in an api, and in what goes by reference. */
export class OwnMethods {
  #bound: WeakMap<object, Map<string, AnyFunction>> | undefined;

  /**
   * The methods of what goes by reference, the same functions each time, and by the name '' one that stands for it,
   * where that `isKnown`; where it may `share`, `=name` for each property that it shares. Undefined for what goes by value.
   */
  exposed(value: object, isKnown = false, share = false): Record<string, AnyFunction> | undefined {
    const methods = exposedParts(value, (instance, name) => this.#method(instance, name), share);
    if (methods !== undefined && isKnown) methods[self] = this.#method(value, self);
    return methods;
  }

  /** A method of an exposed instance, bound; the same function each time. */
  #method(instance: object, name: string): AnyFunction {
    this.#bound ??= new WeakMap();
    let methods = this.#bound.get(instance);
    if (methods === undefined) {
      methods = new Map<string, AnyFunction>();
      this.#bound.set(instance, methods);
    }
    let found = methods.get(name);
    if (found === undefined) {
      found = name === self ? standInFor(instance) : boundMethod(instance, name);
      methods.set(name, found);
    }
    return found;
  }

  /** The function that a method's name stands for in an api, or undefined. May throw what a getter throws. */
  named(api: object, name: string): AnyFunction | undefined {
    if (isExposed(api)) {
      const names = name.startsWith('=') ? sharedNames(api) : exposedNames(api);
      return names.includes(name.replace(/^=/, '')) ? this.#method(api, name) : undefined;
    }
    // Own and enumerable, and nothing else: never inherited, never an index into the table.
    if (!Object.prototype.propertyIsEnumerable.call(api, name)) return undefined;
    const value: unknown = Reflect.get(api, name);
    return typeof value === 'function' ? (value as AnyFunction) : undefined;
  }
}

function boundMethod(instance: object, name: string): AnyFunction {
  if (name.startsWith('=')) return sharedProperty(instance, name.slice(1));
  const method: unknown = Reflect.get(instance, name);
  if (typeof method !== 'function') throw new TypeError(`${name} is not a function`);
  return bound(method as AnyFunction, instance);
}
