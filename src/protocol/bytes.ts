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

/** A binary value as its kind and its bytes as they are, or undefined for any other value. A Node Buffer is a Uint8Array. */
export function viewBytes(value: object): [kind: string, bytes: Uint8Array] | undefined {
  if (value instanceof ArrayBuffer) return ['ArrayBuffer', new Uint8Array(value)];
  if (!ArrayBuffer.isView(value)) return undefined;
  // Between Array subclasses of users and Buffer, the built-in name is what both sides have.
  const kind = value instanceof DataView ? 'DataView' : typedArrayName(value);
  return [kind, new Uint8Array(value.buffer, value.byteOffset, value.byteLength)];
}

/**
 * Makes the value again of bytes that have a buffer of their own, which becomes its. Throws a TypeError for
 * an unknown kind, a RangeError for a wrong length.
 */
export function makeBytes(kind: string, bytes: Uint8Array<ArrayBuffer>): unknown {
  if (kind === 'Uint8Array') return bytes;
  if (kind === 'ArrayBuffer') return bytes.buffer;
  if (!Object.hasOwn(views, kind)) throw new TypeError(`unknown kind of bytes: ${kind}`);
  // `kind` was just found among the keys; each of these classes takes a buffer.
  const View = views[kind as keyof typeof views] as new (buffer: ArrayBuffer) => ArrayBufferView;
  return new View(bytes.buffer);
}

/** Whether so many bytes can be one of that kind. */
export function fitsKind(kind: unknown, length: number): boolean {
  if (typeof kind !== 'string') return false;
  if (kind === 'ArrayBuffer' || kind === 'DataView') return true;
  if (!Object.hasOwn(views, kind)) return false;
  const { BYTES_PER_ELEMENT: unit = 1 } = views[kind as keyof typeof views] as {
    readonly BYTES_PER_ELEMENT?: number;
  };
  return length % unit === 0;
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

export function toBase64(bytes: Uint8Array & Base64Methods): string {
  if (bytes.toBase64) return bytes.toBase64();
  let binary = '';
  // In pieces, since the arguments of one call are limited.
  for (let at = 0; at < bytes.length; at += 0x8000) {
    binary += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  }
  return btoa(binary);
}

/** Throws for what is no base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
