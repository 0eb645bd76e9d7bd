import { deserialize, serialize } from 'node:v8';
import { DserviceError } from '../../src/errors.js';
import { packed } from '../../src/pipeline/data.js';

/** Data as a store of bytes keeps it: JSON text, or bytes that begin with 0xff, as no text does. */
export type Body = string | Uint8Array;

/** What structured clone begins with in V8. */
const mark = 0xff;
/** Whether it does so here: Bun's is another. There it is put before, and what one wrote the other cannot read. */
const marked = serialize(null)[0] === mark;

/** Makes of data what is kept, at once. `size` in bytes. Throws ERR_DATA that names the path of what cannot be kept. */
export function packBody(data: unknown): { body: Body; size: number } {
  if (!isJson(data)) return packed(data, asBytes);
  const body = JSON.stringify(data);
  return { body, size: Buffer.byteLength(body) };
}

/** The data, each time a copy of its own. Throws ERR_STORE_CORRUPT. */
export function unpackBody(body: Body): unknown {
  try {
    if (typeof body === 'string') return JSON.parse(body);
    // What is read may lie on the bytes that it is read from: they are copied.
    if (body[0] === mark) return deserialize(Uint8Array.prototype.slice.call(body, marked ? 0 : 1));
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.length).toString());
  } catch (cause) {
    throw new DserviceError('ERR_STORE_CORRUPT', 'the data of a command cannot be read', { cause });
  }
}

function asBytes(data: unknown): { body: Body; size: number } {
  const bytes = serialize(data);
  const body = marked ? bytes : Buffer.concat([Uint8Array.of(mark), bytes]);
  return { body, size: body.length };
}

/** Whether JSON holds it exactly. What is there twice would come back as two. */
function isJson(data: unknown): boolean {
  if (typeof data !== 'object' || data === null) return isPlain(data);
  const seen = new Set<object>([data]);
  for (const value of seen) {
    const parts = partsOf(value);
    if (parts === undefined) return false;
    for (const part of parts) {
      if (typeof part === 'object' && part !== null) {
        if (seen.has(part)) return false;
        seen.add(part);
      } else if (!isPlain(part)) return false;
    }
  }
  return true;
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0);
  return typeof value === 'string' || typeof value === 'boolean' || value === null;
}

/** The values of an object or a list; undefined for what is more than that. */
function partsOf(value: object): readonly unknown[] | undefined {
  if (Array.isArray(value)) {
    return Object.keys(value).length === value.length ? (value as unknown[]) : undefined;
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null ? Object.values(value) : undefined;
}
