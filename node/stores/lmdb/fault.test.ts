import { expect, test } from 'vitest';
import { DserviceError } from '../../../src/errors.js';
import { causeOf, faultOf } from './fault.js';

test('what LMDB and the system say has its code', () => {
  const codes = [
    'MDB_MAP_FULL: Environment mapsize limit reached',
    'No space left on device',
    'MDB_CORRUPTED: Located page was wrong type',
    'MDB_INVALID: File is not an LMDB file',
    'MDB_VERSION_MISMATCH: Database environment version mismatch',
    'Permission denied',
    'Read-only file system',
    'Input/output error',
    'anything else',
  ].map((message) => faultOf(new Error(message), '/a').code);
  expect(codes).toEqual([
    'ERR_STORE_FULL',
    'ERR_STORE_FULL',
    'ERR_STORE_CORRUPT',
    'ERR_STORE_CORRUPT',
    'ERR_STORE_CORRUPT',
    'ERR_STORE_READ_ONLY',
    'ERR_STORE_READ_ONLY',
    'ERR_STORE',
    'ERR_STORE',
  ]);
  const ours = new DserviceError('ERR_STATE', 'ours');
  expect(faultOf(ours, '/a')).toBe(ours);
});

test('why a commit failed is told beside it', async () => {
  const why = new Error('No space left on device');
  const failed = Object.assign(new Error('Commit failed'), { commitError: Promise.reject(why) });
  expect(await causeOf(failed, '/a')).toBe(why);
  expect(await causeOf(why, '/a')).toBe(why);
});
