/** Numbers one after the other. */
export function numbersToBytes(numbers: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(8 * numbers.length);
  for (const [i, number] of numbers.entries()) bytes.writeDoubleLE(number, 8 * i);
  return bytes;
}

/** So many numbers; those that are not there are 0. */
export function numbersFromBytes(bytes: Buffer | undefined, count: number): number[] {
  return Array.from({ length: count }, (_, i) =>
    bytes !== undefined && bytes.length >= 8 * (i + 1) ? bytes.readDoubleLE(8 * i) : 0,
  );
}
