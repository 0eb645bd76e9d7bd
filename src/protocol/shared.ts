import { isRecord } from './message.js';
import { hidden } from './pipelining/ahead.js';

type Untold = (error: unknown) => void;

/**
 * Makes a property of each function `=name` of an object: read, it is the promise of the value; assigned, it is
 * written, and `untold` hears why it could not be.
 */
export function share(object: Record<string, unknown>, untold: Untold): void {
  for (const [key, fn] of Object.entries(object)) {
    if (!key.startsWith('=')) continue;
    delete object[key];
    const name = key.slice(1);
    if (typeof fn !== 'function' || name === 'then' || hidden.has(name) || name in object) continue;
    const property = fn as (...args: unknown[]) => Promise<unknown>;
    // Not enumerable: who looks at all that an object has would read them.
    Object.defineProperties(object, {
      [key]: { value: fn, configurable: true },
      [name]: {
        get: () => property(),
        set: (value: unknown) => {
          property(value).catch(untold);
        },
        configurable: true,
      },
    });
  }
}

/** Makes properties of what an api shares: it came before it was known whether we know such. */
export function shareWithin(
  group: Record<string, unknown>,
  untold: Untold,
  met = new Set<object>(),
): void {
  if (met.has(group)) return;
  met.add(group);
  share(group, untold);
  for (const value of Object.values(group)) {
    if (isRecord(value) && Object.getPrototypeOf(value) === Object.prototype) {
      shareWithin(value, untold, met);
    }
  }
}
