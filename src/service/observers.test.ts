import { describe, expect, test } from 'vitest';
import { options } from '../protocol/options.js';
import { codeOf, makeHost, silent } from '../testing/fixtures/instances.js';
import type { Observer } from './observer.js';

const api = { shout: (s: string) => s.toUpperCase() };

const never = (): Promise<never> => new Promise(() => {});

describe('an observer that misbehaves', () => {
  const fail = (): never => {
    throw new Error('observer');
  };
  const wrong: [string, Observer][] = [
    [
      'throws at everything',
      { 'call:start': fail, 'call:end': fail, 'serve:start': fail, around: fail },
    ],
    ['does not run the handler', { around: () => {} }],
    ['runs it twice', { around: (_, handler) => [handler(), handler()] }],
    ['throws when it has run', { around: (_, handler) => [handler(), fail()] }],
    [
      'puts nonsense in place of the trace',
      { 'call:start': (call) => void (call.trace = { traceparent: 'x' }) },
    ],
  ];

  test.each(wrong)('that %s harms no call', async (_, observe) => {
    const { make } = makeHost();
    let runs = 0;
    const lines: string[] = [];
    const logger = { warn: (line: string) => void lines.push(line) };
    const count = (): number => ++runs;
    await make('a', { count }, { logger, observe }).start();
    const remote = await make({ logger, observe: [observe, observe] }).connect('a');
    for (const n of [1, 2, 3]) expect(await remote.count()).toBe(n);
    // One line for each service, not one for each call.
    expect(lines.length).toBeLessThanOrEqual(2);
    for (const line of lines) expect(line).toMatch(/an observer failed: observer$/);
  });
});

test('a handler that throws what cannot be looked at fails its call, and nothing else', async () => {
  const { make } = makeHost();
  const bad = (): never => {
    const get = (): never => {
      throw new Error('do not look');
    };
    throw Object.defineProperty(new Error('bad'), 'code', { get, enumerable: true });
  };
  const types: unknown[] = [];
  const observe: Observer = {
    'serve:end': ({ attributes }) => void types.push(attributes['error.type']),
  };
  await make('a', { bad }, { logger: silent, observe }).start();
  const remote = await make({ logger: silent }).connect('a');
  await expect(remote.bad()).rejects.toThrow('do not look');
  expect(types).toEqual(['object']);
});

test('several are told in the order they were given, and run a handler within each other', async () => {
  const { make } = makeHost();
  const told: string[] = [];
  const observer = (name: string): Observer => ({
    'serve:start': () => void told.push(`${name} start`),
    around(_, handler) {
      told.push(`${name} in`);
      handler();
      told.push(`${name} out`);
    },
  });
  const observe = [observer('first'), observer('second')];
  await make('a', { f: () => void told.push('handler') }, { logger: silent, observe }).start();
  await (await make({ logger: silent }).connect('a')).f();
  expect(told).toEqual([
    ...['first start', 'second start'],
    ...['first in', 'second in', 'handler', 'second out', 'first out'],
  ]);
});

test('a listener is told until it is removed', async () => {
  const { make } = makeHost();
  await make('a', api, { logger: silent }).start();
  const caller = make({ logger: silent });
  const told: string[] = [];
  const stop = caller.on('call:end', ({ method, attributes }) => {
    told.push(`${method} ${String(attributes['rpc.method'])}`);
  });
  const remote = await caller.connect('a');
  await remote.shout('x');
  expect(await codeOf(remote.whisper())).toBe('ERR_METHOD');
  stop();
  await remote.shout('x');
  expect(told).toEqual(['shout a/shout', 'whisper a/whisper']);
});

test('callbacks are calls as well, of nobody with a name', async () => {
  const { make } = makeHost();
  const told: unknown[] = [];
  const s = make('a', { each: (cb: () => unknown) => cb() }, { logger: silent });
  s.on('call:end', ({ service, method }) => void told.push({ call: method, service }));
  await s.start();
  const caller = make({ logger: silent });
  caller.on('serve:end', ({ service, method }) => void told.push({ served: method, service }));
  await (await caller.connect('a')).each(() => {});
  expect(told).toEqual([
    { served: 'callback', service: undefined },
    { call: 'callback', service: undefined },
  ]);
});

test('an instance that rests, is tried and is back', async () => {
  const { host, make } = makeHost();
  let frozen = true;
  const act = (i: number) => () => (i === 0 && frozen ? never() : i);
  const ids: string[] = [];
  for (const i of [0, 1]) {
    const s = make('a@1.0.0', { do: act(i) }, { logger: silent });
    ids.push(s.id);
    await s.start();
  }
  const caller = make({ logger: silent });
  const told: unknown[] = [];
  for (const name of ['instance:ejected', 'instance:trial', 'instance:returned'] as const) {
    caller.on(name, ({ attributes, reason, rest }) => {
      told.push([
        `${name} ${ids.indexOf(String(attributes['dservice.instance.id']))}`,
        { reason, rest },
      ]);
    });
  }
  const remote = options(await caller.connect('a'), { deadline: 100 });
  const burst = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const call = codeOf(remote.do());
      await host.clock.advance(100);
      await call;
    }
  };
  await burst(40);
  frozen = false;
  await host.clock.advance(5_000);
  await burst(10);
  expect(told).toEqual([
    ['instance:ejected 0', { reason: 'failures', rest: 5_000 }],
    ['instance:trial 0', {}],
    ['instance:returned 0', {}],
  ]);
});

test('a second attempt beside the first is told; the one that answered has served', async () => {
  const { host, make } = makeHost();
  const ids: string[] = [];
  for (const i of [0, 1]) {
    const wait = (): Promise<number> =>
      new Promise((resolve) => host.clock.after(i === 0 ? 100 : 1_000, () => resolve(i)));
    const s = make('a@1.0.0', { wait }, { logger: silent });
    ids.push(s.id);
    await s.start();
  }
  const caller = make({
    logger: silent,
    hedge: 50,
    pick: (all) => all.find(({ record }) => record.id === ids[0]) ?? all[0]!,
  });
  const told: unknown[] = [];
  caller.on(
    'call:retry',
    ({ attributes, error }) =>
      void told.push([ids.indexOf(String(attributes['dservice.instance.id'])), error]),
  );
  caller.on(
    'call:end',
    ({ attributes, attempts, duration }) =>
      void told.push([ids.indexOf(String(attributes['dservice.instance.id'])), attempts, duration]),
  );
  const remote = options(await caller.connect('a'), { idempotent: true });
  const call = remote.wait();
  await host.clock.advance(200);
  expect(await call).toBe(0);
  expect(told).toEqual([
    [0, undefined],
    [0, 2, 100],
  ]);
});
