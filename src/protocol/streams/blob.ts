import { DserviceError } from '../../errors.js';
import type { Inlet } from './inlet.js';

/** Reads a blob, or a file, whole. Throws ERR_MALFORMED where it has not the size that it should. */
export async function readBlob(
  inlet: Inlet,
  size: number,
  info: Record<string, unknown>,
): Promise<Blob> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let got = 0;
  for (;;) {
    const { done, value } = await inlet.read(inlet);
    if (done === true) break;
    // Checked where it came in.
    const part = value as Uint8Array<ArrayBuffer>;
    got += part.byteLength;
    if (got > size) break;
    parts.push(part);
  }
  if (got !== size) {
    const text = `a blob of ${size} bytes has ${got > size ? 'more' : got}`;
    throw new DserviceError('ERR_MALFORMED', text);
  }
  const { type: given, name, lastModified: time } = info;
  const type = typeof given === 'string' ? given : '';
  if (typeof name !== 'string' || typeof File !== 'function') return new Blob(parts, { type });
  return new File(parts, name, {
    type,
    ...(typeof time === 'number' ? { lastModified: time } : {}),
  });
}
