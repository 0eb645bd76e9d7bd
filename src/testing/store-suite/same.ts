/**
 * Throws unless two values are alike: as structured clone keeps them, told apart by `Object.is`, a property that is
 * undefined being one that is not there.
 */
export function same(actual: unknown, expected: unknown, what: string): void {
  const path = difference(actual, expected, '', new Map());
  if (path === undefined) return;
  const where = path === '' ? '' : ` (at ${path})`;
  throw new Error(`${what}: expected ${show(expected)}, got ${show(actual)}${where}`);
}

/** Throws unless it rejects with a code. */
export async function rejects(
  promise: Promise<unknown>,
  code: string,
  what: string,
): Promise<void> {
  const result = await promise.then(
    (value) => `it resolved with ${show(value)}`,
    (error: unknown) => codeOf(error) ?? `it rejected with ${String(error)}`,
  );
  if (result !== code) throw new Error(`${what}: expected ${code}, got: ${result}`);
}

/** Throws unless it throws with a code; what was thrown. */
export function throws(fn: () => unknown, code: string, what: string): Error {
  let value: unknown;
  try {
    value = fn();
  } catch (error) {
    if (codeOf(error) === code && error instanceof Error) return error;
    throw new Error(`${what}: expected ${code}, got ${String(error)}`, { cause: error });
  }
  throw new Error(`${what}: expected ${code}, got ${show(value)}`);
}

/** Throws unless it is so. */
export function is(so: boolean, what: string): void {
  if (!so) throw new Error(`not so: ${what}`);
}

function codeOf(error: unknown): string | undefined {
  const code = (error as { readonly code?: unknown } | undefined)?.code;
  return typeof code === 'string' ? code : undefined;
}

/** The path of the first difference. */
function difference(
  a: unknown,
  b: unknown,
  path: string,
  met: Map<unknown, unknown>,
): string | undefined {
  if (Object.is(a, b)) return undefined;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return path;
  if (met.has(a)) return met.get(a) === b ? undefined : path;
  met.set(a, b);
  if (kindOf(a) !== kindOf(b)) return path;
  const [ofA, ofB] = [partsOf(a), partsOf(b)];
  for (const name of new Set([...ofA.keys(), ...ofB.keys()])) {
    const inside = difference(ofA.get(name), ofB.get(name), `${path}.${name}`, met);
    if (inside !== undefined) return inside;
  }
  return undefined;
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value);
}

/** What a value is made of, named. */
function partsOf(value: object): Map<string, unknown> {
  if (value instanceof Date) return new Map([['time', value.getTime()]]);
  if (value instanceof RegExp) return new Map([['source', String(value)]]);
  if (value instanceof ArrayBuffer) return partsOf(new Uint8Array(value));
  if (value instanceof DataView) return new Map([['bytes', [...bytesOf(value)].join()]]);
  if (value instanceof Map) {
    return new Map(
      [...value].flatMap(([key, part], i) => [
        [`key${i}`, key],
        [`value${i}`, part],
      ]),
    );
  }
  if (value instanceof Set) return new Map([...value].map((part, i) => [`value${i}`, part]));
  if (value instanceof Error) {
    const { name, message, cause } = value;
    return new Map<string, unknown>(Object.entries({ name, message, cause }));
  }
  const parts = new Map<string, unknown>(Object.entries(value));
  if (Array.isArray(value)) parts.set('length', value.length);
  return parts;
}

function bytesOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function show(value: unknown): string {
  const seen = new Set<unknown>();
  const text = JSON.stringify(value, (_, it: unknown) => {
    if (typeof it === 'bigint') return `${it}n`;
    if (it instanceof Map || it instanceof Set) return [...it];
    if (typeof it !== 'object' || it === null) return it;
    if (seen.has(it)) return '(again)';
    seen.add(it);
    return it;
  });
  if (text === undefined) return String(value);
  return text.length > 600 ? `${text.slice(0, 600)}…` : text;
}
