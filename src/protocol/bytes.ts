interface View {
  new (buffer: ArrayBuffer): ArrayBufferView;
  readonly BYTES_PER_ELEMENT?: number;
}

// Not in every runtime that we support.
const { Float16Array } = globalThis as { readonly Float16Array?: View };

/** The kinds of binary value that travel, by the name of their class. */
const views: Readonly<Record<string, View>> = {
  ...(Float16Array && { Float16Array }),
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

/**
 * A binary value, which is a `tag` by its own account, as its kind and its bytes as they are, or undefined for any
 * other value. A Node Buffer is a Uint8Array.
 */
export function viewBytes(
  value: object,
  tag: string,
): [kind: string, bytes: Uint8Array] | undefined {
  if (tag === 'ArrayBuffer') return [tag, viewOf(value as ArrayBuffer)];
  if (!ArrayBuffer.isView(value)) return undefined;
  // Between Array subclasses of users and Buffer, the built-in name is what both sides have.
  const kind = typedArrayName(value) ?? 'DataView';
  return [kind, viewOf(value.buffer, value.byteOffset, value.byteLength)];
}

/** Throws for what has no bytes of its own, being somewhere else by now. */
function viewOf(...given: [buffer: ArrayBufferLike, from?: number, length?: number]): Uint8Array {
  try {
    return new Uint8Array(...given);
  } catch {
    throw new TypeError('its buffer was moved elsewhere: what was moved cannot be sent any more');
  }
}

/**
 * Makes the value again of bytes that have a buffer of their own, which becomes its. Throws a TypeError for
 * an unknown kind, a RangeError for a wrong length.
 */
export function makeBytes(kind: string, bytes: Uint8Array<ArrayBuffer>): unknown {
  if (kind === 'Uint8Array') return bytes;
  if (kind === 'ArrayBuffer') return bytes.buffer;
  const Class = Object.hasOwn(views, kind) ? views[kind] : undefined;
  if (Class === undefined) throw new TypeError(`unknown kind of bytes: ${kind}`);
  return new Class(bytes.buffer);
}

/** Whether so many bytes can be one of that kind. */
export function fitsKind(kind: unknown, length: number): boolean {
  if (typeof kind !== 'string') return false;
  if (kind === 'ArrayBuffer' || kind === 'DataView') return true;
  const Class = Object.hasOwn(views, kind) ? views[kind] : undefined;
  return Class !== undefined && length % (Class.BYTES_PER_ELEMENT ?? 1) === 0;
}

const nameGetter = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)?.get;

/** Undefined for a DataView, of any realm. */
function typedArrayName(value: ArrayBufferView): string | undefined {
  // It answers with a name, or not at all.
  return nameGetter?.call(value) as string | undefined;
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

/** Whether others share it, or it may change its length. */
export function isLoose({ buffer }: Uint8Array): boolean {
  const { resizable } = buffer as { readonly resizable?: boolean };
  return resizable === true || Object.prototype.toString.call(buffer) !== '[object ArrayBuffer]';
}

/** Throws for what is no base64. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

/** Bytes as they stand in a copy of a message, of which JSON is made when it is known how they travel. */
export class Bytes {
  readonly view: Uint8Array;
  #attached = false;

  constructor(view: Uint8Array) {
    this.view = view;
  }

  /** They follow the line. */
  attach(): Uint8Array<ArrayBuffer> {
    this.#attached = true;
    const { view } = this;
    // What others share may change at any time; neither is taken by every WebSocket.
    return isLoose(view) ? view.slice() : (view as Uint8Array<ArrayBuffer>);
  }

  toJSON(): string | null {
    return this.#attached ? null : toBase64(this.view);
  }
}
