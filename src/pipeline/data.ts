import { DserviceError } from '../errors.js';

/**
 * What `pack` makes of data. Throws ERR_DATA that names the path of what `pack` throws for, as
 * `data.items[3].price`.
 */
export function packed<T>(data: unknown, pack: (value: unknown) => T): T {
  try {
    return pack(data);
  } catch (cause) {
    const path = faultIn(data, 'data', pack, new Set());
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new DserviceError('ERR_DATA', `${path} cannot be stored: ${why}`, { cause });
  }
}

/** The innermost part of a value that cannot be packed by itself. */
function faultIn(
  value: unknown,
  path: string,
  pack: (value: unknown) => unknown,
  seen: Set<unknown>,
): string {
  seen.add(value);
  for (const [name, part] of partsOf(value)) {
    if (seen.has(part)) continue;
    try {
      pack(part);
    } catch {
      return faultIn(part, `${path}${name}`, pack, seen);
    }
  }
  return path;
}

/** The parts of what is made of parts, each with the end of its path. */
function partsOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  if (Array.isArray(value)) return value.map((part: unknown, i) => [`[${i}]`, part]);
  if (value instanceof Map) {
    return [...value].flatMap(([key, part], i): [string, unknown][] => [
      [`.key(${i})`, key],
      [typeof key === 'string' ? `.get(${JSON.stringify(key)})` : `.value(${i})`, part],
    ]);
  }
  if (value instanceof Set) return [...value].map((part: unknown, i) => [`.value(${i})`, part]);
  return Object.keys(value).map((key) => [
    /^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`,
    read(value, key),
  ]);
}

function read(value: object, key: string): unknown {
  try {
    return (value as Record<string, unknown>)[key];
  } catch {
    return undefined;
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
    else if (ArrayBuffer.isView(value)) size += value.buffer.byteLength;
    else if (value instanceof Map) stack.push(...value.keys(), ...value.values());
    else if (value instanceof Set) stack.push(...value.values());
    else if (typeof Blob === 'function' && value instanceof Blob) size += value.size;
    else {
      for (const [key, part] of Object.entries(value)) {
        size += key.length;
        stack.push(part);
      }
    }
  }
  return size;
}
