/** The kinds of binary value that travel, by the name of their class. */
const views = {
  Int8Array,
  Uint8Array,
  Uint8ClampedArray,
  Int16Array,
  Uint16Array,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
  BigInt64Array,
  BigUint64Array,
  DataView,
};

/** A binary value as its kind and its bytes, or undefined for any other value. A Node Buffer is a Uint8Array. */
export function takeBytes(value: object): [kind: string, base64: string] | undefined {
  if (value instanceof ArrayBuffer) return ['ArrayBuffer', toBase64(new Uint8Array(value))];
  if (!ArrayBuffer.isView(value)) return undefined;
  // Between Array subclasses of users and Buffer, the built-in name is what both sides have.
  const kind = value instanceof DataView ? 'DataView' : typedArrayName(value);
  return [kind, toBase64(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))];
}

/** Makes the value again. Throws a TypeError for an unknown kind or bad base64, a RangeError for a wrong length. */
export function makeBytes(kind: string, base64: string): unknown {
  const bytes = fromBase64(base64);
  if (kind === 'Uint8Array') return bytes;
  if (kind === 'ArrayBuffer') return bytes.buffer;
  if (!Object.hasOwn(views, kind)) throw new TypeError(`unknown kind of bytes: ${kind}`);
  // `kind` was just found among the keys; each of these classes takes a buffer.
  const View = views[kind as keyof typeof views] as new (buffer: ArrayBuffer) => ArrayBufferView;
  return new View(bytes.buffer);
}

const nameGetter = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get;

function typedArrayName(value: ArrayBufferView): string {
  return String(nameGetter?.call(value));
}

// Not in every runtime we support yet; where it is, it is many times faster.
interface Base64Methods {
  toBase64?(): string;
}

function toBase64(bytes: Uint8Array & Base64Methods): string {
  if (bytes.toBase64) return bytes.toBase64();
  let binary = '';
  // In pieces, since the arguments of one call are limited.
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
