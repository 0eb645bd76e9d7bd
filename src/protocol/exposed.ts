// A registered symbol, so that classes of another copy of this package are recognised.
const exposed = Symbol.for('dservice.exposed');

/**
 * A class whose instances go by reference: the peer gets an object with the methods of the prototype
 * chain (up to this class), bound to the instance. Names that begin with `_`, accessors and data stay here.
 */
export class Exposed {
  get [exposed](): true {
    return true;
  }
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

/** What goes in the place of a value that goes by reference: its methods. Undefined for what goes by value. */
export function exposedParts<F>(
  value: object,
  method: (instance: object, name: string) => F,
): Record<string, F> | undefined {
  if (!isExposed(value)) return undefined;
  return Object.fromEntries(exposedNames(value).map((name) => [name, method(value, name)]));
}
