import { expect, test, vi } from 'vitest';
import type { AnyFunction } from './encode.js';
import { parametersOf } from './parameters.js';

// Made of text, so that no tool between here and there rewrites them.
const made = (source: string): AnyFunction =>
  // oxlint-disable-next-line no-new-func, no-implied-eval -- the source is what is tested
  new Function(`return ${source}`)() as AnyFunction;

test.each<[source: string, parameters: readonly string[]]>([
  ['() => 1', []],
  ['x => x', ['x']],
  ['async x => x', ['x']],
  ['async (x) => x', ['x']],
  ['async => async', ['async']],
  ['(a, b) => a', ['a', 'b']],
  ['(a, b,) => a', ['a', 'b']],
  ['function (a, cb) { cb(a) }', ['a', 'cb']],
  ['function named ( a ) {}', ['a']],
  ['function*(a) {}', ['a']],
  ['async function* named(a) {}', ['a']],
  ['({ shout(text) {} }).shout', ['text']],
  ['({ async shout(text) {} }).shout', ['text']],
  ['({ async *shout(text) {} }).shout', ['text']],
  ['({ function(text) {} }).function', ['text']],
  ['({ async(text) {} }).async', ['text']],
  ['(class { static make(text) {} }).make', ['text']],
  ['(a, b = 1) => a', ['a', 'b?']],
  ['(a = f(1, [2, 3]), b = {c: "),"}) => a', ['a?', 'b?']],
  ['(a = (x, y) => x == y, b) => a', ['a?', 'b']],
  ["(a = ')\\')', b) => a", ['a?', 'b']],
  ['(...rest) => rest', ['...rest']],
  ['({ a, b }, [c, d]) => a', ['{}', '[]']],
  ['({ a = { b: 1 } } = {}, ...[c]) => a', ['{}?', '...[]']],
  ['(a /* first, ( */, b // second )\n) => a', ['a', 'b']],
  ['($a, _b, é, 名) => $a', ['$a', '_b', 'é', '名']],
])('%s', (source, parameters) => {
  expect(parametersOf(made(source))).toEqual(parameters);
});

test.each([
  'class { constructor(a) {} }',
  '(a = `)`) => a',
  '(a = /[)]/) => a',
  "({ 'a(b'(c) {} })['a(b']",
  "({ ['x'](c) {} }).x",
  '(function (a) {}).bind(null)',
  'Math.max',
  'new Proxy((a) => a, {})',
  `(${Array.from({ length: 40 }, (_, i) => `a${i}`).join(',')}) => 1`,
  `(a, ${'b'.repeat(3_000)}) => 1`,
  `(${'b'.repeat(100)}) => 1`,
  `(a = "${'('.repeat(3_000)}") => 1`,
])('not plain to see: %s', (source) => {
  expect(parametersOf(made(source))).toBeUndefined();
});

test('what a function says of its source is not asked', () => {
  const fn = Object.assign((a: unknown) => a, { toString: () => '(secret) => 1' });
  expect(parametersOf(fn)).toEqual(['a']);
  const lies = Object.assign((a: unknown) => a, {
    toString(): string {
      throw new Error('no');
    },
  });
  expect(parametersOf(lies)).toEqual(['a']);
});

// As often as an expression is tried: three times a character, of the first 2,000.
test.each<[what: string, source: string, parameters: readonly string[] | undefined, reads: number]>(
  [
    ['body', `(a, b) => { return "${'x'.repeat(2_000_000)}" }`, ['a', 'b'], 20],
    ['list', `(a = [${'0,'.repeat(100_000)}]) => a`, undefined, 6_100],
  ],
)('a source with a long %s is not read to its end', (_what, source, parameters, reads) => {
  const fn = made(source);
  const read = vi.spyOn(RegExp.prototype, 'exec');
  try {
    expect(parametersOf(fn)).toEqual(parameters);
    expect(read.mock.calls.length).toBeLessThan(reads);
  } finally {
    read.mockRestore();
  }
});
