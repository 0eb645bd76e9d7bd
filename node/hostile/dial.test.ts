import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { dial, DserviceError, serve, sessionOf } from '../index.js';
import { guardIntrinsics } from './fixtures/intrinsics.js';
import { greeting, hello, Raw, scriptedServer, type Wired } from './fixtures/raw.js';

const guard = guardIntrinsics();
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
  guard();
});

const logger = { warn() {} };
/** A server that does what a script says; its endpoint. */
async function scripted(script: (raw: Raw) => unknown): Promise<string> {
  const server = await scriptedServer(script);
  closers.push(() => server.close());
  return server.endpoint;
}
const api = (names: string[]): Wired => ({
  ...greeting(),
  arguments: [Object.fromEntries(names.map((name) => [name, '[Function]']))],
  callbacks: Object.fromEntries(names.map((name, id) => [id, ['0', name]])),
});
/** What calling a method of a scripted server comes to, when it answers so. */
async function answered(answer: (reply: number) => Wired | string, mine = {}): Promise<unknown> {
  const endpoint = await scripted(async (raw) => {
    raw.say(api(['ask', 'after']));
    const { reply = -1 } = await raw.find((it) => it.method === 0);
    raw.say(answer(reply));
    const after = await raw.find((it) => it.method === 1);
    raw.say({ method: after.reply ?? -1, arguments: [null, 'after'] });
  });
  const remote = await dial(endpoint, { api: mine, logger });
  closers.push(() => sessionOf(remote).close());
  // It was made by `dial` without a type.
  const { ask, after } = remote as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const outcome = await ask!().catch((error: unknown) => ({ error }));
  // Whatever the outcome was, the session goes on.
  expect(await after!()).toBe('after');
  return outcome;
}

describe('a server that is none', () => {
  test.each<[string, (raw: Raw) => unknown, object]>([
    ['closes at once', (raw) => raw.socket.destroy(), { code: 'ERR_CONNECTION_LOST' }],
    ['ends at once', (raw) => raw.socket.end(), { code: 'ERR_CONNECTION_LOST' }],
    [
      'says half a message',
      (raw) => raw.socket.end('{"method":"met'),
      { code: 'ERR_CONNECTION_LOST' },
    ],
    [
      'speaks HTTP',
      (raw) => raw.say('HTTP/1.1 400 Bad Request\r\n\r\n'),
      { code: 'ERR_MALFORMED' },
    ],
    ['says nonsense', (raw) => raw.say('\u0000\u0001'), { code: 'ERR_MALFORMED' }],
    ['never ends its line', (raw) => raw.socket.write('x'.repeat(70_000)), { code: 'ERR_LIMIT' }],
    [
      'says no',
      (raw) => raw.say({ control: 'close', code: 'ERR_AUTH', message: 'no' }),
      { code: 'ERR_AUTH' },
    ],
    [
      'is full',
      (raw) => raw.say({ control: 'close', code: 'ERR_BUSY', message: 'full' }),
      { code: 'ERR_CONNECTION_LOST', cause: { code: 'ERR_BUSY', message: 'full' } },
    ],
    [
      'lies about the reason',
      (raw) => raw.say({ control: 'close', code: {}, message: [] } as never),
      { code: 'ERR_CONNECTION_LOST' },
    ],
  ])('%s', async (_, script, error) => {
    const endpoint = await scripted(script);
    const outcome = dial(endpoint, { logger });
    await expect(outcome).rejects.toMatchObject(error);
    await outcome.catch((reason: unknown) => expect(DserviceError.is(reason)).toBe(true));
  });

  test.each<[string, (raw: Raw) => unknown]>([
    ['says nothing', () => {}],
    ['says nothing of use', (raw) => raw.say('null', '{}', '', '5', '{"control":"ping","n":1}')],
    [
      'says a first message that cannot be read',
      (raw) => raw.say({ ...greeting(), callbacks: { '1abc': ['0'] } }),
    ],
    [
      'asks who is there, and never decides',
      (raw) => raw.say(greeting({ ...hello, authenticate: true })),
    ],
  ])('%s: ERR_TIMEOUT', async (_, script) => {
    const endpoint = await scripted(script);
    await expect(dial(endpoint, { timeout: 100, logger })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    });
  });

  test('given up by a signal', async () => {
    const endpoint = await scripted(() => {});
    const controller = new AbortController();
    const outcome = dial(endpoint, { signal: controller.signal, logger });
    controller.abort(new Error('enough'));
    await expect(outcome).rejects.toThrow('enough');
  });
});

describe('an api that reaches behind the caller', () => {
  test('then, toJSON, __proto__ and constructor', async () => {
    const names =
      '"then":"f","toJSON":"f","__proto__":{"polluted":1},"constructor":"f","valueOf":"f","ok":"f"';
    const callbacks = '{"0":["0","then"],"1":["0","toJSON"],"2":["0","ok"],"3":["0","valueOf"]}';
    const endpoint = await scripted((raw) =>
      raw.say(
        `{"method":"methods","arguments":[{${names}}],"callbacks":${callbacks},"dservice":${JSON.stringify(hello)}}`,
      ),
    );
    const remote = (await dial(endpoint, { logger })) as Record<string, unknown>;
    closers.push(() => sessionOf(remote).close());
    expect(Object.keys(remote)).toEqual(['constructor', 'valueOf', 'ok']);
    expect(Object.getPrototypeOf(remote)).toBe(Object.prototype);
    expect(({} as Wired).polluted).toBeUndefined();
    expect(await Promise.resolve(remote)).toBe(remote);
  });

  test.each(['null', '[]', '5', '"x"', '[[1]]'])('an api that is %s', async (text) => {
    const endpoint = await scripted((raw) =>
      raw.say(`{"method":"methods","arguments":[${text}],"dservice":${JSON.stringify(hello)}}`),
    );
    const remote = await dial(endpoint, { logger });
    closers.push(() => sessionOf(remote).close());
    expect(Object.keys(remote as object)).toEqual([]);
  });
});

describe('outcomes that lie', () => {
  test.each<[string, (reply: number) => Wired | string, object]>([
    [
      'a date that is none',
      (method) => ({ method, arguments: [null, 'x'], types: { date: [['1']] } }),
      { code: 'ERR_MALFORMED' },
    ],
    [
      'a path behind the data',
      (method) => ({
        method,
        arguments: [null, {}],
        types: { undefined: [['1', '__proto__', 'x']] },
      }),
      { code: 'ERR_MALFORMED' },
    ],
    [
      'an index past the end',
      (method) => ({ method, arguments: [null], links: [{ from: [], to: ['4294967294'] }] }),
      { code: 'ERR_MALFORMED' },
    ],
    [
      'a function never given',
      (method) => ({ method, arguments: [null, 'f'], own: { 99: ['1'] } }),
      { code: 'ERR_REFERENCE' },
    ],
    [
      'a callable `then`',
      (method) => ({ method, arguments: [null, { then: 'f' }], callbacks: { 9: ['1', 'then'] } }),
      { code: 'ERR_THENABLE' },
    ],
    [
      'too deep',
      (method) => `{"method":${method},"arguments":[null,${'['.repeat(70)}${']'.repeat(70)}]}`,
      { code: 'ERR_LIMIT' },
    ],
    [
      'far too deep',
      (method) => `{"method":${method},"arguments":[null,${'['.repeat(1e6)}${']'.repeat(1e6)}]}`,
      { code: 'ERR_LIMIT' },
    ],
    [
      'too much',
      (method) => `{"method":${method},"arguments":[null,[${'0,'.repeat(100_001)}0]]}`,
      { code: 'ERR_LIMIT' },
    ],
    [
      'arguments that are none',
      (method) => `{"method":${method},"arguments":{"length":9}}`,
      { code: 'ERR_MALFORMED' },
    ],
    [
      'an error of every wrong field',
      (method) => ({
        method,
        arguments: [{ name: 5, message: {}, stack: 1, cause: [] }],
        types: { error: [['0']] },
      }),
      { name: 'Error', message: '' },
    ],
  ])('%s: the caller learns it', async (_, answer, error) => {
    expect(await answered(answer)).toMatchObject({ error });
  });

  test('a `then` made of a function of the caller, which is not called', async () => {
    const mine = vi.fn();
    const then = (method: number): Wired => ({
      method,
      arguments: [null, { then: 'f' }],
      own: { 0: ['1', 'then'] },
    });
    expect(await answered(then, { mine })).toMatchObject({ error: { code: 'ERR_THENABLE' } });
    expect(mine).not.toHaveBeenCalled();
  });

  test('twice, and for calls that never were', async () => {
    const twice = (method: number): string =>
      ['first', 'second']
        .map((it) => JSON.stringify({ method, arguments: [null, it] }))
        .join('\n') + '\n{"method":4000,"arguments":[null,1]}\n{"method":-1,"arguments":[]}';
    expect(await answered(twice)).toBe('first');
  });

  test('the end instead of one', async () => {
    const endpoint = await scripted(async (raw) => {
      raw.say(api(['ask']));
      await raw.find((it) => it.method === 0);
      raw.socket.resetAndDestroy();
    });
    const remote = (await dial(endpoint, { logger })) as Record<string, () => Promise<unknown>>;
    await expect(remote.ask!()).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      mayHaveRun: true,
    });
    await expect(remote.ask!()).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      mayHaveRun: false,
    });
  });
});

describe('who is there', () => {
  async function guarded(run: () => unknown): Promise<{ endpoint: string; port: number }> {
    const server = await serve(
      { run },
      { port: 0, logger, authenticate: (auth) => auth === 'right' && { name: 'ali' } },
    );
    closers.push(() => server.close());
    const endpoint = server.endpoints[0] ?? '';
    return { endpoint, port: Number(new URL(endpoint).port) };
  }

  test('wrong credentials are ERR_AUTH at the dialer, right ones are let in', async () => {
    const run = vi.fn(() => 'ran');
    const { endpoint } = await guarded(run);
    for (const auth of [undefined, null, '', 'wrong', { right: 'right' }, ['right'], 0, true]) {
      await expect(dial(endpoint, { auth, logger })).rejects.toMatchObject({ code: 'ERR_AUTH' });
    }
    expect(run).not.toHaveBeenCalled();
    const remote = await dial<{ run(): string }>(endpoint, { auth: 'right', logger });
    closers.push(() => sessionOf(remote).close());
    expect(await remote.run()).toBe('ran');
  });

  test('who does not wait to be let in runs nothing', async () => {
    const run = vi.fn();
    const { port } = await guarded(run);
    const calls: Wired[] = [
      { method: 'run', arguments: [] },
      { method: 'run', arguments: [], control: 'ping' },
      { method: 0, arguments: [] },
      { method: 1, arguments: [], control: 'cancel' },
      greeting({ ...hello, auth: 'right' }),
      { method: 'run', arguments: [], reply: 5 },
    ];
    const raw = await Raw.dial(port);
    raw.say(...calls.slice(0, 4), greeting({ ...hello, auth: 'wrong' }), ...calls);
    expect(await raw.closed()).toMatchObject({ code: 'ERR_AUTH' });
    expect(run).not.toHaveBeenCalled();
    // Nor was it told what there is to run.
    expect(raw.got.filter((it) => it.method === 'methods').map((it) => it.arguments)).toEqual([
      [{}],
    ]);
  });

  test('a plain peer has no credentials', async () => {
    const run = vi.fn();
    const { port } = await guarded(run);
    const raw = await Raw.dial(port);
    raw.say(greeting(null), { method: 'run', arguments: [] });
    await raw.closed();
    expect(run).not.toHaveBeenCalled();
  });

  test('a flood before it is decided stays with who sent it', async () => {
    const run = vi.fn();
    let decide: (identity: unknown) => void = () => {};
    let asked: () => void = () => {};
    const deciding = new Promise<void>((resolve) => (asked = resolve));
    const authenticate = (): Promise<unknown> => {
      asked();
      return new Promise((resolve) => (decide = resolve));
    };
    const server = await serve({ run }, { port: 0, logger, authenticate });
    closers.push(() => server.close());
    const socket = connect(Number(new URL(server.endpoints[0] ?? '').port), '127.0.0.1');
    closers.push(() => socket.destroy());
    socket.on('error', () => {});
    await once(socket, 'connect');
    socket.write(`${JSON.stringify(greeting())}\n`);
    await deciding;
    const call = `${JSON.stringify({ method: 'run', arguments: ['x'.repeat(10_000)] })}\n`;
    socket.write(call.repeat(3_000));
    // Until nothing more leaves: the rest of 30 MB is not read.
    for (let still = 0, before = -1; still < 500; still++) {
      if (socket.writableLength !== before) still = 0;
      before = socket.writableLength;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(socket.writableLength).toBeGreaterThan(10_000_000);
    decide(undefined);
    socket.resume();
    await once(socket, 'close');
    expect(run).not.toHaveBeenCalled();
  });
});
