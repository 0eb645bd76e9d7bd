import { describe, expect, onTestFinished, test } from 'vitest';
import type { Discovery } from '../discovery/discovery.js';
import { mergeDiscoveries } from '../discovery/merge.js';
import { staticDiscovery } from '../discovery/static.js';
import { DserviceError } from '../errors.js';
import { contextOf } from '../protocol/context.js';
import { options } from '../protocol/options.js';
import { MemoryHost } from '../testing/memory-host.js';
import { codeOf, makeHost, silent, tally } from '../testing/fixtures/instances.js';

describe('connect waits', () => {
  test('for an instance that comes later', async () => {
    const { host, dservice, instance } = makeHost();
    const connecting = dservice().connect('a@^1');
    await host.clock.advance(5_000);
    const { service } = await instance('a@1.0.0');
    const remote = await connecting;
    expect(await remote.who()).toBe(service.id);
    expect(host.clock.now()).toBe(5_000);
  });

  test('and gives up: what was looked for, where, and what was seen instead', async () => {
    const { host, dservice, instance, make } = makeHost();
    await instance('a@2.0.0');
    make('a@1.0.0', {}, { logger: silent })
      .rely('x')
      .start()
      .catch(() => {});
    const connecting = dservice().connect('a@^1');
    connecting.catch(() => {});
    await host.clock.advance(10_000);
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_NO_INSTANCE',
      service: 'a@^1',
      mayHaveRun: false,
      message:
        'no instance of a@^1 within 10000 ms, by memory; seen instead: a@2.0.0 (up), a@1.0.0 (waiting)',
    });
    const other = dservice({ wait: 500 }).connect('b');
    other.catch(() => {});
    await host.clock.advance(500);
    await expect(other).rejects.toThrow(
      'no instance of b within 500 ms, by memory; none of that name was seen',
    );
  });

  test('and says that the discovery is degraded', async () => {
    const { host, dservice } = makeHost();
    const degraded = new DserviceError('ERR_DISCOVERY', 'no multicast');
    const discovery: Discovery = { ...host.discovery(), kind: 'mdns', degraded };
    const connecting = dservice({ discovery }).connect('a', { wait: 100 });
    connecting.catch(() => {});
    await host.clock.advance(100);
    await expect(connecting).rejects.toMatchObject({
      message: 'no instance of a within 100 ms, by mdns (no multicast); none of that name was seen',
      cause: degraded,
    });
  });

  test('and says which of several discoveries is', async () => {
    const { host, dservice, make } = makeHost();
    const degraded = new DserviceError('ERR_DISCOVERY', 'the rendezvous ws://x cannot be reached');
    const away: Discovery = { ...host.discovery(), kind: 'rendezvous', degraded };
    const discovery = mergeDiscoveries({
      discoveries: [host.discovery(), away],
      clock: host.clock,
    });
    const connecting = dservice({ discovery }).connect('a', { wait: 100 });
    connecting.catch(() => {});
    await host.clock.advance(100);
    await expect(connecting).rejects.toMatchObject({
      message: `no instance of a within 100 ms, by memory+rendezvous (${degraded.message}); none of that name was seen`,
      cause: degraded,
    });
    const relying = make('b', {}, { discovery, startTimeout: 100, logger: silent }).rely('a');
    const starting = relying.start();
    starting.catch(() => {});
    await host.clock.advance(100);
    await expect(starting).rejects.toMatchObject({
      code: 'ERR_DEPENDENCY',
      message: expect.stringContaining(degraded.message),
    });
  });

  test('for one that can be reached, trying those that are there once a second', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    host.kill(a.endpoint);
    const connecting = dservice().connect('a');
    await host.clock.advance(2_500);
    expect(host.dialled).toEqual([a.endpoint, a.endpoint, a.endpoint]);
    const b = await instance('a');
    const remote = await connecting;
    expect(await remote.who()).toBe(b.service.id);
  });

  test('and says why none could be reached', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a@1.0.0');
    host.kill(a.endpoint);
    const connecting = dservice().connect('a');
    connecting.catch(() => {});
    await host.clock.advance(10_000);
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      service: 'a',
      message:
        `a@1.0.0 (${a.service.id}) cannot be reached: ` +
        `${a.endpoint}: cannot connect to ${a.endpoint}: nobody listens there`,
    });
  });

  test('not for one that does not let us in', async () => {
    const { host, dservice, instance } = makeHost();
    await instance('a', { authenticate: (auth) => auth === 'key' });
    expect(await codeOf(dservice({ auth: 'no' }).connect('a'))).toBe('ERR_AUTH');
    expect(host.clock.now()).toBe(0);
    const remote = await dservice({ auth: 'key' }).connect('a');
    expect(await remote.version()).toBe('0.0.0');
  });

  test('until the caller is stopped', async () => {
    const { host, dservice } = makeHost();
    const caller = dservice();
    const connecting = caller.connect('a');
    connecting.catch(() => {});
    await host.clock.advance(10);
    await caller.stop();
    expect(await codeOf(connecting)).toBe('ERR_CLOSED');
    expect(host.clock.pending).toBe(0);
    expect(await codeOf(caller.connect('a'))).toBe('ERR_STATE');
  });

  test('even while it opens a connection', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    host.silence(a.endpoint);
    const caller = dservice();
    const connecting = caller.connect('a');
    connecting.catch(() => {});
    await host.clock.advance(10);
    await caller.stop();
    host.silence(a.endpoint, false);
    await host.clock.advance(20_000);
    expect(await codeOf(connecting)).toBe('ERR_CLOSED');
    expect(host.open()).toBe(0);
  });
});

test.each([
  ['A', 'ERR_NAME'],
  ['a@newest', 'ERR_RANGE'],
])('connect(%j): %s', async (query, code) => {
  const { dservice } = makeHost();
  expect(await codeOf(dservice().connect(query))).toBe(code);
});

describe('load', () => {
  test('is shared over all that satisfy the range', async () => {
    const { host, dservice, instance } = makeHost();
    const [a, b, c, old] = await Promise.all(
      ['a@1.0.0', 'a@1.1.0', 'a@1.2.0', 'a@0.9.0'].map((name) => instance(name)),
    );
    const remote = await dservice().connect('a@^1');
    await host.clock.advance(0);
    const found = await tally(300, () => remote.who());
    expect(new Set(found.keys())).toEqual(new Set([a, b, c].map((it) => it?.service.id)));
    for (const count of found.values()) expect(count).toBeGreaterThan(50);
    expect(old?.calls).toBe(0);
    // One connection to each, however many calls.
    expect(host.open()).toBe(3);
  });

  test('goes to who has less to do', async () => {
    const { host, dservice, instance } = makeHost();
    const [a, b] = [await instance('a'), await instance('a')];
    const remote = await dservice().connect('a');
    await host.clock.advance(0);
    const calls = Array.from({ length: 100 }, () => remote.wait());
    await host.clock.advance(0);
    expect([a.calls, b.calls]).toEqual([50, 50]);
    a.answer();
    b.answer();
    await Promise.all(calls);
  });

  test('follows the set: a new version in range joins, one that stops leaves', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a@1.0.0');
    const remote = await dservice().connect('a@^1');
    expect(await tally(20, () => remote.version())).toEqual(new Map([['1.0.0', 20]]));
    await instance('a@2.0.0');
    await instance('a@1.1.0');
    await host.clock.advance(0);
    expect((await tally(50, () => remote.version())).size).toBe(2);
    await a.service.stop();
    await host.clock.advance(0);
    expect(await tally(20, () => remote.version())).toEqual(new Map([['1.1.0', 20]]));
  });

  test("prefer: 'highest' narrows to the newest, as long as it is there", async () => {
    const { host, dservice, instance } = makeHost();
    await instance('a@1.2.0');
    const [b, c] = [await instance('a@1.10.0'), await instance('a@1.10.0')];
    const remote = await dservice({ prefer: 'highest' }).connect('a');
    await host.clock.advance(0);
    expect(await tally(20, () => remote.version())).toEqual(new Map([['1.10.0', 20]]));
    expect(b.calls + c.calls).toBe(0);
    expect((await tally(50, () => remote.who())).size).toBe(2);
    await b.service.stop();
    await c.service.stop();
    await host.clock.advance(0);
    expect(await remote.version()).toBe('1.2.0');
  });

  test("pick: 'round-robin' takes turns", async () => {
    const { host, dservice, instance } = makeHost();
    for (const name of ['a', 'a', 'a']) await instance(name);
    const remote = await dservice({ pick: 'round-robin' }).connect('a');
    await host.clock.advance(0);
    expect([...(await tally(30, () => remote.who())).values()]).toEqual([10, 10, 10]);
  });

  test('pick: a function of your own', async () => {
    const { host, dservice, instance } = makeHost();
    await instance('a@1.0.0');
    await instance('a@1.1.0');
    const remote = await dservice({
      pick: (candidates) => candidates.find(({ record }) => record.version === '1.0.0'),
    }).connect('a');
    await host.clock.advance(0);
    expect(await tally(20, () => remote.version())).toEqual(new Map([['1.0.0', 20]]));
  });

  test('a picker that throws is told to the caller', async () => {
    const { host, dservice, instance } = makeHost();
    await instance('a');
    let broken = false;
    const mine = new Error('mine');
    const remote = await dservice({
      pick(candidates) {
        if (broken) throw mine;
        return candidates[0];
      },
    }).connect('a');
    broken = true;
    await expect(remote.who()).rejects.toBe(mine);
    await expect(
      dservice({
        pick: () => {
          throw mine;
        },
      }).connect('a'),
    ).rejects.toBe(mine);
    expect(host.clock.pending).toBeGreaterThan(0);
  });

  test('goes to what each of several discoveries knows', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a@1.0.0');
    const { clock } = host;
    const endpoints = [a.endpoint];
    const discovery = [
      staticDiscovery({ clock, instances: [{ name: 'a', endpoints }] }),
      host.discovery(),
    ];
    const remote = await dservice({ discovery, pick: 'round-robin' }).connect('a');
    await host.clock.advance(0);
    await tally(4, () => remote.who());
    expect(host.open(a.endpoint)).toBe(2);
  });

  test('goes only to endpoints within reach', async () => {
    const { host, dservice } = makeHost();
    const { clock } = host;
    const discovery = staticDiscovery({
      clock,
      instances: [{ name: 'a', endpoints: ['tcp://192.0.2.1:80'] }],
    });
    const connecting = dservice({ discovery }).connect('a');
    connecting.catch(() => {});
    await clock.advance(10_000);
    await expect(connecting).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      message: expect.stringContaining('it has no endpoint within reach'),
    });
    expect(host.dialled).toEqual([]);
  });
});

describe('an instance that is gone', () => {
  test('calls not written go elsewhere by themselves', async () => {
    const { host, dservice, instance } = makeHost();
    const [a, b] = [await instance('a'), await instance('a')];
    const remote = await dservice({ pick: 'round-robin' }).connect('a');
    await host.clock.advance(0);
    await remote.who();
    await remote.who();
    // They leave at the end of the turn, and by then it is gone.
    host.kill(a.endpoint);
    const calls = [remote.who(), remote.who(), remote.who(), remote.who()];
    expect(await Promise.all(calls)).toEqual(Array(4).fill(b.service.id));
    expect(a.calls).toBe(1);
  });

  test('what may have run is told so, with the name of the service', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a@1.0.0');
    const remote = await dservice().connect('a@^1');
    const call = remote.wait();
    call.catch(() => {});
    await host.clock.advance(0);
    expect(a.calls).toBe(1);
    await instance('a@1.0.0');
    host.kill(a.endpoint);
    await expect(call).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      service: 'a@^1',
      method: 'wait',
      mayHaveRun: true,
    });
  });

  test('unless it is marked idempotent: then it is made again elsewhere', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    const call = options(remote, { idempotent: true }).wait();
    await host.clock.advance(0);
    const b = await instance('a');
    await host.clock.advance(0);
    host.kill(a.endpoint);
    await host.clock.advance(0);
    expect([a.calls, b.calls]).toEqual([1, 1]);
    b.answer();
    expect(await call).toBe(b.service.id);
  });

  test('and where it then finds nobody, it may have run all the same', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    const calls = [true, false].map((idempotent) => options(remote, { idempotent }).wait());
    for (const call of calls) call.catch(() => {});
    await host.clock.advance(0);
    host.kill(a.endpoint);
    // This one has only just begun, and is told of the same failure to connect.
    const late = remote.who();
    late.catch(() => {});
    await host.clock.advance(30_000);
    expect(a.calls).toBe(2);
    for (const call of calls) await expect(call).rejects.toMatchObject({ mayHaveRun: true });
    await expect(calls[0]).rejects.toMatchObject({ code: 'ERR_CONNECT' });
    await expect(late).rejects.toMatchObject({ code: 'ERR_CONNECT', mayHaveRun: false });
  });

  test('an idempotent call that ends every instance it meets is not made for ever', async () => {
    const { host, make, dservice } = makeHost();
    let calls = 0;
    const killer = make('a', {
      kill() {
        calls++;
        for (const session of sessions) session.close();
        return new Promise(() => {});
      },
    });
    const sessions: { close(): void }[] = [];
    killer.on('session', (session) => sessions.push(session));
    await killer.start();
    const remote = await dservice().connect('a');
    const call = options(remote, { idempotent: true }).kill();
    call.catch(() => {});
    await host.clock.advance(30_000);
    expect(await codeOf(call)).toBe('ERR_CONNECTION_LOST');
    expect(calls).toBe(4);
  });

  test('a connection that was lost is found again', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    host.cut(a.endpoint);
    await host.clock.advance(0);
    expect(await remote.who()).toBe(a.service.id);
    // Also for a call that was on its way to leave.
    host.cut(a.endpoint);
    expect(await remote.who()).toBe(a.service.id);
    expect(host.clock.now()).toBe(0);
  });

  test('calls wait for the next one', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    host.kill(a.endpoint);
    await a.service.stop(0);
    await host.clock.advance(0);
    const call = remote.who();
    await host.clock.advance(3_000);
    const b = await instance('a');
    expect(await call).toBe(b.service.id);
  });

  test('and say in the end that there is none', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a@1.0.0');
    const remote = await dservice().connect('a@^1', { wait: 2_000 });
    await a.service.stop();
    await host.clock.advance(0);
    const call = remote.who();
    call.catch(() => {});
    await host.clock.advance(2_000);
    await expect(call).rejects.toMatchObject({
      code: 'ERR_NO_INSTANCE',
      service: 'a@^1',
      mayHaveRun: false,
    });
  });

  test('while others are there, no call waits for it; it is asked for beside them', async () => {
    const { host, dservice, instance } = makeHost();
    const [a, b] = [await instance('a'), await instance('a')];
    const remote = await dservice({ pick: 'round-robin' }).connect('a');
    await host.clock.advance(0);
    await tally(4, () => remote.who());
    host.silence(a.endpoint);
    host.cut(a.endpoint);
    await host.clock.advance(0);
    // The first one finds out; it has to wait for as long as connecting may take.
    const first = [remote.who(), remote.who()];
    await host.clock.advance(5_000);
    expect(await Promise.all(first)).toEqual([b.service.id, b.service.id]);
    for (let at = 0; at < 20; at++) {
      expect(await remote.who()).toBe(b.service.id);
      await host.clock.advance(1_000);
    }
    host.silence(a.endpoint, false);
    await host.clock.advance(10_000);
    await remote.who();
    await host.clock.advance(0);
    expect((await tally(10, () => remote.who())).size).toBe(2);
  });

  test('a record that is lost ends nothing: the connection says who is alive', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const discovery = host.discovery();
    const lossy = new MemoryHost();
    const own = lossy.discovery();
    const announcement = own.announce(a.service.record);
    const remote = await dservice({ discovery: own }).connect('a');
    await announcement.withdraw();
    await host.clock.advance(0);
    expect(await remote.who()).toBe(a.service.id);
    host.kill(a.endpoint);
    await host.clock.advance(0);
    const call = remote.who();
    call.catch(() => {});
    await host.clock.advance(10_000);
    expect(await codeOf(call)).toBe('ERR_NO_INSTANCE');
    await discovery.close();
  });

  test('another error is the caller’s own', async () => {
    const { make, dservice } = makeHost();
    let calls = 0;
    const fail = () => {
      calls++;
      throw new RangeError('too far');
    };
    await make('a', { fail }, { logger: silent }).start();
    await make('a', { fail }, { logger: silent }).start();
    const remote = await dservice().connect('a');
    await expect(remote.fail()).rejects.toMatchObject({ name: 'RangeError', message: 'too far' });
    expect(calls).toBe(1);
  });
});

describe('time', () => {
  test('a call takes 30 s at most', async () => {
    const { host, dservice, instance } = makeHost();
    await instance('a');
    const remote = await dservice().connect('a');
    const call = remote.wait();
    call.catch(() => {});
    await host.clock.advance(30_000);
    await expect(call).rejects.toMatchObject({
      code: 'ERR_DEADLINE',
      service: 'a',
      method: 'wait',
      mayHaveRun: true,
    });
  });

  test.each(['service', 'connect', 'call'])('or what the %s says', async (where) => {
    const { host, dservice, instance } = makeHost();
    await instance('a');
    const deadline = 500;
    const remote = await dservice(where === 'service' ? { deadline } : {}).connect(
      'a',
      where === 'connect' ? { deadline } : {},
    );
    const call = (where === 'call' ? options(remote, { deadline }) : remote).wait();
    call.catch(() => {});
    await host.clock.advance(499);
    expect(await Promise.race([call, Promise.resolve('not yet')])).toBe('not yet');
    await host.clock.advance(1);
    expect(await codeOf(call)).toBe('ERR_DEADLINE');
  });

  test('a call may say more than its connect', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a', { deadline: 100 });
    const call = options(remote, { deadline: Infinity }).wait();
    await host.clock.advance(100_000);
    a.answer();
    expect(await call).toBe(a.service.id);
  });

  test('waiting for an instance counts', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    await a.service.stop();
    await host.clock.advance(0);
    const call = options(remote, { deadline: 700 }).who();
    call.catch(() => {});
    await host.clock.advance(700);
    await expect(call).rejects.toMatchObject({
      code: 'ERR_DEADLINE',
      service: 'a',
      method: 'who',
      mayHaveRun: false,
      message: expect.stringMatching(/^no instance took who in time: no instance of a within/),
    });
    // And what is left after the wait is the call's.
    const later = options(remote, { deadline: 700 }).wait();
    later.catch(() => {});
    await host.clock.advance(600);
    await instance('a');
    await host.clock.advance(99);
    expect(await Promise.race([later, Promise.resolve('not yet')])).toBe('not yet');
    await host.clock.advance(1);
    expect(await codeOf(later)).toBe('ERR_DEADLINE');
  });

  test('and so does connecting', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    host.silence(a.endpoint);
    host.cut(a.endpoint);
    await host.clock.advance(0);
    const call = options(remote, { deadline: 700 }).who();
    call.catch(() => {});
    await host.clock.advance(700);
    expect(await codeOf(call)).toBe('ERR_DEADLINE');
  });

  test('a signal ends the waiting too', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect('a');
    await a.service.stop();
    await host.clock.advance(0);
    const abort = new AbortController();
    const call = options(remote, { signal: abort.signal }).who();
    call.catch(() => {});
    await host.clock.advance(100);
    abort.abort(new Error('enough'));
    await expect(call).rejects.toMatchObject({
      code: 'ERR_CANCELLED',
      mayHaveRun: false,
      cause: expect.objectContaining({ message: 'enough' }),
    });
    expect(await codeOf(options(remote, { signal: abort.signal }).who())).toBe('ERR_CANCELLED');
  });
});

test('calls of a handler carry the services passed, and what is left of the time', async () => {
  const { host, make, dservice } = makeHost();
  const context = () => contextOf(host.runtime.scope);
  const seen: unknown[] = [];
  const look = () => {
    const { meta, deadline } = context();
    seen.push({ path: meta.path, deadline });
  };
  const make2 = (name: string, api: object) => make(name, api, { logger: silent });
  await make2('c', { look }).start();
  const b = make2('b', { ask: () => toC.look() });
  await b.start();
  const a = make2('a', { ask: () => toB.ask() });
  await a.start();
  const [toB, toC] = [await a.connect('b'), await b.connect('c')];
  const remote = await dservice().connect('a');
  await options(remote, { deadline: 800 }).ask();
  expect(seen).toEqual([{ path: ['a', 'b'], deadline: 800 }]);
  await remote.ask();
  expect(seen[1]).toEqual({ path: ['a', 'b'], deadline: undefined });
});

test('an outcome that nobody waits for ends nothing', async () => {
  const { host, dservice, instance } = makeHost();
  const told: unknown[] = [];
  const listen = (event: PromiseRejectionEvent) => told.push(event.reason);
  globalThis.addEventListener?.('unhandledrejection', listen);
  onTestFinished(() => globalThis.removeEventListener?.('unhandledrejection', listen));
  const a = await instance('a');
  const remote = await dservice().connect('a');
  void remote.nothing();
  void remote.wait();
  await host.clock.advance(0);
  host.kill(a.endpoint);
  await a.service.stop(0);
  await host.clock.advance(0);
  void remote.who();
  await host.clock.advance(60_000);
  expect(told).toEqual([]);
});
