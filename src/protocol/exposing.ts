import type { AnyFunction } from './encode.js';

// A registered symbol, so that classes of another copy of this package are recognised.
export const exposed: unique symbol = Symbol.for('dservice.exposed') as never;

/** What instances of `Exposed` bring along of themselves: so whoever has no such class carries nothing of it. */
export interface Exposing {
  /** Its methods by their names, as the prototypes have them. */
  methods(instance: object): ReadonlyMap<string, AnyFunction>;
  /** Whether it has a method of that name; of `=name`, a property that it shares. */
  has(instance: object, name: string): boolean;
  /** The names of its methods, and where it may `share`, `=name` for each property. */
  names(instance: object, share: boolean): string[];
  /** The method of a name, bound; of `=name`, what reads that property, or writes it; of '', what stands for it itself. */
  bound(instance: object, name: string): AnyFunction;
  /** A class as a function that constructs; undefined for what is none. */
  constructing(fn: AnyFunction): AnyFunction | undefined;
}

/** What goes by reference has this, for extending `Exposed` of this or another copy of the package. */
export function exposing(value: object): Exposing | undefined {
  return (value as { readonly [exposed]?: Exposing })[exposed];
}

/** Something in the place of the methods of what goes by reference; undefined for what goes by value. */
export function exposedParts(value: object): Record<string, AnyFunction> | undefined {
  const names = exposing(value)?.names(value, false);
  return names && Object.fromEntries(names.map((name) => [name, () => undefined]));
}

// Registered, as that above.
/** Of a function that reads and writes a property: it answers by returning. */
export const ofProperty: unique symbol = Symbol.for('dservice.property') as never;
