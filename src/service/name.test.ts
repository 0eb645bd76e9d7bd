import { describe, expect, test } from 'vitest';
import { formatQuery, matches, parseQuery, parseService } from './name.js';
import { semverMatcher as matcher } from './range.js';

describe('a name', () => {
  test.each(['a', 'greeter', 'image.resize', 'a-1', '9', 'x'.repeat(63)])('%s is one', (name) => {
    expect(parseService(name, matcher)).toEqual({ name, version: '0.0.0' });
    expect(parseQuery(name, matcher)).toEqual({ name, range: undefined });
  });

  test.each(['', 'Greeter', 'a b', 'a_b', 'grüße', 'a/b', '@1.2.0', 'a\n', 'x'.repeat(64)])(
    '%j is none',
    (name) => {
      for (const parse of [parseService, parseQuery]) {
        expect(() => parse(name, matcher)).toThrow(
          expect.objectContaining({
            code: 'ERR_NAME',
            message: expect.stringContaining(
              'is no name of a service: lower-case letters, digits, "-" and ".", at most 63',
            ),
          }),
        );
      }
    },
  );

  test.each([undefined, null, 7, {}, ['a']])('%j is no string', (name) => {
    // What a program without types may give.
    expect(() => parseQuery(name as string, matcher)).toThrow(
      expect.objectContaining({
        code: 'ERR_NAME',
        message: expect.stringContaining('greeter@1.2.0'),
      }),
    );
  });
});

describe('a version', () => {
  test.each([
    ['1.2.3', '1.2.3'],
    ['v1.2.3', '1.2.3'],
    ['1.2.3-beta.1', '1.2.3-beta.1'],
    ['1.2.3+build', '1.2.3'],
  ])('%s', (given, version) => {
    expect(parseService(`a@${given}`, matcher)).toEqual({ name: 'a', version });
  });

  test.each(['', '1', '1.2', 'latest', '1.2.3.4', 'x'.repeat(300)])('%j is none', (given) => {
    expect(() => parseService(`a@${given}`, matcher)).toThrow(
      expect.objectContaining({
        code: 'ERR_VERSION',
        message: expect.stringContaining('give three numbers, as 1.2.0'),
      }),
    );
  });

  test('a range is told apart', () => {
    expect(() => parseService('a@^1', matcher)).toThrow('a range is for callers');
  });
});

describe('a range', () => {
  test.each(['^1', '1.x', '>=1.2 <3', '~1.2.3', '1.2.3', '*', '1 || 2'])('%s', (range) => {
    expect(parseQuery(`a@${range}`, matcher)).toEqual({ name: 'a', range });
  });

  test.each(['', ' ', 'latest', 'one', '^', '>=a'])('%j is none', (range) => {
    expect(() => parseQuery(`a@${range}`, matcher)).toThrow(
      expect.objectContaining({
        code: 'ERR_RANGE',
        message: expect.stringContaining('give one as ^1, >=1.2 <3 or 1.x'),
      }),
    );
  });

  test.each([
    ['a', '1.0.0', true],
    ['a', '1.0.0-beta', true],
    ['a@^1', '1.4.0', true],
    ['a@^1', '2.0.0', false],
    ['a@*', '1.0.0-beta', false],
    ['a@^1', '1.0.0-beta', false],
    ['a@^1.0.0-alpha', '1.0.0-beta', true],
    ['b', '1.0.0', false],
  ])('%s takes %s: %s', (text, version, yes) => {
    expect(matches(parseQuery(text, matcher), { name: 'a', version }, matcher)).toBe(yes);
  });

  test.each(['a', 'a@^1'])('%s is written as it was read', (text) => {
    expect(formatQuery(parseQuery(text, matcher))).toBe(text);
  });
});
