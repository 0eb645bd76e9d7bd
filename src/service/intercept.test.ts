import { describe, expect, test } from 'vitest';
import type { CallInterceptor } from '../protocol/intercept.js';
import { options } from '../protocol/options.js';
import { codeOf, makeHost } from '../testing/fixtures/instances.js';
import { everyone } from './everyone.js';

// oxlint-disable-next-line no-explicit-any
type Loose = any;

/** Writes down what passes, under a name. */
function log(seen: string[], name: string): CallInterceptor {
  return (call, next) => {
    seen.push(`${name} ${call.service}.${call.method}`);
    return next();
  };
}

async function shop(serve: string[] = []) {
  const made = makeHost();
  const service = made.make(
    'shop@1.0.0',
    {
      say: (text: string) => text,
      user: () => ({ name: () => 'ann' }),
      give: () => () => 'given',
      hear: (cb: (text: string) => string) => cb('hi'),
    },
    {
      logger: { warn() {} },
      intercept: {
        serve: (call, next) => {
          serve.push(`${call.service}.${call.method ?? `(${call.name})`}`);
          return next();
        },
        call: (call, next) => {
          serve.push(`> ${call.method}`);
          return next();
        },
      },
    },
  );
  await service.start();
  return made;
}

describe('interceptors of services', () => {
  test('of the caller and of its remote, once for each call and what stands on it', async () => {
    const seen: string[] = [];
    const served: string[] = [];
    const { dservice } = await shop(served);
    const caller = dservice({ intercept: { call: [log(seen, 'a'), log(seen, 'b')] } });
    const remote: Loose = await caller.connect('shop', { intercept: { call: log(seen, 'c') } });
    expect(await remote.say(remote.user().name())).toBe('ann');
    expect(await (await remote.give())()).toBe('given');
    expect(await remote.hear((text: string) => `${text}!`)).toBe('hi!');
    expect(seen).toEqual([
      ...['a', 'b', 'c'].map((it) => `${it} shop.user`),
      ...['a', 'b', 'c'].map((it) => `${it} shop.user().name`),
      ...['a', 'b', 'c'].map((it) => `${it} shop.say`),
      ...['a', 'b', 'c'].map((it) => `${it} shop.give`),
      // What was handed over is no method of the service: its remote does not call it.
      ...['a', 'b'].map((it) => `${it} shop.callback`),
      ...['a', 'b', 'c'].map((it) => `${it} shop.hear`),
    ]);
    expect(served).toEqual([
      ...['shop.user', 'shop.(name)', 'shop.say', 'shop.give', 'shop.(callback)', 'shop.hear'],
      '> callback',
    ]);
  });

  test('stand around all attempts', async () => {
    const { instance, dservice } = makeHost();
    const all = [await instance('a@1.0.0'), await instance('a@1.0.0')];
    const seen: string[] = [];
    const caller = dservice({ intercept: { call: log(seen, 'a') } });
    const remote: Loose = await caller.connect('a');
    const call = options(remote, { idempotent: true }).wait();
    await expect.poll(() => all.reduce((sum, it) => sum + it.calls, 0)).toBe(1);
    const [first, second] = all[0]?.calls === 1 ? all : all.toReversed();
    await first?.service.stop(0);
    await expect.poll(() => second?.calls).toBe(1);
    second?.answer();
    expect(await call).toBe(second?.service.id);
    expect(seen).toEqual(['a a.wait']);
  });

  test('see the calls of dnodeFor and each of everyone', async () => {
    const { instance, dservice } = makeHost();
    await instance('a@1.0.0');
    await instance('a@1.0.0');
    const seen: string[] = [];
    const caller = dservice({ intercept: { call: log(seen, 'a') } });
    const remote = await caller.connect('a');
    expect(await everyone<{ who(): string }>(remote).who()).toHaveLength(2);
    const one = await new Promise<Loose>((resolve) =>
      caller.dnodeFor('a', (...[, found]) => resolve(found)),
    );
    await one.who();
    expect(seen).toEqual(['a a.who', 'a a.who', 'a a.who']);
  });

  test('are functions, or lists of them', async () => {
    const { dservice } = await shop();
    for (const intercept of [() => {}, { call: 5 }, { calls: () => {} }, { serve: [5] }]) {
      expect(() => dservice({ intercept: intercept as object })).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    }
    const serve = { intercept: { serve: () => {} } } as object;
    expect(await codeOf(dservice().connect('shop', serve))).toBe('ERR_OPTION');
  });
});
