import type { AnyFunction } from './encode.js';
import { exposing, type Exposing } from './exposing.js';
import { self } from './remote-object.js';

/** The functions of ours that names stand for: in an api, and in what goes by reference. */
export class OwnMethods {
  #bound: WeakMap<object, Map<string, AnyFunction>> | undefined;

  /**
   * The methods of what goes by reference, the same functions each time, and by the name '' one that stands for it,
   * where that `isKnown`; where it may `share`, `=name` for each property that it shares. Undefined for what goes by value.
   */
  exposed(value: object, isKnown = false, share = false): Record<string, AnyFunction> | undefined {
    const exposes = exposing(value);
    if (exposes === undefined) return undefined;
    const names = exposes.names(value, share);
    if (isKnown) names.push(self);
    return Object.fromEntries(names.map((name) => [name, this.#method(exposes, value, name)]));
  }

  /** A method of an exposed instance, bound; the same function each time. */
  #method(exposes: Exposing, instance: object, name: string): AnyFunction {
    this.#bound ??= new WeakMap();
    let methods = this.#bound.get(instance);
    if (methods === undefined)
      this.#bound.set(instance, (methods = new Map<string, AnyFunction>()));
    let found = methods.get(name);
    if (found === undefined) methods.set(name, (found = exposes.bound(instance, name)));
    return found;
  }

  /** The function that a method's name stands for in an api, or undefined. May throw what a getter throws. */
  named(api: object, name: string): AnyFunction | undefined {
    const exposes = exposing(api);
    if (exposes !== undefined) {
      return exposes.has(api, name) ? this.#method(exposes, api, name) : undefined;
    }
    // Own and enumerable, and nothing else: never inherited, never an index into the table.
    if (!Object.prototype.propertyIsEnumerable.call(api, name)) return undefined;
    const value: unknown = Reflect.get(api, name);
    return typeof value === 'function' ? (value as AnyFunction) : undefined;
  }
}
