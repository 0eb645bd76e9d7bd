import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { methodsOf, ourHello, Peer, peer, type Wired } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

/** What no peer may change. */
const snapshot = (): string =>
  [Object, Array, Function, Map, Set, Error, Date, RegExp, Promise, String, Number]
    .flatMap(({ prototype }) => Reflect.ownKeys(prototype).map(String))
    .join(' ');
let before = '';
beforeEach(() => {
  before = snapshot();
});
afterEach(() => {
  expect(snapshot()).toBe(before);
  expect(({} as Wired).polluted).toBeUndefined();
});

const api = {
  echo: (value?: unknown) => value,
  data: 5,
  nothing: null,
  nested: { inner: () => 1 },
};
const works = async (them: Peer): Promise<void> => {
  expect(await them.call('echo', [1])).toEqual([null, 1]);
};

describe('what ended a dnode server', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a number', 5],
    ['a text', 'methods'],
    ['an array', [{ method: 'echo' }]],
    ['true', true],
    ['nothing of use', {}],
    ['a method that is null', { method: null, arguments: [] }],
    ['a method that is an object', { method: { toString: 'echo' }, arguments: [] }],
    ['a method that is no function', { method: 'data', arguments: [] }],
    ['a method that is null in the api', { method: 'nothing', arguments: [] }],
    ['arguments that are none', { method: 'echo', arguments: { length: 1e9 } }],
    ['arguments that are text', { method: 'echo', arguments: 'abc' }],
    ['an id like "1abc"', { method: 'echo', arguments: [1], callbacks: { '1abc': [0] } }],
    ['an id below zero', { method: 'echo', arguments: [1], callbacks: { '-1': [0] } }],
    ['a broken id', { method: 'echo', arguments: [1], callbacks: { 1.5: [0] } }],
    [
      'an id past counting',
      { method: 'echo', arguments: [1], callbacks: { '99999999999999999999': [0] } },
    ],
    ['an id with a sign', { method: 'echo', arguments: [1], callbacks: { '+1': [0] } }],
    ['an empty id', { method: 'echo', arguments: [1], callbacks: { '': [0] } }],
    ['an id in hex', { method: 'echo', arguments: [1], callbacks: { '0x1': [0] } }],
    ['callbacks that are text', { method: 'echo', arguments: [1], callbacks: 'abc' }],
    ['callbacks with a list of texts', { method: 'echo', arguments: [1], callbacks: ['a', 'b'] }],
    ['links that are text', { method: 'echo', arguments: [1], links: 'abc' }],
    ['links of nulls', { method: 'echo', arguments: [1], links: [null] }],
    ['links without paths', { method: 'echo', arguments: [1], links: [{}] }],
    ['types that are a list', { method: 'echo', arguments: [1], types: [] }],
    ['types of no lists', { method: 'echo', arguments: [1], types: { date: { length: 4 } } }],
    ['own of foreign ids', { method: 'echo', arguments: [1], own: { 77: ['0'] } }],
    ['a negative function', { method: -1, arguments: [] }],
    ['a function that is none', { method: 4_000_000_000, arguments: [] }],
  ])('%s', async (_, message) => {
    const them = await peer({ api });
    await them.send(JSON.stringify(message));
    await works(them);
    expect(them.failed).toHaveLength(1);
    // With an id to answer to, the answer says what was wrong.
    if (typeof message !== 'object' || message === null || Array.isArray(message)) return;
    await them.send({ ...message, reply: 55 });
    expect(them.outcome(55)?.arguments).toMatchObject([{ code: expect.stringMatching(/^ERR_/) }]);
    await works(them);
  });

  test.each([
    '{',
    'x',
    '{"method":"echo"',
    '{"method":"echo",}',
    "{'method':'echo'}",
    '\ufeff{}',
    'undefined',
  ])('a line that is not JSON ends the session, and it says why: %s', async (line) => {
    const them = await peer({ api });
    await them.send(line);
    expect(them.closed).toMatchObject({ code: 'ERR_MALFORMED' });
    expect(them.ends).toMatchObject([{ code: 'ERR_MALFORMED' }]);
    // And nothing of what follows is read.
    await them.send({ method: 'echo', arguments: [], reply: 1 });
    expect(them.outcome(1)).toBeUndefined();
  });

  test('empty lines, blanks and carriage returns are nothing', async () => {
    const them = await peer({ api });
    await them.send('', '   ', '\r', '\t\r', '', '{"method":"echo","arguments":[1],"reply":3}\r');
    expect(them.outcome(3)?.arguments).toEqual([null, 1]);
    expect(them.failed).toEqual([]);
  });

  test.each([[[null]], [[]], [['text']], [[[1, 2]]], [[{ deep: { er: 1 } }]], [[0]]])(
    '`methods` with %j',
    async (args) => {
      const them = await peer({ api, methods: args });
      expect(them.session.ready).toBe(true);
      await them.send({ method: 'methods', arguments: args });
      await works(them);
    },
  );

  test('a character split over two pieces is that character', async () => {
    const them = await peer({ api, memory: { framing: 'bytes', piece: 1 } });
    await them.send({ method: 'echo', arguments: ['grüß 語 😀'], reply: 3 });
    await turns(3);
    expect(them.outcome(3)?.arguments).toEqual([null, 'grüß 語 😀']);
  });

  test('bytes that are no UTF-8 are text with a hole, or no JSON', async () => {
    const them = await peer({ api });
    await them.send('{"method":"echo","arguments":["\ud800"],"reply":3}');
    expect(them.outcome(3)?.arguments?.[0]).toBeNull();
    await works(them);
  });
});

describe('paths', () => {
  const bad: [string, unknown][] = [
    ['past the end of an array', ['4294967294']],
    ['past the end, as a number', [3]],
    ['through __proto__', ['0', '__proto__', 'polluted']],
    ['to __proto__', ['0', '__proto__']],
    ['to constructor', ['0', 'constructor']],
    ['through constructor.prototype', ['0', 'constructor', 'prototype', 'polluted']],
    ['to prototype', ['0', 'prototype']],
    ['to __proto__ of the arguments', ['__proto__']],
    ['to the length of an array', ['length']],
    ['through a method of arrays', ['push', 'polluted']],
    ['below zero', [-1]],
    ['a broken index', [0.5]],
    ['an index with a zero before it', ['00']],
    ['an index with a blank', [' 0']],
    ['into a text', ['1', '0']],
    ['into nothing', ['2', 'x']],
    ['into what is inherited', ['0', 'toString', 'polluted']],
    ['into what is missing', ['0', 'missing', 'x']],
    ['empty', []],
    ['an object', { 0: '0', length: 1 }],
    ['a text', '0'],
    ['null', null],
    ['with a key that is null', [null]],
    ['with a key that is a list', ['0', ['__proto__'], 'polluted']],
    ['with a key that is an object', ['0', { toString: '__proto__' }, 'polluted']],
  ];
  const args = (): unknown[] => [{}, 'text', null];
  test.each(bad)('%s', async (_, path) => {
    const them = await peer({ api });
    const uses: Wired[] = [
      { callbacks: { 0: path as never } },
      { links: [{ from: [], to: path }] },
      { types: { undefined: [path] } },
      { types: { date: [path] } },
      { types: { bytes: [['Uint8Array', path]] } },
      { types: { map: [path] } },
      { types: { set: [path] } },
      { types: { error: [path] } },
      { own: { 0: path } },
    ];
    for (const use of uses) {
      expect([use, await them.refused('echo', args(), use)]).toEqual([use, 'ERR_MALFORMED']);
    }
    await works(them);
    await works(await peer({ api }));
  });

  test('in the links of a plain peer', async () => {
    const run = vi.fn();
    const them = await peer({ api: { run }, hello: null });
    for (const [, path] of bad) {
      await them.send({ method: 'run', arguments: args(), links: [{ from: ['0'], to: path }] });
    }
    expect(them.failed.every((code) => code === 'ERR_MALFORMED')).toBe(true);
    expect(them.fails).toHaveLength(bad.length);
    expect(run).not.toHaveBeenCalled();
  });

  test('a link from what is inherited or missing is undefined', async () => {
    const them = await peer({ api: { type: (it: { x: unknown }) => typeof it.x } });
    for (const from of [
      ['0', 'toString'],
      ['0', 'missing'],
      ['0', 'hasOwnProperty'],
    ]) {
      const links = [{ from, to: ['0', 'x'] }];
      expect(await them.call('type', [{}], { links })).toEqual([null, 'undefined']);
    }
    expect(
      await them.refused('type', [{}], { links: [{ from: ['0', '__proto__'], to: ['0', 'x'] }] }),
    ).toBe('ERR_MALFORMED');
  });

  test('a callback placed twice, and one placed on another', async () => {
    const them = await peer({
      api: { types: (...list: unknown[]) => list.map((it) => typeof it) },
    });
    const callbacks = { 0: ['0'], 1: ['0'] };
    expect(await them.call('types', ['f'], { callbacks })).toEqual([null, ['function']]);
    expect(await them.refused('types', ['f'], { callbacks: { 0: ['0'], 1: ['0', 'x'] } })).toBe(
      'ERR_MALFORMED',
    );
  });
});

describe('keys that reach behind an object', () => {
  test.each([
    'toString',
    'constructor',
    '__proto__',
    'hasOwnProperty',
    'valueOf',
    '0',
    '1',
    '',
    'nested.inner',
    'nested',
    '__defineGetter__',
  ])('a method named %j is none', async (name) => {
    const them = await peer({ api });
    expect(await them.refused(name)).toBe('ERR_METHOD');
    await works(them);
  });

  test('what a class inherits and hides is not callable', async () => {
    const them = await peer({
      api: Object.assign(Object.create({ inherited: () => 1 }) as object, { own: () => 2 }),
    });
    expect(await them.refused('inherited')).toBe('ERR_METHOD');
    expect(await them.call('own')).toEqual([null, 2]);
  });

  test('they arrive as data of their own', async () => {
    const seen: object[] = [];
    const them = await peer({ api: { see: (it: object) => void seen.push(it) } });
    const value = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    await them.send(`{"method":"see","arguments":[${value}]}`);
    await them.send(`{"method":"see","arguments":[${value},"f"],"callbacks":{"0":["1"]}}`);
    for (const it of seen) {
      expect(Object.keys(it)).toEqual(['__proto__', 'constructor']);
      expect(Object.getPrototypeOf(it)).toBe(Object.prototype);
    }
    expect(seen).toHaveLength(2);
  });

  test('in every part of a message', async () => {
    const them = await peer({ api });
    const evil = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    for (const key of [
      'callbacks',
      'links',
      'types',
      'own',
      'meta',
      'dservice',
      'control',
      'counts',
      'reply',
      '__proto__',
    ]) {
      await them.send(`{"method":"echo","arguments":[1],"${key}":${evil}}`);
      await them.send(`{"control":"cull","${key}":${evil}}`);
      await them.send(`{"method":"methods","arguments":[${evil}],"${key}":${evil}}`);
    }
    await works(them);
  });

  test('in an api: it can be awaited, and made JSON of', async () => {
    const text = '{"then":"f","toJSON":"f","__proto__":"f","constructor":"f","x":"f"}';
    const callbacks = '{"0":["0","then"],"1":["0","toJSON"],"3":["0","x"]}';
    const them = await peer({ hello: undefined });
    await them.send(
      `{"method":"methods","arguments":[${text}],"callbacks":${callbacks},"dservice":${JSON.stringify(ourHello)}}`,
    );
    const { remote } = them.session;
    expect(Object.keys(remote)).toEqual(['constructor', 'x']);
    expect(await Promise.resolve(remote)).toBe(remote);
    expect(JSON.stringify(remote)).toBe('{"constructor":"f"}');
    expect(Object.getPrototypeOf(remote)).toBe(Object.prototype);
  });

  test('in an error', async () => {
    const them = await peer();
    const call = them.session.call('x', []);
    await turns(1);
    const error =
      '{"name":"__proto__","message":"m","__proto__":{"polluted":1},"constructor":1,"toString":2,"stack":{},"code":7}';
    await them.send(
      `{"method":${them.last?.reply},"arguments":[${error}],"types":{"error":[["0"]]}}`,
    );
    const made: unknown = await call.catch((reason: unknown) => reason);
    expect(made).toBeInstanceOf(Error);
    expect(Object.getPrototypeOf(made)).toBe(Error.prototype);
    expect(Object.hasOwn(made as object, '__proto__')).toBe(false);
    expect(made).toMatchObject({ message: 'm', code: 7, name: '__proto__' });
    expect(typeof (made as Error).stack).toBe('string');
  });
});

describe('ids', () => {
  test('a reply id is callable once', async () => {
    const them = await peer({ api });
    const call = them.session.call('x', []);
    await turns(1);
    const { reply = -1 } = them.last ?? {};
    await them.send(
      { method: reply, arguments: [null, 'first'] },
      { method: reply, arguments: [null, 'second'] },
    );
    expect(await call).toBe('first');
    expect(them.failed).toEqual([]);
    expect(await them.refused(reply)).toBe('ERR_RELEASED');
    await works(them);
  });

  test('outcomes that nobody asked for are refused or dropped, and their functions let go', async () => {
    const them = await peer({ api });
    await them.send({ method: 500, arguments: [null, 1] });
    expect(them.failed).toEqual(['ERR_METHOD']);
    const call = them.session.call('x', [], { deadline: 5 });
    await them.clock.advance(5);
    await expect(call).rejects.toMatchObject({ code: 'ERR_DEADLINE' });
    const { call: id } = them.last ?? {};
    expect(them.last).toEqual({ control: 'cancel', call: id });
    await them.send({ method: id as number, arguments: [null, 'f'], callbacks: { 9: ['1'] } });
    expect(them.last).toEqual({ control: 'cull', counts: { 9: 1 } });
    await them.send({
      method: id as number,
      arguments: [null],
      callbacks: { '1abc': [], '-1': 0 } as never,
    });
    await works(them);
  });

  test('an id of a function is no id of an outcome, and the other way round', async () => {
    const them = await peer({ api });
    const call = them.session.call('x', [() => 'called']);
    await turns(1);
    const message = them.last;
    const [fn] = Object.keys(message?.callbacks ?? {});
    expect(await them.call(Number(fn))).toEqual([null, 'called']);
    expect(them.session.outstanding).toBe(1);
    await them.send({ method: message?.reply ?? -1, arguments: [null, 1] });
    expect(await call).toBe(1);
  });

  test('own: only functions that were given come back', async () => {
    const them = await peer({ api });
    const echo = them.idOf('0', 'echo');
    const inner = them.idOf('0', 'nested', 'inner');
    expect(await them.call('echo', ['f'], { own: { [inner]: ['0'] } })).toEqual([
      null,
      '[Function]',
    ]);
    for (const id of [echo + inner + 50, 123_456]) {
      expect(await them.refused('echo', ['f'], { own: { [id]: ['0'] } })).toBe('ERR_REFERENCE');
    }
    await them.send({ control: 'cull', counts: { [echo]: 1e9 } });
    expect(await them.refused('echo', ['f'], { own: { [echo]: ['0'] } })).toBe('ERR_REFERENCE');
    await works(them);
  });

  test('cull, with what it may be told', async () => {
    const them = await peer({ api });
    const echo = them.idOf('0', 'echo');
    for (const counts of [
      null,
      [],
      'x',
      { [echo]: -1 },
      { [echo]: 0 },
      { [echo]: '5' },
      { [echo]: null },
      { '1abc': 1 },
      { 99: 1 },
      { [-1]: 5 },
    ]) {
      await them.send({ control: 'cull', counts });
    }
    expect(await them.call(echo, [7])).toEqual([null, 7]);
    await them.send(`{"control":"cull","counts":{"${echo}":1e999}}`);
    expect(await them.refused(echo, [7])).toBe('ERR_RELEASED');
    // By its name it is there still.
    await works(them);
  });

  test('cull of a plain peer', async () => {
    const them = await peer({ api, hello: null });
    for (const args of [null, {}, [-1], ['x'], [null], [1e10], [[0]]]) {
      await them.send({ method: 'cull', arguments: args as never });
    }
    expect(them.session.tables.local).toBe(2);
    await them.send({ method: 'cull', arguments: [0, '1'] });
    expect(them.session.tables.local).toBe(0);
    await them.send({ method: 0, arguments: [] });
    expect(them.failed).toEqual([]);
  });

  test('cancel of what is not running', async () => {
    const them = await peer({ api });
    for (const call of [0, -1, 1e10, '5', null, [], {}])
      await them.send({ control: 'cancel', call });
    await works(them);
    expect(them.failed).toEqual([]);
  });

  test('the same reply id for two calls gets two outcomes', async () => {
    const them = await peer({ api });
    await them.send(
      { method: 'echo', arguments: [1], reply: 5 },
      { method: 'echo', arguments: [2], reply: 5 },
    );
    const outcomes = them.got.filter((it) => it.method === 5).map((it) => it.arguments);
    expect(outcomes).toEqual([
      [null, 1],
      [null, 2],
    ]);
    expect(them.session.tables.serving).toBe(0);
  });

  test.each([-1, 1.5, '5', null, [], {}, 2 ** 60])(
    'a reply id that is none, %j, is no wish for an outcome',
    async (reply) => {
      const them = await peer({ api });
      const sent = them.got.length;
      await them.send({ method: 'echo', arguments: [1], reply: reply as number });
      expect(them.got).toHaveLength(sent);
      await works(them);
    },
  );
});

describe('hello', () => {
  test.each<[string, unknown]>([
    ['null', null],
    ['a text', 'yes'],
    ['a list', []],
    ['empty', {}],
    ['version 0', { ...ourHello, v: 0 }],
    ['a negative version', { ...ourHello, v: -1 }],
    ['a version in text', { ...ourHello, v: '1' }],
    ['no features', { v: 1 }],
    ['features in text', { v: 1, features: 'reply' }],
    ['no outcomes among the features', { v: 1, features: ['types', 'cull'] }],
    ['features of objects', { v: 1, features: [{}, null, ['reply']] }],
  ])('%s is none: the peer is plain', async (_, hello) => {
    const them = await peer({ api, hello: null });
    const others = new Peer({ api });
    await others.send({ ...methodsOf(null), dservice: hello });
    expect(others.session.extended).toBe(false);
    expect(others.got.length).toBe(them.got.length);
    await others.send({ method: 'echo', arguments: [1, 'f'], callbacks: { 0: ['1'] } });
    expect(others.last).toMatchObject({ method: 0, links: [] });
    expect(others.last?.arguments?.[0]).toBe(1);
  });

  test.each<[string, object]>([
    ['a version to come', { ...ourHello, v: 2 }],
    ['features to come', { ...ourHello, features: [...ourHello.features, 'telepathy', 5] }],
    ['limits that are none', { ...ourHello, limits: { line: 'x', calls: -1, functions: null } }],
    ['limits in a list', { ...ourHello, limits: [] }],
    ['keys to come', { ...ourHello, resume: { session: '__proto__', got: -1 }, auth: { then: 1 } }],
  ])('%s is understood', async (_, hello) => {
    const them = await peer({ api, hello });
    expect(them.session.extended).toBe(true);
    await works(them);
  });

  test.each([
    { line: 1 },
    { functions: 0.1 },
    { calls: 0.1 },
    { line: 1e-9, functions: 1e-9, calls: 1e-9 },
  ])('limits that leave no room, %j, hurt nobody else', async (limits) => {
    const slow = async (): Promise<unknown> => {
      await Promise.resolve();
      return { f: () => {}, text: 'x'.repeat(10) };
    };
    const them = await peer({
      api: { slow, boom: () => Promise.reject(new Error('x'.repeat(2_000))) },
      hello: { ...ourHello, limits },
    });
    for (const reply of [1, 2, 3]) {
      await them.send(
        { method: 'slow', arguments: [], reply },
        { method: 'boom', arguments: [], reply: reply + 10 },
      );
    }
    expect(them.session.tables).toMatchObject({ serving: 0 });
    for (const id of [1, 2, 3, 11, 12, 13]) expect(them.outcome(id)).toBeDefined();
    expect(them.session.ended).toBe(false);
  });

  test('twice: the first holds', async () => {
    const them = await peer({ api });
    await them.send(
      { ...methodsOf({ ...ourHello, v: 0 }) },
      { ...methodsOf({ ...ourHello, limits: { line: 1 } }) },
    );
    expect(them.session.extended).toBe(true);
    await works(them);
    const plain = await peer({ api, hello: null });
    await plain.send(methodsOf(ourHello));
    expect(plain.session.extended).toBe(false);
  });

  test('before it, messages are plain', async () => {
    const them = new Peer({ api });
    await turns(1);
    const sent = them.got.length;
    await them.send(
      { method: 'echo', arguments: ['2020'], reply: 5, types: { date: [[0]] } },
      { control: 'ping', n: 1 },
    );
    expect(them.got).toHaveLength(sent);
    await them.send(methodsOf(ourHello));
    await works(them);
  });
});

describe('the end', () => {
  test('after `close`, nothing is read', async () => {
    const run = vi.fn();
    const them = await peer({ api: { run } });
    await them.send(
      { control: 'close', code: 'ERR_LIMIT', message: 'enough' },
      { method: 'run', arguments: [] },
    );
    expect(run).not.toHaveBeenCalled();
    expect(them.ends).toMatchObject([
      { code: 'ERR_CONNECTION_LOST', cause: { code: 'ERR_LIMIT', message: 'enough' } },
    ]);
  });

  test.each([
    {},
    { code: 5, message: {} },
    { code: '__proto__', message: null },
    { message: 'x'.repeat(5_000) },
  ])('a close that says %j', async (more) => {
    const them = await peer({ api, limits: { line: 100_000 } });
    await them.send({ control: 'close', ...(more as object) });
    expect(them.session.ended).toBe(true);
    expect(them.ends[0]?.message.length).toBeLessThan(1_100);
  });

  test('half a message, and then the end', async () => {
    const run = vi.fn();
    const them = await peer({ api: { run }, memory: { framing: 'bytes' } });
    them.recorder.channel.write('{"method":"run","arguments":[');
    them.recorder.channel.close();
    await turns(3);
    expect(run).not.toHaveBeenCalled();
    expect(them.session.ended).toBe(true);
    expect(them.ends).toEqual([undefined]);
  });

  test('unknown controls and keys are passed over', async () => {
    const them = await peer({ api });
    await them.send(
      { control: 'selfdestruct' },
      { control: 'ack', got: -1 },
      { control: 'release', call: 5 },
      { control: 'pong' },
    );
    await them.send({ control: 5 as never }, { control: null as never });
    expect(await them.call('echo', [1], { colour: 'red', on: 5, keep: true })).toEqual([null, 1]);
  });

  test('`bye`, over and over', async () => {
    const them = await peer({ api });
    for (let i = 0; i < 5; i++) await them.send({ control: 'bye' });
    expect(them.got.filter((it) => it.control === 'bye')).toHaveLength(1);
    expect(them.session.leaving).toBe(true);
    await works(them);
  });
});

describe('an outcome that would be called when it is awaited', () => {
  const evil = { then: '[Function]' };
  test.each<[string, Wired]>([
    ['by a function of the peer', { arguments: [null, evil], callbacks: { 0: ['1', 'then'] } }],
    ['by a function of our own', { arguments: [null, evil], own: { 0: ['1', 'then'] } }],
    [
      'by a link',
      {
        arguments: [null, { then: 0 }, 'f'],
        callbacks: { 0: ['2'] },
        links: [{ from: ['2'], to: ['1', 'then'] }],
      },
    ],
    [
      'as a function with properties',
      {
        arguments: [null, { name: 'x', message: 'y', ...evil }],
        callbacks: { 0: ['1', 'then'] },
        types: { error: [['1']] },
      },
    ],
  ])('%s', async (_, outcome) => {
    const mine = vi.fn();
    const them = await peer({ api: { mine } });
    const call = them.session.call('x', []);
    await turns(1);
    await them.send({ method: them.last?.reply ?? -1, ...outcome });
    await expect(call).rejects.toMatchObject({ code: 'ERR_THENABLE', mayHaveRun: true });
    expect(mine).not.toHaveBeenCalled();
  });

  test('of a plain peer', async () => {
    const them = await peer({ hello: null });
    const call = them.session.call('x', []);
    await turns(1);
    const [id] = Object.keys(them.last?.callbacks ?? {});
    await them.send({ method: Number(id), arguments: [evil], callbacks: { 0: ['0', 'then'] } });
    await expect(call).rejects.toMatchObject({ code: 'ERR_THENABLE' });
  });

  test('a `then` that is data is data', async () => {
    const them = await peer();
    const call = them.session.call('x', []);
    await turns(1);
    await them.send({ method: them.last?.reply ?? -1, arguments: [null, { then: 5 }] });
    expect(await call).toEqual({ then: 5 });
  });
});
