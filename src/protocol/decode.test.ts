import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.js';
import { decode, type References } from './decode.js';
import type { AnyFunction } from './encode.js';
import type { Message } from './message.js';

const refuse: References = {
  reference: (id) => () => id,
  ours: (id) => () => -id,
};
const read = (message: Message, extended = true): unknown[] =>
  decode(message, refuse, { extended, limits: defaultLimits });

describe('types that lie', () => {
  const cases: [kind: string, values: unknown[]][] = [
    ['date', ['soon', '', 'Infinity', '2020-13-45T00:00:00.000Z', 5, null, {}, []]],
    ['number', ['1', '', 'Nan', '0x10', '-Infinity ', 0, null, []]],
    ['bigint', ['', '1.5', '1e3', '0x1', ' 1', '--1', '9'.repeat(4_097), 5, null]],
    ['url', ['', 'relative/path', 'http://', 'http://[', 5, null]],
    [
      'regexp',
      [
        '',
        '/',
        'a',
        '/(/',
        '/a/gg',
        '/a/x',
        '/[/',
        '/a{2,1}/',
        '(?:',
        '/\\',
        `/${'('.repeat(4_000)}/`,
        5,
        null,
      ],
    ],
    [
      'map',
      ['', 5, null, {}, [1], [[1]], [[1, 2, 3]], [{ 0: 1, 1: 2, length: 2 }], ['ab'], [null]],
    ],
    ['set', ['', 5, null, {}, { length: 3 }]],
    ['error', ['', 5, null, [], [1]]],
  ];
  for (const [kind, values] of cases) {
    test.each(values.map((value) => ({ value })))(`${kind}: $value`, ({ value }) => {
      const run = () => read({ arguments: [structuredClone(value)], types: { [kind]: [['0']] } });
      expect(run).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^ERR_(MALFORMED|LIMIT)$/) }),
      );
    });
  }

  test.each([
    ['Buffer', 'AAAA'],
    ['Array', 'AAAA'],
    ['constructor', 'AAAA'],
    ['__proto__', 'AAAA'],
    [null, 'AAAA'],
    [{ toString: 1, valueOf: 1 }, 'AAAA'],
    [['Uint8Array', 1], 'AAAA'],
    ['Uint8Array', 'A'],
    ['Uint8Array', '語'],
    ['Uint8Array', '%%%'],
    ['Float64Array', 'AAAA'],
    ['BigInt64Array', 'AAAA'],
    ['Uint16Array', 'AAAA'],
    ['Uint8Array', 5],
    ['Uint8Array', null],
    ['Uint8Array', { length: 1e9 }],
  ])('bytes of kind %j from %j', (kind, text) => {
    const run = () => read({ arguments: [text], types: { bytes: [[kind, ['0']]] } });
    expect(run).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }));
  });

  test.each([[[5]], [['0']], [[null]], [['Uint8Array']], ['x'], [{}]])(
    'entries of bytes: %j',
    (bytes) => {
      expect(() => read({ arguments: ['AAAA'], types: { bytes } })).toThrow();
    },
  );

  test('the same path twice', () => {
    for (const [kind, value] of [
      ['date', '2020-01-01T00:00:00.000Z'],
      ['map', []],
      ['set', []],
      ['error', { name: 'Error', message: '' }],
    ] as const) {
      const types = { [kind]: [['0'], ['0']] };
      expect(() => read({ arguments: [value], types })).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      );
    }
    const both = { map: [['0']], set: [['0']] };
    expect(() => read({ arguments: [[]], types: both })).toThrow();
    // Nothing is made of nothing, twice.
    expect(read({ arguments: [1], types: { undefined: [['0'], ['0']] } })).toEqual([undefined]);
  });

  test('paths through what has been put in place', () => {
    const date = { date: [['0']], undefined: [['0', 'getTime']] };
    expect(() => read({ arguments: ['2020-01-01T00:00:00.000Z'], types: date })).toThrow();
    const fn = { arguments: ['f'], callbacks: { 0: ['0'], 1: ['0', 'prototype'] } };
    expect(() => read(fn)).toThrow();
    const through = {
      arguments: ['f'],
      callbacks: { 0: ['0'] },
      links: [{ from: ['0', 'name'], to: ['0'] }],
    };
    expect(() => read(through)).toThrow();
    // Through a map, a set or an error the path is that of the JSON as sent.
    const [map] = read({
      arguments: [[['k', { deep: 'f' }]]],
      callbacks: { 3: ['0', '0', '1', 'deep'] },
      types: { map: [['0']] },
    }) as [Map<string, { deep: AnyFunction }>];
    expect(map.get('k')?.deep()).toBe(3);
  });

  test('a link may turn an entry of a map into what is none', () => {
    const message = {
      arguments: [[['k', 1]], 5],
      types: { map: [['0']] },
      links: [{ from: ['1'], to: ['0', '0'] }],
    };
    expect(() => read(message)).toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }));
  });

  test('a map that holds itself, as key and value', () => {
    const links = [
      { from: ['0'], to: ['0', '0', '0'] },
      { from: ['0'], to: ['0', '0', '1'] },
    ];
    const [map] = read({ arguments: [[['k', 'v']]], types: { map: [['0']] }, links }) as [
      Map<unknown, unknown>,
    ];
    expect(map.get(map)).toBe(map);
  });

  test('kinds that are inherited or unknown', () => {
    const types = JSON.parse(
      '{"__proto__":[["0"]],"constructor":[["0"]],"toString":1,"spaceship":[["0"]]}',
    ) as object;
    expect(read({ arguments: [1], types })).toEqual([1]);
  });

  test('a plain session does not look at them', () => {
    const message = { arguments: ['2020'], types: { date: [['0']] }, own: { 5: ['0'] } };
    expect(read(message, false)).toEqual(['2020']);
  });
});

describe('errors', () => {
  const error = (data: object): Error & Record<string, unknown> =>
    read({ arguments: [data], types: { error: [['0']] } })[0] as Error & Record<string, unknown>;

  test('become the class of their name, or Error by that name', () => {
    expect(error({ name: 'TypeError', message: 'm' })).toBeInstanceOf(TypeError);
    const custom = error({ name: 'MyError', message: 'm' });
    expect([custom.name, custom.message, Object.keys(custom)]).toEqual(['MyError', 'm', []]);
    for (const name of ['Function', 'Proxy', 'constructor', 'toString', '__proto__', '']) {
      expect(Object.getPrototypeOf(error({ name, message: '' }))).toBe(Error.prototype);
    }
  });

  test('with fields that are none', () => {
    for (const junk of [null, 5, {}, [], true]) {
      const made = error({
        name: junk,
        message: junk,
        stack: junk,
        code: junk,
        cause: junk,
        errors: junk,
      });
      expect([made.name, made.message, typeof made.stack]).toEqual(['Error', '', 'string']);
      expect(made.code).toEqual(junk);
      expect(`${made}`).toBe('Error');
    }
  });

  test('of ours keep their class and code, and nothing can fake a method', () => {
    const made = error({
      name: 'DserviceError',
      message: 'm',
      code: 'ERR_BUSY',
      toString: 1,
      hasOwnProperty: 2,
    });
    expect(made).toMatchObject({ name: 'DserviceError', code: 'ERR_BUSY' });
    expect(error({ name: 'DserviceError', code: 'nonsense' }).constructor).toBe(Error);
  });

  test('may be their own cause', () => {
    const [made] = read({
      arguments: [{ name: 'E', message: 'm', cause: null }],
      types: { error: [['0']] },
      links: [{ from: ['0'], to: ['0', 'cause'] }],
    }) as [Error];
    expect(made.cause).toBe(made);
  });
});

describe('as dnode says it', () => {
  test('missing keys, and lists for empty objects', () => {
    expect(read({})).toEqual([]);
    expect(read({ arguments: [1], callbacks: [], links: {} })).toEqual([1]);
  });

  test('paths of texts and of numbers', () => {
    const [a, b] = read({ arguments: ['f', ['g']], callbacks: { 3: [0], 4: ['1', 0] } }, false) as [
      AnyFunction,
      AnyFunction[],
    ];
    expect([a(), b[0]?.()]).toEqual([3, 4]);
  });

  test('links after callbacks, in order', () => {
    const links = [
      { from: ['0'], to: ['1', 'a'] },
      { from: ['1', 'a'], to: ['1', 'b'] },
      { from: [], to: ['1', 'all'] },
    ];
    const args = read({ arguments: ['f', {}], callbacks: { 7: ['0'] }, links }, false) as [
      AnyFunction,
      Record<string, unknown>,
    ];
    expect(args[1].a).toBe(args[0]);
    expect(args[1].b).toBe(args[0]);
    expect(args[1].all).toBe(args);
  });
});
