import { type FileHandle, open } from 'node:fs/promises';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { DserviceError } from '../../../src/errors.js';

/** Where things are in a page of LMDB. */
const layout = {
  flags: 18,
  lower: 20,
  body: 24,
  freeRoot: 88,
  mainRoot: 136,
  lastPage: 144,
  txn: 152,
};
const magic = 0xbeefc0de;
const metaPage = 8;
const branchPage = 1;
const none = 0xffff_ffff_ffff_ffffn;

/** The file of an environment: lmdb's name for it. */
export function dataFileOf(folder: string): string {
  return join(folder, 'data.mdb');
}

/**
 * Rejects with ERR_STORE_CORRUPT for what is no file of LMDB, or ends before its end: LMDB maps it into memory, and a
 * look at what is not there would end the process.
 */
export async function checkDataFile(folder: string): Promise<void> {
  // Its numbers are in the order of the machine.
  if (endianness() === 'BE') return;
  const path = dataFileOf(folder);
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const fault = await faultIn(file);
    if (fault !== undefined) throw new DserviceError('ERR_STORE_CORRUPT', `${path} ${fault}`);
  } finally {
    await file.close();
  }
}

async function faultIn(file: FileHandle): Promise<string | undefined> {
  const first = await read(file, 0, 160);
  // One that was made, and then nothing.
  if (first.length === 0) return undefined;
  const size = first.length < 160 ? 0 : first.readUInt32LE(48);
  if (!isMeta(first) || size < 256 || size > 65_536) return 'is not an LMDB file';
  const second = await read(file, size, 160);
  if (!isMeta(second)) return 'is not an LMDB file: its second page is no head';
  const meta =
    first.readBigUInt64LE(layout.txn) > second.readBigUInt64LE(layout.txn) ? first : second;
  const pages = Math.floor((await file.stat()).size / size);
  // Pages at the end that were never used may be missing: who refers to none of them is whole.
  if (meta.readBigUInt64LE(layout.lastPage) < pages) return undefined;
  const roots = [meta.readBigUInt64LE(layout.freeRoot), meta.readBigUInt64LE(layout.mainRoot)];
  const whole = await isWhole(
    file,
    size,
    pages,
    roots.filter((root) => root !== none),
  );
  return whole ? undefined : 'is shorter than it says';
}

/** Whether all pages are there that branches refer to. */
async function isWhole(
  file: FileHandle,
  size: number,
  pages: number,
  roots: readonly bigint[],
): Promise<boolean> {
  const left = [...roots];
  for (let number = left.pop(); number !== undefined; number = left.pop()) {
    if (number >= pages) return false;
    const page = await read(file, Number(number) * size, size);
    if (page.length < size) return false;
    if ((page.readUInt16LE(layout.flags) & branchPage) === 0) continue;
    const end = Math.min(page.readUInt16LE(layout.lower), size);
    for (let at = layout.body; at + 2 <= end; at += 2) {
      const node = page.readUInt16LE(at);
      if (node + 6 > size) return false;
      left.push(BigInt(page.readUIntLE(node, 6)));
    }
  }
  return true;
}

function isMeta(page: Buffer): boolean {
  if (page.length < 160) return false;
  if ((page.readUInt16LE(layout.flags) & metaPage) === 0) return false;
  return page.readUInt32LE(layout.body) === magic;
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}
