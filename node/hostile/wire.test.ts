import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dial, serve, sessionOf } from '../index.js';
import type { Served as Server } from '../../src/service/served.js';
import { guardIntrinsics } from './fixtures/intrinsics.js';
import { greeting, hello, Raw, type Wired } from './fixtures/raw.js';

const guard = guardIntrinsics();
const warnings: string[] = [];
const api = {
  echo: (value: unknown) => value,
  boom: () => {
    throw new Error('boom');
  },
  callback: (fn: (n: number) => unknown) => fn(1),
  data: 5,
  get bad(): never {
    throw new Error('a getter');
  },
};

let server: Server;
/** A program of ours on the same server: it must notice nothing of what the others do. */
let friend: { echo(value: unknown): Promise<unknown> };
const port = (): number => Number(new URL(server.endpoints[0] ?? '').port);

beforeEach(async () => {
  server = await serve(api, { port: 0, logger: { warn: (text) => warnings.push(text) } });
  friend = await dial(server.endpoints[0] ?? '');
});
afterEach(async () => {
  expect(await friend.echo('still here')).toBe('still here');
  guard();
  sessionOf(friend).close();
  await server.close();
  expect(server.sessions.size).toBe(0);
  warnings.length = 0;
});

/** A peer that has greeted, plain or extended. */
async function greeted(dservice: object | null = hello): Promise<Raw> {
  const raw = await Raw.dial(port());
  raw.say(greeting(dservice));
  await raw.find((it) => it.method === 'methods');
  return raw;
}

describe('what once ended a dnode server, over TCP', () => {
  const messages: [string, string][] = [
    ['null', 'null'],
    ['a list', '[]'],
    ['a number', '5'],
    ['a method that is no function', '{"method":"data"}'],
    ['a method of objects', '{"method":"toString"}'],
    ['__proto__ as a method', '{"method":"__proto__"}'],
    ['an index as a name', '{"method":"0"}'],
    ['a handler that throws', '{"method":"boom"}'],
    ['a getter that throws', '{"method":"bad"}'],
    ['methods [null]', '{"method":"methods","arguments":[null]}'],
    ['methods without arguments', '{"method":"methods"}'],
    ['an id 1abc', '{"method":"echo","arguments":[1],"callbacks":{"1abc":["0"]}}'],
    [
      'a link through __proto__',
      '{"method":"echo","arguments":[{},{"x":1}],"links":[{"from":["1"],"to":["0","__proto__"]}]}',
    ],
    [
      'an index of 2³² - 2',
      '{"method":"echo","arguments":[1],"links":[{"from":["0"],"to":["4294967294"]}]}',
    ],
    [
      'a callback behind an object',
      '{"method":"echo","arguments":[{}],"callbacks":{"0":["0","constructor","prototype","polluted"]}}',
    ],
    ['an empty line', ''],
    ['a carriage return', '\r'],
    ['a cull of everything', '{"method":"cull","arguments":[0,1,2,3,4,5,6,7,-1,null,"x",1e99]}'],
    ['a foreign function', '{"method":77,"arguments":[]}'],
    ['no method', '{}'],
  ];
  test.each(messages)('%s', async (_, line) => {
    for (const dservice of [hello, null]) {
      const raw = await greeted(dservice);
      raw.say(line);
      if (dservice === null) {
        raw.say('{"method":"echo","arguments":["after","f"],"callbacks":{"900":["1"]},"links":[]}');
        expect((await raw.find((it) => it.method === 900)).arguments?.[0]).toBe('after');
      } else expect(await raw.call('echo', ['after'])).toEqual([null, 'after']);
      raw.socket.destroy();
    }
  });

  test('all of them in one piece', async () => {
    const raw = await greeted();
    raw.say(...messages.map(([, line]) => line));
    expect(await raw.call('echo', ['after'])).toEqual([null, 'after']);
    raw.socket.destroy();
  });

  test.each(['{', '{"method":', 'not json', '{"method":"echo",}', '\u0000', '{"a":1}}'])(
    'what is no JSON is answered with a reason, and the end: %j',
    async (line) => {
      const raw = await greeted();
      raw.say(line);
      expect(await raw.closed()).toMatchObject({ code: 'ERR_MALFORMED' });
    },
  );

  test('UTF-8 in pieces of a byte', async () => {
    const raw = await greeted();
    const line = JSON.stringify({ method: 'echo', arguments: ['grüß 語 😀'], reply: 5 });
    const bytes = Buffer.from(`${line}\n`);
    await raw.bytes(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
    expect((await raw.find((it) => it.method === 5)).arguments).toEqual([null, 'grüß 語 😀']);
    raw.socket.destroy();
  });

  test('bytes that are no UTF-8', async () => {
    const raw = await greeted();
    await raw.bytes(
      Buffer.concat([
        Buffer.from('{"method":"echo","arguments":["'),
        Buffer.from([0xff, 0xc0, 0x80, 0xed, 0xa0, 0x80]),
        Buffer.from('"],"reply":5}\n'),
      ]),
    );
    const [error, text] = (await raw.find((it) => it.method === 5)).arguments ?? [];
    expect([error, typeof text]).toEqual([null, 'string']);
    raw.socket.destroy();
  });

  test.each(['\u0000\u0001\u0002', 'hello\r\n', '<xml/>', '\u0016\u0003\u0001\u0002\u0000'])(
    'a first byte that begins nothing: %j',
    async (text) => {
      const raw = await Raw.dial(port());
      await raw.bytes(text);
      await raw.closed();
      expect(raw.got).toEqual([]);
    },
  );

  test('a first message that is none', async () => {
    const raw = await Raw.dial(port());
    await raw.bytes('{]\n');
    expect(await raw.closed()).toMatchObject({ code: 'ERR_MALFORMED' });
  });
});

describe('ends', () => {
  test('half a message, and the end', async () => {
    for (const half of ['{"method":"echo","argu', '{"method":"echo"}', '']) {
      const raw = await greeted();
      await raw.bytes(half);
      raw.socket.end();
      await raw.closed();
    }
  });

  test('cut in the middle of everything', async () => {
    for (let i = 0; i < 20; i++) {
      const raw = await greeted();
      raw.say(
        { method: 'callback', arguments: ['f'], callbacks: { 0: ['0'] }, reply: 1 },
        `{"method":"echo","arguments":["${'x'.repeat(i * 1_000)}`,
      );
      raw.socket.resetAndDestroy();
    }
    await friend.echo(1);
  });

  test('many that connect, say nothing and go', async () => {
    const raws = await Promise.all(Array.from({ length: 100 }, () => Raw.dial(port())));
    for (const raw of raws) raw.socket.destroy();
    expect(await friend.echo(1)).toBe(1);
  });

  test('a `close`, and what comes after it', async () => {
    const raw = await greeted();
    raw.say(
      { control: 'close', code: 'ERR_X', message: 'bye' },
      { method: 'echo', arguments: [1], reply: 1 },
    );
    await raw.closed();
    expect(raw.got.some((it) => it.method === 1)).toBe(false);
  });
});

describe('floods', () => {
  test('of pings', async () => {
    const raw = await greeted();
    const pings: Wired[] = Array.from({ length: 20_000 }, (_, n) => ({ control: 'ping', n }));
    raw.say(...pings);
    await raw.until(() => raw.got.filter((it) => it.control === 'pong').length === 20_000);
    raw.socket.destroy();
  });

  test('of new apis', async () => {
    const raw = await greeted();
    for (let i = 0; i < 2_000; i++) {
      raw.say({
        method: 'methods',
        arguments: [{ f: '[Function]' }],
        callbacks: { [i]: ['0', 'f'] },
        links: [],
      });
    }
    expect(await raw.call('echo', [1])).toEqual([null, 1]);
    raw.socket.destroy();
  });

  test('of failing calls that want no outcome', async () => {
    const raw = await greeted();
    raw.say(...Array.from({ length: 2_000 }, () => ({ method: 'boom', arguments: [] })));
    expect(await raw.call('echo', [1])).toEqual([null, 1]);
    expect(warnings.length).toBeGreaterThan(0);
    raw.socket.destroy();
  });

  test('of unknown methods', async () => {
    const raw = await greeted();
    raw.say(
      ...Array.from({ length: 5_000 }, (_, n) => ({ method: `x${n}`, arguments: [], reply: n })),
    );
    await raw.find((it) => it.method === 4_999);
    const outcomes = raw.got.filter((it) => it.method !== 'methods');
    expect(outcomes).toHaveLength(5_000);
    for (const it of outcomes) {
      expect(it.arguments).toMatchObject([{ code: 'ERR_METHOD' }]);
    }
    raw.socket.destroy();
  });
});
