import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { defaultLimits } from '../limits.js';
import { graphDifference } from '../testing/fixtures/graph.js';
import { decode, type References } from './decode.js';
import { type AnyFunction, encode, type FunctionIds } from './encode.js';
import { Exposed } from './exposed.js';
import { exposing } from './exposing.js';
import type { Message } from './message.js';
import { plainJson } from './quick.js';

/** Tables of functions that only count: a function keeps its id, a stand-in stands for one id. */
function tables() {
  const ids = new Map<AnyFunction, number>();
  const standIns = new Map<number, AnyFunction>();
  let last = -1;
  const functions: FunctionIds = {
    mention(fn, fresh) {
      const known = fresh ? undefined : ids.get(fn);
      if (known !== undefined) return known;
      if (!ids.has(fn)) ids.set(fn, last + 1);
      return ++last;
    },
    own: () => undefined,
    exposed(value) {
      const methods = exposing(value)?.methods(value);
      return (
        methods && Object.fromEntries([...methods].map(([name, fn]) => [name, fn.bind(value)]))
      );
    },
  };
  const references: References = {
    reference(id) {
      let fn = standIns.get(id);
      if (fn === undefined) standIns.set(id, (fn = () => id));
      return fn;
    },
    ours: () => {
      throw new Error('none was given');
    },
  };
  return { functions, references };
}

function write(args: readonly unknown[], extended = true, stacks = false): string {
  const { functions } = tables();
  const options = { extended, stacks, limits: defaultLimits };
  const encoded = encode(args, functions, { ...options, plainJson });
  // The short cut comes to the same.
  expect(encode(args, tables().functions, options)).toBe(encoded);
  return `{"arguments":${encoded}}`;
}

function read(json: string, extended = true): unknown[] {
  const message = JSON.parse(json) as Message;
  return decode(message, tables().references, { extended, limits: defaultLimits });
}

const trip = (args: readonly unknown[], extended = true): unknown[] =>
  read(write(args, extended), extended);

const key = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    'then',
    'toJSON',
    'length',
    '0',
    '10',
    'prototype',
    '',
  ),
);
const safeKey = key.filter((it) => !['__proto__', 'constructor', 'prototype'].includes(it));
const bytes = fc
  .uint8Array({ maxLength: 32 })
  .map((it) => it.slice(0, it.length - (it.length % 8)));
const leaf = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
    ),
  },
  fc.constantFrom<unknown>(
    undefined,
    Number.NaN,
    Infinity,
    -Infinity,
    -0,
    '',
    '[Function]',
    '[Circular]',
    2 ** 53,
  ),
  fc.bigInt(),
  fc.date({ noInvalidDate: false }),
  fc.constantFrom(/a+\/[/]/giu, new RegExp(''), /\n/, /语/s).map((it) => new RegExp(it)),
  fc.webUrl().map((it) => new URL(it)),
  bytes,
  bytes.map((it) => it.buffer),
  bytes.map((it) => new Float64Array(it.buffer)),
  bytes.map((it) => new BigUint64Array(it.buffer)),
  bytes.map((it) => new DataView(it.buffer)),
  bytes.map((it) => new Uint8ClampedArray(it.buffer)),
  fc.constant(0).map(() => (): number => 1),
);

/** Trees of everything, whose `place`s may hold one another. */
const tree = fc.letrec<{ node: unknown }>((tie) => {
  const node = tie('node');
  const children = fc.array(node, { maxLength: 4 });
  return {
    node: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaf,
      children,
      fc.dictionary(safeKey, node, { maxKeys: 4 }).map((it) => ({ ...it })),
      children.map((it) => new Set(it)),
      fc.array(fc.tuple(node, node), { maxLength: 3 }).map((it) => new Map(it)),
      fc
        .tuple(fc.constantFrom('Error', 'TypeError', 'Odd'), fc.string(), node, fc.option(node))
        .map(([name, message, own, cause]) => {
          const error = name === 'TypeError' ? new TypeError(message) : new Error(message);
          if (name === 'Odd') Object.defineProperty(error, 'name', { value: name });
          if (cause !== null) Object.defineProperty(error, 'cause', { value: cause });
          return Object.assign(error, { own, code: 'E_ODD' });
        }),
    ),
  };
}).node;

/** Ties parts of a tree together: aliases, and cycles. */
function tie(root: unknown[], ties: readonly (readonly [number, number])[]): unknown[] {
  const holders: (unknown[] | Record<string, unknown> | Map<unknown, unknown> | Set<unknown>)[] =
    [];
  const all: unknown[] = [];
  const visit = (value: unknown): void => {
    if (
      (typeof value !== 'object' && typeof value !== 'function') ||
      value === null ||
      all.includes(value)
    )
      return;
    all.push(value);
    if (typeof value === 'function') return;
    if (value instanceof Map) {
      holders.push(value);
      for (const [k, v] of value) [k, v].map(visit);
    } else if (value instanceof Set) {
      holders.push(value);
      for (const item of value) visit(item);
    } else if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) {
      holders.push(value as unknown[]);
      for (const item of Object.values(value)) visit(item);
    } else if (value instanceof Error) Object.values(value).map(visit);
  };
  visit(root);
  for (const [from, to] of ties) {
    const value = all[from % all.length];
    const holder = holders[to % holders.length];
    if (value === root || holder === undefined || holder === root) continue;
    if (Array.isArray(holder)) holder.push(value);
    else if (holder instanceof Map) holder.set(value, value);
    else if (holder instanceof Set) holder.add(value);
    else holder[`tied${from}`] = value;
  }
  return root;
}

const graph = fc
  .tuple(
    fc.array(tree, { maxLength: 4 }),
    fc.array(fc.tuple(fc.nat(50), fc.nat(50)), { maxLength: 4 }),
  )
  .map(([root, ties]) => tie(root, ties));

test('extended: any graph arrives as the same graph', () => {
  fc.assert(
    fc.property(graph, (args) => {
      expect(graphDifference(args, trip(args))).toBeUndefined();
    }),
    { numRuns: 300 },
  );
});

test('what is encoded leaves the original as it was', () => {
  fc.assert(
    fc.property(graph, (args) => {
      const before = write(args);
      expect(write(args)).toBe(before);
    }),
  );
});

test('plain JSON is its own text, extended or not', () => {
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (args) => {
      // There is no -0 in JSON.stringify.
      const clean = JSON.parse(JSON.stringify(args)) as unknown[];
      expect(write(clean)).toBe(`{"arguments":${JSON.stringify(clean)}}`);
      expect(write(clean, false)).toBe(
        `{"arguments":${JSON.stringify(clean)},"callbacks":{},"links":[]}`,
      );
      expect(trip(clean)).toEqual(clean);
    }),
  );
});

test('plain: what JSON makes of it, as dnode does', () => {
  const value = fc.letrec<{ node: unknown }>((to) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.oneof(
        fc.string(),
        fc.double(),
        fc.boolean(),
        fc.constantFrom<unknown>(null, undefined, Number.NaN, -0),
        fc.date({ noInvalidDate: true }),
      ),
      fc.array(to('node'), { maxLength: 4 }),
      fc
        .dictionary(fc.string({ maxLength: 3 }), to('node'), { maxKeys: 4 })
        .map((it) => ({ ...it })),
    ),
  })).node;
  fc.assert(
    fc.property(fc.array(value), (args) => {
      expect(trip(args, false)).toEqual(JSON.parse(JSON.stringify(args)));
    }),
  );
});

test('plain: functions by callbacks, cycles by links, aliases as copies', () => {
  const fn = (): void => {};
  const loop: Record<string, unknown> = { fn, again: fn };
  loop.self = loop;
  const shared = { x: 1 };
  expect(JSON.parse(write([loop, shared, shared], false))).toEqual({
    arguments: [{ fn: '[Function]', again: '[Function]', self: '[Circular]' }, { x: 1 }, { x: 1 }],
    callbacks: { 0: ['0', 'fn'], 1: ['0', 'again'] },
    links: [{ from: ['0'], to: ['0', 'self'] }],
  });
});

test('extended: one function in two places is one function', () => {
  const fn = (): void => {};
  expect(JSON.parse(write([fn, { fn }]))).toEqual({
    arguments: ['[Function]', { fn: '[Circular]' }],
    callbacks: { 0: ['0'] },
    links: [{ from: ['0'], to: ['1', 'fn'] }],
  });
});

describe('objects', () => {
  class Point {
    x = 1;
    y = { z: 2 };
    get sum(): number {
      return 3;
    }
    move(): void {}
  }
  class Money {
    readonly cents = 5;
    toJSON(): string {
      return '5 ct';
    }
  }
  class Counter extends Exposed {
    count = 0;
    add(n: number): number {
      return (this.count += n);
    }
    _secret(): void {}
  }

  test('an instance is its data, and what has toJSON is that', () => {
    expect(trip([new Point(), new Money()])).toEqual([{ x: 1, y: { z: 2 } }, '5 ct']);
  });

  test('an exposed instance is its methods', () => {
    const [counter] = trip([new Counter()]) as [Record<string, unknown>];
    expect(Object.keys(counter)).toEqual(['add']);
  });

  test('boxed values, holes, and objects without a prototype', () => {
    const bare = Object.assign(Object.create(null) as object, { a: 1 });
    // oxlint-disable-next-line no-new-wrappers, no-sparse-arrays
    expect(trip([new Number(5), new String('s'), [1, , 2], bare])).toEqual([
      5,
      's',
      [1, undefined, 2],
      { a: 1 },
    ]);
  });

  test('keys that mean something elsewhere are keys', () => {
    const value = JSON.parse('{"__proto__":{"a":1},"constructor":1}') as object;
    const [read1] = trip([value]) as [object];
    expect(Object.keys(read1)).toEqual(['__proto__', 'constructor']);
  });

  test('a Buffer, or a part of a buffer, is its bytes', () => {
    const part = new Uint8Array([1, 2, 3, 4]).subarray(1, 3);
    expect(trip([part])).toEqual([new Uint8Array([2, 3])]);
  });

  test('the stack of an error only where it is wished', () => {
    expect(write([new Error('x')])).not.toContain('encode.test');
    expect(write([new Error('x')], true, true)).toContain('encode.test');
    const group = new AggregateError([new Error('one')], 'many');
    const [made] = trip([group]) as [AggregateError];
    expect([made.message, (made.errors[0] as Error).message]).toEqual(['many', 'one']);
  });
});

describe('what cannot be sent', () => {
  const thrown = (args: unknown[], extended = true): unknown => {
    try {
      return write(args, extended);
    } catch (error) {
      return DserviceError.is(error) ? `${error.code} ${error.message}` : error;
    }
  };

  test('is named by its path', () => {
    expect(thrown([{ a: [1, Symbol('x')] }])).toMatch(/^ERR_DATA .*0\.a\.1/);
    expect(thrown([{ a: 1n }], false)).toMatch(/^ERR_DATA .*0\.a/);
    expect(thrown([[Promise.resolve()]])).toMatch(/^ERR_DATA .*0\.0/);
    // Where the quick look meets a getter, there is no path yet.
    const bad = {
      get bad(): number {
        throw new Error('a getter');
      },
      fn() {},
    };
    expect(thrown([{ bad }])).toMatch(/^ERR_DATA .*a getter/);
  });

  test('whatever a trap, a getter or toJSON throws', () => {
    for (const reason of [null, undefined, 5, Symbol('x'), Object.create(null), new Error('x')]) {
      const trap = new Proxy(
        {},
        {
          ownKeys() {
            throw reason;
          },
        },
      );
      expect(thrown([trap])).toMatch(/^ERR_DATA /);
      class Odd {
        toJSON(): never {
          throw reason;
        }
      }
      expect(thrown([new Odd()])).toMatch(/^ERR_DATA /);
    }
  });

  test('a function that cannot be, after others, mentions none', () => {
    let mentions = 0;
    const functions: FunctionIds = {
      mention: () => mentions++,
      own: () => undefined,
    };
    const options = { extended: true, stacks: false, limits: defaultLimits };
    expect(() => encode([() => {}, Symbol('x')], functions, options)).toThrow();
    expect(mentions).toBe(0);
  });
});
