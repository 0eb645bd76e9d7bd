import { type } from 'arktype';
import * as v from 'valibot';
import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { turns } from '../testing/recorder.js';
import { peer, sessionPair } from '../testing/fixtures/peer.js';
import { Exposed } from './exposed.js';
import { method } from './method.js';
import { mark, type MethodOptions } from './method-options.js';
import type { AnySchema, Schema } from './schema.js';

type Handler = (...args: never[]) => unknown;

/** A schema that a test writes itself. */
const schema = (validate: (value: unknown) => unknown): Schema => ({
  '~standard': { version: 1, vendor: 'test', validate: validate as never },
});

/** A handler with schemas whatever its type, and what it got. */
function noted(options: MethodOptions, fn: (...args: never[]) => unknown = (...args) => args[0]) {
  const got: unknown[][] = [];
  const handler = (...args: never[]): unknown => {
    got.push(args);
    return fn(...args);
  };
  return { got, api: { it: method(options as object, handler) } };
}

const libraries: Record<string, { text: AnySchema; number: AnySchema; length: AnySchema }> = {
  zod: {
    text: z.string(),
    number: z.number().optional(),
    length: z.object({ name: z.string().transform((text) => text.length) }),
  },
  valibot: {
    text: v.string(),
    number: v.optional(v.number()),
    length: v.object({
      name: v.pipe(
        v.string(),
        v.transform((text) => text.length),
      ),
    }),
  },
  arktype: {
    text: type('string'),
    number: type('number | undefined'),
    length: type({ name: type('string').pipe((text) => text.length) }),
  },
};

describe.each(Object.entries(libraries))('%s', (_, { text, number, length }) => {
  test('arguments pass, as what the schemas make of them', async () => {
    const { got, api } = noted({ args: [text, number, length] });
    const it = await peer({ api });
    expect(await it.call('it', ['a', 1, { name: 'four' }])).toEqual([null, 'a']);
    expect(got).toEqual([['a', 1, { name: 4 }]]);
  });

  test('what is wrong is told, with its place', async () => {
    const { got, api } = noted({ args: [text, number, length] });
    const it = await peer({ api });
    const [error] = (await it.call('it', ['a', 'b', { name: 5 }])) ?? [];
    expect(error).toMatchObject({
      ...{ code: 'ERR_VALIDATION', mayHaveRun: false, method: 'it' },
      issues: [
        { message: expect.any(String), path: [1] },
        { message: expect.any(String), path: [2, 'name'] },
      ],
    });
    expect(got).toEqual([]);
    expect(it.session.tables.serving).toBe(0);
  });

  test('an outcome is replaced by what the schema makes of it, or not told at all', async () => {
    const outcomes = [{ name: 'four' }, { name: 41_414 }];
    const { api } = noted({ result: length }, () => outcomes.shift());
    const it = await peer({ api });
    expect(await it.call('it')).toEqual([null, { name: 4 }]);
    const [error] = (await it.call('it')) ?? [];
    expect(error).toMatchObject({ code: 'ERR_VALIDATION', mayHaveRun: true });
    expect(error).not.toHaveProperty('issues');
    expect(JSON.stringify(it.got)).not.toContain('41414');
    // Who serves is told what was wrong.
    expect(it.errors).toMatchObject([{ code: 'ERR_VALIDATION', issues: [{ path: ['name'] }] }]);
  });
});

describe('arguments', () => {
  test('what may be left out is left out, and too many are refused', async () => {
    const { got, api } = noted({ args: [z.string(), z.number().default(7)] });
    const it = await peer({ api });
    await it.call('it', ['a']);
    expect(got).toEqual([['a', 7]]);
    expect(await it.refused('it', ['a', 1, 2])).toBe('ERR_VALIDATION');
    expect(await it.refused('it', [])).toBe('ERR_VALIDATION');
  });

  test('one schema may be that of the whole list', async () => {
    const { got, api } = noted({ args: z.tuple([z.string()]).rest(z.number()) });
    const it = await peer({ api });
    await it.call('it', ['a', 1, 2, 3]);
    expect(got).toEqual([['a', 1, 2, 3]]);
    const [error] = (await it.call('it', ['a', 1, 'b'])) ?? [];
    expect(error).toMatchObject({ code: 'ERR_VALIDATION', issues: [{ path: [2] }] });
    const none = noted({ args: schema(() => ({ value: 'no list' })) });
    expect(await (await peer(none)).refused('it')).toBe('ERR_VALIDATION');
  });

  test('a schema may take its time; who gives up meanwhile is not served', async () => {
    const args = [z.string().refine((text) => Promise.resolve(text !== 'b'))];
    const { got, api } = noted({ args });
    const it = await peer({ api });
    expect(await it.call('it', ['a'])).toEqual([null, 'a']);
    expect(await it.refused('it', ['b'])).toBe('ERR_VALIDATION');
    await it.send({ method: 'it', arguments: ['c'], reply: 1 }, { control: 'cancel', call: 1 });
    expect(it.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_CANCELLED' }]);
    expect(got).toEqual([['a']]);
  });

  test('a schema that is never done ends with the deadline or the session, and leaves the gate', async () => {
    const never = schema(() => new Promise(() => {}));
    const { got, api } = noted({ args: [never], concurrency: 1, queue: 1 });
    const it = await peer({ api });
    await it.send(
      { method: 'it', arguments: [1], reply: 1, meta: { deadline: 100 } },
      { method: 'it', arguments: [1], reply: 2 },
    );
    await it.clock.advance(101);
    expect(it.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_DEADLINE' }]);
    expect(it.session.tables.serving).toBe(1);
    it.session.close();
    expect([it.session.tables.serving, got]).toEqual([0, []]);
  });

  test('what a schema throws is the cause, and ends nothing', async () => {
    const bad = [
      () => {
        throw new Error('broken');
      },
      () => Promise.reject(new Error('broken')),
      () => {
        // oxlint-disable-next-line no-throw-literal
        throw undefined;
      },
      () => null,
      () => 'text',
      () => ({ issues: 5 }),
      () => ({ issues: [null] }),
      () => ({ issues: [{ message: 'm', path: 7 }] }),
      () => ({
        get issues() {
          throw new Error('broken');
        },
      }),
    ];
    for (const validate of bad) {
      const { got, api } = noted({ args: [schema(validate)] });
      const it = await peer({ api });
      const [error] = (await it.call('it', [1])) ?? [];
      expect(error).toMatchObject({ code: 'ERR_VALIDATION', mayHaveRun: false });
      expect(got).toEqual([]);
      expect(it.ends).toEqual([]);
    }
    const { api } = noted({ args: [schema(bad[0]!)] });
    const [error] = (await (await peer({ api })).call('it', [1])) ?? [];
    expect(error).toMatchObject({ cause: { message: 'broken' } });
  });

  test('issues are bounded, and their paths are strings and numbers', async () => {
    const path = [
      Symbol('s'),
      { key: 'k' },
      3,
      '__proto__',
      ...Array.from({ length: 99 }, () => 'x'),
    ];
    const issues = Array.from({ length: 100_000 }, () => ({ message: 'm'.repeat(9_999), path }));
    const { api } = noted({ args: [schema(() => ({ issues }))] });
    const it = await peer({ api });
    const [error] = (await it.call('it', [1])) ?? [];
    const { issues: told, message } = error as { issues: { path: unknown[] }[]; message: string };
    expect(told).toHaveLength(20);
    expect(told[0]?.path.slice(0, 5)).toEqual([0, 'Symbol(s)', 'k', 3, '__proto__']);
    expect(told[0]?.path).toHaveLength(32);
    expect(message).toContain('and 99997 more');
    expect(JSON.stringify(it.got).length).toBeLessThan(30_000);
  });
});

describe('callbacks', () => {
  const args = [z.string(), z.number().optional()] as const;
  const result = z.string().transform((text) => `${text}!`);

  test('what the caller gave beyond the schemas gets what the handler returns, checked', async () => {
    const { a } = await sessionPair({
      b: { api: { it: method({ args, result }, (text) => text) } },
    });
    const heard = await new Promise((hear) => void a.call('it', ['a', 1, hear]));
    expect(heard).toBe('a!');
  });

  test('a handler in callback style is checked by what it calls back with', async () => {
    // oxlint-disable-next-line func-names
    const it = method({ args, result }, function (text, n, cb) {
      cb(n === undefined ? text : (n as unknown as string));
    });
    const { a, b } = await sessionPair({ b: { api: { it } } });
    const errors: unknown[] = [];
    b.on('error', (error) => errors.push(error));
    // Bridged: the caller waits, also where it leaves out what it may.
    expect(await a.call('it', ['a'])).toBe('a!');
    await expect(a.call('it', ['a', 41_414])).rejects.toMatchObject({ code: 'ERR_VALIDATION' });
    // Given: the caller's own function.
    const heard: unknown[] = [];
    await a.call('it', ['a', undefined, (value: unknown) => heard.push(value)]);
    await turns(2);
    expect(heard).toEqual(['a!']);
    await expect(
      a.call('it', ['a', 41_414, (value: unknown) => heard.push(value)]),
    ).rejects.toMatchObject({ code: 'ERR_VALIDATION' });
    expect(heard).toEqual(['a!']);
    expect(errors).toHaveLength(2);
  });

  test('an asynchronous schema of the result, and plain peers', async () => {
    const slow = z.string().refine((text) => Promise.resolve(text !== 'bad'));
    const it = await peer({
      hello: null,
      // oxlint-disable-next-line func-names
      api: {
        it: method({ args: [z.string()], result: slow }, function (text, cb) {
          cb(text);
        }),
      },
    });
    const call = (word: string, id: number) =>
      it.send({ method: 'it', arguments: [word, '[Function]'], callbacks: { [id]: ['1'] } });
    await call('good', 70);
    await call('bad', 71);
    await turns(4);
    expect(it.got.filter((message) => message.method === 70)).toMatchObject([
      { arguments: ['good'] },
    ]);
    expect(it.got.filter((message) => message.method === 71)).toEqual([]);
    expect(it.errors).toMatchObject([{ code: 'ERR_VALIDATION' }]);
    expect(it.ends).toEqual([]);
  });

  test('a function elsewhere among the arguments is an argument', async () => {
    const each = method({ args: [z.array(z.number()), z.any()] }, async (list, fn) => {
      return Promise.all(list.map((n) => (fn as (n: number) => unknown)(n)));
    });
    const { a } = await sessionPair({ b: { api: { each } } });
    expect(await a.call('each', [[1, 2], (n: number) => n * 2])).toEqual([2, 4]);
  });
});

describe('wherever functions are called', () => {
  class Cart extends Exposed {
    add(sku: string): string {
      return sku;
    }
  }
  method({ args: [z.string().max(3)] }, Cart.prototype.add);

  test('methods of classes, functions that were handed over, pipelined and mapped calls', async () => {
    const make = () => method({ args: [z.number()] }, (n) => n + 1) as Handler;
    const api = { cart: () => new Cart(), make, carts: () => [new Cart()] };
    const { b } = await sessionPair({ a: { api } });
    const remote = b.remote as Record<string, () => Promise<never> & Record<string, Handler>>;
    const cart = (await remote.cart!()) as { add(sku: string): Promise<string> };
    expect(await cart.add('abc')).toBe('abc');
    await expect(cart.add('abcd')).rejects.toMatchObject({ code: 'ERR_VALIDATION' });
    await expect(remote.cart!().add!('abcd' as never)).rejects.toMatchObject({
      code: 'ERR_VALIDATION',
    });
    await expect(
      remote.carts!().map!(((each: Cart) => each.add('abcd')) as never),
    ).rejects.toMatchObject({ code: 'ERR_VALIDATION' });
    const made = (await remote.make!()) as (n: unknown) => Promise<number>;
    expect(await made(1)).toBe(2);
    await expect(made('1')).rejects.toMatchObject({
      code: 'ERR_VALIDATION',
      issues: [{ path: [0] }],
    });
  });

  test('one that passes the error on says that its own call may have run', async () => {
    const { a, b } = await sessionPair({
      a: { api: { inner: method({ args: [z.string()] }, (text) => text) } },
      b: { api: { outer: (): Promise<unknown> => b.call('inner', [5]) } },
    });
    await expect(a.call('outer', [])).rejects.toMatchObject({
      ...{ code: 'ERR_VALIDATION', mayHaveRun: true, issues: [{ path: [0] }] },
    });
  });

  test('calls that want no outcome: refused, and the peer is at fault', async () => {
    const { got, api } = noted({ args: [z.string()] });
    const it = await peer({ api });
    await it.send({ method: 'it', arguments: [5] });
    expect([got, it.failed, it.errors]).toEqual([[], ['ERR_VALIDATION'], []]);
  });

  test('a method of another version, which brings nothing that checks, is not run unchecked', async () => {
    const got: unknown[] = [];
    const it = (value: unknown): unknown => got.push(value);
    mark({ args: [z.string()] }, it);
    const { a } = await sessionPair({ b: { api: { it } } });
    await expect(a.call('it', ['x'])).rejects.toMatchObject({ code: 'ERR_API' });
    expect(got).toEqual([]);
  });

  test('what is no schema is refused where it is given', () => {
    for (const wrong of [
      { args: 'x' },
      { args: [z.string(), {}] },
      { result: [z.string()] },
      { result: {} },
    ]) {
      expect(() => method(wrong as object, () => {})).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    }
  });
});
