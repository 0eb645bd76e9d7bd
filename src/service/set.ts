import { DserviceError } from '../errors.js';
import { rejected } from '../protocol/calls.js';

/** What a promise brings, or what is there. */
type Of<T> = T extends PromiseLike<infer V> ? V : T;

/** The properties of a remote that are read, and written: what it has beside functions. */
type Properties<T> = {
  [K in keyof T]-?: NonNullable<T[K]> extends (...args: never[]) => unknown ? never : K;
}[keyof T] &
  string;

/**
 * Writes a property that a peer shares, of an object or of one that is to come: `await set(counter, 'value', 5)` is
 * `counter.value = 5`, and resolves when that was done. Rejects with ERR_METHOD where there is no property that can
 * be written, and with what its setter threw.
 */
export function set<T extends object, K extends Properties<Of<T>>>(
  target: T,
  key: K,
  value: Awaited<Of<T>[K]>,
): Promise<void> {
  const property: unknown = Reflect.get(target, `=${key}`);
  if (typeof property === 'function') return (property as (to: unknown) => Promise<void>)(value);
  const text = `there is no property "${String(key)}" that can be written from here`;
  return rejected(new DserviceError('ERR_METHOD', text, { method: key, mayHaveRun: false }));
}
