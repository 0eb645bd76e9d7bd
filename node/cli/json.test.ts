import { expect, test } from 'vitest';
import * as fc from 'fast-check';
import { toJsonText, toText } from './json.js';

const circle: Record<string, unknown> = { name: 'a' };
circle.self = circle;
const twice = { x: 1 };
const failure = Object.assign(new RangeError('too far', { cause: new Error('why') }), {
  code: 'E',
});

test.each([
  ['undefined', undefined, 'null'],
  ['undefined inside', { a: undefined, b: [undefined] }, '{"b":[null]}'],
  [
    'numbers that JSON lacks',
    [Number.NaN, Infinity, -Infinity, -0],
    '["NaN","Infinity","-Infinity",-0]',
  ],
  ['bigint', 2n ** 70n, '1180591620717411303424'],
  ['date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ['no date', new Date(Number.NaN), '"Invalid Date"'],
  ['URL', new URL('http://a/b'), '"http://a/b"'],
  ['regular expression', /a"b/gi, '"/a\\"b/gi"'],
  ['bytes', [new Uint8Array([1, 2, 3]), new Uint16Array([1]).buffer], '["AQID","AQA="]'],
  ['a part of bytes', new Uint8Array([1, 2, 3]).subarray(1), '"AgM="'],
  ['map with words', new Map([['a', 1n]]), '{"a":1}'],
  [
    'map with others',
    new Map<unknown, unknown>([
      [1, 'x'],
      ['b', null],
    ]),
    '[[1,"x"],["b",null]]',
  ],
  ['set', new Set([1, 'a']), '[1,"a"]'],
  ['function', [function a() {}, () => {}], '["[function a]","[function]"]'],
  ['symbol', Symbol('s'), '"Symbol(s)"'],
  ['what holds itself', circle, '{"name":"a","self":"[circular]"}'],
  ['what is there twice', [twice, twice], '[{"x":1},{"x":1}]'],
  [
    'error',
    failure,
    '{"name":"RangeError","message":"too far","code":"E","cause":{"name":"Error","message":"why"}}',
  ],
  [
    'errors',
    new AggregateError([new Error('a')], 'b'),
    '{"name":"AggregateError","message":"b","errors":[{"name":"Error","message":"a"}]}',
  ],
  ['a key that is special', JSON.parse('{"__proto__":1}') as unknown, '{"__proto__":1}'],
])('%s', (_, value, text) => {
  expect(toJsonText(value)).toBe(text);
});

test('plain JSON is as JSON.stringify writes it', () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: 'binary' }), fc.constantFrom(0, 2), (value, indent) => {
      // JSON.stringify alone has no minus zero.
      const expected = JSON.stringify(value, null, indent);
      expect(toJsonText(JSON.parse(expected), indent)).toBe(expected);
    }),
  );
});

test('for people: strings as they are, nothing for undefined', () => {
  expect(toText('a\nb')).toBe('a\nb');
  expect(toText(undefined)).toBe('');
  expect(toText({ a: [1, {}] })).toBe('{\n  "a": [\n    1,\n    {}\n  ]\n}');
});
