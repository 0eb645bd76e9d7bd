import { describe, expect, test } from 'vitest';
import * as z from 'zod';
import { codeOf, ourHello, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { set } from '../service/set.js';
import type { CallRequest } from './authorize.js';
import { DserviceError } from '../errors.js';
import { syncScope } from './context.js';
import { Exposed } from './exposed.js';
import { interceptorsOf } from './intercept.js';
import { method } from './method.js';
import { dispose, options } from './options.js';

// oxlint-disable-next-line no-explicit-any
type Loose = any;

class Counter extends Exposed.with('value', 'size', 'wild', 'later', 'increment') {
  value = 0;
  declare later: unknown;
  _secret = 'here';
  hidden = 'here';
  constructor(start = 0) {
    super();
    this.value = start;
  }
  get size(): number {
    return this.value * 2;
  }
  get wild(): number {
    return 1;
  }
  set wild(value: number) {
    if (value > 9) throw new RangeError('too wild');
    this.value = value;
  }
  increment(by = 1): number {
    return (this.value += by);
  }
}
class Finer extends Counter.with('grain') {
  grain = 'fine';
}
class Private {
  run(): number {
    return 1;
  }
}
method({ args: [z.number()] }, Finer);

const make = () => {
  const counter = new Counter(3);
  const api = {
    counter,
    deep: { counter },
    Counter,
    Finer,
    Private,
    Exposed,
    plain: { value: 1 },
    get: () => counter,
    fresh: (start: number) => new Counter(start),
    give: () => ({ Counter, list: [new Counter(1), new Counter(2)] }),
    fn: () => 1,
    arrow: (x: number) => x,
    add: (x: number, y: number) => x + y,
    frozen: () => Object.freeze(new Counter(1)),
  };
  return { api, counter };
};

async function pair(more: object = {}) {
  const made = make();
  const errors: unknown[] = [];
  const { a, b } = await sessionPair({ b: { api: made.api, ...more } });
  a.on('error', (error) => errors.push(error));
  return { ...made, a, b, errors, remote: a.remote as Loose };
}

describe('properties', () => {
  test('of what stands in an api are read and written', async () => {
    const { remote, counter } = await pair();
    expect(await remote.counter.value).toBe(3);
    expect(await remote.counter.size).toBe(6);
    remote.counter.value = 5;
    // In order: it is written before what is called next.
    expect(await remote.counter.increment()).toBe(6);
    expect(await remote.deep.counter.value).toBe(6);
    await set(remote.counter, 'value', 8);
    expect(counter.value).toBe(8);
    expect(Object.keys(remote.counter)).toEqual(['increment']);
    expect(await options(remote, { deadline: 500 }).counter.value).toBe(8);
    options(remote, { deadline: 500 }).counter.value = 9;
    expect(await remote.counter.value).toBe(9);
  });

  test('of an outcome, before it is there and after, and of its elements', async () => {
    const { remote } = await pair();
    expect(await remote.fresh(4).value).toBe(4);
    expect(await remote.add(remote.fresh(4).value, remote.get().value)).toBe(7);
    const made = await remote.fresh(1);
    made.value = 7;
    expect([await made.value, await made.increment()]).toEqual([7, 8]);
    const late = remote.fresh(5);
    await late;
    expect([await late.value, await late.size]).toEqual([5, 10]);
    await set(remote.get(), 'value', 40);
    expect(await remote.counter.value).toBe(40);
    await set(late, 'value', 41);
    expect(await late.increment()).toBe(42);
    expect(await remote.give().list.map((it: Loose) => it.value)).toEqual([1, 2]);
    expect(await remote.give().list.map((it: Loose) => it.size)).toEqual([2, 4]);
  });

  test('of an api that is one object, and anew when it changes', async () => {
    const { a, b } = await sessionPair({ b: { api: new Finer(2) } });
    const remote: Loose = a.remote;
    expect([await remote.value, await remote.grain]).toEqual([2, 'fine']);
    remote.grain = 'coarse';
    expect(await remote.grain).toBe('coarse');
    b.announce({ counter: new Counter(1) });
    await turns(2);
    expect(remote.grain).toBeUndefined();
    expect(Object.getOwnPropertyNames(remote)).toEqual(['counter']);
    expect(await remote.counter.value).toBe(1);
  });

  test('failing writes are told', async () => {
    const { remote, counter, errors } = await pair();
    expect(await codeOf(set(remote.counter, 'size', 1))).toBe('ERR_METHOD');
    expect(await codeOf(set(remote.counter, 'increment', 1))).toBe('ERR_METHOD');
    expect(await codeOf(set(remote.counter, 'hidden', 1))).toBe('ERR_METHOD');
    expect(await codeOf(set(remote.plain, 'value', 1))).toBe('ERR_METHOD');
    expect(await codeOf(set(remote.fresh(1), 'size', 1))).toBe('ERR_METHOD');
    expect(await codeOf(set(remote.fn(), 'size', 1))).toBe('ERR_METHOD');
    expect(await codeOf(set(remote.frozen(), 'value', 2))).toBe('ERR_METHOD');
    expect(await codeOf(set(remote.counter, 'wild', 10))).toBeInstanceOf(RangeError);
    remote.counter.wild = 11;
    await turns(3);
    expect(errors).toMatchObject([{ message: 'too wild' }]);
    remote.counter.wild = 9;
    await set(remote.counter, 'later', { some: 1 });
    expect(await remote.counter.later).toEqual({ some: 1 });
    expect(counter.value).toBe(9);
    expect(await codeOf(remote.fresh(1).increment)).not.toBe('ERR_METHOD');
  });

  test('pass authorize and interceptors, each with its path', async () => {
    const seen: unknown[] = [];
    const authorize = ({ method: path, args }: CallRequest): boolean => {
      seen.push([path, args]);
      return args.length === 0 || path !== 'counter.=value';
    };
    const { remote, counter } = await pair({ authorize });
    expect(await remote.counter.value).toBe(3);
    expect(await codeOf(set(remote.counter, 'value', 4))).toBe('ERR_FORBIDDEN');
    expect(counter.value).toBe(3);
    expect(seen).toEqual([
      ['counter.=value', []],
      ['counter.=value', [4]],
    ]);
    const serve = () => Promise.reject(new DserviceError('ERR_STATE', 'no'));
    const scope = syncScope();
    const other = await pair({ scope, intercept: interceptorsOf(scope, { serve }) });
    expect(await codeOf(other.remote.counter.value)).toBe('ERR_STATE');
  });

  test('are let go with the object: nothing is left', async () => {
    const { remote, a, b } = await pair();
    const before = [a.tables.references, b.tables.local];
    const made = await remote.fresh(1);
    await made.value;
    expect(b.tables.local).toBeGreaterThan(Number(before[1]));
    made[dispose]();
    await turns(3);
    expect([a.tables.references, b.tables.local]).toEqual(before);
  });

  test('names that are reserved cannot be shared', () => {
    for (const name of [
      '_x',
      '__proto__',
      'constructor',
      'toString',
      'then',
      'toJSON',
      'prototype',
    ]) {
      expect(() => Exposed.with(name)).toThrow(expect.objectContaining({ code: 'ERR_NAME' }));
    }
  });

  test('are not there for peers that do not know them', async () => {
    const { api } = make();
    const features = ourHello.features.filter((it) => !['share', 'new', 'object'].includes(it));
    const it = await peer({ api, hello: { ...ourHello, features } });
    await it.send({ method: 'get', arguments: [], reply: 70 });
    const outcome = it.outcome(70);
    expect(outcome?.arguments).toEqual([null, { increment: '[Function]' }]);
    expect(outcome).not.toHaveProperty('types');
    const remote = it.session.remote as Loose;
    expect(await codeOf(set({ remote }, 'remote' as never, 1 as never))).toBe('ERR_METHOD');
  });

  test('of a peer that knows none, say so', async () => {
    const features = ourHello.features.filter((it) => !['share', 'new', 'object'].includes(it));
    const methods = [{ c: { inc: '[Function]' }, C: '[Function]' }];
    const it = await peer({ hello: { ...ourHello, features } });
    await it.send({
      ...{ method: 'methods', arguments: methods },
      callbacks: { 1: ['0', 'c', 'inc'], 2: ['0', 'C'] },
    });
    const remote = it.session.remote as Loose;
    expect(await codeOf(set(remote.c, 'value', 1))).toBe('ERR_METHOD');
    expect(await codeOf(new remote.C(1))).toBe('ERR_METHOD');
    expect(it.session.tables.pending).toBe(0);
  });
});

describe('new', () => {
  test('constructs a class of an api, with what may stand on it', async () => {
    const { remote } = await pair();
    const counter = await new remote.Counter(3);
    expect([await counter.value, await counter.increment()]).toEqual([3, 4]);
    expect(await new remote.Counter(remote.add(1, 2)).increment()).toBe(4);
    expect(await new remote.Finer(1).grain).toBe('fine');
    expect(await new (options(remote, { deadline: 500 }).Counter)(2).value).toBe(2);
    const given = await remote.give();
    expect(await new given.Counter(8).value).toBe(8);
    expect(await new (remote.give().Counter)(9).value).toBe(9);
    const each = remote.give().list.map((it: Loose) => new remote.Counter(it.value));
    expect(await (await each)[1].value).toBe(2);
  });

  test('checks by schemas, and asks authorize for the class', async () => {
    const asked: unknown[] = [];
    const authorize = (call: CallRequest): boolean => {
      asked.push([call.method, call.args]);
      return call.args[0] !== 13;
    };
    const { remote } = await pair({ authorize });
    expect(await codeOf(new remote.Finer('x'))).toBe('ERR_VALIDATION');
    expect(await codeOf(new remote.Finer(13))).toBe('ERR_FORBIDDEN');
    expect(asked).toEqual([
      ['Finer', ['x']],
      ['Finer', [13]],
    ]);
  });

  test('is refused of whatever is no exposed class', async () => {
    const { remote } = await pair();
    for (const name of ['Private', 'Exposed', 'fn', 'arrow', 'get']) {
      expect(await codeOf(new remote[name](1))).toBe('ERR_METHOD');
    }
    expect(await codeOf(new remote.counter.increment())).toBe('ERR_METHOD');
    expect(await codeOf(remote.Counter(1))).toBeInstanceOf(TypeError);
    function Classic(): void {}
    Classic.prototype = new Counter();
    const other = await sessionPair({ b: { api: { Classic } } });
    expect(await codeOf(new (other.a.remote as Loose).Classic())).toBe('ERR_METHOD');
  });
});

describe('a hostile peer', () => {
  const attempts = [
    '__proto__',
    'constructor',
    'prototype',
    '_secret',
    'hidden',
    'toString',
    'then',
  ];

  test('writes nothing but what is shared', async () => {
    const { api, counter } = make();
    const it = await peer({ api });
    const before = JSON.stringify(Object.getOwnPropertyDescriptors(counter));
    await it.send({ method: 'get', arguments: [], reply: 80, keep: true });
    for (const name of attempts) {
      for (const key of [name, `=${name}`, `==${name}`]) {
        for (const args of [[{ polluted: true }], undefined]) {
          const [error, value] =
            (await it.call([key] as never, args, { on: 80, arguments: args } as never)) ?? [];
          if (args === undefined) expect(value ?? error ?? null).not.toBe('here');
          else expect(error).toMatchObject({ code: expect.stringMatching(/^ERR_/) as string });
        }
      }
    }
    for (const args of [[], [1], [1, 2, 3]]) {
      expect(await it.refused('=value', args)).toBe('ERR_METHOD');
      expect(await it.refused('counter.=value', args)).toBe('ERR_METHOD');
    }
    expect(await it.refused(it.idOf('0', 'counter', '=size'), [5])).toBe('ERR_METHOD');
    for (const args of [[5], []]) {
      const over = { on: 80, arguments: args };
      expect(await it.refused(['=increment'] as never, args, over)).toBe('ERR_METHOD');
    }
    expect(JSON.stringify(Object.getOwnPropertyDescriptors(counter))).toBe(before);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('constructs nothing but exposed classes', async () => {
    const { api } = make();
    const it = await peer({ api });
    for (const name of ['Private', 'Exposed', 'fn', 'get', 'nothing', 'constructor']) {
      expect(await it.refused(name, [1], { new: true })).toBe('ERR_METHOD');
    }
    await it.send({ method: 'get', arguments: [], reply: 81, keep: true });
    expect(await it.refused(['constructor'] as never, [], { on: 81, new: true })).toBe(
      'ERR_MALFORMED',
    );
    expect(await it.call('fn', [], { new: 'yes' })).toEqual([null, 1]);
  });

  test('shares names that are none: its properties reach nothing here', async () => {
    const it = await peer();
    const names = ['__proto__', 'constructor', 'then', 'toJSON', 'toString', 'inc', 'value', ''];
    const keys = [...names.map((name) => `=${name}`), 'inc', ''];
    const value = Object.fromEntries(keys.map((key) => [key, '[Function]']));
    const paths = keys.map((key, i) => [String(100 + i), ['1', key]]);
    const outcome = it.session.call('any', []);
    await turns(1);
    await it.send({
      ...{
        method: it.last?.reply ?? 0,
        arguments: [null, value],
        callbacks: Object.fromEntries(paths),
      },
      types: { object: [['1']] },
    });
    const got = (await outcome) as Record<string, unknown>;
    expect(Object.getPrototypeOf(Object.getPrototypeOf(got))).toBe(Object.prototype);
    expect(Object.keys(got)).toEqual(['inc']);
    expect(Object.getOwnPropertyNames(got).sort()).toEqual(['', '=', '=value', 'inc', 'value']);
  });
});

test('a plain peer reads a property by its callback, which is not written there', async () => {
  const { api, counter } = make();
  const them = await peer({ api, hello: null });
  const id = them.idOf('0', 'counter', '=value');
  const callbacks = { 7: [0] };
  await them.send({ method: id, arguments: ['[Function]'], callbacks, links: [] });
  expect(them.last).toMatchObject({ method: 7, arguments: [3] });
  await them.send({ method: id, arguments: [5], callbacks: {}, links: [] });
  expect(counter.value).toBe(5);
  await them.send({
    ...{ method: id, arguments: [6, '[Function]'], links: [] },
    callbacks: { 8: [1] },
  });
  expect(counter.value).toBe(6);
});

test('what a constructor is given as its last argument is called by nobody else', async () => {
  class Loud extends Exposed {
    readonly #tell: (word: string) => void;
    constructor(tell: (word: string) => void = () => {}) {
      super();
      this.#tell = tell;
    }
    say(word: string): void {
      this.#tell(word);
    }
  }
  const { a } = await sessionPair({ b: { api: { Loud } } });
  const told: unknown[] = [];
  const loud = await new (a.remote as Loose).Loud((word: unknown) => void told.push(word));
  await loud.say('hello');
  await turns(2);
  expect(told).toEqual(['hello']);
});

test('a service whose handlers all take callbacks has its properties read and written, and asks before it reads', async () => {
  class Shop extends Exposed.with('stock', 'open') {
    open = 1;
    get stock(): object {
      return { count: (done: (n: number) => void) => done(3) };
    }
  }
  const counter = new Shop();
  const served = { api: { counter }, callbacks: true, authorize: () => true };
  const { a } = await sessionPair({ b: served });
  const remote = a.remote as Loose;
  expect(await remote.counter.open).toBe(1);
  await set(remote.counter, 'open', 5);
  expect(counter.open).toBe(5);
  const them = await peer(served);
  await them.send({ method: ['counter', 'stock', 'count'], arguments: [], reply: 7 });
  expect(them.outcome(7)?.arguments).toEqual([null, 3]);
});
