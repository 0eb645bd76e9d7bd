import { describe, expect, test } from 'vitest';
import { defaultLimits, type Limits } from '../limits.js';
import { contextOf, syncScope } from '../protocol/context.js';
import { Exposed } from '../protocol/exposed.js';
import { makeGate } from '../protocol/gate.js';
import { Gates } from '../protocol/gates.js';
import { method } from '../protocol/method.js';
import type { Answer, EngineHost, Exchange } from '../service/engine.js';
import { turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { JsonRpcServer } from './server.js';

const scope = syncScope();
const notified: unknown[] = [];

const api = {
  subtract: method({ params: ['minuend', 'subtrahend'] }, (a: number, b: number) => a - b),
  sum: (...all: number[]) => all.reduce((sum, each) => sum + each, 0),
  update: (...all: unknown[]) => void notified.push(all),
  get_data: () => ['hello', 5],
  one: (given: unknown) => given,
  undefined: () => undefined,
  values: () => ({ date: new Date(0), nan: Number.NaN, gone: undefined, map: new Map([[1, 2]]) }),
  fn: () => ({ deep: [() => 1] }),
  cycle() {
    const self: Record<string, unknown> = {};
    return Object.assign(self, { self });
  },
  big: () => 5n,
  code() {
    throw Object.assign(new Error('mine'), { code: 42 });
  },
  reserved() {
    throw Object.assign(new Error('not mine'), { code: -32_601 });
  },
  nothing() {
    // oxlint-disable-next-line no-throw-literal, only-throw-error -- a handler may
    throw undefined;
  },
  strange(kind: number) {
    const bad = (): never => {
      throw new Error('do not look');
    };
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw [
      Object.defineProperty(new Error('x'), 'code', { get: bad, enumerable: true }),
      Object.defineProperty(new Error('x'), 'message', { get: bad }),
      Object.defineProperty(new Error('x'), 'message', { value: undefined }),
      {
        get code() {
          return bad();
        },
      },
      proxy,
    ][kind];
  },
  get broken(): unknown {
    throw new Error('a getter');
  },
  'a.b': () => 'whole',
  a: { b: () => 'inner', c: () => 'c' },
  rpc: { discover: () => 1 },
  big_text: (n: number) => 'x'.repeat(n),
  who: () => contextOf(scope).session.tables,
};

function make(given: Partial<EngineHost> & { limit?: Partial<Limits> } = {}, served: object = api) {
  const clock = new VirtualClock();
  const limits = { ...defaultLimits, ...given.limit };
  const server = new JsonRpcServer(served, { clock, scope, ...given, limits });
  const exchange = (body: unknown, headers: Record<string, string> = {}) => {
    const told: (() => void)[] = [];
    const it: Exchange = {
      ...{ method: 'POST', url: '/', peer: { transport: 'http' } },
      header: (name) => headers[name],
      text: () => Promise.resolve(typeof body === 'string' ? body : JSON.stringify(body)),
      onGone: (listener) => void told.push(listener),
    };
    const gone = (): void => {
      for (const listener of told) listener();
    };
    return { it, gone };
  };
  const post = async (body: unknown, headers?: Record<string, string>): Promise<Answer> => {
    const answer = await server.answer(exchange(body, headers).it);
    if (answer === undefined) throw new Error('there is no answer');
    return answer;
  };
  const ask = async (body: unknown, headers?: Record<string, string>): Promise<unknown> => {
    const { status, body: content } = await post(body, headers);
    if (status === 204) return undefined;
    expect([status, content?.[0]]).toEqual([200, 'application/json']);
    return JSON.parse(content?.[1] ?? '') as unknown;
  };
  const call = (name: string, params?: unknown, headers?: Record<string, string>) =>
    ask(
      { jsonrpc: '2.0', id: 1, method: name, ...(params === undefined ? {} : { params }) },
      headers,
    );
  return { clock, server, exchange, post, ask, call };
}

const result = (value: unknown, id: unknown = 1) => ({ jsonrpc: '2.0', id, result: value });
const fault = (code: number, id: unknown = null, own: object = {}) => ({
  ...{ jsonrpc: '2.0', id },
  error: expect.objectContaining({
    code,
    message: expect.any(String) as unknown,
    ...own,
  }) as unknown,
});

describe('the examples of the specification, section 7', () => {
  test('positional and named parameters', async () => {
    const { ask } = make();
    for (const [params, outcome] of [
      [[42, 23], 19],
      [[23, 42], -19],
      [{ subtrahend: 23, minuend: 42 }, 19],
      [{ minuend: 42, subtrahend: 23 }, 19],
    ]) {
      const body = { jsonrpc: '2.0', method: 'subtract', params, id: 3 };
      expect(await ask(body)).toEqual(result(outcome, 3));
    }
  });

  test('notifications are done, and not answered', async () => {
    const { ask, post } = make();
    notified.length = 0;
    expect(await ask({ jsonrpc: '2.0', method: 'update', params: [1, 2, 3, 4, 5] })).toBe(
      undefined,
    );
    expect(await post({ jsonrpc: '2.0', method: 'foobar' })).toEqual({ status: 204 });
    expect(notified).toEqual([[1, 2, 3, 4, 5]]);
  });

  test.each<[string, string, unknown]>([
    ['a missing method', '{"jsonrpc":"2.0","method":"foobar","id":"1"}', fault(-32_601, '1')],
    ['no JSON', '{"jsonrpc":"2.0","method":"foobar, "params":"bar","baz]', fault(-32_700)],
    ['no request', '{"jsonrpc":"2.0","method":1,"params":"bar"}', fault(-32_600)],
    [
      'a batch that is no JSON',
      '[{"jsonrpc":"2.0","method":"sum","id":"1"},{"jsonrpc"]',
      fault(-32_700),
    ],
    ['an empty batch', '[]', fault(-32_600)],
    ['a batch of nothing good', '[1]', [fault(-32_600)]],
    ['more of it', '[1,2,3]', [fault(-32_600), fault(-32_600), fault(-32_600)]],
  ])('%s', async (_, body, answer) => {
    expect(await make().ask(body)).toEqual(answer);
  });

  test('a batch of everything', async () => {
    const { ask } = make();
    const answer = await ask([
      { jsonrpc: '2.0', method: 'sum', params: [1, 2, 4], id: '1' },
      { jsonrpc: '2.0', method: 'update', params: [7] },
      { jsonrpc: '2.0', method: 'subtract', params: [42, 23], id: '2' },
      { foo: 'boo' },
      { jsonrpc: '2.0', method: 'foo.get', params: { name: 'myself' }, id: '5' },
      { jsonrpc: '2.0', method: 'get_data', id: '9' },
    ]);
    expect(answer).toEqual([
      result(7, '1'),
      result(19, '2'),
      fault(-32_600),
      fault(-32_601, '5'),
      result(['hello', 5], '9'),
    ]);
    const silent = [
      { jsonrpc: '2.0', method: 'update' },
      { jsonrpc: '2.0', method: 'update' },
    ];
    expect(await ask(silent)).toBe(undefined);
  });
});

describe('a request', () => {
  test.each<[string, object, unknown]>([
    ['of version 1', { id: 1, method: 'sum', params: [] }, fault(-32_600, 1)],
    ['with an id that is none', { jsonrpc: '2.0', id: {}, method: 'sum' }, fault(-32_600)],
    ['with the id null', { jsonrpc: '2.0', id: null, method: 'sum' }, result(0, null)],
    ['with a fraction as its id', { jsonrpc: '2.0', id: 1.5, method: 'sum' }, result(0, 1.5)],
    [
      'with null as params',
      { jsonrpc: '2.0', id: 1, method: 'sum', params: null },
      fault(-32_600, 1),
    ],
  ])('%s', async (_, body, answer) => {
    expect(await make().ask(body)).toEqual(answer);
  });

  test('by name, of a method that does not name its parameters: one object', async () => {
    expect(await make().call('one', { a: 1, b: [2] })).toEqual(result({ a: 1, b: [2] }));
  });

  test('by a name that is none of the method', async () => {
    const { call } = make();
    const data = {
      data: expect.objectContaining({ code: 'ERR_DATA', mayHaveRun: false }) as unknown,
    };
    expect(await call('subtract', { minuend: 1, extra: 2 })).toEqual(fault(-32_602, 1, data));
    expect(await call('subtract', JSON.parse('{"__proto__":1}'))).toEqual(fault(-32_602, 1, data));
  });

  test.each([
    '__proto__',
    'constructor',
    'toString',
    'then',
    'hasOwnProperty',
    '',
    '.',
    'a',
    'a.',
    'a..b',
    'a.b.call',
    'rpc.discover',
    'sum.length',
    `${'a.'.repeat(5_000)}b`,
  ])('for %s finds nothing', async (name) => {
    const data = {
      data: expect.objectContaining({ code: 'ERR_METHOD', mayHaveRun: false }) as unknown,
    };
    expect(await make().call(name)).toEqual(fault(-32_601, 1, data));
  });

  test('finds a name with a dot first as it stands', async () => {
    const { call } = make();
    expect([await call('a.b'), await call('a.c')]).toEqual([result('whole'), result('c')]);
  });

  test('that runs into a getter that throws', async () => {
    expect(await make().call('broken')).toEqual(fault(-32_603, 1, { message: 'a getter' }));
  });
});

describe('outcomes', () => {
  test('are what a plain dnode peer would get', async () => {
    const { call } = make();
    const values = { date: '1970-01-01T00:00:00.000Z', nan: null, map: {} };
    expect(await call('values')).toEqual(result(values));
    expect(await call('undefined')).toEqual(result(null));
  });

  test.each(['fn', 'cycle', 'big'])('that JSON cannot hold are errors: %s', async (name) => {
    const data = expect.objectContaining({ code: 'ERR_DATA', mayHaveRun: true }) as unknown;
    expect(await make().call(name)).toEqual(fault(-32_603, 1, { data }));
  });

  test('that cannot be looked at is told as an error all the same', async () => {
    const { call } = make();
    for (let kind = 0; kind < 5; kind++) {
      expect(await call('strange', [kind])).toEqual(fault(-32_000, 1));
    }
  });

  test('an error keeps a code of its own that programs may use', async () => {
    const { call } = make();
    expect(await call('code')).toEqual(fault(42, 1));
    expect(await call('reserved')).toEqual(fault(-32_000, 1));
    expect(await call('nothing')).toEqual(fault(-32_000, 1));
  });

  test('carry no stack, unless it is allowed', async () => {
    expect(JSON.stringify(await make().call('code'))).not.toContain('server.test');
    expect(JSON.stringify(await make({ stacks: true }).call('code'))).toContain('server.test');
  });
});

describe('limits', () => {
  const limited = { data: expect.objectContaining({ code: 'ERR_LIMIT' }) as unknown };
  test('calls in a batch', async () => {
    const { ask } = make({ limit: { batch: 2 } });
    const one = { jsonrpc: '2.0', id: 1, method: 'sum' };
    expect(await ask([one, one])).toEqual([result(0), result(0)]);
    expect(await ask([one, one, one])).toEqual(fault(-32_600, null, limited));
  });

  test('depth and values', async () => {
    const { call, ask } = make({ limit: { depth: 5, nodes: 100 } });
    expect(await call('one', [[[[[1]]]]])).toEqual(result([[[[1]]]]));
    expect(await call('one', [[[[[[[[[1]]]]]]]]])).toEqual(fault(-32_600, null, limited));
    expect(await call('one', [Array.from({ length: 200 }, () => 1)])).toEqual(
      fault(-32_600, null, limited),
    );
    expect(await ask('['.repeat(100_000))).toEqual(fault(-32_600, null, limited));
  });

  test('all outcomes of a batch together', async () => {
    const { ask } = make({ limit: { unsentMax: 5_000 } });
    const body = [1, 2, 3].map((id) => ({
      jsonrpc: '2.0',
      id,
      method: 'big_text',
      params: [2_000],
    }));
    const answer = await ask(body);
    const data = expect.objectContaining({ code: 'ERR_LIMIT', mayHaveRun: true }) as unknown;
    expect(answer).toEqual([
      result('x'.repeat(2_000), 1),
      result('x'.repeat(2_000), 2),
      fault(-32_000, 3, { data }),
    ]);
  });

  test('calls at once', async () => {
    let go: (() => void)[] = [];
    const { call } = make(
      { limit: { calls: 1 } },
      { wait: () => new Promise<void>((done) => go.push(done)) },
    );
    const first = call('wait');
    await Promise.resolve();
    const data = expect.objectContaining({ code: 'ERR_BUSY', mayHaveRun: false }) as unknown;
    expect(await call('wait')).toEqual(fault(-32_000, 1, { data }));
    for (const done of go) done();
    expect(await first).toEqual(result(null));
    go = [];
    const again = call('wait');
    await Promise.resolve();
    go[0]?.();
    expect(await again).toEqual(result(null));
  });
});

describe('the life of a call', () => {
  const hanging = () => {
    const signals: AbortSignal[] = [];
    const hang = () => {
      signals.push(contextOf(scope).signal);
      return new Promise(() => {});
    };
    return { signals, hang };
  };

  test('a deadline that passed is told, and fires the signal', async () => {
    const { signals, hang } = hanging();
    const { call, clock } = make({}, { hang });
    const calling = call('hang', [], { 'x-dservice-deadline': '500' });
    await clock.advance(499);
    expect(signals[0]?.aborted).toBe(false);
    await clock.advance(1);
    expect(signals[0]?.aborted).toBe(true);
    const data = expect.objectContaining({ code: 'ERR_DEADLINE', mayHaveRun: true }) as unknown;
    expect(await calling).toEqual(fault(-32_000, 1, { data }));
  });

  test.each(['-1', 'x', '1e3', '', '1'.repeat(40)])(
    'a deadline of %s is none',
    async (deadline) => {
      const { call } = make({}, { left: () => contextOf(scope).deadline ?? 'none' });
      expect(await call('left', [], { 'x-dservice-deadline': deadline })).toEqual(result('none'));
    },
  );

  test('a caller that went away fires the signal, and is not answered', async () => {
    const { signals, hang } = hanging();
    const { server, exchange } = make({}, { hang });
    const { it, gone } = exchange({ jsonrpc: '2.0', id: 1, method: 'hang' });
    const answer = server.answer(it);
    await Promise.resolve();
    await Promise.resolve();
    expect(signals.length).toBe(1);
    gone();
    expect(signals[0]?.reason).toMatchObject({ code: 'ERR_CANCELLED' });
    expect(await answer).toBe(undefined);
  });

  test('notifications go on when they were answered, and end with the service', async () => {
    const { signals, hang } = hanging();
    const { server, ask, clock } = make({}, { hang });
    expect(await ask({ jsonrpc: '2.0', method: 'hang' })).toBe(undefined);
    let drained = false;
    void server.drain(1_000).then(() => (drained = true));
    await clock.advance(999);
    expect([drained, signals[0]?.aborted]).toEqual([false, false]);
    await clock.advance(1);
    expect(drained).toBe(true);
    server.close();
    expect(signals[0]?.reason).toMatchObject({ code: 'ERR_CLOSED' });
    expect((await make({}, { hang }).server.drain(1_000)) ?? 'at once').toBe('at once');
  });

  test('a notification that fails is logged', async () => {
    const lines: string[] = [];
    const { ask } = make({ logger: { warn: (line) => lines.push(line) } });
    await ask({ jsonrpc: '2.0', method: 'code' });
    expect(lines).toEqual(['dservice: a notification of code failed: mine']);
  });

  test('an api that is made for each caller is made for each request, when it is asked for', async () => {
    let made = 0;
    const served = function () {
      made++;
      return { count: () => made };
    };
    const { call, ask } = make({}, served);
    expect(await ask('nonsense')).toEqual(fault(-32_700));
    expect(made).toBe(0);
    expect([await call('count'), await call('count')]).toEqual([result(1), result(2)]);
    const broken = make({}, () => {
      throw new Error('not today');
    });
    expect(await broken.call('count')).toEqual(fault(-32_603, 1, { message: 'not today' }));
  });
});

describe('credentials', () => {
  const basic = (text: string) => `Basic ${btoa(text)}`;
  test.each<[string | undefined, unknown]>([
    [undefined, undefined],
    ['Bearer a.b-c_d~+/=', 'a.b-c_d~+/='],
    ['bearer  token ', 'token'],
    [basic('ada:pass:word'), { user: 'ada', password: 'pass:word' }],
    [basic('nocolon'), undefined],
    ['Basic ====', undefined],
    ['Basic /w==', undefined],
    ['Digest username="x"', undefined],
    ['Bearer two words', undefined],
  ])('of %s', async (authorization, auth) => {
    const got: unknown[] = [];
    const authenticate = (given: unknown) => {
      got.push(given);
      return 'somebody';
    };
    const { call } = make({ authenticate });
    expect(await call('sum', [1], authorization === undefined ? {} : { authorization })).toEqual(
      result(1),
    );
    expect(got).toEqual([auth]);
  });

  test.each([() => undefined, () => false, () => Promise.reject(new Error('no')), () => null])(
    'that are refused get 401, and nothing is read',
    async (authenticate) => {
      const { server, exchange } = make({ authenticate });
      const { it } = exchange({ jsonrpc: '2.0', id: 1, method: 'sum' });
      const text = () => Promise.reject(new Error('it was read'));
      const answer = await server.answer({ ...it, text });
      expect(answer).toMatchObject({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' } });
    },
  );
});

test('an `authenticate` that never answers: 503, in time', async () => {
  const { server, exchange, clock } = make({ authenticate: () => new Promise(() => {}) });
  const answer = server.answer(exchange({ jsonrpc: '2.0', id: 1, method: 'sum' }).it);
  await clock.advance(10_000);
  expect(await answer).toMatchObject({ status: 503 });
  expect(clock.pending).toBe(0);
});

describe('what a service says of its methods and of itself holds here too', () => {
  test('a method has one gate, also for those who come by another engine', async () => {
    const ends: (() => void)[] = [];
    const run = (): Promise<void> => new Promise((resolve) => ends.push(resolve));
    class Shelf extends Exposed {
      read(): Promise<void> {
        return run();
      }
    }
    method({ concurrency: 1, queue: 1 }, Shelf.prototype.read);
    const clock = new VirtualClock();
    const gates = new Gates(clock);
    const { call, clock: own } = make({ gates }, { shelf: new Shelf() });
    const place = gates.enter(
      'shelf.read',
      { concurrency: 1, gate: makeGate },
      { start() {}, late() {} },
    );
    const first = call('shelf.read');
    await turns(2);
    expect(await call('shelf.read')).toEqual(
      fault(-32_000, 1, { data: expect.objectContaining({ code: 'ERR_BUSY', mayHaveRun: false }) }),
    );
    expect(ends).toHaveLength(0);
    place.leave();
    expect(ends).toHaveLength(1);
    // Its deadline passes while it waits.
    const second = call('shelf.read', [], { 'x-dservice-deadline': '50' });
    await turns(2);
    await clock.advance(60);
    await own.advance(60);
    expect(await second).toEqual(
      fault(-32_000, 1, { data: expect.objectContaining({ code: 'ERR_DEADLINE' }) }),
    );
    ends[0]?.();
    expect(await first).toMatchObject({ id: 1 });
    expect(gates.busy).toBe(0);
  });

  test('a chain of calls that comes back too often is stopped', async () => {
    const service = { id: '0'.repeat(16), name: 'a', version: '1.0.0' };
    const { call } = make({ service, maxVisits: 1 }, { passed: () => contextOf(scope).passed });
    expect(await call('passed', [], { 'x-dservice-path': 'a,b' })).toEqual(result(['a', 'b', 'a']));
    const again = await call('passed', [], { 'x-dservice-path': 'a,b,a,c' });
    expect(again).toMatchObject({ error: { data: { code: 'ERR_CALL_CYCLE', mayHaveRun: false } } });
  });
});
