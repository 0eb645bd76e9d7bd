import { DserviceError } from '../errors.js';
import type { AnyFunction } from '../protocol/encode.js';
import { exposing } from '../protocol/exposing.js';
import { methodOptions } from '../protocol/method-options.js';
import type { Call } from './request.js';

/** Characters of a method's name, and names within it. */
const most = { length: 1_024, depth: 64 };

/**
 * The function that a method's name stands for: `shout`, or `admin.reset` inside of an object. Own enumerable
 * properties and the methods of exposed instances, and nothing else, as dnode has it; and nothing under `rpc.`,
 * which the specification keeps for itself. May throw what a getter throws.
 */
export function findMethod(api: object, name: string): AnyFunction | undefined {
  if (name.length > most.length || name.startsWith('rpc.')) return undefined;
  const whole = step(api, name);
  if (typeof whole === 'function') return whole as AnyFunction;
  let at: unknown = api;
  for (const key of name.split('.', most.depth)) {
    if (typeof at !== 'object' || at === null) return undefined;
    at = step(at, key);
  }
  return typeof at === 'function' ? (at as AnyFunction) : undefined;
}

function step(from: object, key: string): unknown {
  const exposes = exposing(from);
  if (exposes === undefined) {
    return Object.prototype.propertyIsEnumerable.call(from, key)
      ? Reflect.get(from, key)
      : undefined;
  }
  const has = exposes.methods(from).has(key) && typeof Reflect.get(from, key) === 'function';
  return has ? exposes.bound(from, key) : undefined;
}

/**
 * The arguments of a call. By name: in their places where `method({ params })` names them, else all of them
 * as one object. Throws ERR_DATA for a name that is none of the method's.
 */
export function argumentsOf(fn: AnyFunction, { method, params }: Call): unknown[] {
  if (isList(params)) return [...params];
  // One that may be left out is marked, as `b?`.
  const names = methodOptions(fn)?.params?.map((name) => name.replace(/\?$/, ''));
  if (names === undefined) return [params];
  for (const key of Object.keys(params)) {
    if (names.includes(key)) continue;
    const text = `"${key.slice(0, 64)}" is no parameter of ${method}: ${names.join(', ')} are`;
    throw new DserviceError('ERR_DATA', text, { method, mayHaveRun: false });
  }
  const given = names.filter((name) => Object.hasOwn(params, name));
  const last = given.at(-1);
  // What is left out at the end is not there, so that defaults and callbacks are found as by position.
  const count = last === undefined ? 0 : names.lastIndexOf(last) + 1;
  return names
    .slice(0, count)
    .map((name) => (Object.hasOwn(params, name) ? params[name] : undefined));
}

function isList(params: Call['params']): params is readonly unknown[] {
  return Array.isArray(params);
}
