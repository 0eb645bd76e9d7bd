import { hidden } from './ahead.js';

/** Stands in arguments for the outcome of a call, until that is there. */
export class Slot {
  readonly call: number;

  constructor(call: number) {
    this.call = call;
  }
}

/** Arguments with the outcomes in place of their slots. What is given stays as it is, so it may be filled again. */
export function filled(args: readonly unknown[], outcomeOf: (call: number) => unknown): unknown[] {
  const copies = new Map<object, object>();
  const copy = (value: unknown): unknown => {
    if (typeof value !== 'object' || value === null) return value;
    if (value instanceof Slot) return outcomeOf(value.call);
    const known = copies.get(value);
    if (known !== undefined) return known;
    // An error cannot be copied as what it is, and holds no outcomes but in strange programs.
    const made = value instanceof Error ? value : emptyLike(value);
    if (made === undefined) return value;
    copies.set(value, made);
    if (value instanceof Map) {
      for (const [key, item] of value) (made as Map<unknown, unknown>).set(copy(key), copy(item));
    } else if (value instanceof Set) {
      for (const item of value) (made as Set<unknown>).add(copy(item));
    } else {
      for (const key of Object.keys(value)) {
        const item = copy((value as Record<string, unknown>)[key]);
        if (hidden.has(key)) Object.defineProperty(made, key, { ...plain, value: item });
        else (made as Record<string, unknown>)[key] = item;
      }
    }
    return made;
  };
  return args.map(copy);
}

const plain = { configurable: true, enumerable: true, writable: true };

/** Of what arguments are made of, one with nothing in it; undefined for leaves. */
function emptyLike(value: object): object | undefined {
  if (Array.isArray(value)) return Array.from({ length: value.length });
  if (value instanceof Map) return new Map();
  if (value instanceof Set) return new Set();
  return Object.getPrototypeOf(value) === Object.prototype ? {} : undefined;
}
