import { expect, test, vi } from 'vitest';
import { redis } from '../redis.js';
import { options } from '../fixtures/opened.js';

test('where the package is not installed, it is said what to do', async () => {
  vi.doMock('redis', () => {
    throw new Error("Cannot find package 'redis'");
  });
  const opening = redis('redis://127.0.0.1:1').open('p', options);
  await expect(opening).rejects.toMatchObject({
    code: 'ERR_OPTION',
    message: expect.stringContaining('npm install redis'),
  });
  vi.doUnmock('redis');
});

test('what is no place of Redis is refused', () => {
  const wrong = expect.objectContaining({ code: 'ERR_OPTION' });
  expect(() => redis('http://127.0.0.1')).toThrow(wrong);
  expect(() => redis('redis://a,redis://b')).toThrow(wrong);
  expect(() => redis([])).toThrow(wrong);
  expect(() => redis('redis://a', { partitions: 0 })).toThrow(wrong);
  expect(redis('redis://a,redis://b', { cluster: true }).url).toBe('redis://a,redis://b');
});
