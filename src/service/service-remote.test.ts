import { expect, test } from 'vitest';
import { options } from '../protocol/options.js';
import { MemoryHost } from '../testing/memory-host.js';
import type { Api } from '../protocol/api.js';
import { makeDservice } from './dservice.js';

const logger = { warn: () => {} };

async function connected(api: Api) {
  const host = new MemoryHost();
  const dservice = makeDservice(host.runtime);
  const service = dservice('a@1.0.0', api, { logger });
  await service.start();
  const remote = await dservice({ logger }).connect('a@^1');
  return { host, dservice, service, remote };
}

const api = {
  shout: (s: string) => s.toUpperCase(),
  math: {
    add: (a: number, b: number) => a + b,
    deep: { negate: (n: number) => -n },
    call: () => 'called',
    name: () => 'named',
    pi: 3.14,
  },
  title: 'Greeter',
  tags: ['x', 'y'],
  settings: { loud: true, by: { n: 1 } },
  nothing: null,
  zero: 0,
};

test('functions at any depth, also those named as what functions have', async () => {
  const { remote } = await connected(api);
  expect(await remote.shout('hi')).toBe('HI');
  expect(await remote.math.add(1, 2)).toBe(3);
  expect(await remote.math.deep.negate(4)).toBe(-4);
  expect(await remote.math.call()).toBe('called');
  expect(await remote.math.name()).toBe('named');
  expect(await remote.shout.call(undefined, 'hi')).toBe('HI');
  expect(await remote.shout.apply(undefined, ['hi'])).toBe('HI');
});

test('data as it is', async () => {
  const { remote } = await connected(api);
  expect(remote.title).toBe('Greeter');
  expect(remote.tags).toEqual(['x', 'y']);
  expect(remote.settings).toEqual({ loud: true, by: { n: 1 } });
  expect(remote.nothing).toBeNull();
  expect(remote.zero).toBe(0);
  expect(remote.math.pi).toBe(3.14);
  expect('title' in remote).toBe(true);
  expect('subtitle' in remote).toBe(false);
});

test('data that contains itself', async () => {
  const circle: Record<string, unknown> = { n: 1 };
  circle.self = circle;

  const { remote } = await connected({ circle });
  expect(remote.circle).toMatchObject({ n: 1 });
  expect(remote.circle.self).toBe(remote.circle);
});

test('a function stays the same one, and good for the next instance', async () => {
  const { host, dservice, service, remote } = await connected(api);
  const { shout } = remote;
  expect(remote.shout).toBe(shout);
  await service.stop();
  await host.clock.advance(0);
  expect(remote.shout).toBe(shout);
  // Nobody is there to say that it is no function.
  expect(typeof remote.title).toBe('function');
  const call = shout('hi');
  await host.clock.advance(100);
  await dservice('a@1.1.0', { ...api, title: 'New' }, { logger }).start();
  expect(await call).toBe('HI');
  expect(remote.title).toBe('New');
});

test('it may be awaited, and passed by JSON', async () => {
  const { host, service, remote } = await connected({ ...api, then: () => 1, toJSON: () => 2 });
  for (let i = 0; i < 2; i++) {
    expect(await remote).toBe(remote);
    expect(await Promise.resolve({ remote })).toEqual({ remote });
    expect(remote.then).toBeUndefined();
    expect(remote.math.then).toBeUndefined();
    expect(JSON.stringify({ remote })).toBe('{"remote":{}}');
    await service.stop();
    await host.clock.advance(0);
  }
});

test('an unknown method is told at the call', async () => {
  const { remote } = await connected(api);
  for (const [call, method] of [
    [() => remote.whisper('hi'), 'whisper'],
    [() => remote.math.sub(1, 2), 'math.sub'],
    [() => remote.math(1), 'math'],
    [() => remote.shout.louder(1), 'shout.louder'],
    [() => remote.toString.x(), 'toString.x'],
    [() => remote.constructor(), 'constructor'],
    [() => remote.valueOf(), 'valueOf'],
  ] as const) {
    await expect(call()).rejects.toMatchObject({
      code: 'ERR_METHOD',
      message: `a@^1 (1.0.0) has no method "${method}"`,
      service: 'a@^1',
      method,
      mayHaveRun: false,
    });
  }
});

test('options() of a remote, of a group, of a function, and of a view', async () => {
  const { remote } = await connected(api);
  expect(await options(remote, { deadline: 500 }).math.deep.negate(1)).toBe(-1);
  expect(await options(remote.math, { deadline: 500 }).add(1, 2)).toBe(3);
  expect(await options(remote.shout, { deadline: 500 })('hi')).toBe('HI');
  const view = options(options(remote, { deadline: 500 }), { key: 'k' });
  expect(await view.math.add(1, 2)).toBe(3);
  expect(await view).toBe(view);
  expect(view.title).toBe('Greeter');
  expect(() => options(remote, { deadline: 0 })).toThrow(
    expect.objectContaining({ code: 'ERR_OPTION' }),
  );
});

test('callbacks of both styles, and functions of a remote as arguments', async () => {
  const { remote } = await connected({
    each: async (n: number, fn: (i: number) => unknown) => {
      for (let i = 0; i < n; i++) await fn(i);
    },
    add(a: number, b: number, cb?: (sum: number) => void) {
      cb?.(a + b);
    },
    shout: (s: string) => s.toUpperCase(),
    apply: (fn: (s: string) => unknown, s: string) => fn(s),
  });
  const got: number[] = [];
  await remote.each(3, (i: number) => got.push(i));
  expect(got).toEqual([0, 1, 2]);
  expect(await new Promise((resolve) => remote.add(1, 2, resolve))).toBe(3);
  expect(await remote.apply(remote.shout, 'hi')).toBe('HI');
});

test('an api made for each session', async () => {
  const { remote } = await connected(() => ({ one: () => 1 }));
  expect(await remote.one()).toBe(1);
});
