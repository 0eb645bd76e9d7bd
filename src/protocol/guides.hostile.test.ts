import { describe, expect, test } from 'vitest';
import { peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { Exposed } from './exposed.js';
import { method } from './method.js';
import type { Schema } from './schema.js';

/** What others' security guides warn of, and what has gone wrong elsewhere: each under its name. */

const api = { echo: (value: unknown) => value };

describe('capnweb, Security Considerations', () => {
  test('cross-site WebSockets: authenticate in-band, by a method that returns the api', async () => {
    class Private extends Exposed {
      secret(): string {
        return 'the secret';
      }
    }
    const entry = {
      authenticate: (token: unknown) => {
        if (token !== 'right') throw Object.assign(new Error('no'), { code: 'NO' });
        return new Private();
      },
    };
    const them = await peer({ api: entry });
    // Nothing of it can be reached but by the outcome of that method.
    expect(await them.refused('secret')).toBe('ERR_METHOD');
    for (let id = 0; id < 30; id++) await them.send({ method: id, arguments: [], reply: 500 + id });
    expect(them.recorder.lines.join('\n')).not.toContain('the secret');
    await them.send({ method: 'authenticate', arguments: ['wrong'], reply: 1, keep: true });
    await them.send({ on: 1, method: ['secret'], arguments: [], reply: 2 });
    expect(them.outcome(2)?.arguments).toMatchObject([{ code: 'NO' }]);
    await them.send({ method: 'authenticate', arguments: ['right'], reply: 3, keep: true });
    await them.send({ on: 3, method: ['secret'], arguments: [], reply: 4 });
    expect(them.outcome(4)?.arguments).toEqual([null, 'the secret']);
  });

  test('pipelining makes it easy to enqueue work: a rate, and a number of calls', async () => {
    let ran = 0;
    const dear = { dear: () => ({ again: () => ran++ }) };
    const them = await peer({ api: dear, limits: { messages: 50, calls: 10 } });
    await them.send({ method: 'dear', arguments: [], reply: 1, keep: true });
    await them.send(
      ...Array.from({ length: 1_000 }, (_, n) => ({
        ...{ on: 1, method: ['again'], arguments: [], reply: n + 2 },
      })),
    );
    expect(ran).toBeLessThan(50);
    await them.clock.advance(2_000);
    expect(ran).toBeLessThan(200);
  });

  test('pipelining by map: one message is as many calls as its elements, and they are counted', async () => {
    let ran = 0;
    const list = { list: () => Array.from({ length: 2_000 }, () => 1), dear: () => ran++ };
    const them = await peer({ api: list, limits: { nodes: 1_000 } });
    await them.send({ method: 'list', arguments: [], reply: 1, keep: true });
    const map = [{ method: 'dear', arguments: [] }];
    await them.send({ on: 1, method: [], map, reply: 2 });
    expect(them.outcome(2)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
    expect(ran).toBe(0);
  });

  test('size is looked at before JSON.parse', async () => {
    const them = await peer({ api });
    const parse = JSON.parse;
    const parsed: number[] = [];
    JSON.parse = (text: string, ...rest: []) => {
      parsed.push(text.length);
      return parse(text, ...rest) as unknown;
    };
    try {
      them.recorder.channel.write(`{"method":"echo","arguments":[${'['.repeat(200_000)}`);
      them.recorder.channel.write(`{"method":"echo","arguments":["${'x'.repeat(5_000_000)}"]}\n`);
      await turns(3);
    } finally {
      JSON.parse = parse;
    }
    expect(Math.max(0, ...parsed)).toBeLessThan(1_000);
    expect(them.ends).toHaveLength(1);
  });

  test('types hold at compile time alone: a schema keeps an operator of a query out', async () => {
    const text: Schema = {
      '~standard': {
        ...{ version: 1, vendor: 'test' },
        validate: (value: unknown) =>
          typeof value === 'string' ? { value } : { issues: [{ message: 'no text' }] },
      },
    };
    const queries: unknown[] = [];
    const find = () => (name: unknown) => void queries.push(name);
    const them = await peer({
      api: { loose: find(), strict: method({ args: [text] }, find()) },
    });
    await them.call('loose', [{ $gt: '' }]);
    expect(queries).toEqual([{ $gt: '' }]);
    expect(await them.refused('strict', [{ $gt: '' }])).toBe('ERR_VALIDATION');
    await them.call('strict', ['ali']);
    expect(queries).toEqual([{ $gt: '' }, 'ali']);
  });

  test('an object with methods is data: what is of a class is reached only where the class says so', async () => {
    class Account {
      readonly balance = 5;
      drain(): number {
        return this.balance;
      }
    }
    const them = await peer({ api: { account: () => new Account() } });
    await them.send({ method: 'account', arguments: [], reply: 1, keep: true });
    expect(them.outcome(1)?.arguments).toEqual([null, { balance: 5 }]);
    await them.send({ on: 1, method: ['drain'], arguments: [], reply: 2 });
    expect(them.outcome(2)?.arguments).toMatchObject([{ code: 'ERR_METHOD' }]);
  });
});

describe('Comlink: paths that are followed blindly', () => {
  test.each([
    [['constructor', 'constructor']],
    [['__proto__', 'polluted']],
    [['prototype']],
    [['echo', 'constructor']],
    [['f', 'call']],
    [['f', 'apply']],
    [['f', 'bind']],
    [['toString', 'constructor']],
  ])('%j leads nowhere', async (path) => {
    const them = await peer({ api: { give: () => ({ f: () => 1, echo: api.echo }) } });
    await them.send({ method: 'give', arguments: [], reply: 1, keep: true });
    await them.send({ on: 1, method: path, arguments: ['return process'], reply: 2 });
    const [error] = them.outcome(2)?.arguments ?? [];
    expect(['ERR_MALFORMED', 'ERR_METHOD']).toContain((error as { code?: unknown } | null)?.code);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('tRPC', () => {
  test('credentials that are no object end one connection, and no process (CVE-2025-43855)', async () => {
    for (const auth of [null, 5, 'x', [], { __proto__: null }, { toString: 1 }]) {
      const read = (given: unknown) => (given as { user: { name: string } }).user.name;
      const them = await peer({
        ...{ api, authenticate: read },
        hello: { v: 1, features: ['reply'], limits: {}, auth },
      });
      expect(them.closed).toMatchObject({ code: 'ERR_AUTH' });
      expect(them.errors).toEqual([]);
    }
  });

  test.each([
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'toString',
    'valueOf',
    '__defineGetter__',
  ])('a procedure named %s is none', async (name) => {
    const them = await peer({ api });
    expect(await them.refused(name, [])).toBe('ERR_METHOD');
  });
});

describe('dnode', () => {
  test('a callback that is called for ever costs nobody else', async () => {
    let called = 0;
    const them = await peer({ api: { give: (cb: () => void) => cb() } });
    await them.send({ method: 'give', arguments: ['f'], callbacks: { 4: ['0'] } });
    expect(them.last).toMatchObject({ method: 4 });
    const { a, b } = await sessionPair({ b: { api: { keep: (fn: () => void) => fn() } } });
    await a.call('keep', [() => called++]);
    await turns(2);
    expect(called).toBe(1);
    expect(b.tables.pending).toBe(0);
  });

  test('ten thousand callbacks, and culls of what was never given: no more than it says is held', async () => {
    let seen = 0;
    const them = await peer({ api: { take: () => void seen++ }, limits: { functions: 20_000 } });
    for (let n = 0; n < 100; n++) {
      const ids = Array.from({ length: 100 }, (_, i) => 100 * n + i);
      await them.send(
        ...ids.map((id) => ({ method: 'take', arguments: ['f'], callbacks: { [id]: ['0'] } })),
      );
      await them.send({ control: 'cull', counts: Object.fromEntries(ids.map((id) => [id, 1])) });
    }
    expect(seen).toBe(10_000);
    expect(them.session.tables.references).toBeLessThanOrEqual(10_000);
    expect(them.ends).toEqual([]);
    them.session.close();
    expect(them.session.tables).toMatchObject({ local: 0, references: 0, serving: 0, pending: 0 });
  });
});
