import { createRequire } from 'node:module';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { defaultLimits } from '../../src/limits.js';
import { decode } from '../../src/protocol/decode.js';
import { type AnyFunction, encode } from '../../src/protocol/encode.js';
import { LocalFunctions } from '../../src/protocol/functions.js';
import type { Message } from '../../src/protocol/message.js';

interface Scrubbed {
  arguments: unknown[];
  callbacks: Record<number, unknown>;
  links: unknown[];
}

/** The codec of dnode-protocol 0.2. It knows `callbacks` as the table that it fills. */
interface Scrubber {
  scrub(args: unknown[]): Scrubbed;
  unscrub(message: object, find: (id: number) => AnyFunction): unknown[];
}

// It has no types of its own.
const scrubber = createRequire(import.meta.url)('dnode-protocol/lib/scrub') as (
  table: AnyFunction[],
) => Scrubber;

/** Our side of one connection. */
function ours() {
  let last = -1;
  const local = new LocalFunctions({ nextId: () => ++last }, Infinity);
  const ids = {
    mention: (fn: AnyFunction, fresh: boolean, path: readonly (string | number)[]) =>
      local.mention(fn, fresh, path),
    own: () => undefined,
  };
  const options = { extended: false, stacks: false, limits: defaultLimits };
  return {
    local,
    write: (args: unknown[]): string => `{"arguments":${encode(args, ids, options)}}`,
    read: (line: string, find: (id: number) => AnyFunction): unknown[] =>
      decode(
        JSON.parse(line) as Message,
        {
          reference: find,
          ours: () => expect.unreachable(),
        },
        options,
      ),
  };
}

/** Their side of it. */
function theirs() {
  const table: AnyFunction[] = [];
  const codec = scrubber(table);
  return {
    table,
    write: (args: unknown[]): string => {
      const { arguments: scrubbed, callbacks, links } = codec.scrub(args);
      return JSON.stringify({ arguments: scrubbed, callbacks, links });
    },
    read: (line: string, find: (id: number) => AnyFunction): unknown[] =>
      codec.unscrub(JSON.parse(line) as object, find),
  };
}

/** One function for each id, the same for both readers. */
function functions(): (id: number) => AnyFunction {
  const made = new Map<number, AnyFunction>();
  return (id) => {
    const fn = made.get(id) ?? ((): void => {});
    made.set(id, fn);
    return fn;
  };
}

/** What a value is made from: `up` is the object that many levels above, `fn` one of a few functions. */
type Plan =
  | { leaf: unknown }
  | { fn: number }
  | { up: number }
  | { list: Plan[] }
  | { object: [string, Plan][] };

// Keys that lead behind the data are another matter: see the end.
const key = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('0', '-1', 'toString', 'a b', 'length'))
  .filter((text) => !['__proto__', 'constructor', 'prototype'].includes(text));

const leaf = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.string({ unit: 'binary' }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constantFrom(null, undefined, '[Function]', '[Circular]'),
  fc.date(),
);

const { plan } = fc.letrec<{ plan: Plan }>((tie) => ({
  plan: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf.map((value) => ({ leaf: value })),
    fc.nat(4).map((fn) => ({ fn })),
    fc.nat(3).map((up) => ({ up })),
    fc.array(tie('plan'), { maxLength: 5 }).map((list) => ({ list })),
    fc.array(fc.tuple(key, tie('plan')), { maxLength: 5 }).map((object) => ({ object })),
  ),
}));

function build(from: Plan, pool: readonly AnyFunction[], above: readonly object[]): unknown {
  if ('leaf' in from) return from.leaf;
  if ('fn' in from) return pool[from.fn];
  if ('up' in from) return above[from.up] ?? null;
  if ('list' in from) {
    const list: unknown[] = [];
    for (const item of from.list) list.push(build(item, pool, [list, ...above]));
    return list;
  }
  const object: Record<string, unknown> = {};
  for (const [name, item] of from.object) object[name] = build(item, pool, [object, ...above]);
  return object;
}

/** The arguments of a few messages on one connection; an argument may hold the arguments themselves. */
const messages = fc
  .array(fc.array(plan, { maxLength: 4 }), { minLength: 1, maxLength: 4 })
  .map((plans) => {
    const pool = Array.from({ length: 5 }, (): AnyFunction => () => {});
    return plans.map((each) => build({ list: each }, pool, []) as unknown[]);
  });

describe('our codec beside that of dnode-protocol', () => {
  it('writes the same', () => {
    fc.assert(
      fc.property(messages, (all) => {
        const [we, they] = [ours(), theirs()];
        for (const args of all) {
          expect(JSON.parse(we.write(args))).toEqual(JSON.parse(they.write(args)));
        }
        // The same functions under the same ids.
        for (const [id, fn] of they.table.entries()) expect(we.local.get(id)?.fn).toBe(fn);
        expect(we.local.size).toBe(they.table.length);
      }),
      { numRuns: 2_000 },
    );
  });

  it('reads the same, whoever wrote it', () => {
    fc.assert(
      fc.property(messages, (all) => {
        const [we, they] = [ours(), theirs()];
        const find = functions();
        for (const args of all) {
          for (const line of [we.write(args), they.write(args)]) {
            const read = we.read(line, find);
            // Both graphs have the same shape, cycles and functions included.
            expect(isDeepStrictEqual(read, they.read(line, find))).toBe(true);
          }
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('brings back what was sent, with cycles in place', () => {
    const f = (): void => {};
    const value: Record<string, unknown> = { list: [1, f] };
    value.self = value;
    (value.list as unknown[]).push(value.list);
    for (const [from, to] of [
      [ours(), theirs()],
      [theirs(), ours()],
    ] as const) {
      const [back] = to.read(from.write([value]), () => f) as [Record<string, unknown>];
      expect(isDeepStrictEqual(back, value)).toBe(true);
    }
  });
});

describe('what JSON alone does not say', () => {
  class Point {
    x = 1;
    f = (): void => {};
    method(): void {}
  }
  class Named {
    constructor(readonly secret: string) {}
    toJSON(): unknown {
      return { named: true };
    }
  }
  const shared = { a: 1 };
  const sparse: unknown[] = [];
  sparse[2] = 'x';

  it.each<[string, unknown]>([
    ['an invalid date', new Date(Number.NaN)],
    ['numbers that JSON has not', [Number.NaN, Infinity, -Infinity, -0]],
    ['a regular expression', /a/g],
    ['a map and a set', [new Map([[1, 2]]), new Set([1])]],
    ['boxed values', [Object(1), Object(true)]],
    ['bytes', [Buffer.from('abc'), new Uint8Array([1, 2]), new Float64Array([0.5])]],
    ['an instance', new Point()],
    ['an instance with toJSON', new Named('s')],
    ['a value of its own named toJSON', { toJSON: () => 1, b: 2 }],
    ['an object without a prototype', Object.assign(Object.create(null) as object, { a: 1 })],
    ['symbols', { a: Symbol('a'), [Symbol('b')]: 1, c: [Symbol('c')] }],
    ['holes', sparse],
    ['what stands in two places, without a cycle', [shared, shared, { shared }]],
    ['a getter', Object.defineProperty({}, 'a', { get: () => 5, enumerable: true })],
    ['arguments of a function with properties', Object.assign(() => {}, { a: 1 })],
  ])('%s: the same', (_, value) => {
    expect(JSON.parse(ours().write([value, () => {}]))).toEqual(
      JSON.parse(theirs().write([value, () => {}])),
    );
  });

  describe('and where we differ on purpose', () => {
    it('an error has its name and cause too: dnode sends the message alone', () => {
      const error = Object.assign(new TypeError('no', { cause: 'why' }), { code: 'E' });
      expect(JSON.parse(theirs().write([error]))).toMatchObject({
        arguments: [{ message: 'no', code: 'E' }],
      });
      expect(JSON.parse(ours().write([error]))).toMatchObject({
        arguments: [{ name: 'TypeError', message: 'no', code: 'E', cause: 'why' }],
      });
    });

    it('a key named __proto__ is a key: there, it becomes a prototype and is not sent', () => {
      const value: unknown = JSON.parse('{"__proto__":{"a":1},"f":0}');
      const args = [value, () => {}];
      expect(theirs().write(args)).toContain('[{"f":0},');
      expect(ours().write(args)).toContain('[{"__proto__":{"a":1},"f":0},');
    });

    it('a path through __proto__, constructor or prototype is refused: there, it is followed', () => {
      for (const step of ['__proto__', 'constructor', 'prototype']) {
        const line = JSON.stringify({ arguments: [{}], callbacks: { 0: ['0', step] } });
        expect(() => ours().read(line, functions())).toThrow(
          expect.objectContaining({ code: 'ERR_MALFORMED' }),
        );
      }
    });

    it('a path that leads nowhere is refused: there, objects are made on the way', () => {
      const line = JSON.stringify({ arguments: [1], callbacks: { 0: ['5', 'a'] } });
      expect(theirs().read(line, functions())).toHaveLength(6);
      expect(() => ours().read(line, functions())).toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      );
    });

    it('a promise is refused: there, it is an empty object', () => {
      expect(theirs().write([Promise.resolve(1)])).toContain('"arguments":[{}]');
      expect(() => ours().write([Promise.resolve(1)])).toThrow(
        expect.objectContaining({ code: 'ERR_DATA' }),
      );
    });

    it('a bigint is refused by both, here by its place', () => {
      expect(() => theirs().write([{ a: 1n }])).toThrow(TypeError);
      expect(() => ours().write([{ a: 1n }])).toThrow('argument 0.a');
    });
  });
});
