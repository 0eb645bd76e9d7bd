import { statfs } from 'node:fs/promises';
import { DserviceError, type ErrorCode } from '../../../src/errors.js';

/** What LMDB and the system say, and what it is. The first that fits counts. */
const faults: readonly (readonly [RegExp, ErrorCode, string])[] = [
  [
    /MDB_MAP_FULL|ENOSPC|No space left|EDQUOT|quota exceeded|EFBIG|File too large/i,
    'ERR_STORE_FULL',
    'is full',
  ],
  [
    /MDB_INVALID|MDB_CORRUPTED|MDB_VERSION_MISMATCH|MDB_PAGE_NOTFOUND|MDB_PANIC|not an LMDB file|Invalid key size/i,
    'ERR_STORE_CORRUPT',
    'is corrupt',
  ],
  [
    /EACCES|EROFS|EPERM|Permission denied|Read-only file system|not permitted/i,
    'ERR_STORE_READ_ONLY',
    'cannot be written',
  ],
];

/** Bytes that are left on a disk that is full: a transaction may need as much. */
const littleSpace = 1024 * 1024;

/** What was thrown by LMDB, or by the system, as the port wants it. */
export function faultOf(cause: unknown, folder: string): DserviceError {
  if (DserviceError.is(cause)) return cause;
  const said = cause instanceof Error ? cause.message : String(cause);
  const code = (cause as { readonly code?: unknown } | null | undefined)?.code;
  const text = `${String(code)} ${said}`;
  const [, kind, what] = faults.find(([pattern]) => pattern.test(text)) ?? [
    undefined,
    'ERR_STORE' as const,
    'cannot be used',
  ];
  return new DserviceError(kind, `the store in ${folder} ${what}: ${said}`, { cause });
}

/**
 * Of a transaction that failed, why. lmdb tells it by a promise beside the error, which is to be taken up, or the
 * process ends of it. LMDB calls it an input/output error when less was written than it gave: then the disk is full,
 * if it is.
 */
export async function causeOf(error: unknown, folder: string): Promise<unknown> {
  const told = (error as { readonly commitError?: unknown } | null | undefined)?.commitError;
  const cause =
    told instanceof Promise
      ? await told.then(
          () => error,
          (reason: unknown) => reason,
        )
      : error;
  const isShort = cause instanceof Error && /Input\/output error/.test(cause.message);
  if (!isShort || !(await isFull(folder))) return cause;
  return new DserviceError('ERR_STORE_FULL', `the disk with the store in ${folder} is full`, {
    cause,
  });
}

async function isFull(folder: string): Promise<boolean> {
  try {
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize < littleSpace;
  } catch {
    return false;
  }
}
