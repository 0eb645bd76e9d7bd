import { DserviceError } from '../../errors.js';
import type { AnyFunction } from '../encode.js';
import { exposing } from '../exposing.js';
import { hidden } from './ahead.js';

/** Keys of a path, at most. */
const longest = 64;

export interface Methods {
  /** The method of an exposed instance, if it has one of that name. */
  named(instance: object, name: string): AnyFunction | undefined;
}

/** Whether an object has something of that name, for others. */
export type Has = (object: object, name: string) => boolean;

const isEnumerable: Has = (object, name) =>
  Object.prototype.propertyIsEnumerable.call(object, name);

/**
 * What stands at a path of a value: through own enumerable properties and methods of what is exposed, never
 * through functions or strings. Undefined where the last step finds nothing; throws ERR_METHOD where one
 * before does. May throw what a getter throws.
 */
export function stepTo(
  value: unknown,
  path: readonly string[],
  methods: Methods,
  has: Has = isEnumerable,
): unknown {
  let at = value;
  for (const [i, key] of path.entries()) {
    if (typeof at !== 'object' || at === null) throw missing(path.slice(0, i + 1));
    if (exposing(at) !== undefined) at = methods.named(at, key) ?? methods.named(at, `=${key}`)?.();
    else at = has(at, key) ? (Reflect.get(at, key) as unknown) : undefined;
  }
  return at;
}

/** Whether a shared property, or a getter, stands in a path of an api: code that runs when it is gone along. */
export function readsOnTheWay(value: unknown, path: readonly string[]): boolean {
  let at = value;
  for (const key of path) {
    if (typeof at !== 'object' || at === null) return false;
    if (exposing(at)?.has(at, `=${key}`) === true) return true;
    const property = Object.getOwnPropertyDescriptor(at, key);
    if (property?.get !== undefined) return true;
    at = property?.value;
  }
  return false;
}

/** The function at a path of a value. Throws ERR_METHOD. */
export function functionAt(
  value: unknown,
  path: readonly string[],
  methods: Methods,
  has?: Has,
): AnyFunction {
  const found = stepTo(value, path, methods, has);
  if (typeof found !== 'function') throw missing(path);
  return found as AnyFunction;
}

/** A path, as it stands in a message: read as strings. Throws ERR_MALFORMED. */
export function readPath(path: unknown): string[] {
  if (!Array.isArray(path) || path.length > longest) throw malformed('`method` is not a path');
  return path.map((key: unknown) => {
    if (typeof key === 'number') return String(key);
    if (typeof key !== 'string' || hidden.has(key)) {
      throw malformed('a path holds a key that is not allowed');
    }
    return key;
  });
}

export function malformed(text: string): DserviceError {
  return new DserviceError('ERR_MALFORMED', text, { mayHaveRun: false });
}

function missing(path: readonly string[]): DserviceError {
  const method = path.join('.').slice(0, 64);
  const text = `the outcome has no "${method}"`;
  return new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
}
