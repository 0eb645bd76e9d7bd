import { describe, expect, test } from 'vitest';
import { codeOf, ourHello, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { Exposed } from './exposed.js';
import { features } from './hello.js';
import { dispose } from './options.js';

class Counter extends Exposed {
  count = 0;

  up(): number {
    return ++this.count;
  }

  itself(): this {
    return this;
  }
}

type Remote<T> = {
  [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never;
} & Disposable;
type RemoteCounter = Remote<Pick<Counter, 'up' | 'itself'>>;

describe('an object that goes by reference', () => {
  const made = () => {
    const counter = new Counter();
    const got: unknown[] = [];
    const api = {
      counter: () => counter,
      list: () => [counter, { deep: counter }, new Map([[counter, counter]])],
      take: (...args: unknown[]) => void got.push(...args),
      echo: (it: unknown) => it,
    };
    return { counter, got, api };
  };

  test('is the same here, however often and wherever it comes', async () => {
    const { api } = made();
    const { a } = await sessionPair({ b: { api } });
    const counter = (await a.call('counter', [])) as RemoteCounter;
    expect(await a.call('counter', [])).toBe(counter);
    expect(await counter.itself()).toBe(counter);
    const [first, { deep }, map] = (await a.call('list', [])) as [
      unknown,
      { deep: unknown },
      Map<unknown, unknown>,
    ];
    expect([first, deep, [...map].flat()]).toEqual([counter, counter, [counter, counter]]);
    for (const each of [first, deep, ...[...map].flat()]) expect(each).toBe(counter);
    expect(Object.keys(counter)).toEqual(['up', 'itself']);
    expect(await counter.up()).toBe(1);
  });

  test('is itself where it comes back, in every place', async () => {
    const { api, got, counter } = made();
    const { a } = await sessionPair({ b: { api } });
    const remote = await a.call('counter', []);
    await a.call('take', [remote, { deep: [remote] }, new Map([[remote, new Set([remote])]])]);
    const [first, second, third] = got as [
      Counter,
      { deep: Counter[] },
      Map<Counter, Set<Counter>>,
    ];
    expect(first).toBe(counter);
    expect(second.deep[0]).toBe(counter);
    expect(third.get(counter)?.has(counter)).toBe(true);
    expect(await a.call('echo', [remote])).toBe(remote);
  });

  test('goes in arguments as well', async () => {
    const kept: RemoteCounter[] = [];
    const { a, b } = await sessionPair({
      a: { api: { take: (it: unknown) => it === counter } },
      b: { api: { keep: (it: RemoteCounter) => void kept.push(it) } },
    });
    const counter = new Counter();
    await a.call('keep', [counter]);
    await a.call('keep', [{ counter }]);
    expect(await kept[0]?.up()).toBe(1);
    expect((kept[1] as unknown as { counter: unknown }).counter).toBe(kept[0]);
    expect(await b.call('take', [kept[0]])).toBe(true);
  });

  test('is let go with all its methods, and comes anew after that', async () => {
    const { api } = made();
    const { a, b } = await sessionPair({ b: { api } });
    const before = b.tables.local;
    const counter = (await a.call('counter', [])) as RemoteCounter;
    await a.call('counter', []);
    expect([a.tables.references - b.tables.local, b.tables.local]).toEqual([0, before + 3]);
    const { up } = counter;
    counter[dispose]();
    await turns(2);
    expect([a.tables.references, b.tables.local]).toEqual([before, before]);
    expect(await codeOf(up())).toBe('ERR_RELEASED');
    await expect(a.call('echo', [counter])).rejects.toMatchObject({
      code: 'ERR_RELEASED',
      mayHaveRun: false,
    });
    const again = (await a.call('counter', [])) as RemoteCounter;
    expect(again).not.toBe(counter);
    expect(await again.up()).toBe(1);
  });

  test('that is sent again while it is let go is not lost', async () => {
    const { api } = made();
    const { a } = await sessionPair({ b: { api } });
    const counter = (await a.call('counter', [])) as RemoteCounter;
    const again = a.call('counter', []);
    counter[dispose]();
    const second = (await again) as RemoteCounter;
    await turns(2);
    expect(await second.up()).toBe(1);
    expect(await a.call('echo', [second])).toBe(second);
  });

  test('of another session is handed on, and is what it was when it comes back', async () => {
    const { api } = made();
    const left = await sessionPair({ b: { api } });
    const counter = (await left.a.call('counter', [])) as RemoteCounter;
    let got: RemoteCounter | undefined;
    const right = await sessionPair({
      b: { api: { take: (it: RemoteCounter) => void (got = it), give: () => got } },
    });
    await right.a.call('take', [counter]);
    expect(await got?.up()).toBe(1);
    expect(await right.a.call('give', [])).toBe(counter);
  });

  test('of which a method was taken may be forgotten, and the method goes on', async () => {
    const { api } = made();
    const { a } = await sessionPair({ b: { api } });
    const { up } = (await a.call('counter', [])) as RemoteCounter;
    expect(await up()).toBe(1);
  });
});

describe('for who does not know of objects', () => {
  test('it is its methods', async () => {
    const without = features.filter((it) => it !== 'object');
    const counter = new Counter();
    const them = await peer({
      api: { counter: () => counter },
      hello: { ...ourHello, features: without },
    });
    expect(await them.call('counter')).toEqual([null, { up: '[Function]', itself: '[Function]' }]);
    expect(them.last).not.toHaveProperty('types');
  });

  test('it is its methods to a plain peer', async () => {
    const them = await peer({ hello: null });
    void them.session.call('take', [new Counter(), () => {}]);
    await turns(1);
    expect(them.last?.arguments?.[0]).toEqual({ up: '[Function]', itself: '[Function]' });
  });
});

describe('a peer that lies', () => {
  test.each<[name: string, more: object]>([
    ['of an object that is text', { arguments: ['x'] }],
    ['of an object that nothing stands for', { arguments: [{}] }],
    ['of an object that text stands for', { arguments: [{ '': 'x' }] }],
    ['of an object that is not there', { arguments: [] }],
    ['with a path that is none', { arguments: [{}], types: { object: [1] } }],
    ['with no list', { arguments: [{}], types: { object: {} } }],
  ])('%s', async (_name, more) => {
    const them = await peer({ api: { take: () => 1 } });
    expect(await them.refused('take', [], { types: { object: [['0']] }, ...more })).toBe(
      'ERR_MALFORMED',
    );
    expect(await them.call('take')).toEqual([null, 1]);
  });

  test('of an object that a function of ours stands for', async () => {
    const them = await peer({ api: { take: () => 1 } });
    const own = { [them.idOf('0', 'take')]: ['0', ''] };
    expect(await them.refused('take', [{ '': 'f' }], { own, types: { object: [['0']] } })).toBe(
      'ERR_MALFORMED',
    );
  });

  test('with methods by the names of prototypes', async () => {
    const got: object[] = [];
    const them = await peer({ api: { take: (it: object) => void got.push(it) } });
    const line =
      '{"method":"take","arguments":[{"":"f","__proto__":{"a":1},"toString":1}],"callbacks":{"5":["0",""]},"types":{"object":[["0"]]}}';
    await them.send(line);
    expect(Object.keys(got[0] ?? {})).toEqual(['__proto__', 'toString']);
    expect((got[0] as { a?: unknown }).a).toBeUndefined();
  });

  test('may call what stands for an object, and hears nothing', async () => {
    const counter = new Counter();
    const them = await peer({ api: { counter: () => counter } });
    await them.call('counter');
    expect(await them.call(them.idOf('1', ''))).toEqual([]);
  });
});
