import { describe, expect, test } from 'vitest';
import { options } from '../protocol/options.js';
import type { InstanceRecord } from '../discovery/record.js';
import { staticDiscovery } from '../discovery/static.js';
import { codeOf, makeHost, silent, tally } from '../testing/fixtures/instances.js';

describe('connections', () => {
  test('an instance that says nothing is waited for as long as was said, and no longer', async () => {
    const { host, dservice, instance } = makeHost();
    const { endpoint } = await instance('a@1.0.0');
    host.silence(endpoint);
    const found = dservice().connect('a', { wait: 1_500 });
    await host.clock.advance(1_499);
    const early = Promise.resolve('early');
    expect(await Promise.race([codeOf(found), early])).toBe('early');
    await host.clock.advance(1);
    await expect(found).rejects.toMatchObject({
      ...{ code: 'ERR_CONNECT', mayHaveRun: false },
      message: expect.stringContaining('a@1.0.0'),
    });
  });

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

describe('a record that is wrong: the instance is not called', () => {
  /** A record of an instance at an address where somebody else is, beside a right one. */
  async function lying(record: Partial<InstanceRecord>) {
    const made = makeHost();
    const a = await made.instance('a@1.0.0');
    const wrong: InstanceRecord = {
      ...{ id: 'f'.repeat(16), name: 'a', version: '1.0.0', endpoints: [a.endpoint] },
      ...{ state: 'up', relies: [], ...record },
    };
    made.host.discovery().announce(wrong);
    return { ...made, a, wrong };
  }

  test('where another instance answers, and the right one is called', async () => {
    const { dservice, a } = await lying({});
    const remote = await dservice().connect('a');
    expect(await tally(50, () => remote.who())).toEqual(new Map([[a.service.id, 50]]));
  });

  test('where another service answers', async () => {
    const { host, dservice, a } = await lying({ name: 'b' });
    const connecting = dservice({ wait: 100 }).connect('b');
    connecting.catch(() => {});
    await host.clock.advance(100);
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      mayHaveRun: false,
      message: expect.stringContaining(`a@1.0.0 (${a.service.id}) answers there`),
    });
    expect(a.calls).toBe(0);
  });

  test('where it is of another version', async () => {
    const made = makeHost();
    const a = await made.instance('a@1.0.0');
    made.host.discovery().announce({ ...a.service.record, version: '2.0.0' });
    const connecting = made.dservice({ wait: 100 }).connect('a@^2');
    connecting.catch(() => {});
    await made.host.clock.advance(100);
    expect(await codeOf(connecting)).toBe('ERR_CONNECT');
  });

  test('where a hundred are said to be at one address', async () => {
    const { host, dservice, a, wrong } = await lying({});
    for (let i = 0; i < 100; i++) {
      host.discovery().announce({ ...wrong, id: i.toString(16).padStart(16, '0') });
    }
    const remote = await dservice().connect('a');
    expect(await tally(200, () => remote.who())).toEqual(new Map([[a.service.id, 200]]));
  });

  test('where it is the address of who calls', async () => {
    const { host, make, instance } = makeHost();
    const own = make('b', {}, { logger: silent });
    await own.start();
    await instance('a');
    const endpoints = own.endpoints;
    host.discovery().announce({
      ...{ id: '0'.repeat(16), name: 'a', version: '0.0.0', endpoints, state: 'up', relies: [] },
    });
    const remote = await own.connect('a');
    expect([...(await tally(20, () => remote.who())).values()]).toEqual([20]);
  });

  test('but a list that somebody wrote may know neither its id nor its version', async () => {
    const { dservice, instance } = makeHost();
    const a = await instance('a@1.4.0');
    const discovery = staticDiscovery({ instances: [{ name: 'a', endpoints: [a.endpoint] }] });
    const remote = await dservice({ discovery }).connect('a');
    expect(await remote.who()).toBe(a.service.id);
  });
});
