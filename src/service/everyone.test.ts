import { describe, expect, test } from 'vitest';
import { contextOf } from '../protocol/context.js';
import { type CallOptions, options } from '../protocol/options.js';
import { makeHost, silent } from '../testing/fixtures/instances.js';
import { sessionPair } from '../testing/fixtures/peer.js';
import type { Remote } from './remote.js';
import { everyone } from './everyone.js';

interface Api {
  who(): string;
  version(): string;
  wait(): Promise<string>;
  nothing(): void;
}

async function three() {
  const made = makeHost();
  const all = await Promise.all(['a@1.0.0', 'a@1.1.0', 'a@1.1.0'].map((it) => made.instance(it)));
  const remote = (await made.dservice().connect('a@^1')) as Remote<Api>;
  return { ...made, all, remote };
}

describe('everyone', () => {
  test('of a service: each instance once, and who it was', async () => {
    const { remote, all } = await three();
    const found = await everyone<Api>(remote).who();
    expect(found.map((it) => it.status === 'fulfilled' && [it.instance, it.value])).toEqual(
      expect.arrayContaining(all.map(({ service }) => [service.id, service.id])),
    );
    expect(found).toHaveLength(3);
    expect(all.map(({ calls }) => calls)).toEqual([1, 1, 1]);
  });

  test('options are those of a view, and those that are given, and are checked', async () => {
    const { host, make, dservice } = makeHost();
    const given = () => JSON.stringify(contextOf(host.runtime.scope).meta.given ?? null);
    await make('a@1.0.0', { given }, { logger: silent }).start();
    const remote = (await dservice().connect('a')) as Remote<{ given(): string }>;
    const view = options(remote, { meta: { tenant: 'acme', locale: 'en' } });
    const told = async (to: typeof remote, more?: CallOptions): Promise<unknown> =>
      (await everyone<{ given(): string }>(to, more).given())[0]?.value;
    expect(await told(view)).toBe('{"tenant":"acme","locale":"en"}');
    expect(await told(view, { meta: { locale: 'de' } })).toBe('{"tenant":"acme","locale":"de"}');
    expect(await told(remote)).toBe('null');
    for (const bad of [{ meta: { at: new Date() } }, { deadline: -1 }, { nonsense: 1 }]) {
      expect(() => everyone(remote, bad as object)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    }
  });

  test('outcomes come when they are there, and one that fails is one of them', async () => {
    const { remote, all } = await three();
    await everyone<Api>(remote).version();
    const outcomes = everyone<Api>(remote).wait()[Symbol.asyncIterator]();
    const first = outcomes.next();
    await expect.poll(() => all.map(({ calls }) => calls)).toEqual([1, 1, 1]);
    all[1]?.answer();
    expect((await first).value).toMatchObject({
      status: 'fulfilled',
      instance: all[1]?.service.id,
    });
    const second = outcomes.next();
    await all[0]?.service.stop(0);
    all[2]?.answer();
    const rest = [await second, await outcomes.next(), await outcomes.next()];
    expect(rest.map(({ done }) => done)).toEqual([false, false, true]);
    expect(rest.map(({ value }) => (value as { instance?: string } | undefined)?.instance)).toEqual(
      expect.arrayContaining([all[0]?.service.id, all[2]?.service.id]),
    );
  });

  test('what is not there is refused by each, and an unknown target at once', async () => {
    const { remote } = await three();
    const found = await everyone<{ no: { thing(): void } }>(remote as never, {
      deadline: 500,
    }).no.thing();
    expect(found).toHaveLength(3);
    expect(found).toMatchObject(
      Array.from({ length: 3 }, () => ({ status: 'rejected', reason: { code: 'ERR_METHOD' } })),
    );
    expect(() => everyone({} as never)).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
  });

  test('nobody there: the outcomes are rejected', async () => {
    const { remote, all, host } = await three();
    await Promise.all(all.map(({ service }) => service.stop()));
    const asked = everyone<Api>(remote)
      .who()
      .then(String, (error: { code: string }) => error.code);
    await host.clock.advance(10_000);
    expect(await asked).toBe('ERR_NO_INSTANCE');
  });

  test('of sessions: each of those that are given', async () => {
    const pairs = await Promise.all(
      [1, 2, 3].map((n) => sessionPair({ a: { api: { number: () => n } } })),
    );
    const found = await everyone<{ number(): number }>(pairs.map(({ b }) => b)).number();
    expect(found.map((it) => it.status === 'fulfilled' && it.value)).toEqual([1, 2, 3]);
    expect(found.map(({ session }) => session)).toEqual(pairs.map(({ b }) => b));
  });
});
