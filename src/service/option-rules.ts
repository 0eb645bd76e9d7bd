import { defaultLimits } from '../limits.js';
import type { Codec } from '../protocol/codecs.js';
import { isObject, type Rule } from '../rules.js';

export * from '../rules.js';

/** How something is spoken: names, and engines of the user's. */
export const engines: Rule = {
  says: "a list of engines: 'dnode', 'jsonrpc', or { name, schemes, serve, dial }",
  ok: (value) =>
    Array.isArray(value) &&
    value.every(
      (each) => typeof each === 'string' || (isObject(each) && 'name' in each && 'schemes' in each),
    ),
};

export const codecs: Rule = {
  says: 'a list of what `codec()` returns, no two of one name or for one class',
  ok(value) {
    if (!Array.isArray(value) || !value.every((it) => isObject(it) && 'among' in it)) return false;
    // What has that is one.
    const all: readonly unknown[] = value;
    const [first] = all as readonly Codec[];
    try {
      first?.among(all as readonly Codec[]);
      return true;
    } catch {
      return false;
    }
  },
};

export const limits: Rule = {
  says: `an object of positive numbers: ${Object.keys(defaultLimits).join(', ')}`,
  ok: (value) =>
    isObject(value) &&
    Object.entries(value).every(
      ([key, limit]) => Object.hasOwn(defaultLimits, key) && typeof limit === 'number' && limit > 0,
    ),
};

/** Code that stands around calls, on the sides that are named. */
export function around(...sides: readonly string[]): Rule {
  const ok = (value: unknown): boolean => [value].flat().every((it) => typeof it === 'function');
  return {
    says: `an object of functions, or of lists of them: ${sides.join(', ')}`,
    ok: (value) =>
      isObject(value) &&
      Object.entries(value).every(
        ([side, it]) => sides.includes(side) && (it === undefined || ok(it)),
      ),
  };
}

export const observe: Rule = {
  says: 'an observer, an object of functions, or a list of them',
  ok: (value) => (Array.isArray(value) ? value.every(isObject) : isObject(value)),
};
