import { describe, expect, test } from 'vitest';
import { codeOf, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { dispose } from './options.js';

type StandIn = ((...args: unknown[]) => Promise<unknown>) & Disposable;

const api = () => {
  const kept: StandIn[] = [];
  return {
    kept,
    api: { keep: (fn: StandIn) => void kept.push(fn), call: (n: number) => kept[n]?.() },
  };
};

describe('letting go', () => {
  test('`dispose` tells the peer at once, once', async () => {
    const { kept, api: mine } = api();
    const { a, b } = await sessionPair({ b: { api: mine } });
    const before = a.tables.local;
    await a.call('keep', [() => 'here']);
    expect([a.tables.local, b.tables.references]).toEqual([before + 1, 1]);
    expect(await a.call('call', [0])).toBe('here');
    kept[0]?.[dispose]();
    kept[0]?.[dispose]();
    await turns(2);
    expect([a.tables.local, b.tables.references]).toEqual([before, 0]);
    expect(await codeOf(a.call('call', [0]))).toBe('ERR_RELEASED');
  });

  test('`using` does so at the end of its block', async () => {
    const { a, b } = await sessionPair({
      b: {
        api: {
          use: async (fn: StandIn) => {
            try {
              return await fn();
            } finally {
              fn[dispose]();
            }
          },
        },
      },
    });
    for (let n = 0; n < 5; n++) expect(await a.call('use', [() => n])).toBe(n);
    await turns(1);
    expect([a.tables.local, b.tables.references]).toEqual([0, 0]);
  });

  test('one function mentioned often is one stand-in, and goes when all mentions are let go', async () => {
    const { kept, api: mine } = api();
    const { a, b } = await sessionPair({ b: { api: mine } });
    const before = a.tables.local;
    const fn = (): number => 1;
    for (let i = 0; i < 5; i++) await a.call('keep', [fn]);
    expect(new Set(kept).size).toBe(1);
    expect([a.tables.local, b.tables.references]).toEqual([before + 1, 1]);
    kept[0]?.[dispose]();
    await turns(1);
    expect(a.tables.local).toBe(before);
  });

  test('a function mentioned again while its cull is under way is not lost', async () => {
    const { kept, api: mine } = api();
    const { a } = await sessionPair({ b: { api: mine } });
    const fn = (): string => 'alive';
    await a.call('keep', [fn]);
    const again = a.call('keep', [fn]);
    // The mention is under way, and so is this cull.
    kept[0]?.[dispose]();
    await again;
    await turns(2);
    expect(await a.call('call', [1])).toBe('alive');
    kept[1]?.[dispose]();
    await turns(1);
    expect(await codeOf(a.call('call', [1]))).toBe('ERR_RELEASED');
  });

  test('culls of one turn leave in one message, and many in several', async () => {
    const { kept, api: mine } = api();
    const them = await peer({ api: mine });
    const sent = 5_000;
    for (let id = 0; id < sent; id += 50) {
      const some = Array.from({ length: 50 }, (_, i) => ({
        method: 'keep',
        arguments: ['f'],
        callbacks: { [id + i]: ['0'] },
      }));
      await them.send(...some);
    }
    for (const fn of kept) fn[dispose]();
    await turns(1);
    const culls = them.got.filter((it) => it.control === 'cull');
    expect(culls.length).toBeGreaterThan(1);
    const counts = culls.map((it) => Object.keys(it.counts as object).length);
    expect(Math.max(...counts)).toBeLessThan(9_000);
    expect(counts.reduce((sum, n) => sum + n)).toBe(sent);
  });
});

describe('plain', () => {
  test('a cull names ids, and a mention that crosses it is dead', async () => {
    const { kept, api: mine } = api();
    const them = await peer({ api: mine, hello: null });
    await them.send({ method: 'keep', arguments: ['f'], callbacks: { 4: ['0'] } });
    kept[0]?.[dispose]();
    await turns(1);
    expect(them.last).toEqual({ method: 'cull', arguments: [4], callbacks: {}, links: [] });
    await them.send({ method: 'keep', arguments: ['f'], callbacks: { 4: ['0'] } });
    await expect(kept[1]?.()).rejects.toMatchObject({ code: 'ERR_RELEASED', mayHaveRun: false });
    await them.send({ method: 'keep', arguments: ['f'], callbacks: { 5: ['0'] } });
    expect(await codeOf(kept[2]?.(() => {}) ?? Promise.reject(new Error('none')))).toEqual({
      resolved: undefined,
    });
  });

  test('a dead mention as the last argument does not keep a handler from running', async () => {
    const ran: unknown[] = [];
    const them = await peer({
      api: { run: () => ran.push(1), keep: (fn: StandIn) => fn[dispose]() },
      hello: null,
    });
    await them.send({ method: 'keep', arguments: ['f'], callbacks: { 4: ['0'] } });
    await them.send({ method: 'run', arguments: ['f'], callbacks: { 4: ['0'] } });
    expect(ran).toEqual([1]);
  });

  test('each mention of a function has an id of its own within a message, and one over messages', async () => {
    const them = await peer({ hello: null });
    const fn = (): void => {};
    void them.session.call('x', [fn, fn, () => {}]);
    await turns(1);
    const first = Object.keys(them.last?.callbacks ?? {});
    expect(new Set(first).size).toBe(3);
    void them.session.call('x', [fn, () => {}]);
    await turns(1);
    expect(them.last?.callbacks).toHaveProperty([String(them.idOf('0'))]);
  });
});

describe('a stand-in', () => {
  test('of another session is a function like any other', async () => {
    const left = await sessionPair({ b: { api: { make: () => () => 'from the left' } } });
    const right = await sessionPair({ b: { api: { call: (fn: StandIn) => fn() } } });
    const made = await left.a.call('make', []);
    expect(await right.a.call('call', [made])).toBe('from the left');
  });

  test('that was released cannot be sent', async () => {
    const { a } = await sessionPair({
      b: { api: { make: () => () => 1, echo: (it: unknown) => it } },
    });
    const made = (await a.call('make', [])) as StandIn;
    made[dispose]();
    await expect(a.call('echo', [made])).rejects.toMatchObject({
      code: 'ERR_RELEASED',
      mayHaveRun: false,
    });
    await expect(made()).rejects.toMatchObject({ code: 'ERR_RELEASED' });
  });

  test('after the end rejects', async () => {
    const { a } = await sessionPair({ b: { api: { make: () => () => 1 } } });
    const made = (await a.call('make', [])) as StandIn;
    a.close();
    await expect(made()).rejects.toMatchObject({ code: 'ERR_CLOSED', mayHaveRun: false });
    expect(() => made[dispose]()).not.toThrow();
  });
});

describe('who uses what was let go is told which, how and when', () => {
  test.each<[name: string, text: string, take: (got: StandIn[]) => StandIn | undefined]>([
    ['a key of an argument', '`progress` of `upload()` was let go here, 1.5 s ago', ([it]) => it],
    ['an argument', 'a function of `upload()` was let go here, 1.5 s ago', ([, it]) => it],
  ])('%s', async (_name, text, take) => {
    const got: StandIn[] = [];
    const upload = ({ progress }: { progress: StandIn }, fn: StandIn) => got.push(progress, fn);
    const { a, clock } = await sessionPair({ b: { api: { upload } } });
    await a.call('upload', [{ progress: () => {} }, () => {}]);
    const fn = take(got);
    fn?.[dispose]();
    await clock.advance(1_500);
    await expect(fn?.()).rejects.toMatchObject({ message: text, mayHaveRun: false });
  });

  test('what stood in an outcome, called and sent', async () => {
    const { a, clock } = await sessionPair({
      b: { api: { open: () => ({ file: { close: () => 1 } }), take: () => 1 } },
    });
    const { file } = (await a.call('open', [])) as { file: { close: StandIn } };
    file.close[dispose]();
    await clock.advance(180_000);
    const message = '`close` of `open()` was let go here, 3 min ago';
    const refused = { code: 'ERR_RELEASED', message };
    await expect(file.close()).rejects.toMatchObject(refused);
    await expect(a.call('take', [file])).rejects.toMatchObject(refused);
  });

  test('a method', async () => {
    const { a } = await sessionPair({ b: { api: { admin: { stop: () => 1 } } } });
    const { stop } = a.remote.admin as { stop: StandIn };
    stop[dispose]();
    await expect(stop()).rejects.toMatchObject({
      message: '`admin.stop` was let go here, 0 ms ago',
    });
  });

  test('a mention of a plain peer that crossed our cull', async () => {
    const { kept, api: mine } = api();
    const them = await peer({ api: mine, hello: null });
    const mention = { method: 'keep', arguments: ['f'], callbacks: { 4: ['0'] } };
    await them.send(mention);
    kept[0]?.[dispose]();
    await them.send(mention);
    await expect(kept[1]?.()).rejects.toMatchObject({
      message: 'a function of `keep()` came when it had been let go here already, 0 ms ago',
    });
  });

  test('after the end of the session, since when that is over', async () => {
    const { a, clock } = await sessionPair({ b: { api: { make: () => () => 1 } } });
    const made = (await a.call('make', [])) as StandIn;
    a.close();
    await clock.advance(2_000);
    await expect(made()).rejects.toMatchObject({
      code: 'ERR_CLOSED',
      message: 'the session was closed, 2.0 s ago',
    });
  });
});
