import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  type Any,
  type Conn,
  dropIn,
  type MakeApi,
  type Peer,
  sessions,
  theirs,
} from './fixtures/peers.js';

const collect = globalThis.gc;
if (collect === undefined) throw new Error('run with --expose-gc');

// Machines are slow at times.
vi.setConfig({ testTimeout: 20_000 });

let folder: string;
let count = 0;
const closing: (() => void)[] = [];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'oracle-'));
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
});
afterAll(() => rm(folder, { recursive: true }));

/** What a function of the callback style is called back with. */
function called(run: (cb: (...args: Any[]) => void) => void): Promise<Any[]> {
  return new Promise((resolve) => run((...args) => resolve(args)));
}

const pairs: [name: string, server: Peer, client: Peer][] = [
  ['a dnode client of our serve', sessions, theirs],
  ['our dial of a dnode server', theirs, sessions],
  ['a dnode client of a drop-in server', dropIn, theirs],
  ['a drop-in client of a dnode server', theirs, dropIn],
  ['a drop-in client of our serve', sessions, dropIn],
  ['our dial of a drop-in server', dropIn, sessions],
  // So that what is asked below is known to be what dnode does.
  ['a dnode client of a dnode server', theirs, theirs],
];
const each = pairs.flatMap(([name, ...peers]) =>
  (['TCP', 'a unix socket'] as const).map((over) => [name, over, ...peers] as const),
);

describe.each(each)('%s, over %s', (_, over, server, client) => {
  async function open(api: MakeApi, mine?: MakeApi): Promise<{ there: Conn; here: Conn }> {
    const path = over === 'TCP' ? undefined : join(folder, `${++count}.sock`);
    const serving = await server.serve(api, path);
    closing.push(() => serving.close());
    const here = await client.connect(serving.place, mine);
    const there = await serving.next();
    closing.push(
      () => here.end(),
      () => there.end(),
    );
    return { there, here };
  }

  it('the api is there, with its values', async () => {
    const api = { f: () => {}, n: 1, _id: 'x', none: null, deep: { list: [1, { g: () => {} }] } };
    const { here } = await open(() => api);
    expect(here.remote).toEqual({
      f: expect.any(Function),
      n: 1,
      _id: 'x',
      none: null,
      deep: { list: [1, { g: expect.any(Function) }] },
    });
  });

  it('values go there and back', async () => {
    const { here } = await open(() => ({
      echo: (...args: Any[]) => args.at(-1)(...args.slice(0, -1)),
    }));
    const values = [1, 0.5, 'a', '', true, null, [], {}, [[1, { a: { b: [] } }]], { '0': 'zero' }];
    expect(await called((cb) => here.remote.echo(...values, cb))).toEqual(values);
  });

  it('characters beyond ASCII arrive whole, in keys too', async () => {
    const { here } = await open(() => ({ echo: (value: Any, cb: Any) => cb(value) }));
    // Between two of the old ones, a character does not survive being cut in two.
    const long = server === theirs && client === theirs ? 10 : 100_000;
    const value = { 'ключ ☔': '☔☁☼ 😀 \u2028 \u0000 \\u0041 "', list: ['é'.repeat(long)] };
    expect(await called((cb) => here.remote.echo(value, cb))).toEqual([value]);
  });

  it('what JSON cannot hold becomes what it makes of it', async () => {
    const { here } = await open(() => ({ echo: (value: Any, cb: Any) => cb(value, new Date(0)) }));
    const value = {
      date: new Date(1e12),
      none: undefined,
      list: [undefined, Number.NaN, Infinity],
      map: new Map([[1, 2]]),
      re: /a/,
    };
    const got = await called((cb) => here.remote.echo(value, cb));
    expect(got).toEqual([
      { date: '2001-09-09T01:46:40.000Z', list: [null, null, null], map: {}, re: {} },
      '1970-01-01T00:00:00.000Z',
    ]);
  });

  it('callbacks call callbacks', async () => {
    const { here } = await open(() => ({
      z: (f: Any, g: Any, h: Any) => f(10, (x: Any) => g(10, (y: Any) => h(x, y))),
    }));
    const plusTen = (n: number, cb: Any): void => cb(n + 10);
    const half = (n: number, cb: Any): void => cb(n / 2);
    expect(await called((cb) => here.remote.z(plusTen, half, cb))).toEqual([20, 5]);
    // The same function twice in one message.
    expect(await called((cb) => here.remote.z(plusTen, plusTen, cb))).toEqual([20, 20]);
  });

  it('both sides call each other', async () => {
    const { here } = await open(
      (remote) => ({ timesX: (n: number, cb: Any) => remote.x((x: number) => cb(n * x)) }),
      () => ({ x: (cb: Any) => cb(20) }),
    );
    expect(await called((cb) => here.remote.timesX(3, cb))).toEqual([60]);
  });

  it('a function that came can be sent back, and on', async () => {
    const { here } = await open(() => {
      let kept: Any;
      return {
        keep: (fn: Any, cb: Any) => cb(typeof (kept = fn)),
        give: (cb: Any) => cb(kept),
      };
    });
    const mine = (n: number, cb: Any): void => cb(n * 2);
    await called((cb) => here.remote.keep(mine, cb));
    const [back] = await called((cb) => here.remote.give(cb));
    // Not the same function: plain dnode does not know its own.
    expect(await called((cb) => back(21, cb))).toEqual([42]);
  });

  it('a function is the same for as long as it is held', async () => {
    const f = (cb: Any): void => cb(1);
    const { here } = await open(() => ({ give: (cb: Any) => cb({ f }) }));
    const [first] = await called((cb) => here.remote.give(cb));
    const [second] = await called((cb) => here.remote.give(cb));
    expect(second.f).toBe(first.f);
    expect(await called((cb) => second.f(cb))).toEqual([1]);
  });

  it('cycles arrive as cycles, and aliases as copies', async () => {
    const { here } = await open(() => ({
      f: (value: Any, cb: Any) => cb(value, value.me === value, value.list[1] === value.list),
    }));
    const shared = { s: 1 };
    const value: Any = { list: [0], a: shared, b: shared };
    value.me = value;
    value.list.push(value.list);
    const [back, self, list] = await called((cb) => here.remote.f(value, cb));
    expect([self, list]).toEqual([true, true]);
    expect(back.me).toBe(back);
    expect(back.list[1]).toBe(back.list);
    expect(back.a).toEqual(shared);
    expect(back.a).not.toBe(back.b);
  });

  it('a thousand callbacks, in order', async () => {
    const { here } = await open(() => ({ f: (n: number, cb: Any) => cb(n) }));
    const got: number[] = [];
    await new Promise<void>((resolve) => {
      for (let i = 0; i < 1_000; i++) {
        here.remote.f(i, (n: number) => got.push(n) === 1_000 && resolve());
      }
    });
    expect(got).toEqual(Array.from({ length: 1_000 }, (_, i) => i));
  });

  it('a thousand functions in one message', async () => {
    const fs = Array.from({ length: 1_000 }, (_, i) => (cb: Any) => cb(i));
    const { here } = await open(() => ({ all: (cb: Any) => cb(fs) }));
    const [all] = await called((cb) => here.remote.all(cb));
    expect(all).toHaveLength(1_000);
    expect(await called((cb) => all[777](cb))).toEqual([777]);
  });

  it('big messages', async () => {
    const { here } = await open(() => ({ echo: (value: Any, cb: Any) => cb(value) }));
    const value = {
      text: 'x'.repeat(1_000_000),
      list: Array.from({ length: 20_000 }, (_, i) => ({ i })),
    };
    const [back] = await called((cb) => here.remote.echo(value, cb));
    expect(back).toEqual(value);
  });

  it('an api that is announced again takes the place of the first, in the same remote', async () => {
    let api: Any;
    const { here, there } = await open(() => (api = { a: (cb: Any) => cb('a') }));
    const { remote } = here;
    delete api.a;
    api.b = (cb: Any) => cb('b');
    const heard = here.announced();
    there.announce();
    await heard;
    expect(here.remote).toBe(remote);
    expect(Object.keys(remote)).toEqual(['b']);
    expect(await called((cb) => remote.b(cb))).toEqual(['b']);
  });

  it('what is called before the end arrives', async () => {
    const got: number[] = [];
    const { here, there } = await open(() => ({ f: (n: number) => got.push(n) }));
    for (let i = 0; i < 100; i++) here.remote.f(i);
    here.end();
    await there.ended;
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('either side may end', async () => {
    const first = await open(() => ({}));
    first.there.end();
    await first.here.ended;
    const second = await open(() => ({}));
    second.here.end();
    await second.there.ended;
  });

  it('no message is malformed to the other', async () => {
    const { here, there } = await open(
      (remote) => ({ f: (cb: Any) => remote.g(cb) }),
      () => ({ g: (cb: Any) => cb(() => {}) }),
    );
    await called((cb) => here.remote.f(cb));
    expect([...here.fails, ...there.fails]).toEqual([]);
  });
});

describe.each([
  ['our serve', sessions],
  ['the drop-in', dropIn],
])('%s, with a dnode peer', (_, peer) => {
  it('tells it which of its functions are not held any more', async () => {
    const serving = await peer.serve(() => ({ f: (n: number, cb: Any) => cb(n) }));
    closing.push(() => serving.close());
    const here = await theirs.connect(serving.place);
    closing.push(() => here.end());
    await serving.next();
    const n = 200;
    for (let i = 0; i < n; i++) await called((cb) => here.remote.f(i, cb));
    expect(here.given()).toBeGreaterThan(n - 50);
    // dnode frees what it is told of. The last few may still be on their way.
    while (here.given() > 10) {
      collect();
      await called((cb) => here.remote.f(0, cb));
    }
    expect(await called((cb) => here.remote.f(7, cb))).toEqual([7]);
  });
});

describe('a promise-style caller of a dnode server', () => {
  it('awaits what the handler calls back with', async () => {
    const { dial } = await import('../index.js');
    const serving = await theirs.serve(() => ({
      shout: (text: string, cb: Any) => cb(text.toUpperCase()),
      both: (a: number, b: number, cb: Any) => cb(a + b, 'ignored'),
      none: (cb: Any) => cb(),
      session: (cb: Any) => cb({ quote: (of: Any) => of('a quote') }),
      deep: { f: (cb: Any) => cb('deep') },
    }));
    closing.push(() => serving.close());
    await using remote = await dial(`tcp://127.0.0.1:${serving.place}`);
    expect(await remote.shout('héllo')).toBe('HÉLLO');
    expect(await remote.both(1, 2)).toBe(3);
    expect(await remote.none()).toBeUndefined();
    expect(await remote.deep.f()).toBe('deep');
    const session = await remote.session();
    expect(await session.quote()).toBe('a quote');
    const many = Array.from({ length: 500 }, (_, i) => remote.both(i, 1) as Promise<number>);
    expect(await Promise.all(many)).toEqual(many.map((_, i) => i + 1));
  });
});

describe('a dnode client of promise-style handlers', () => {
  it('is called back with what they return', async () => {
    const serving = await sessions.serve(() => ({
      shout: async (text: string) => {
        await Promise.resolve();
        return text.toUpperCase();
      },
      sum: (a: number, b: number) => a + b,
      get: () => ({ f: () => 'from within' }),
      hold: async (cb: Any) => {
        await Promise.resolve();
        cb('called');
      },
    }));
    closing.push(() => serving.close());
    const { remote, end } = await theirs.connect(serving.place);
    closing.push(end);
    expect(await called((cb) => remote.shout('hello', cb))).toEqual(['HELLO']);
    expect(await called((cb) => remote.sum(1, 2, cb))).toEqual([3]);
    const [got] = await called((cb) => remote.get(cb));
    expect(await called((cb) => got.f(cb))).toEqual(['from within']);
    expect(await called((cb) => remote.hold(cb))).toEqual(['called']);
  });

  it('an answer is called with what the handler gave, and costs nothing that stays', async () => {
    const serving = await sessions.serve(() => ({
      arrow: (n: number, cb: Any) => cb(n),
      events: (emit: Any) => {
        for (let i = 0; i < 3; i++) emit('data', i);
      },
      // What is no answer can be asked, by a promise too.
      twice: async (n: number, double: Any) => (await double(n)) + 1,
    }));
    closing.push(() => serving.close());
    const { remote, end } = await theirs.connect(serving.place);
    closing.push(end);
    const session = await serving.next();
    expect(await called((cb) => remote.arrow(1, cb))).toEqual([1]);
    const got: Any[][] = [];
    await new Promise<void>((resolve) => {
      remote.events((...args: Any[]) => got.push(args) === 3 && resolve());
    });
    expect(got).toEqual([
      ['data', 0],
      ['data', 1],
      ['data', 2],
    ]);
    expect(session.pending()).toBe(0);
    const double = (n: number, cb: Any): void => cb(n * 2);
    expect(await called((cb) => remote.twice(4, double, cb))).toEqual([9]);
  });

  it('a handler that throws takes nothing down', async () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
    const serving = await sessions.serve(() => ({
      bad: () => {
        throw new Error('bad');
      },
      ok: (cb: Any) => cb('ok'),
    }));
    closing.push(() => serving.close());
    const { remote, end } = await theirs.connect(serving.place);
    closing.push(end);
    remote.bad(() => expect.unreachable());
    expect(await called((cb) => remote.ok(cb))).toEqual(['ok']);
    expect(warn).toHaveBeenCalledTimes(1);
    warn.mockRestore();
  });
});
