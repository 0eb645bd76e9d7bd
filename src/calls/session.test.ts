import { describe, expect, test, vi } from 'vitest';
import { defaultLimits } from '../limits.js';
import type { Authorize } from '../protocol/authorize.js';
import { contextOf, syncScope } from '../protocol/context.js';
import { agreed, features } from '../protocol/hello.js';
import { options } from '../protocol/options.js';
import { Exposed } from '../protocol/exposed.js';
import { codeOf, ourHello } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { against, pair } from './fixtures/pair.js';

const fail = (code: string, mayHaveRun: boolean) => ({ code, mayHaveRun });
/** An error, as far as callers tell it apart. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return { resolved: await promise };
  } catch (error) {
    const { code, mayHaveRun } = error as { code: string; mayHaveRun: boolean };
    return { code, mayHaveRun };
  }
}

describe('with a whole peer', () => {
  test('its hello names what it can do, and nothing else', async () => {
    const { server } = await pair({});
    expect(features.filter((feature) => agreed(server.hello, feature)).toSorted()).toEqual(
      ['bye', 'cancel', 'cull', 'links', 'meta', 'own', 'ping', 'reply', 'types'].toSorted(),
    );
  });

  test('typed values both ways, graphs, and functions that come home', async () => {
    const same: unknown[] = [];
    const mine = (): void => {};
    const { remote } = await pair({
      echo: (it: unknown) => it,
      deep: { er: { same: (it: unknown) => same.push(it) } },
      give: () => mine,
      isMine: (it: unknown) => it === mine,
    });
    const loop: { self?: unknown; when: Date } = { when: new Date(5) };
    loop.self = loop;
    const value = {
      ...{
        map: new Map([[1, new Set([2n])]]),
        nan: Number.NaN,
        none: undefined,
        url: new URL('a:b'),
      },
      ...{ re: /a/g, bytes: new Uint8Array(2_000).fill(7), minus: -0 },
    };
    expect(await remote.echo(value)).toEqual(value);
    const back = await remote.echo(loop);
    expect([back.self === back, back.when]).toEqual([true, new Date(5)]);
    await remote.deep.er.same(new Error('x', { cause: 1 }));
    expect(same).toMatchObject([{ message: 'x', cause: 1 }]);
    const given = await remote.give();
    expect(await remote.isMine(given)).toBe(true);
    const ours = (): void => {};
    expect(await remote.echo(ours)).toBe(ours);
  });

  test('callbacks of both styles are called, and answer; functions in outcomes are called', async () => {
    const { remote, server } = await pair({
      each: async (list: number[], fn: (n: number) => Promise<unknown>) =>
        Promise.all(list.map((n) => fn(n))),
      counter: () => {
        let n = 0;
        return { next: () => ++n };
      },
    });
    expect(await remote.each([1, 2], (n: number) => n * 2)).toEqual([2, 4]);
    expect(await remote.each([1, 2], async (n: number) => n * 3)).toEqual([3, 6]);
    // In the manner of old, with a parameter more than it gets.
    const classic = function (n: number, cb: (value: number) => void): void {
      cb(n * 4);
    };
    expect(await remote.each([1, 2], classic)).toEqual([4, 8]);
    const fails = (): never => {
      throw new TypeError('no');
    };
    await expect(remote.each([1], fails)).rejects.toThrow(new TypeError('no'));
    const counter = await remote.counter();
    expect([await counter.next(), await counter.next()]).toEqual([1, 2]);
    const before = server.tables.local;
    counter.next[Symbol.dispose]();
    await turns(2);
    expect(server.tables.local).toBe(before - 1);
    await expect(counter.next()).rejects.toMatchObject(fail('ERR_RELEASED', false));
  });

  test('errors have their codes, and those of a handler their class', async () => {
    const { remote, session } = await pair({
      bad: () => {
        throw Object.assign(new RangeError('far'), { code: 'E_OWN' });
      },
    });
    await expect(remote.bad()).rejects.toMatchObject({ name: 'RangeError', code: 'E_OWN' });
    expect(await errorOf(session.call('none', 'none', []))).toEqual(fail('ERR_METHOD', false));
  });

  test('a signal cancels, and a deadline ends: the handler learns both', async () => {
    const signals: AbortSignal[] = [];
    const scope = syncScope();
    const wait = (): Promise<never> => {
      signals.push(contextOf(scope).signal);
      return new Promise(() => {});
    };
    const { remote, clock, server } = await pair({ wait }, {}, { scope });
    const control = new AbortController();
    const one = errorOf(options(remote, { signal: control.signal }).wait());
    const two = errorOf(options(remote, { deadline: 50 }).wait());
    const three = errorOf(remote.wait());
    await turns(2);
    expect(server.tables.serving).toBe(3);
    control.abort(new Error('enough'));
    expect(await one).toEqual(fail('ERR_CANCELLED', true));
    await clock.advance(50);
    expect(await two).toEqual(fail('ERR_DEADLINE', true));
    await clock.advance(30_000);
    expect(await three).toEqual(fail('ERR_DEADLINE', true));
    expect(await errorOf(options(remote, { signal: control.signal }).wait())).toEqual(
      fail('ERR_CANCELLED', false),
    );
    await turns(2);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  test('options travel: the deadline and the key', async () => {
    const metas: unknown[] = [];
    const authorize: Authorize = ({ meta }) => metas.push(meta) > 0;
    const { remote, server } = await pair({ f: () => 1 }, {}, { authorize });
    await options(remote, { deadline: 500, key: 'k' }).f();
    await remote.f();
    expect(metas).toEqual([{ deadline: 500, key: 'k' }, {}]);
    server.close();
  });

  test('promises among the arguments are awaited', async () => {
    const { remote } = await pair({ add: (x: number, y: number) => x + y });
    expect(await remote.add(remote.add(1, 2), Promise.resolve(3))).toBe(6);
    await expect(remote.add(Promise.reject(new TypeError('no')))).rejects.toThrow('no');
  });

  test('what it cannot send is refused, and not sent as something else', async () => {
    class Thing extends Exposed {
      secret = 1;
    }
    const { remote } = await pair({ echo: (it: unknown) => it });
    const iterable = { async *[Symbol.asyncIterator]() {} };
    for (const value of [new Thing(), iterable, new ReadableStream(), new Blob(['x'])]) {
      expect(await errorOf(remote.echo(value))).toEqual(fail('ERR_DATA', false));
    }
  });

  test('when the session ends, what left may have run, and what comes later has not', async () => {
    const { remote, session, server, ends } = await pair({ wait: () => new Promise(() => {}) });
    const written = errorOf(remote.wait());
    await turns(2);
    const fresh = errorOf(remote.wait());
    server.close();
    await turns(2);
    expect([await written, await fresh]).toEqual([
      fail('ERR_CONNECTION_LOST', true),
      fail('ERR_CONNECTION_LOST', true),
    ]);
    expect([session.ended, ends]).toEqual([true, [undefined]]);
    expect(await errorOf(remote.wait())).toEqual(fail('ERR_CONNECTION_LOST', false));
  });

  test('closed here, what is out rejects with ERR_CLOSED', async () => {
    const { remote, session, server } = await pair({ wait: () => new Promise(() => {}) });
    const out = errorOf(remote.wait());
    await turns(2);
    session.close();
    expect(await out).toEqual(fail('ERR_CLOSED', true));
    await turns(2);
    expect(server.ended).toBe(true);
    expect(await errorOf(remote.wait())).toEqual(fail('ERR_CLOSED', false));
  });

  test('asked to leave, it finishes what is out and says bye', async () => {
    let finish = (_value: unknown): void => {};
    const { remote, session, server } = await pair({
      wait: () => new Promise((resolve) => (finish = resolve)),
    });
    const out = remote.wait();
    await turns(2);
    const drained = server.drain();
    await turns(2);
    expect([session.leaving, session.ended]).toEqual([true, false]);
    finish('done');
    expect(await out).toBe('done');
    await drained;
  });

  test('of more calls than the peer takes, the rest are refused, and did not run', async () => {
    const { remote, server, session } = await pair(
      { wait: () => new Promise(() => {}) },
      {},
      { limits: { ...defaultLimits, calls: 2 } },
    );
    const calls = [1, 2, 3].map(() => errorOf(remote.wait()));
    expect(await calls[2]).toEqual(fail('ERR_BUSY', false));
    expect([server.tables.serving, session.outstanding]).toEqual([2, 2]);
    session.close();
    await Promise.all(calls);
  });

  test('who does not let it in', async () => {
    const { ends } = await pair(
      {},
      { auth: 'barley' },
      { authenticate: (auth) => auth === 'sesame' },
    );
    await turns(4);
    expect(ends).toMatchObject([{ code: 'ERR_AUTH' }]);
  });

  test('who asks who is there, and then says what it has', async () => {
    const { ready, remote } = await pair(
      { shout: (s: string) => s.toUpperCase() },
      { auth: 'sesame' },
      { authenticate: (auth) => auth === 'sesame' },
    );
    await turns(4);
    expect(ready()).toBe(1);
    expect(await remote.shout('hi')).toBe('HI');
  });

  test('streams of the peer arrive as what can be read by hand', async () => {
    const { remote } = await pair({
      async *list() {
        yield 1;
        yield 2;
      },
    });
    const list = await remote.list();
    expect(await list.next(10, 1_000)).toEqual({ values: [1, 2], done: true });
  });

  test('bytes cut anywhere', async () => {
    const { remote } = await pair(
      { echo: (s: string) => s },
      {},
      {},
      { framing: 'bytes', piece: 3 },
    );
    expect(await remote.echo('Grüße, 世界 🎈')).toBe('Grüße, 世界 🎈');
  });

  test('callbacks sent a thousand times leave no trace', async () => {
    const { remote, server } = await pair({
      call: async (fn: ((n: number) => Promise<number>) & Disposable) => {
        const got = await fn(1);
        fn[Symbol.dispose]();
        return got;
      },
    });
    for (let i = 0; i < 1_000; i++) await remote.call((n: number) => n + i);
    await turns(2);
    expect(server.tables.references).toBe(0);
  });
});

describe('with a plain peer', () => {
  const methods = {
    method: 'methods',
    arguments: [{ add: '[Function]' }],
    callbacks: { 0: ['0', 'add'] },
    links: [],
  };

  test('awaited, a call gets a callback; with a callback of its own, it is sent as it is', async () => {
    const { remote, send, got, ready } = await against(undefined);
    await send(methods);
    expect(ready()).toBe(1);
    const sum = remote.add(1, 2);
    await turns(1);
    const call = got().at(-1);
    expect(call).toMatchObject({ method: 0, arguments: [1, 2, '[Function]'] });
    const [id] = Object.keys(call?.callbacks ?? {});
    await send({ method: Number(id), arguments: [3] });
    expect(await sum).toBe(3);
    const heard: unknown[] = [];
    expect(await remote.add(1, (value: unknown) => heard.push(value))).toBeUndefined();
    await turns(1);
    const [own] = Object.keys(got().at(-1)?.callbacks ?? {});
    await send({ method: Number(own), arguments: [7] }, { method: Number(own), arguments: [8] });
    expect(heard).toEqual([7, 8]);
  });

  test('what it writes is ASCII, and has all the keys of old', async () => {
    const { remote, send, recorder } = await against(undefined);
    await send(methods);
    void remote.add('ü', () => {});
    await turns(1);
    expect(recorder.lines.at(-1)).toMatch(
      /^\{"method":0,"arguments":\["\\u00fc","\[Function\]"\],"callbacks":\{"\d+":\["1"\]\},"links":\[\]\}$/,
    );
  });

  test('a bigint cannot be sent', async () => {
    const { remote, send } = await against(undefined);
    await send(methods);
    expect(await errorOf(remote.add(1n))).toEqual(fail('ERR_DATA', false));
  });
});

describe('with a peer that is hostile', () => {
  test.each(['rubbish', '{', '[1'])('%s ends it', async (line) => {
    const { send, ends, got } = await against(ourHello);
    await send(line);
    expect(ends).toMatchObject([{ code: 'ERR_MALFORMED' }]);
    expect(got().at(-1)).toMatchObject({ control: 'close', code: 'ERR_MALFORMED' });
  });

  test.each([
    ...['null', '[]', '5', '""', '{}', '', ' '],
    ...['{"method":null}', '{"method":{}}', '{"control":5}', '{"method":-1,"reply":1}'],
    ...['{"control":"cull","counts":null}', '{"control":"cull","counts":{"0":-1,"x":1}}'],
    ...['{"method":"cull","arguments":{}}', '{"method":"methods","arguments":[null]}'],
    ...['{"method":"methods","arguments":[{}],"callbacks":{"1a":["0"]}}'],
    ...[
      '{"method":0,"arguments":{},"reply":1}',
      '{"method":"x","reply":4,"callbacks":{"0":["0"]}}',
    ],
    ...[
      '{"control":"pong","n":{}}',
      '{"control":"ack","got":-5}',
      '{"on":1,"method":["a"],"reply":3}',
    ],
    `{"method":"x","reply":9,"arguments":${'['.repeat(100)}${']'.repeat(100)}}`,
    `{"method":5,"arguments":[${'1,'.repeat(200_000)}1],"reply":9}`,
  ])('%.60s is survived', async (line) => {
    const { send, ends, session, got } = await against(ourHello);
    await send(line);
    expect(ends).toEqual([]);
    const out = session.call('x', 'x', []);
    await turns(1);
    const id = got().at(-1)?.reply;
    await send({ method: id ?? -1, arguments: [null, 'alive'] });
    expect(await out).toBe('alive');
  });

  test('an outcome that is refused rejects its call, and an outcome that comes twice is dropped', async () => {
    const { send, session, got } = await against(ourHello);
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
    const outs = [
      '{"types":{"date":[["1"]]},"arguments":[null,"soon"]',
      `{"arguments":[null,${deep}]`,
    ];
    for (const rest of outs) {
      const out = codeOf(session.call('x', 'x', []));
      await turns(1);
      const id = got().at(-1)?.reply;
      await send(`${rest},"method":${id}}`, `${rest},"method":${id}}`);
      expect(await out).toMatch(/^ERR_(MALFORMED|LIMIT)$/);
    }
    const thenable = codeOf(session.call('x', 'x', []));
    await turns(1);
    await send({
      method: got().at(-1)?.reply ?? -1,
      arguments: [null, { then: '[Function]' }],
      callbacks: { 5: ['1', 'then'] },
    });
    expect(await thenable).toBe('ERR_THENABLE');
  });

  test('a line that is too long, before the hello and after it', async () => {
    const limits = { firstLine: 100, line: 1_000 };
    const early = await against(undefined, { limits });
    await early.send('x'.repeat(101));
    expect(early.ends).toMatchObject([{ code: 'ERR_LIMIT' }]);
    const late = await against(ourHello, { limits: { ...limits, firstLine: 1_000 } });
    await late.send('x'.repeat(1_001));
    expect(late.ends).toMatchObject([{ code: 'ERR_LIMIT' }]);
  });

  test('functions are bounded, and callbacks that run', async () => {
    const { send, session, got, remote } = await against(
      ourHello,
      { limits: { functions: 3, calls: 2 } },
      [{}],
    );
    void remote;
    await send({
      method: 'methods',
      arguments: [{ a: 0, b: 0, c: 0, d: 0 }],
      callbacks: { 0: ['0', 'a'], 1: ['0', 'b'], 2: ['0', 'c'], 3: ['0', 'd'] },
    });
    expect(Object.keys(session.remote)).toEqual([]);
    const cb = vi.fn(() => new Promise(() => {}));
    void session.call('x', 'x', [cb]);
    await turns(1);
    const [id] = Object.keys(got().at(-1)?.callbacks ?? {});
    await send(...[1, 2, 3].map((n) => ({ method: Number(id), arguments: [], reply: 100 + n })));
    expect(cb).toHaveBeenCalledTimes(2);
    expect(got().at(-1)).toMatchObject({ method: 103, arguments: [{ code: 'ERR_BUSY' }] });
  });

  test('a ping is answered, and who shows no life is given up', async () => {
    const { send, got, clock, ends } = await against(ourHello);
    await send({ control: 'ping', n: 7 });
    expect(got().at(-1)).toEqual({ control: 'pong', n: 7 });
    for (let i = 0; i < 4; i++) await clock.advance(15_000);
    await turns(2);
    expect(ends).toMatchObject([{ code: 'ERR_HEARTBEAT' }]);
  });
});

describe('a call never hangs', () => {
  const never = (): Promise<never> => new Promise(() => {});

  test('whose argument never comes: its deadline, its signal and the end of the session end it', async () => {
    const { session, remote, clock, server } = await pair({ f: () => 1 });
    const control = new AbortController();
    const late = errorOf(options(remote, { deadline: 50 }).f(never()));
    const given = errorOf(options(remote, { signal: control.signal }).f(never(), never()));
    const lost = errorOf(remote.f(never()));
    expect(session.outstanding).toBe(3);
    await clock.advance(50);
    expect(await late).toEqual(fail('ERR_DEADLINE', false));
    control.abort();
    expect(await given).toEqual(fail('ERR_CANCELLED', false));
    expect(server.tables.serving).toBe(0);
    session.close();
    expect(await lost).toEqual(fail('ERR_CLOSED', false));
    expect(session.outstanding).toBe(0);
  });

  test('whose argument comes late has what is left of its deadline', async () => {
    const { remote, clock } = await pair({ f: never });
    let come = (_value: number): void => {};
    const out = errorOf(options(remote, { deadline: 100 }).f(new Promise((it) => (come = it))));
    await clock.advance(60);
    come(1);
    await turns(2);
    await clock.advance(39);
    const soon = await Promise.race([out, turns(2).then(() => 'waits')]);
    expect(soon).toBe('waits');
    await clock.advance(1);
    expect(await out).toEqual(fail('ERR_DEADLINE', true));
  });

  test('an outcome that cannot be read: the call has run', async () => {
    const { session, send, got } = await against(ourHello);
    const out = errorOf(session.call('f', 'f', []));
    await turns(2);
    await send(`{"method":${got().at(-1)?.reply},"arguments":{"0":null}}`);
    expect(await out).toEqual(fail('ERR_MALFORMED', true));
  });
});

test('a peer that reads no line as long as an error gets none, and nothing fails for it', async () => {
  const hello = { ...ourHello, limits: { line: 1_024 + 40 } };
  const { session, send, got } = await against(hello);
  void session.call('f', 'f', [() => Promise.resolve('x'.repeat(100))]);
  await turns(2);
  const id = Number(Object.keys(got().at(-1)?.callbacks ?? {})[0]);
  const before = got().length;
  await send({ method: id, arguments: [], reply: 7 });
  await turns(3);
  expect(got()).toHaveLength(before);
  expect(session.ended).toBe(false);
});
