import { describe, expect, test } from 'vitest';
import { ourHello, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { Exposed } from './exposed.js';
import type { Released } from './keeper.js';
import { dispose } from './options.js';

interface Cart extends Disposable {
  add(what: unknown): Promise<number>;
  itself(): Promise<Cart>;
  slow(): Promise<string>;
  readonly note: Promise<string>;
}

/** What is told of it stands in `told`. */
class Owned extends Exposed.with('note') {
  readonly told: Released[] = [];
  readonly items: unknown[] = [];
  note = 'as it was';
  end: (how: string) => void = () => {};

  add(what: unknown): number {
    return this.items.push(what);
  }

  itself(): this {
    return this;
  }

  slow(): Promise<string> {
    return new Promise((resolve) => (this.end = resolve));
  }

  [Exposed.released](how: Released): void {
    this.told.push(how);
  }
}

/** Two sessions, the second of which hands out the object. */
async function made(more: object = {}) {
  const cart = new Owned();
  const api = { cart: () => cart, ...more };
  const pair = await sessionPair({ b: { api } });
  const get = async (): Promise<Cart> => (await pair.a.call('cart', [])) as Cart;
  return { ...pair, cart, api, get };
}

describe('the owner of an object', () => {
  test('is told when its peer lets go of it, and by whom', async () => {
    const { b, cart, get } = await made();
    const remote = await get();
    expect(await remote.add('tea')).toBe(1);
    await turns(2);
    expect(cart.told).toEqual([]);
    remote[dispose]();
    await turns(2);
    expect(cart.told).toEqual([{ session: b, peer: b.peer, last: true }]);
    expect(cart.told[0]?.session).toBe(b);
  });

  test('is not told while the peer holds one of its functions, nor while there is a mention under way', async () => {
    const { cart, get } = await made();
    const remote = await get();
    const { add } = remote as unknown as { add: Disposable };
    const [again] = await Promise.all([get(), remote.itself()]);
    expect(again).toBe(remote);
    const third = get();
    remote[dispose]();
    const anew = await third;
    await turns(2);
    expect(cart.told).toEqual([]);
    expect(await anew.add(1)).toBe(1);
    anew[dispose]();
    await turns(2);
    expect(cart.told).toHaveLength(1);
    add[dispose]();
    await turns(2);
    expect(cart.told).toHaveLength(1);
  });

  test('is told again when it was given again', async () => {
    const { cart, get } = await made();
    for (const times of [1, 2, 3]) {
      (await get())[dispose]();
      await turns(2);
      expect(cart.told).toHaveLength(times);
    }
  });

  test('is told when the session ends, in order or not, and once', async () => {
    for (const end of ['close', 'abandon', 'let go before'] as const) {
      const { a, b, cart, get } = await made();
      const remote = await get();
      if (end === 'let go before') remote[dispose]();
      await turns(2);
      if (end === 'abandon') b.abandon(new Error('lost') as never);
      else a.close();
      await turns(2);
      expect([end, cart.told.length]).toEqual([end, 1]);
      expect(b.ended).toBe(true);
    }
  });

  test('is told by each session, and by which one it is the last', async () => {
    const { a, b, cart, api } = await made();
    const other = await sessionPair({ b: { api } });
    const [one, two] = await Promise.all([a.call('cart', []), other.a.call('cart', [])]);
    (one as Cart)[dispose]();
    await turns(2);
    expect(cart.told.map(({ session, last }) => [session === b, last])).toEqual([[true, false]]);
    expect(await (two as Cart).add(1)).toBe(1);
    other.a.close();
    await turns(2);
    expect(cart.told.map(({ session, last }) => [session === b, last])).toEqual([
      [true, false],
      [false, true],
    ]);
  });

  test('is told once by the last where several end together', async () => {
    const { a, cart, api } = await made();
    const others = await Promise.all([1, 2].map(() => sessionPair({ b: { api } })));
    const all = [a, ...others.map((pair) => pair.a)];
    for (const each of all) await each.call('cart', []);
    for (const each of all) each.close();
    await turns(3);
    expect(cart.told.map(({ last }) => last)).toEqual([false, false, true]);
  });

  test('is not told while a call of it runs, but then', async () => {
    const { cart, get } = await made();
    const remote = await get();
    const slow = remote.slow();
    await turns(2);
    remote[dispose]();
    await turns(2);
    expect(cart.told).toEqual([]);
    cart.end('done');
    expect(await slow).toBe('done');
    await turns(2);
    expect(cart.told).toHaveLength(1);
  });

  test('is not told while a call of it runs though the session is over', async () => {
    const { a, cart, get } = await made();
    const slow = (await get()).slow();
    await turns(2);
    a.close();
    await expect(slow).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await turns(2);
    expect(cart.told).toEqual([]);
    cart.end('done');
    await turns(2);
    expect(cart.told).toHaveLength(1);
  });

  test('is not told while a call of it waits for an outcome, or for the bytes of a blob', async () => {
    let finish: (value: unknown) => void = () => {};
    const late = (): Promise<unknown> => new Promise((resolve) => (finish = resolve));
    const { a, cart, get } = await made({ late });
    const remote = await get();
    const added = remote.add(a.call('late', []));
    await turns(2);
    remote[dispose]();
    await turns(2);
    expect([cart.told, cart.items]).toEqual([[], []]);
    finish('tea');
    expect(await added).toBe(1);
    await turns(2);
    expect([cart.told.length, cart.items]).toEqual([1, ['tea']]);

    const again = await get();
    const blob = again.add(new Blob(['x'.repeat(100_000)]));
    again[dispose]();
    expect(await blob).toBe(2);
    await turns(3);
    expect([cart.told.length, cart.items.length]).toEqual([2, 2]);
  });

  test('is not told of an outcome that could not be sent, nor of what was only called on the way', async () => {
    const [wrong, within] = [new Owned(), new Owned()];
    const api = { wrong: () => [wrong, Symbol('stays')], pair: () => ({ first: within, n: 1 }) };
    const { a } = await sessionPair({ b: { api: { ...api, list: () => new Lister(within) } } });
    class Lister extends Exposed {
      readonly #of: Owned;
      constructor(of: Owned) {
        super();
        this.#of = of;
      }
      all(): Owned[] {
        return [this.#of];
      }
    }
    await expect(a.call('wrong', [])).rejects.toMatchObject({ code: 'ERR_DATA' });
    const remote = a.remote as { list(): { all(): { map(fn: unknown): Promise<number[]> } } };
    const added = remote.list().all();
    expect(await added.map((it: Cart) => it.add('by map'))).toEqual([1]);
    await turns(3);
    expect([wrong.told, within.told]).toEqual([[], []]);
  });

  test('is not told of a message that does not leave', async () => {
    const cart = new Owned();
    const it = await peer({ hello: { ...ourHello, limits: { line: 5_000 } } });
    const long = it.session.call('take', [cart, 'x'.repeat(6_000)]);
    await expect(long).rejects.toMatchObject({ code: 'ERR_LIMIT' });
    expect(it.session.tables.local).toBe(0);
    await turns(2);
    expect(cart.told).toEqual([]);
    // What is given after that is told as ever.
    void it.session.call('take', [cart]);
    it.session.close();
    await turns(2);
    expect(cart.told).toHaveLength(1);
  });

  test('is told of a call that was given up before it left where the peer had had it', async () => {
    const cart = new Owned();
    const it = await peer({ hello: { ...ourHello, limits: { calls: 1 } } });
    const stop = new AbortController();
    const [never, first] = [new Owned(), it.session.call('take', [cart])];
    await turns(1);
    const ids = Object.keys(it.last?.callbacks ?? {}).map(Number);
    const held = it.session.call('take', [cart, never], { signal: stop.signal });
    await it.send({ control: 'cull', counts: Object.fromEntries(ids.map((id) => [id, 1])) });
    expect(cart.told).toEqual([]);
    stop.abort();
    await expect(held).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
    await turns(2);
    expect([cart.told.length, never.told.length]).toEqual([1, 0]);
    it.session.close();
    await expect(first).rejects.toMatchObject({ code: 'ERR_CLOSED' });
    await turns(2);
    expect([cart.told.length, never.told.length]).toEqual([1, 0]);
  });

  test('that throws is logged, and nothing else comes of it', async () => {
    class Bad extends Exposed {
      ping(): string {
        return 'pong';
      }
      [Exposed.released](): Promise<void> | void {
        if (late) return Promise.reject(new Error('later'));
        throw new Error('at once');
      }
    }
    let late = false;
    const errors: unknown[] = [];
    const { a, b } = await sessionPair({ b: { api: { bad: () => new Bad(), ok: () => 'ok' } } });
    b.on('error', (error) => errors.push((error as Error).message));
    for (late of [false, true]) {
      ((await a.call('bad', [])) as Disposable)[dispose]();
      await turns(3);
    }
    expect(errors).toEqual(['at once', 'later']);
    expect(await a.call('ok', [])).toBe('ok');
    await a.call('bad', []);
    a.close();
    await turns(3);
    expect(errors).toEqual(['at once', 'later', 'later']);
  });

  test('is told of its properties and classes as of its methods', async () => {
    const told: string[] = [];
    class Counter extends Exposed.with('value') {
      value = 3;
      [Exposed.released](): void {
        told.push('counter');
      }
    }
    const { a } = await sessionPair({ b: { api: { Counter } } });
    const remote = a.remote as { Counter: new () => PromiseLike<Disposable & { value: unknown }> };
    const counter = await new remote.Counter();
    expect(await counter.value).toBe(3);
    counter[dispose]();
    await turns(2);
    expect(told).toEqual(['counter']);
  });

  test('hands it over in an argument as well', async () => {
    const kept: Cart[] = [];
    const { a } = await sessionPair({ b: { api: { take: (it: Cart) => void kept.push(it) } } });
    const cart = new Owned();
    await a.call('take', [cart]);
    expect(await kept[0]?.add(1)).toBe(1);
    kept[0]?.[dispose]();
    await turns(2);
    expect(cart.told.map(({ session }) => session === a)).toEqual([true]);
  });

  test('is told at the end of the session alone where it stands in the api', async () => {
    const cart = new Owned();
    const it = await peer({ api: { cart, of: () => cart } });
    const ids = ['add', 'itself', 'slow', '=note'].map((name) => it.idOf('0', 'cart', name));
    await it.send({ control: 'cull', counts: Object.fromEntries(ids.map((id) => [id, 9])) });
    expect(it.session.tables.local).toBe(1);
    expect(cart.told).toEqual([]);
    // For there it can be called still.
    expect(await it.call(['cart', 'add'] as never, [1])).toEqual([null, 1]);
    // Also when it was given beside, and let go.
    await it.call('of');
    const given = Object.keys(it.last?.callbacks ?? {});
    expect(given.length).toBe(5);
    await it.send({ control: 'cull', counts: Object.fromEntries(given.map((id) => [id, 1])) });
    expect(cart.told).toEqual([]);
    it.session.close();
    await turns(2);
    expect(cart.told).toHaveLength(1);
  });

  test('is told as the api itself, by each of its sessions', async () => {
    const api = new Owned();
    const pairs = await Promise.all([1, 2].map(() => sessionPair({ b: { api } })));
    for (const { a } of pairs) a.close();
    await turns(2);
    expect(api.told.map(({ last }) => last)).toEqual([false, true]);
  });
});

describe('counts that lie', () => {
  async function given() {
    const cart = new Owned();
    const it = await peer({ api: { cart: () => cart } });
    await it.call('cart');
    return { it, cart, ids: Object.keys(it.last?.callbacks ?? {}).map(Number) };
  }
  const cull = (ids: readonly number[], count: unknown) => ({
    control: 'cull',
    counts: Object.fromEntries(ids.map((id) => [id, count])),
  });

  test('too high, or sent twice, let go of it once', async () => {
    const { it, cart, ids } = await given();
    await it.send(cull(ids, 1e9));
    await it.send(cull(ids, 1), cull(ids, 1e9));
    expect(cart.told).toHaveLength(1);
    expect(await it.refused(ids[0]!, [])).toBe('ERR_RELEASED');
    await it.call('cart');
    await it.send(cull(ids, 5));
    expect(cart.told).toHaveLength(1);
    it.session.close();
    await turns(2);
    expect(cart.told).toHaveLength(2);
  });

  test('of what was never given, below one, or no numbers, let go of nothing', async () => {
    const { it, cart, ids } = await given();
    await it.send(cull([9_999, 10_000], 1), cull(ids, 0), cull(ids, -5), cull(ids, 'all'));
    await it.send(cull(ids.slice(1), 1));
    expect(cart.told).toEqual([]);
    await it.send(cull(ids.slice(0, 1), 1));
    expect(cart.told).toHaveLength(1);
  });

  test('cannot end a call that runs, and a cull in the message after a call does not overtake it', async () => {
    const { it, cart } = await given();
    const { callbacks } = it.last!;
    const slow = Number(
      Object.entries(callbacks ?? {}).find(([, path]) => path.at(-1) === 'slow')?.[0],
    );
    const ids = Object.keys(callbacks ?? {}).map(Number);
    await it.send({ method: slow, arguments: [], reply: 77 }, cull(ids, 99));
    expect(cart.told).toEqual([]);
    await it.send({ control: 'cancel', call: 77 });
    expect(cart.told).toEqual([]);
    cart.end('done');
    await turns(2);
    expect(cart.told).toHaveLength(1);
  });
});

describe('a plain dnode peer', () => {
  test('lets go by its cull, which takes no count', async () => {
    const cart = new Owned();
    const it = await peer({ hello: null, api: { cart: (cb: (it: Owned) => void) => cb(cart) } });
    await it.send({ method: 'cart', arguments: [0], callbacks: { 0: ['0'] }, links: [] });
    const ids = Object.keys(it.last?.callbacks ?? {}).map(Number);
    expect(ids).toHaveLength(3);
    await it.send({ method: 'cull', arguments: ids.slice(1), callbacks: {}, links: [] });
    expect(cart.told).toEqual([]);
    await it.send({ method: 'cull', arguments: ids, callbacks: {}, links: [] });
    await it.send({ method: 'cull', arguments: ids, callbacks: {}, links: [] });
    expect(cart.told).toHaveLength(1);
    await it.send({ method: 'cart', arguments: [0], callbacks: { 1: ['0'] }, links: [] });
    it.recorder.channel.close();
    await turns(2);
    expect(cart.told).toHaveLength(2);
  });
});

test('many objects are let go in a time that grows with them alone', async () => {
  const told: number[] = [];
  class Each extends Exposed {
    readonly #n: number;
    constructor(n: number) {
      super();
      this.#n = n;
    }
    at(): number {
      return this.#n;
    }
    [Exposed.released](): void {
      told.push(this.#n);
    }
  }
  const api = { each: (n: number) => Array.from({ length: n }, (_, i) => new Each(i)) };
  const { a, b } = await sessionPair({ b: { api } });
  const before = b.tables.local;
  for (let round = 0; round < 5; round++) {
    for (const it of (await a.call('each', [2_000])) as Disposable[]) it[dispose]();
    await turns(3);
  }
  expect(told).toHaveLength(10_000);
  expect(b.tables.local).toBe(before);
  await a.call('each', [2_000]);
  a.close();
  await turns(3);
  expect(told).toHaveLength(12_000);
});
