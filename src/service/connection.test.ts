import { describe, expect, test } from 'vitest';
import { options } from '../protocol/options.js';
import { codeOf, makeHost, silent } from '../testing/fixtures/instances.js';

describe('connections', () => {
  test('are closed when they were idle for long, and made again', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    await remote.who();
    await host.clock.advance(59_000);
    expect(host.open()).toBe(1);
    await host.clock.advance(61_000);
    expect(host.open()).toBe(0);
    expect(await remote.who()).toBe(a.service.id);
  });

  test('are not idle while a call is out, or a function is held', async () => {
    const { host, make, dservice } = makeHost();
    let held: ((n: number) => void) | undefined;
    let answer = (): void => {};
    await make(
      'a',
      {
        hold: (fn: (n: number) => void) => void (held = fn),
        wait: () => new Promise<void>((resolve) => (answer = resolve)),
      },
      { callbacks: false },
    ).start();
    const remote = await dservice().connect('a');
    const call = options(remote, { deadline: Infinity }).wait();
    await host.clock.advance(200_000);
    expect(host.open()).toBe(1);
    answer();
    await call;
    const got: number[] = [];
    await remote.hold((n: number) => got.push(n));
    await host.clock.advance(200_000);
    held?.(7);
    await host.clock.advance(0);
    expect(got).toEqual([7]);
  });

  test('are given back when the remote is', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const caller = dservice();
    const [one, two] = [await caller.connect('a'), await caller.connect('a@*')];
    expect(host.open()).toBe(1);
    one[Symbol.dispose]();
    one[Symbol.dispose]();
    expect(await codeOf(one.who())).toBe('ERR_RELEASED');
    const call = two.wait();
    await host.clock.advance(0);
    two[Symbol.dispose]();
    await host.clock.advance(0);
    expect(host.open()).toBe(1);
    a.answer();
    expect(await call).toBe(a.service.id);
    await host.clock.advance(0);
    expect(host.open()).toBe(0);
  });

  test('end with the caller: what is out is told', async () => {
    const { host, dservice, instance } = makeHost();
    await instance('a');
    const caller = dservice();
    const remote = await caller.connect('a');
    const call = remote.wait();
    call.catch(() => {});
    await host.clock.advance(0);
    await caller.stop();
    await expect(call).rejects.toMatchObject({ code: 'ERR_CLOSED', mayHaveRun: true });
    expect(await codeOf(remote.who())).toBe('ERR_CLOSED');
    await host.clock.advance(2_000);
    expect(host.open()).toBe(0);
  });
});

describe('a service that stops', () => {
  test('fails no call that ends in time, and takes no new one', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a@1.0.0');
    const remote = await dservice().connect('a');
    const call = remote.wait();
    await host.clock.advance(0);
    const stopping = a.service.stop();
    // On their way when the goodbye is.
    const crossing = [remote.who(), remote.who()];
    await host.clock.advance(0);
    const b = await instance('a@1.1.0');
    await host.clock.advance(0);
    expect(await remote.who()).toBe(b.service.id);
    await host.clock.advance(9_000);
    a.answer();
    expect(await call).toBe(a.service.id);
    await stopping;
    for (const each of crossing) expect([a, b].map((it) => it.service.id)).toContain(await each);
    expect(host.open(a.endpoint)).toBe(0);
  });

  test.each(Array.from({ length: 40 }, (_, at) => at))(
    'at whatever moment of connecting and calling it is: step %i',
    async (step) => {
      const { host, dservice, instance } = makeHost();
      const a = await instance('a');
      const caller = dservice();
      const first = caller.connect('a').then((remote) => remote.who());
      first.catch(() => {});
      for (let at = 0; at < step; at++) await Promise.resolve();
      const stopping = a.service.stop();
      const b = await instance('a');
      expect([a.service.id, b.service.id]).toContain(await first);
      await stopping;
      // It took none of the time in which a plain peer would be waited for.
      expect(host.clock.now()).toBe(0);
    },
  );

  test.each(Array.from({ length: 40 }, (_, at) => at))(
    'also while a call connects by itself: step %i',
    async (step) => {
      const { host, dservice, instance } = makeHost();
      const a = await instance('a');
      const remote = await dservice().connect('a');
      host.cut(a.endpoint);
      await host.clock.advance(0);
      const call = remote.who();
      call.catch(() => {});
      for (let at = 0; at < step; at++) await Promise.resolve();
      const stopping = a.service.stop();
      const b = await instance('a');
      expect([a.service.id, b.service.id]).toContain(await call);
      await stopping;
      expect(host.clock.now()).toBe(0);
    },
  );

  test('waits 10 s for what does not end', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    const call = remote.wait();
    call.catch(() => {});
    await host.clock.advance(0);
    let stopped = false;
    const stopping = a.service.stop().then(() => (stopped = true));
    await host.clock.advance(9_999);
    expect(stopped).toBe(false);
    await host.clock.advance(1);
    await stopping;
    await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true });
  });

  test('a rolling replacement under load fails nothing', async () => {
    const { host, make, dservice } = makeHost();
    const start = async (version: string) => {
      const work = async (ms: number) => {
        await new Promise<void>((resolve) => host.clock.after(ms, resolve));
        return version;
      };
      const service = make(`a@${version}`, { work }, { logger: silent });
      await service.start();
      return service;
    };
    let olds = [await start('1.0.0'), await start('1.0.0'), await start('1.0.0')];
    const remote = await dservice().connect('a@^1');
    const outcomes: Promise<string>[] = [];
    let going = true;
    const load = (): void => {
      if (!going) return;
      for (let i = 0; i < 5; i++) outcomes.push(remote.work(host.clock.random() * 200));
      host.clock.after(7, load);
    };
    load();
    for (const version of ['1.1.0', '1.2.0']) {
      const news = [];
      for (const old of olds) {
        await host.clock.advance(150);
        news.push(await start(version));
        const stopping = old.stop();
        await host.clock.advance(250);
        await stopping;
      }
      olds = news;
    }
    going = false;
    await host.clock.advance(1_000);
    const found = await Promise.all(outcomes);
    expect(found.length).toBeGreaterThan(1_000);
    expect(new Set(found)).toEqual(new Set(['1.0.0', '1.1.0', '1.2.0']));
  });
});
