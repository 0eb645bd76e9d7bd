import fc from 'fast-check';
import { expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { errorOf, storedError } from './stored-error.js';

test('an error is kept as text, and can be made of it again', () => {
  const error = new DserviceError('ERR_DATA', 'no');
  const stored = storedError(error);
  expect(stored).toEqual({
    name: 'DserviceError',
    message: 'no',
    code: 'ERR_DATA',
    stack: error.stack,
  });
  expect(storedError(errorOf(stored))).toEqual(stored);
  const plain = errorOf({ name: 'Other', message: 'm' });
  expect([plain instanceof Error, plain.name, plain.message]).toEqual([true, 'Other', 'm']);
  expect('code' in plain).toBe(false);
});

test('whatever is thrown is kept', () => {
  fc.assert(
    fc.property(fc.anything(), (thrown) => {
      const { name, message } = storedError(thrown);
      expect([typeof name, typeof message]).toEqual(['string', 'string']);
    }),
  );
  expect(storedError('text')).toEqual({ name: 'Error', message: 'text' });
  expect(storedError(undefined)).toEqual({ name: 'Error', message: 'undefined' });
  expect(storedError(Symbol('s'))).toEqual({ name: 'Error', message: 'Symbol(s)' });
  expect(storedError({})).toEqual({ name: 'Error', message: 'an object was thrown' });
  expect(storedError({ message: 'm', code: 5 })).toEqual({
    name: 'Error',
    message: 'm',
    code: '5',
  });
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  expect(storedError(proxy).message).toBe('an error that cannot be read');
});

test('it has a bounded length', () => {
  const long = 'x'.repeat(100_000);
  const error = Object.assign(new Error(long), { name: long, code: long, stack: long });
  expect(JSON.stringify(storedError(error)).length).toBeLessThan(6_000);
});
