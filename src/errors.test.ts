import { expect, test } from 'vitest';
import { DserviceError } from './errors.js';

test('an error has what it was made with, and nothing else', () => {
  expect(Object.keys(new DserviceError('ERR_NAME', 'no')).sort()).toEqual(['code', 'name']);
  const error = new DserviceError('ERR_BUSY', 'later', { service: 'a@^1', mayHaveRun: false });
  expect({ ...error }).toEqual({
    ...{ name: 'DserviceError', code: 'ERR_BUSY', service: 'a@^1', mayHaveRun: false },
  });
  expect('cause' in error).toBe(false);
});

test('an error is recognised across copies of the package', () => {
  const copy = { [Symbol.for('dservice.error')]: true };
  expect(DserviceError.is(new DserviceError('ERR_NAME', 'no'))).toBe(true);
  expect(DserviceError.is(copy)).toBe(true);
  expect([new Error('no'), null, 'ERR_NAME'].some((each) => DserviceError.is(each))).toBe(false);
});
