import { describe, expect, test, vi } from 'vitest';
import { peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { contextOf, syncScope } from './context.js';
import { Exposed } from './exposed.js';

/** A session with this one method, asked for its outcome: what its caller learns. */
async function outcomeOf(handler: unknown, args: unknown[] = []): Promise<unknown> {
  const api = { handler, echo: (it: unknown) => it };
  const { a, b } = await sessionPair({ b: { api } });
  const outcome = a.call('handler', args, { deadline: 100 }).then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );
  await turns(3);
  expect(b.ended).toBe(false);
  expect(b.tables.serving).toBeLessThanOrEqual(1);
  // Whatever it did, the next call is served.
  expect(await a.call('echo', [1])).toBe(1);
  a.close();
  return outcome;
}

const bomb = (): never => {
  throw new Error('a trap');
};
const nest = (depth: number): unknown => (depth === 0 ? 1 : [nest(depth - 1)]);

describe('a handler that throws: its caller learns what', () => {
  test.each([
    ['an error', new TypeError('t'), expect.objectContaining({ name: 'TypeError', message: 't' })],
    ['a text', 'text', 'text'],
    ['a number', 5, 5],
    ['zero', 0, 0],
    ['false', false, false],
    ['an object', { code: 'E' }, { code: 'E' }],
    ['undefined', undefined, expect.objectContaining({ message: 'undefined was thrown' })],
    ['null', null, expect.objectContaining({ message: 'null was thrown' })],
    ['a symbol', Symbol('s'), expect.objectContaining({ code: 'ERR_DATA' })],
    ['too deep an object', nest(100), expect.objectContaining({ code: 'ERR_LIMIT' })],
    ['a revoked proxy', revoked(), expect.objectContaining({ code: 'ERR_DATA' })],
  ])('%s', async (_, thrown, error) => {
    expect(
      await outcomeOf(() => {
        throw thrown;
      }),
    ).toEqual({ error });
    expect(
      await outcomeOf(async () => {
        throw thrown;
      }),
    ).toEqual({ error });
    expect(
      await outcomeOf(() => ({
        then: (__: unknown, reject: (e: unknown) => void) => reject(thrown),
      })),
    ).toEqual({ error });
  });

  test('an error with a cause, own data and a function', async () => {
    const error = Object.assign(new Error('m', { cause: new RangeError('c') }), {
      code: 'E_X',
      retry: () => 'again',
    });
    const { a } = await sessionPair({
      b: {
        api: {
          boom: () => {
            throw error;
          },
        },
      },
    });
    const got = (await a.call('boom', []).catch((reason: unknown) => reason)) as typeof error;
    expect(got).toMatchObject({
      message: 'm',
      code: 'E_X',
      cause: { name: 'RangeError', message: 'c' },
    });
    expect(await (got.retry() as unknown)).toBe('again');
    expect(got.stack).not.toContain('handlers.test');
  });
});

describe('a handler that returns what cannot be sent', () => {
  test('the promise in it is named', async () => {
    const code = 'ERR_DATA';
    const message = expect.stringMatching(/\.later cannot be sent: await the promise/) as unknown;
    expect(await outcomeOf(() => ({ later: Promise.resolve(1) }))).toEqual({
      error: expect.objectContaining({ code, message }) as unknown,
    });
  });

  test.each<[string, () => unknown]>([
    ['a symbol', () => Symbol('x')],
    ['a promise in an object', () => ({ later: Promise.resolve(1) })],
    [
      'a throwing getter',
      () => ({
        get x() {
          return bomb();
        },
      }),
    ],
    ['a throwing trap', () => new Proxy({}, { ownKeys: bomb })],
    [
      'a throwing toJSON',
      () =>
        new (class {
          toJSON(): never {
            return bomb();
          }
        })(),
    ],
    ['what is too deep', () => nest(100)],
    ['what is too much', () => Array.from({ length: 200_000 }, () => 1)],
    ['too many dates', () => Array.from({ length: 10_001 }, () => new Date(0))],
    ['what is too long', () => 'x'.repeat(5_000_000)],
  ])('%s', async (_, handler) => {
    expect(await outcomeOf(handler)).toEqual({
      error: expect.objectContaining({ code: expect.stringMatching(/^ERR_(DATA|LIMIT)$/) }),
    });
  });

  test('a revoked proxy', async () => {
    expect(await outcomeOf(revoked)).toEqual({
      error: expect.objectContaining({ name: 'TypeError' }),
    });
  });

  test('cycles and odd values arrive', async () => {
    const cyclic: Record<string, unknown> = { map: new Map(), none: undefined };
    (cyclic.map as Map<unknown, unknown>).set(cyclic, cyclic);
    const { value } = (await outcomeOf(() => cyclic)) as { value: typeof cyclic };
    expect((value.map as Map<unknown, unknown>).get(value)).toBe(value);
  });

  test('what was not sent is not kept', async () => {
    const fns = (): unknown => [() => 1, () => 2, 'x'.repeat(5_000_000)];
    const { a, b } = await sessionPair({ b: { api: { fns } } });
    const before = b.tables.local;
    await expect(a.call('fns', [])).rejects.toMatchObject({ code: 'ERR_LIMIT' });
    expect(b.tables.local).toBe(before);
  });
});

describe('a handler that answers oddly', () => {
  test('never', async () => {
    const { a, b, clock } = await sessionPair({
      b: { api: { never: () => new Promise(() => {}) } },
    });
    const call = expect(a.call('never', [], { deadline: 50 })).rejects.toMatchObject({
      code: 'ERR_DEADLINE',
    });
    await clock.advance(50);
    await call;
    expect(b.ended).toBe(false);
  });

  test('with the reason of its signal: of a deadline, that it may have run', async () => {
    const scope = syncScope();
    const waits = (): Promise<never> =>
      new Promise((_, reject) => {
        const { signal } = contextOf(scope);
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    const them = await peer({ api: { waits }, scope });
    await them.send({ method: 'waits', arguments: [], reply: 1, meta: { deadline: 50 } });
    await them.clock.advance(50);
    expect(them.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_DEADLINE', mayHaveRun: true }]);
  });

  test('twice, by its callback, by its promise and by returning', async () => {
    const twice = function (value: unknown, back: (it: unknown) => void): unknown {
      back(value);
      back('again');
      return 'returned';
    };
    expect(await outcomeOf(twice, [1])).toEqual({ value: 1 });
    const thenable = {
      then: (f: (n: number) => void) => {
        f(1);
        f(2);
        throw new Error('after');
      },
    };
    expect(await outcomeOf(() => thenable)).toEqual({ value: 1 });
    const them = await peer({ api: { thenable: () => thenable, twice } });
    await them.send(
      { method: 'thenable', arguments: [], reply: 1 },
      { method: 'twice', arguments: [1], reply: 2 },
    );
    for (const id of [1, 2]) expect(them.got.filter((it) => it.method === id)).toHaveLength(1);
    expect(them.session.tables.serving).toBe(0);
  });

  test('after it threw', async () => {
    const late = function (_: unknown, back: (it: unknown) => void): never {
      back('first');
      throw new Error('second');
    };
    expect(await outcomeOf(late, [1])).toEqual({ value: 'first' });
  });

  test('with a getter named `then` that throws', async () => {
    expect(
      await outcomeOf(() => ({
        get then() {
          return bomb();
        },
      })),
    ).toEqual({
      error: expect.objectContaining({ message: 'a trap' }),
    });
  });

  test('calling back a caller that throws', async () => {
    const seen: unknown[] = [];
    const api = {
      call: async (fn: () => Promise<unknown>) => fn().catch((error: unknown) => seen.push(error)),
    };
    const { a } = await sessionPair({ b: { api } });
    await a.call('call', [
      () => {
        throw new RangeError('yours');
      },
    ]);
    expect(seen).toMatchObject([{ name: 'RangeError', message: 'yours' }]);
  });
});

describe('one that nobody waits for', () => {
  test('is told to `error`, whatever it throws, and the session goes on', async () => {
    const reasons = [new Error('x'), undefined, null, Symbol('s'), Object.create(null), revoked()];
    let next = 0;
    const api = {
      boom: () => {
        throw reasons[next++];
      },
      later: async () => {
        throw reasons[0];
      },
      echo: (it: unknown) => it,
    };
    for (const hello of [null, undefined]) {
      next = 0;
      const them = await peer(hello === null ? { api, hello } : { api });
      for (let i = 0; i < reasons.length; i++) await them.send({ method: 'boom', arguments: [] });
      await them.send({ method: 'later', arguments: [] });
      expect(them.errors).toHaveLength(7);
      expect(them.errors[0]).toBe(reasons[0]);
      expect(them.session.ended).toBe(false);
    }
  });
});

describe('an api', () => {
  test('with a getter that throws: that one method does, and the others serve', async () => {
    const reasons = [new Error('g'), null, Symbol('s'), Object.create(null)];
    for (const reason of reasons) {
      const api = {
        fine: () => 1,
        get bad(): unknown {
          throw reason;
        },
      };
      const them = await peer({ api });
      expect(await them.call('fine')).toEqual([null, 1]);
      const [error] = (await them.call('bad')) ?? [];
      expect(error).toBeTruthy();
      expect(await them.call(them.idOf('0', 'bad'))).toHaveLength(1);
      expect(them.session.ended).toBe(false);
    }
  });

  test.each<[string, () => unknown, string]>([
    ['throws', bomb, 'ERR_API'],
    ['makes none', () => 5, 'ERR_API'],
    ['makes null', () => null, 'ERR_API'],
    ['makes a list', () => [], 'ERR_API'],
    ['makes one with a word of the protocol', () => ({ methods() {} }), 'ERR_API'],
    ['makes one that cannot be sent', () => ({ big: 1n }), 'ERR_API'],
    [
      'makes a proxy that throws',
      () => new Proxy({}, { getOwnPropertyDescriptor: bomb, ownKeys: bomb }),
      'ERR_API',
    ],
  ])('made by a function that %s: the peer is told, the owner learns it', async (_, api, code) => {
    const them = await peer({ api: api as () => object });
    expect(them.closed).toMatchObject({ code });
    expect(them.ends).toMatchObject([{ code }]);
    expect(them.errors).toHaveLength(1);
  });

  test('made for each session, by a function or a constructor as in dnode', async () => {
    function Api(this: { hello: () => unknown }, remote: Record<string, unknown>): void {
      this.hello = () => Object.keys(remote);
    }
    const them = await peer({ api: Api as never, methods: [{ mine: 1 }] });
    expect(await them.call('hello')).toEqual([null, ['mine']]);
    const arrow = await peer({
      api: (remote, session) => ({ ready: () => session.ready && remote.mine }),
      methods: [{ mine: 1 }],
    });
    expect(await arrow.call('ready')).toEqual([null, 1]);
  });

  test('of an exposed instance: methods of its classes, and nothing else', async () => {
    class Base extends Exposed {
      inherited(): string {
        return `base ${this.name()}`;
      }
      name(): string {
        return 'n';
      }
    }
    class Service extends Base {
      field = (): number => 1;
      run(n: number): string {
        return `${this.name()}${n}`;
      }
      _private(): void {}
      get accessor(): () => void {
        return bomb();
      }
      override toString(): string {
        return 'x';
      }
      static of(): void {}
    }
    const them = await peer({ api: new Service() });
    const [methods] = them.got[0]?.arguments ?? [];
    expect(Object.keys(methods as object).sort()).toEqual(['inherited', 'name', 'run']);
    expect(await them.call('run', [5])).toEqual([null, 'n5']);
    expect(await them.call('inherited')).toEqual([null, 'base n']);
    for (const name of [
      '_private',
      'constructor',
      'toString',
      'hasOwnProperty',
      'field',
      'accessor',
      'of',
      '__proto__',
      'valueOf',
    ]) {
      expect(await them.refused(name)).toBe('ERR_METHOD');
    }
  });

  test('others on the same api notice nothing', async () => {
    const run = vi.fn((n: unknown) => n);
    const api = { run, boom: bomb, odd: () => Symbol('x') };
    const [one, two] = [await peer({ api }), await peer({ api })];
    await one.send(
      { method: 'boom', arguments: [], reply: 1 },
      { method: 'odd', arguments: [], reply: 2 },
      '{{{',
    );
    expect(one.session.ended).toBe(true);
    expect(await two.call('run', [1])).toEqual([null, 1]);
    expect(two.failed).toEqual([]);
  });
});

/** A value of which nothing can be asked without a throw. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
