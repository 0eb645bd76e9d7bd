import type { Limits } from '../limits.js';

/** Values that the arguments may have: the peer counts the rest of the message too. */
export function room(nodes: number): number {
  return nodes > 200 ? nodes - 100 : nodes / 2;
}

/** Whether `JSON.stringify` alone says it all. */
export function isPlain(
  args: readonly unknown[],
  limits: Pick<Limits, 'depth' | 'nodes'>,
): boolean {
  let look: Look | undefined;
  for (let i = 0; i < args.length; i++) {
    const value = args[i];
    if (isPlainLeaf(value)) continue;
    if (typeof value !== 'object' || value === null) return false;
    look ??= new Look(room(limits.nodes));
    if (!look.at(value, limits.depth)) return false;
  }
  return true;
}

function isPlainLeaf(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return value === 0 ? 1 / value > 0 : Number.isFinite(value);
    default:
      return value === null;
  }
}

/** A look at objects: how deep, how many, and whether one was met before. The hot path of large messages. */
class Look {
  #room: number;
  // A few objects are found faster in a list than in a set.
  readonly #few: object[] = [];
  #many: Set<object> | undefined;

  constructor(room: number) {
    this.#room = room;
  }

  at(value: object, depth: number): boolean {
    if (depth === 0 || this.#met(value)) return false;
    if (Array.isArray(value)) {
      const items: unknown[] = value;
      this.#room -= items.length;
      if (this.#room < 0) return false;
      for (let i = 0; i < items.length; i++) {
        const item = items[i];
        if (isPlainLeaf(item)) continue;
        if (typeof item !== 'object' || item === null || !this.at(item, depth - 1)) return false;
      }
      return true;
    }
    const proto: unknown = Object.getPrototypeOf(value);
    if (proto !== Object.prototype && proto !== null) return false;
    if (Symbol.asyncIterator in value) return false;
    // Such an object inherits nothing enumerable, and unlike Object.keys this makes no array.
    for (const key in value) {
      const item = (value as Record<string, unknown>)[key];
      this.#room--;
      if (isPlainLeaf(item)) continue;
      if (typeof item !== 'object' || item === null || !this.at(item, depth - 1)) return false;
    }
    return this.#room >= 0;
  }

  #met(value: object): boolean {
    if (this.#many !== undefined) {
      const { size } = this.#many;
      return this.#many.add(value).size === size;
    }
    if (this.#few.includes(value)) return true;
    if (this.#few.push(value) >= 16) this.#many = new Set(this.#few);
    return false;
  }
}
