/** Bytes of a chunk of a byte stream, at most; and what one `next` asks for. */
export const chunk = 64 * 1024;
/** Values that one `next` asks for. */
export const batch = 64;

/** About how many bytes a value takes on the way. Looks no further once that is `enough`. */
export function sizeOf(value: unknown, enough = chunk, depth = 64): number {
  if (typeof value === 'string') return value.length + 2;
  if (typeof value !== 'object' || value === null) return 8;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) return value.byteLength + 16;
  let size = 8;
  if (depth === 0) return size;
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) {
    for (const item of value as Iterable<unknown>) {
      if ((size += sizeOf(item, enough - size, depth - 1)) >= enough) break;
    }
    return size;
  }
  for (const key of Object.keys(value)) {
    if (size >= enough) break;
    const property = Object.getOwnPropertyDescriptor(value, key);
    size += key.length + 4 + sizeOf(property?.value, enough - size, depth - 1);
  }
  return size;
}

/** A chunk of bytes in pieces that a message may carry; anything else as it is. */
export function* cut(value: unknown): Iterable<unknown> {
  if (!(value instanceof Uint8Array) || value.byteLength <= chunk) {
    yield value;
    return;
  }
  for (let at = 0; at < value.byteLength; at += chunk) yield value.subarray(at, at + chunk);
}
