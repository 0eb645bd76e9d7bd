import { describe, expect, test } from 'vitest';
import { codec } from '../protocol/codecs.js';
import { contextOf } from '../protocol/context.js';
import { Exposed } from '../protocol/exposed.js';
import { method } from '../protocol/method.js';
import { options } from '../protocol/options.js';
import { line, scope } from './fixtures/line.js';

class Orders extends Exposed {
  latest() {
    return { total: 42 };
  }
}

class User extends Exposed {
  readonly _name: string;
  constructor(name: string) {
    super();
    this._name = name;
  }
  orders() {
    return { latest: () => ({ total: this._name.length }) };
  }
  name() {
    return this._name;
  }
}

function classic(text: string, cb: (value: string) => void) {
  cb(`${text}!`);
}

/** A promise, and what settles it. */
function gate() {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
}

const api = {
  shout: (text: string) => text.toUpperCase(),
  add: (a: number, b: number) => a + b,
  user: (name: string) => new User(name),
  users: () => ['ann', 'bo'].map((name) => new User(name)),
  one: (value: unknown) => value,
  admin: { reset: (what: string) => `reset ${what}`, deep: new Orders() },
  fail() {
    throw Object.assign(new Error('no'), { code: 'E_NO' });
  },
  who: () => contextOf(scope).peer.identity,
  async *rows() {
    yield 1;
  },
  classic,
};

const failing = (code: string, mayHaveRun: boolean, more: object = {}) =>
  expect.objectContaining({ code, mayHaveRun, ...more }) as unknown;

describe('one request', () => {
  test('takes all calls of a turn, also those that follow from promises', async () => {
    const { batch, asked } = line(api);
    const shop = batch();
    const after = async () => {
      await Promise.resolve();
      await Promise.resolve();
      return (await shop.shout('later')) as string;
    };
    const all = Promise.all([shop.shout('a'), shop.admin.reset('x'), after(), shop.add(1, 2)]);
    expect(await all).toEqual(['A', 'reset x', 'LATER', 3]);
    expect(asked).toHaveLength(1);
    expect(asked[0]?.body).toBe(
      '{"method":"shout","arguments":["a"],"reply":0}\n' +
        '{"method":["admin","reset"],"arguments":["x"],"reply":1}\n' +
        '{"method":"add","arguments":[1,2],"reply":2}\n' +
        '{"method":"shout","arguments":["later"],"reply":3}\n',
    );
    // Neither says hello, nor that it leaves.
    expect(asked[0]?.pieces.join('')).toBe(
      '{"method":0,"arguments":[null,"A"]}\n{"method":1,"arguments":[null,"reset x"]}\n' +
        '{"method":2,"arguments":[null,3]}\n{"method":3,"arguments":[null,"LATER"]}\n',
    );
    expect(await shop.shout('b')).toBe('B');
    expect(asked).toHaveLength(2);
  });

  test('takes calls that stand on others, promises as arguments, and map', async () => {
    const { batch, asked } = line(api);
    const shop = batch();
    const three = shop.user('ann').orders().latest().total;
    const sum = shop.add(shop.add(1, 1), shop.add(2, 2));
    const names = shop.users().map((user: User) => user.name());
    expect(await Promise.all([three, sum, names])).toEqual([3, 6, ['ann', 'bo']]);
    expect(await shop.admin.deep.latest().total).toBe(42);
    expect(asked).toHaveLength(2);
  });

  test('goes on until all is done that stands on others', async () => {
    const turn = () => new Promise((resolve) => setTimeout(resolve));
    const slowly = async <T>(value: T): Promise<T> => {
      await turn();
      return value;
    };
    const list = () => slowly([1, 2].map((n) => ({ twice: () => slowly(2 * n) })));
    const user = (name: string) => slowly({ list, name: () => slowly(name) });
    const { batch, asked } = line({ user, add: async (a: number, b: number) => slowly(a + b) });
    const shop = batch();
    const twice = shop
      .user('ann')
      .list()
      .map((item: { twice(): number }) => item.twice());
    const name = shop.user(shop.user('bo').name()).name();
    expect(await Promise.all([twice, name, shop.add(1, shop.add(1, 1))])).toEqual([
      [2, 4],
      'bo',
      3,
    ]);
    expect(asked).toHaveLength(1);
  });

  test('carries values, errors and schemas as a socket does', async () => {
    const refusing = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: () => ({ issues: [{ message: 'never' }] }),
      },
    } as const;
    const { batch } = line({ ...api, checked: method({ args: [refusing] }, () => 1) });
    const shop = batch();
    const value = {
      at: new Date(5),
      map: new Map([[1n, new Uint8Array([1, 2])]]),
      nan: Number.NaN,
    };
    expect(await shop.one(value)).toEqual(value);
    await expect(shop.fail()).rejects.toMatchObject({ message: 'no', code: 'E_NO' });
    await expect(shop.nothing()).rejects.toEqual(failing('ERR_METHOD', false));
    await expect(shop.admin.nothing()).rejects.toEqual(failing('ERR_METHOD', false));
    await expect(shop.methods()).rejects.toEqual(failing('ERR_METHOD', false));
    await expect(shop.checked('x')).rejects.toEqual(failing('ERR_VALIDATION', false));
    expect(await shop.classic('hi')).toBe('hi!');
  });

  test("carries classes of one's own, where the service has their codecs", async () => {
    class Money {
      constructor(readonly cents: number) {}
    }
    const codecs = [
      codec({
        name: 'money',
        for: Money,
        encode: (it) => it.cents,
        decode: (cents) => new Money(cents),
      }),
    ];
    const shop = line(api, { codecs }).batch({ codecs });
    const back = (await shop.one([new Money(5)])) as Money[];
    expect(back).toEqual([new Money(5)]);
    expect(back[0]).toBeInstanceOf(Money);
    const without = line(api).batch({ codecs });
    await expect(without.one(new Money(5))).rejects.toThrow('there are no codecs here');
  });

  test('goes without what cannot be sent', async () => {
    const { batch, asked } = line(api, {});
    const shop = batch();
    const circle: unknown[] = [];
    circle.push(circle, Symbol.iterator);
    await expect(shop.one(circle)).rejects.toEqual(failing('ERR_DATA', false));
    expect(asked).toEqual([]);
  });

  test('an argument that is waited for makes the call leave later', async () => {
    const { batch, asked } = line(api);
    const shop = batch();
    const { open, opened } = gate();
    const sum = shop.add(
      opened.then(() => 1),
      shop.one(2),
    );
    expect(await shop.shout('first')).toBe('FIRST');
    open();
    expect(await sum).toBe(3);
    expect(asked).toHaveLength(2);
  });

  test('leaves before the turn is over where there is much', async () => {
    const { batch, asked } = line(api, { limit: { batch: 100 } });
    const shop = batch({ limits: { batch: 100 } });
    const all = Array.from({ length: 250 }, (_, i) => shop.add(i, 1) as Promise<number>);
    expect(await Promise.all(all)).toHaveLength(250);
    expect(asked.map(({ body }) => body.trim().split('\n').length)).toEqual([100, 100, 50]);
  });
});

describe('callbacks', () => {
  test('arrive while the answer comes', async () => {
    const { open, opened } = gate();
    const { batch } = line({
      async count(progress: (n: number) => void) {
        progress(1);
        await opened;
        return 'done';
      },
    });
    const heard: number[] = [];
    const done = batch().count((n: number) => {
      heard.push(n);
      // It came before there was an outcome.
      open();
    });
    expect(await done).toBe('done');
    expect(heard).toEqual([1]);
  });

  test('have no outcome there, and none when all was answered', async () => {
    const later: ((text: string) => Promise<unknown>)[] = [];
    const { batch } = line({
      ask: (question: (text: string) => Promise<unknown>) => question('?'),
      keep: (cb: (text: string) => Promise<unknown>) => void later.push(cb),
    });
    const shop = batch();
    const heard: string[] = [];
    await expect(shop.ask((text: string) => heard.push(text))).rejects.toEqual(
      failing('ERR_BATCH', true),
    );
    expect(heard).toEqual(['?']);
    await shop.keep((text: string) => heard.push(text));
    await expect(later[0]?.('late')).rejects.toEqual(failing('ERR_BATCH', false));
    expect(heard).toEqual(['?']);
  });

  test('what an outcome holds cannot be called afterwards, nor a stream be read', async () => {
    const { batch, server } = line(api);
    const shop = batch();
    const user = await shop.user('ann');
    await expect(user.name()).rejects.toEqual(failing('ERR_BATCH', false));
    const rows = (await shop.rows()) as AsyncIterator<number>;
    await expect(rows.next()).rejects.toMatchObject({ code: 'ERR_BATCH' });
    const seen = shop.one({ async *[Symbol.asyncIterator]() {} });
    expect(await seen).toBeDefined();
    expect(server.sessions.size).toBe(0);
  });
});

describe('who calls', () => {
  const authenticate = (auth: unknown) => (auth === 'secret' ? 'ann' : undefined);

  test('is known by credentials of any kind in the body, or by a header', async () => {
    const seen: unknown[] = [];
    const { batch, asked } = line(api, {
      authenticate: (auth) => {
        seen.push(auth);
        return 'ann';
      },
    });
    expect(await batch({ auth: { key: [1] } }).who()).toBe('ann');
    expect(asked[0]?.body).toContain('"auth":{"key":[1]}');
    expect(await batch({ headers: { authorization: 'Bearer secret' } }).who()).toBe('ann');
    expect(await batch().who()).toBe('ann');
    expect(seen).toEqual([{ key: [1] }, 'secret', undefined]);
  });

  test('runs nothing where it is not let in', async () => {
    let ran = 0;
    const { batch, asked } = line({ run: () => ran++ }, { authenticate });
    await expect(batch({ auth: 'wrong' }).run()).rejects.toEqual(failing('ERR_AUTH', false));
    expect([asked[0]?.status, ran]).toEqual([401, 0]);
    expect(await batch({ auth: 'secret' }).run()).toBe(0);
  });

  test('is asked of for each call, by the method as it stands in the api', async () => {
    const asked: unknown[] = [];
    const admin = { reset: () => 1 };
    const { batch } = line(
      { admin, get: () => admin },
      {
        authorize: ({ method: name }) => {
          asked.push(name);
          return name !== 'admin.reset';
        },
      },
    );
    const shop = batch();
    await expect(shop.admin.reset()).rejects.toEqual(failing('ERR_FORBIDDEN', false));
    await expect(shop.get().reset()).rejects.toEqual(failing('ERR_FORBIDDEN', false));
    expect(asked).toEqual(['admin.reset', 'get', 'admin.reset']);
  });
});

test('what stands around a call stands around it once, also where it waits for its arguments', async () => {
  const { batch } = line(api);
  const seen: string[] = [];
  const shop = batch({
    intercept: {
      call: ({ method: name, args }, next) => {
        seen.push(name);
        return next({ args: args.map((each) => (typeof each === 'number' ? each + 1 : each)) });
      },
    },
  });
  expect(await shop.add(new Promise((resolve) => setTimeout(() => resolve(1))), 1)).toBe(3);
  expect(await shop.admin.deep.latest().total).toBe(42);
  expect(seen.slice(0, 2)).toEqual(['add', 'admin.deep.latest']);
});

describe('an end', () => {
  test('before the answer: it may have run', async () => {
    const { batch, on } = line({
      slow: async (tell: () => void) => {
        tell();
        await new Promise(() => {});
      },
    });
    on.piece = () => {
      throw new Error('the network is gone');
    };
    await expect(batch().slow(() => {})).rejects.toEqual(failing('ERR_CONNECTION_LOST', true));
  });

  test('of a server that closes: what runs may have run, what is done is done', async () => {
    const { batch, server } = line({
      ...api,
      slow: () => new Promise(() => {}),
      stop: () => server.close(),
    });
    const shop = batch();
    const [slow, shout] = [shop.slow(), shop.shout('x')];
    void shop.stop();
    expect(await shout).toBe('X');
    await expect(slow).rejects.toEqual(failing('ERR_CONNECTION_LOST', true));
    await expect(shop.shout('x')).rejects.toEqual(failing('ERR_BUSY', false));
  });

  test('by its caller: the signal of the handler fires', async () => {
    const { opened, open } = gate();
    let begun = (): void => {};
    const { batch } = line({
      slow: (tell: () => void) => {
        tell();
        contextOf(scope).signal.addEventListener('abort', open);
        return new Promise(() => {});
      },
    });
    const shop = batch();
    const controller = new AbortController();
    const running = new Promise<void>((resolve) => (begun = resolve));
    const slow = options(shop, { signal: controller.signal }).slow(() => begun());
    await running;
    controller.abort();
    await expect(slow).rejects.toEqual(failing('ERR_CANCELLED', true));
    await opened;
    shop[Symbol.dispose]();
    await expect(shop.slow()).rejects.toEqual(failing('ERR_CLOSED', false));
  });

  test('before it has left: nothing leaves', async () => {
    const { batch, asked } = line(api);
    const shop = batch();
    const call = shop.shout('x');
    shop[Symbol.dispose]();
    await expect(call).rejects.toEqual(failing('ERR_CLOSED', false));
    expect(asked).toEqual([]);
  });
});

describe('written by hand', () => {
  test('lines are answered by lines, a list by a list', async () => {
    const { ask } = line(api);
    const calls = [
      { method: 'user', arguments: ['ann'], reply: 1, keep: true },
      { on: 1, method: ['name'], arguments: [], reply: 2 },
      { method: 'nothing', arguments: [], reply: 3 },
    ];
    const lines = await ask(calls.map((call) => JSON.stringify(call)).join('\n'));
    const answers = lines.pieces.join('').trim().split('\n');
    const list = await ask(JSON.stringify(calls, undefined, 2));
    expect(JSON.parse(list.pieces.join(''))).toEqual(answers.map((each) => JSON.parse(each)));
    expect(answers[2]).toContain('"code":"ERR_METHOD"');
    expect(answers).toContain('{"method":2,"arguments":[null,"ann"]}');
  });

  test('a hello may stand first, and what asks for nothing has no answer', async () => {
    const { ask } = line(api, { authenticate: (auth) => auth });
    const hello = (dservice: object) =>
      JSON.stringify({ method: 'methods', arguments: [{}], callbacks: {}, links: [], dservice });
    const all = { v: 1, features: ['reply', 'types', 'links', 'own'], auth: 'ann' };
    const who = '{"method":"who","arguments":[],"reply":7}';
    const known = await ask(`${hello(all)}\n${who}\n`);
    expect(known.pieces.join('')).toBe('{"method":7,"arguments":[null,"ann"]}\n');
    const silent = await ask('{"method":"shout","arguments":["x"]}', { authorization: 'Bearer a' });
    expect([silent.status, silent.pieces]).toEqual([204, []]);
  });
});
