import { describe, expect, test } from 'vitest';
import { codeOf, type Peer, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { Exposed } from './exposed.js';
import { options } from './options.js';
import { contextOf, syncScope } from './context.js';

// oxlint-disable-next-line no-explicit-any
type Loose = any;

class Secret extends Exposed {
  readonly data = 1;
  _hidden(): number {
    return 1;
  }
  shown(): number {
    return 2;
  }
}

let running = 0;
const api = {
  give: () => ({ a: { b: 1 }, f: () => 'f', text: 'x', list: [1, 2], secret: new Secret() }),
  later: () => new Promise(() => running++),
  fail: () => {
    throw Object.assign(new Error('no'), { code: 'NO' });
  },
  getter: () => ({
    get bad(): never {
      throw Object.assign(new Error('bad'), { code: 'BAD' });
    },
  }),
  echo: (...values: unknown[]) => values,
  many: (n: number) => Array.from({ length: n }, (_, i) => i),
};

/** Calls with `keep`; what is asked of the outcome next. */
async function kept(method = 'give', args: unknown[] = [], given: object = {}) {
  const them = await peer({ api, ...given });
  await them.send({ method, arguments: args, reply: 1, keep: true });
  let reply = 1;
  const ask = async (more: object): Promise<unknown[] | undefined> => {
    await them.send({ on: 1, reply: ++reply, ...more });
    return them.outcome(reply)?.arguments;
  };
  const code = async (more: object): Promise<unknown> => {
    const [error] = (await ask(more)) ?? [];
    return (error as { code?: unknown } | null | undefined)?.code ?? error;
  };
  return { them, ask, code };
}

/** Whether the session still answers. */
async function isWell(them: Peer): Promise<void> {
  expect(await them.call('echo', [1])).toEqual([null, [1]]);
  expect(them.ends).toEqual([]);
}

describe('a peer that pipelines what it should not', () => {
  test('reaches what is own and enumerable, and methods of what is exposed, and nothing else', async () => {
    const { them, ask, code } = await kept();
    expect(await ask({ method: ['a', 'b'] })).toEqual([null, 1]);
    expect(await ask({ method: ['list', 1] })).toEqual([null, 2]);
    expect(await ask({ method: ['f'], arguments: [] })).toEqual([null, 'f']);
    expect(await ask({ method: ['secret', 'shown'], arguments: [] })).toEqual([null, 2]);
    for (const path of [
      ['toString'],
      ['a', 'hasOwnProperty'],
      ['list', 'length'],
      ['list', 'push'],
    ]) {
      expect(await ask({ method: path }), path.join('.')).toEqual([]);
    }
    expect(await ask({ method: ['secret', 'data'] })).toEqual([]);
    expect(await ask({ method: ['secret', '_hidden'] })).toEqual([]);
    for (const path of [
      ['text', 'length'],
      ['f', 'call'],
      ['a', 'b', 'c'],
      ['x', 'y'],
    ]) {
      expect(await code({ method: path }), path.join('.')).toBe('ERR_METHOD');
    }
    for (const path of [
      ['text', 'at'],
      ['list', 'push'],
      ['secret', '_hidden'],
      ['f', 'apply'],
      [],
    ]) {
      expect(await code({ method: path, arguments: [] }), path.join('.')).toBe('ERR_METHOD');
    }
    for (const path of [['__proto__'], ['constructor'], ['a', 'prototype'], [{}], [null]]) {
      expect(await code({ method: path })).toBe('ERR_MALFORMED');
    }
    expect(await code({ method: Array.from({ length: 65 }, () => 'a') })).toBe('ERR_MALFORMED');
    await isWell(them);
  });

  test('asks of what is not kept, or not any more', async () => {
    const { them, code } = await kept();
    expect(await code({ on: 7, method: ['a'] })).toBe('ERR_REFERENCE');
    expect(await code({ on: 'x', method: ['a'] })).toBe('ERR_MALFORMED');
    expect(await code({ on: -1, method: ['a'] })).toBe('ERR_MALFORMED');
    expect(await them.refused('echo', [null], { results: { 7: ['0'] } })).toBe('ERR_REFERENCE');
    expect(await them.refused('echo', [null], { results: { '-1': ['0'] } })).toBe('ERR_REFERENCE');
    for (const results of [{ x: ['0'] }, { 1: ['9'] }, { 1: ['__proto__'] }, [], 5, { 1: 5 }]) {
      expect(await them.refused('echo', [null], { results })).toBe('ERR_MALFORMED');
    }
    await them.send({ control: 'release', call: 1 }, { control: 'release', call: 99 });
    await them.send({ control: 'release', call: 'x' });
    expect(await code({ method: ['a'] })).toBe('ERR_REFERENCE');
    await isWell(them);
  });

  test('keeps more than it may, and lets more wait', async () => {
    const limits = { calls: 3 };
    const { them } = await kept('give', [], { limits });
    await them.send({ method: 'give', reply: 2, keep: true });
    await them.send({ method: 'give', reply: 3, keep: true });
    expect(await them.refused('give', [], { keep: true })).toBe('ERR_LIMIT');
    await them.send(...[1, 2, 3].map((call) => ({ control: 'release', call })));
    await them.send({ method: 'later', arguments: [], reply: 10, keep: true });
    await them.send({ on: 10, method: ['x'], reply: 11 }, { on: 10, method: ['x'], reply: 12 });
    await them.send({ on: 10, method: ['x'], reply: 13 });
    expect(them.outcome(13)?.arguments).toMatchObject([{ code: 'ERR_BUSY', mayHaveRun: false }]);
    await them.send({ control: 'cancel', call: 11 });
    expect(them.outcome(11)?.arguments).toMatchObject([{ code: 'ERR_CANCELLED' }]);
    await them.send({ control: 'cancel', call: 12 });
    await isWell(them);
    expect(them.session.tables.serving).toBe(1);
  });

  test('what waits is served by a release, and gone with the session', async () => {
    const { them } = await kept('later');
    await them.send({ on: 1, method: ['x'], reply: 2 }, { control: 'release', call: 1 });
    await them.send({ on: 1, method: ['x'], reply: 3 });
    expect(them.outcome(3)?.arguments).toMatchObject([{ code: 'ERR_REFERENCE' }]);
    expect(them.outcome(2)).toBeUndefined();
    them.session.close();
    await turns(2);
    expect(them.session.tables).toMatchObject({ serving: 1, pending: 0 });
  });

  test('errors of handlers and getters', async () => {
    const { ask, code } = await kept('fail');
    expect(await code({ method: ['a'] })).toBe('NO');
    expect(await ask({ method: ['a', 'b'], arguments: [] })).toMatchObject([{ code: 'NO' }]);
    const bad = await kept('getter');
    expect(await bad.code({ method: ['bad'] })).toBe('BAD');
    expect(await bad.code({ method: ['bad'], arguments: [] })).toBe('BAD');
    await isWell(bad.them);
  });

  test('maps that stand on themselves, are too long, too deep, or not lists', async () => {
    const { them, code, ask } = await kept('many', [5_000], {
      limits: { entries: 50, nodes: 6_000 },
    });
    const end = { on: -1, method: [] };
    for (const map of [
      ...[5, {}, [], [5], [null], [{ on: 0, method: [] }], [{ on: -2, method: [] }]],
      ...[[{ on: -1 }], [{ on: -1, method: 'x' }], [{ method: {} }], [{ method: -1 }]],
      [{ arguments: [null], results: { 0: ['0'] } }],
      [{ arguments: [null], results: { x: ['0'] } }],
      [{ arguments: 5 }],
    ]) {
      expect(await code({ method: [], map }), JSON.stringify(map)).toBe('ERR_MALFORMED');
    }
    expect(await code({ method: [], map: [{ method: 'nothing', arguments: [] }] })).toBe(
      'ERR_METHOD',
    );
    expect(await code({ method: [], map: [{ method: 99, arguments: [] }] })).toBe('ERR_METHOD');
    expect(await code({ method: [], map: Array.from({ length: 51 }, () => end) })).toBe(
      'ERR_LIMIT',
    );
    expect(await code({ method: [], map: [end, end] })).toBe('ERR_LIMIT');
    let deep: object[] = [end];
    for (let i = 0; i < 9; i++) deep = [{ on: -1, method: [], map: deep }];
    expect(await code({ method: [], map: deep })).toBe('ERR_LIMIT');
    let deeper = '[]';
    for (let i = 0; i < 2_000; i++) deeper = `[{"on":-1,"method":[],"map":${deeper}}]`;
    await them.send(`{"on":1,"method":[],"map":${deeper},"reply":999}`);
    expect(them.outcome(999)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
    expect(await ask({ method: [], map: [{ on: -1, method: ['x'] }] })).toMatchObject([
      { code: 'ERR_METHOD' },
    ]);
    await isWell(them);
  });

  test('a million calls in one message', async () => {
    const { them } = await kept('many', [10]);
    const entry = '{"on":-1,"method":[]}';
    const line = `{"on":1,"method":[],"map":[${`${entry},`.repeat(150_000)}${entry}],"reply":5}`;
    await them.send(line);
    expect(them.outcome(5)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
    await isWell(them);
  });
});

describe('what is asked ahead', () => {
  test('of a plain peer takes more round trips', async () => {
    const them = await peer({ hello: undefined });
    await them.send({ method: 'methods', arguments: [{}], callbacks: {}, links: [] });
    const read = (them.session.call('give', []) as Loose).a.b.then((it: unknown) => it);
    const next = (them.session.call('give', []) as Loose).f(5, 'x');
    await turns(1);
    expect(them.got.slice(-2)).toMatchObject([{ method: 'give' }, { method: 'give' }]);
    const [first = 0, second = 0] = them.got
      .slice(-2)
      .map((it) => Number(Object.keys(it.callbacks ?? {})[0]));
    await them.send({ method: first, arguments: [{ a: { b: 5 } }] });
    await them.send({ method: second, arguments: [{}], callbacks: { 3: ['0', 'f'] } });
    expect(await read).toBe(5);
    expect(them.last).toMatchObject({ method: 3, arguments: [5, 'x', '[Function]'] });
    them.session.close();
    expect(await codeOf(next)).toBe('ERR_CLOSED');
  });

  test('of a peer that does not know pipelining waits for the outcome', async () => {
    const features = ['reply', 'types', 'links', 'own', 'cull', 'cancel', 'meta', 'bye'];
    const them = await peer({ hello: { v: 1, features, limits: {} } });
    const remote = them.session.call('give', []) as Loose;
    const total = remote.a.b.then((it: unknown) => it);
    const mapped = remote.list.map((it: number) => ({ n: it, p: Promise.resolve(it * 2) }));
    await turns(1);
    expect(them.last).toEqual({ method: 'give', arguments: [], reply: 0 });
    await them.send({ method: 0, arguments: [null, { a: { b: 5 }, list: [1, 2] }] });
    expect(await total).toBe(5);
    expect(await mapped).toEqual([
      { n: 1, p: 2 },
      { n: 2, p: 4 },
    ]);
  });

  test('after the message has left waits for the outcome', async () => {
    const them = await peer();
    const remote = them.session.call('give', []) as Loose;
    await turns(2);
    const read = remote.a.b.then((it: unknown) => it);
    await turns(1);
    expect(them.last).toMatchObject({ method: 'give' });
    await them.send({ method: 0, arguments: [null, { a: { b: 5 } }] });
    expect(await read).toBe(5);
  });

  test('has a signal, a deadline and meta of its own', async () => {
    const scope = syncScope();
    const seen: unknown[] = [];
    const given = {
      give: async () => ({
        key: () => seen.push(contextOf(scope).meta.key),
        wait: () => api.later(),
      }),
    };
    const { a } = await sessionPair({ b: { api: given, scope } });
    const remote = a.remote as Loose;
    await options(remote.give(), { key: 'k' }).key();
    expect(seen).toEqual(['k']);
    const abort = new AbortController();
    const waiting = options(remote.give().wait, { signal: abort.signal })();
    abort.abort();
    expect(await codeOf(waiting)).toBe('ERR_CANCELLED');
  });

  test('what cannot be recorded, or is carried out of its recording', async () => {
    const { a, b } = await sessionPair({ b: { api } });
    const remote = a.remote as Loose;
    let stolen: unknown;
    await remote.many(2).map((it: unknown) => {
      stolen = it;
      return it;
    });
    expect(await codeOf(remote.echo(stolen))).toBe('ERR_DATA');
    expect(await codeOf(remote.many(2).map(async (it: unknown) => it))).toBe('ERR_DATA');
    expect(await codeOf(remote.many(2).map((it: Loose) => `${it}`))).toBe('ERR_DATA');
    expect(await codeOf(remote.many(2).map((it: Loose) => it + 1))).toBe('ERR_DATA');
    const thrown = new Error('mine');
    await expect(
      remote.many(2).map(() => {
        throw thrown;
      }),
    ).rejects.toBe(thrown);
    expect(await remote.many(2).map((it: Loose) => remote.echo(it, () => {}))).toHaveLength(2);
    expect(b.tables.serving + a.tables.pending).toBe(0);
  });

  test('ends with the session', async () => {
    const { a, b } = await sessionPair({ b: { api } });
    const remote = a.remote as Loose;
    const call = remote.later();
    const [read, fed] = [call.x.y, remote.echo(call)].map((it) => codeOf(it as Promise<unknown>));
    await turns(3);
    b.close();
    expect(await read).toBe('ERR_CONNECTION_LOST');
    expect(await fed).toBe('ERR_CONNECTION_LOST');
    expect(await codeOf(call.x)).toBe('ERR_CONNECTION_LOST');
    expect(await codeOf(remote.give().a)).toBe('ERR_CONNECTION_LOST');
  });
});
