const four = new Uint8Array(4);
/** The same four bytes as this machine reads them. */
const word = new Uint32Array(four.buffer);

/**
 * Masks a part of a frame in place, or takes its mask off (RFC 6455 §5.3). `key`: its first byte is the lowest one. `at`:
 * bytes of the frame before it. Four bytes at a time: `ws` does one, which takes longer than all else that is done with them.
 */
export function applyMask(bytes: Uint8Array, key: number, at = 0): void {
  const { buffer, byteOffset, length } = bytes;
  const first = Math.min(length, -byteOffset & 3);
  const count = (length - first) >>> 2;
  one(bytes, key, at, 0, first);
  if (count > 0) {
    for (let i = 0; i < 4; i++) four[i] = byteOf(key, at + first + i);
    const by = word[0] ?? 0;
    const words = new Uint32Array(buffer, byteOffset + first, count);
    for (let i = 0; i < count; i++) words[i] = (words[i] ?? 0) ^ by;
  }
  one(bytes, key, at, first + 4 * count, length);
}

const byteOf = (key: number, at: number): number => (key >>> (8 * (at & 3))) & 255;

function one(bytes: Uint8Array, key: number, at: number, from: number, to: number): void {
  for (let i = from; i < to; i++) bytes[i] = (bytes[i] ?? 0) ^ byteOf(key, at + i);
}
