import type { MethodInfo } from '../../src/protocol/about.js';
import { harmless } from './style.js';

/** A function of a peer's. */
export type Method = (...args: unknown[]) => Promise<unknown>;

/** The names of all functions in a remote api: those of inner objects after the outer name and a dot. */
export function methodNames(api: object): string[] {
  const names: string[] = [];
  const walk = (at: object, before: string, inside: readonly object[]): void => {
    for (const [key, value] of Object.entries(at)) {
      if (typeof value === 'function') names.push(before + key);
      else if (isObject(value) && !inside.includes(value)) {
        walk(value, `${before}${key}.`, [...inside, value]);
      }
    }
  };
  walk(api, '', [api]);
  return names;
}

/** A method in a line: its name, its parameters where they are known, and what it does. */
export function methodLine(name: string, { params, summary }: MethodInfo = {}): string {
  const call = params === undefined ? name : `${name}(${params.join(', ')})`;
  return harmless(summary === undefined ? call : `${call}  ${summary}`);
}

/** What stands in an api under a name, dots leading to inner objects, where no key has them itself. */
export function lookUp(api: object, name: string): unknown {
  if (Object.hasOwn(api, name)) return valueOf(api, name);
  for (let dot = name.indexOf('.'); dot !== -1; dot = name.indexOf('.', dot + 1)) {
    const key = name.slice(0, dot);
    const inner = Object.hasOwn(api, key) ? valueOf(api, key) : undefined;
    const found = isObject(inner) ? lookUp(inner, name.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

export function isMethod(value: unknown): value is Method {
  return typeof value === 'function';
}

function valueOf(object: object, key: string): unknown {
  return Reflect.get(object, key);
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
