/* oxlint-disable object-shorthand, no-unused-vars -- the form of each function is what is tested */
import { describe, expect, test, vi } from 'vitest';
import { codeOf, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { callbackIndex, isClassic, isThenable } from './bridge.js';
import type { AnyFunction } from './encode.js';

class Methods {
  method(_: unknown, __: unknown): void {}
  static of(_: unknown, __: unknown): void {}
}

test('a classic function, and nothing else, is one', () => {
  const shorthand = { method(_: unknown): void {}, async later(_: unknown): Promise<void> {} };
  const kinds: [unknown, boolean][] = [
    [function classic(_: unknown) {}, true],
    [() => {}, false],
    [async () => {}, false],
    [async function later() {}, false],
    [function* generate() {}, false],
    [async function* generateLater() {}, false],
    [class {}, false],
    [Methods, false],
    [new Methods().method, false],
    [Methods.of, false],
    [shorthand.method, false],
    [shorthand.later, false],
    [function bound() {}.bind(null), false],
    [Math.max, false],
    [Date, false],
  ];
  expect(kinds.map(([fn]) => isClassic(fn as AnyFunction))).toEqual(kinds.map(([, is]) => is));
});

test('where the callback goes', () => {
  const two = function (_: unknown, __: unknown): void {};
  expect([0, 1, 2, 3].map((got) => callbackIndex(two, got, undefined))).toEqual([
    undefined,
    1,
    undefined,
    undefined,
  ]);
  expect([0, 1, 2, 3].map((got) => callbackIndex(two, got, true))).toEqual([1, 1, 2, 3]);
  expect([0, 1, 2, 3].map((got) => callbackIndex(two, got, false))).toEqual([
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
  expect(callbackIndex((_: unknown, __: unknown) => {}, 1, undefined)).toBeUndefined();
  expect(callbackIndex((_: unknown, __: unknown) => {}, 1, true)).toBe(1);
});

test('what is thenable', () => {
  const callableThen = Object.assign(() => {}, { then() {} });
  expect([Promise.resolve(), { then() {} }, callableThen].map(isThenable)).toEqual([
    true,
    true,
    true,
  ]);
  expect([{ then: 5 }, {}, null, undefined, 5, 'then', () => {}].map(isThenable)).toEqual(
    Array.from({ length: 7 }, () => false),
  );
});

type Back = (value?: unknown) => unknown;
/** Handlers of one parameter more than they are called with, in every style. */
const handlers: Record<string, AnyFunction> = {
  classicCalls: function (_: unknown, back: unknown) {
    (back as Back)('called');
  },
  classicReturns: function (_: unknown, __: unknown) {
    return 'returned';
  },
  classicCallsAndReturns: function (_: unknown, back: unknown) {
    (back as Back)('called');
    return 'returned';
  },
  classicReturnsPromise: function (_: unknown, __: unknown) {
    return Promise.resolve('promised');
  },
  classicCallsLater: function (_: unknown, back: unknown) {
    void Promise.resolve('later').then(back as Back);
  },
  classicPromisesNothingAndCalls: function (_: unknown, back: unknown) {
    return Promise.resolve().then(() => void (back as Back)('called'));
  },
  classicThrows: function (_: unknown, __: unknown) {
    throw new Error('thrown');
  },
  classicRejects: function (_: unknown, __: unknown) {
    return Promise.reject(new Error('rejected'));
  },
  arrow: (_: unknown, back: unknown) => [back === undefined, 'arrow'],
  async: async (_: unknown, back: unknown) => [back === undefined, 'async'],
  method: new Methods().method,
  classicDefault: function (_: unknown, back: unknown = 'default') {
    return back;
  },
};

describe('an outcome asked for, of a handler that declares one parameter more', () => {
  test.each([
    ['classicCalls', 'called'],
    ['classicReturns', 'returned'],
    ['classicCallsAndReturns', 'called'],
    ['classicReturnsPromise', 'promised'],
    ['classicCallsLater', 'later'],
    ['classicPromisesNothingAndCalls', 'called'],
    ['arrow', [true, 'arrow']],
    ['async', [true, 'async']],
    ['method', undefined],
    ['classicDefault', 'default'],
  ])('%s', async (name, value) => {
    const { a } = await sessionPair({ b: { api: handlers } });
    expect(await a.call(name, [1])).toEqual(value);
  });

  test.each(['classicThrows', 'classicRejects'])('%s', async (name) => {
    const { a } = await sessionPair({ b: { api: handlers } });
    await expect(a.call(name, [1])).rejects.toThrow(/thrown|rejected/);
  });

  test('`callbacks: false` for a whole api: returned values alone', async () => {
    const { a } = await sessionPair({ b: { api: handlers, callbacks: false } });
    expect(await a.call('classicReturns', [1])).toBe('returned');
    expect(await codeOf(a.call('classicCalls', [1]))).toMatchObject({ name: 'TypeError' });
  });

  test('`callbacks: true` for a whole api: the callback comes last, whatever was passed', async () => {
    const api = {
      last: (...args: unknown[]) => (args.at(-1) as Back)(args.length),
      third: (_: unknown, __: unknown, back: unknown) => void (back as Back)('third'),
    };
    const { a } = await sessionPair({ b: { api, callbacks: true } });
    expect(await a.call('last', [])).toBe(1);
    expect(await a.call('last', [1, 2, 3])).toBe(4);
    expect(await a.call('third', [1])).toBe('third');
  });

  test('`callbacks: true`: who gives the callback that is declared is answered there', async () => {
    const api = { double: (n: number, back: Back) => void back(n * 2) };
    const { a } = await sessionPair({ b: { api, callbacks: true } });
    const told: unknown[] = [];
    // Nothing is left that would wait for its deadline.
    expect(await a.call('double', [4, (value: unknown) => void told.push(value)])).toBeUndefined();
    expect(await a.call('double', [5])).toBe(10);
    expect(told).toEqual([8]);
  });

  test('one that gets all it declares, or more, answers by returning', async () => {
    const api = {
      f: function (x: number, y: number): number {
        return x + (y ?? 0);
      },
    };
    const { a } = await sessionPair({ b: { api } });
    expect(await a.call('f', [1, 2])).toBe(3);
    expect(await a.call('f', [1, 2, 3])).toBe(3);
  });

  test('`this` is undefined', async () => {
    const api = {
      who: function (this: unknown): boolean {
        return this === undefined;
      },
    };
    const { a } = await sessionPair({ b: { api } });
    expect(await a.call('who', [])).toBe(true);
  });
});

describe('a value returned, where the caller gave a callback', () => {
  /** What the callback of a plain peer is called with, each time. */
  async function told(handler: AnyFunction, args: unknown[] = [1]): Promise<unknown[]> {
    const them = await peer({ api: { handler }, hello: null });
    await them.send({
      method: 'handler',
      arguments: [...args, 'f'],
      callbacks: { 0: [String(args.length)] },
    });
    return them.got.filter((it) => it.method === 0).map((it) => it.arguments?.[0]);
  }

  test('goes to that callback', async () => {
    expect(await told((x) => x)).toEqual([1]);
    expect(await told(async (x) => x)).toEqual([1]);
    expect(await told(() => null)).toEqual([null]);
    expect(await told(() => 0)).toEqual([0]);
  });

  test('but not undefined, which is what handlers return that call back', async () => {
    expect(await told(() => undefined)).toEqual([]);
  });

  test('nor where the handler takes the callback, or called it', async () => {
    expect(await told((_, back) => (back as Back)(5) && undefined)).toEqual([5]);
    expect(await told((x, _) => x)).toEqual([]);
    expect(await told((...all) => (all.at(-1) as Back)('mine') && 'returned')).toEqual(['mine']);
  });

  test('a function by its side is no callback', async () => {
    const them = await peer({ api: { f: (fn: unknown) => typeof fn }, hello: null });
    await them.send({ method: 'f', arguments: ['f', 1], callbacks: { 0: ['0'] } });
    expect(them.got.some((it) => it.method === 0)).toBe(false);
  });
});

describe('towards a plain peer', () => {
  test('a call awaits a callback of its own, the last argument', async () => {
    const them = await peer({ hello: null, methods: [{}] });
    const call = them.session.call('add', [1, 2]);
    await turns(1);
    expect(them.last).toMatchObject({ method: 'add', arguments: [1, 2, '[Function]'], links: [] });
    expect(them.last).not.toHaveProperty('reply');
    const [id] = Object.keys(them.last?.callbacks ?? {});
    await them.send({ method: Number(id), arguments: ['first', 'second'] });
    expect(await call).toBe('first');
  });

  test('where a callback was given, nothing is added, and the promise says nothing', async () => {
    const them = await peer({ hello: null });
    const back = vi.fn();
    expect(await them.session.call('add', [1, back])).toBeUndefined();
    await turns(1);
    expect(them.last?.arguments).toEqual([1, '[Function]']);
    const id = them.idOf('1');
    await them.send({ method: id, arguments: [5] }, { method: id, arguments: [6] });
    expect(back.mock.calls).toEqual([[5], [6]]);
  });

  test('one that never answers is given up at the deadline', async () => {
    const them = await peer({ hello: null });
    const call = expect(them.session.call('x', [], { deadline: 100 })).rejects.toMatchObject({
      code: 'ERR_DEADLINE',
    });
    await them.clock.advance(100);
    await call;
    const [id] = Object.keys(them.last?.callbacks ?? {});
    await them.send({ method: Number(id), arguments: [1] });
    expect(them.failed).toEqual([]);
  });

  test('what is not ASCII is escaped, and every line has all four keys', async () => {
    const them = await peer({
      hello: null,
      api: { echo: (it: unknown, back: Back) => void back(it) },
    });
    await them.send({ method: 'echo', arguments: ['語 😀 é', 'f'], callbacks: { 0: ['1'] } });
    const line = them.recorder.lines.at(-1) ?? '';
    // oxlint-disable-next-line no-control-regex
    expect(line).toMatch(/^[\x00-\x7f]*$/);
    expect((JSON.parse(line) as { arguments: unknown[] }).arguments[0]).toBe('語 😀 é');
  });
});
