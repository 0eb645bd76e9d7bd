import { DserviceError } from '../errors.js';
import { storedError } from './stored-error.js';

/** Parts of a path that names what cannot be stored. */
const deepestPath = 100;

/**
 * What `pack` makes of data. Throws ERR_DATA that names the path of what `pack` throws for, as
 * `data.items[3].price`.
 */
export function packed<T>(data: unknown, pack: (value: unknown) => T): T {
  try {
    return pack(data);
  } catch (cause) {
    const { message } = storedError(cause);
    throw new DserviceError('ERR_DATA', `${faultIn(data, pack)} cannot be stored: ${message}`, {
      cause,
    });
  }
}

/** The path of the innermost part of a value that cannot be packed by itself. */
function faultIn(data: unknown, pack: (value: unknown) => unknown): string {
  const seen = new Set<unknown>();
  let path = 'data';
  let value: unknown = data;
  // What is nested deeper is named by the part that it is in.
  for (let depth = 0; depth < deepestPath; depth++) {
    seen.add(value);
    const inner = partsOf(value).find(({ part }) => !seen.has(part) && !isPacked(part, pack));
    if (inner === undefined) return path;
    path += inner.name;
    value = inner.part;
  }
  return path;
}

function isPacked(value: unknown, pack: (value: unknown) => unknown): boolean {
  if (value instanceof Unreadable) return false;
  try {
    pack(value);
    return true;
  } catch {
    return false;
  }
}

interface Part {
  /** The end of its path. */
  readonly name: string;
  readonly part: unknown;
}

/** Stands for what throws when it is read. */
class Unreadable {}

/** The parts of what is made of parts. */
function partsOf(value: unknown): Part[] {
  if (typeof value !== 'object' || value === null) return [];
  if (value instanceof Map) {
    return [...value].flatMap(([key, part], i): Part[] => [
      { name: `.key(${i})`, part: key },
      { name: typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.value(${i})`, part },
    ]);
  }
  if (value instanceof Set) {
    return [...value].map((part: unknown, i) => ({ name: `.value(${i})`, part }));
  }
  const isList = Array.isArray(value);
  return Object.keys(value).map((key) => ({
    name: isList && /^\d+$/.test(key) ? `[${key}]` : nameOf(key),
    part: read(value, key),
  }));
}

function nameOf(key: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`;
}

function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return new Unreadable();
  }
}

/** Bytes that a structured clone takes, roughly: without counting an object twice. */
export function sizeOf(data: unknown): number {
  const seen = new Set<object>();
  const stack = [data];
  let size = 0;
  while (stack.length > 0) {
    const value = stack.pop();
    size += 8;
    if (typeof value === 'string') size += value.length;
    else if (typeof value === 'bigint') size += value.toString(16).length / 2;
    if (typeof value !== 'object' || value === null || seen.has(value)) continue;
    seen.add(value);
    if (value instanceof ArrayBuffer) size += value.byteLength;
    else if (ArrayBuffer.isView(value)) stack.push(value.buffer);
    else if (typeof Blob === 'function' && value instanceof Blob) size += value.size;
    else if (value instanceof Map) for (const [key, part] of value) stack.push(key, part);
    else if (value instanceof Set) for (const part of value) stack.push(part);
    else {
      for (const [key, part] of Object.entries(value)) {
        size += key.length;
        stack.push(part);
      }
    }
  }
  return size;
}
