import { describe, expect, test } from 'vitest';
import { MemoryHost } from '../testing/memory-host.js';
import { makeDservice } from './dservice.js';
import type { ServiceConnection } from './caller.js';
import type { Service } from './service.js';

const logger = { warn: () => {} };

async function makeHost() {
  const host = new MemoryHost();
  const dservice = makeDservice(host.runtime);
  const start = async () => {
    const service = dservice(
      'greeter@1.2.0',
      {
        shout: (s: string) => s.toUpperCase(),
        add(a: number, b: number, cb: (sum: number) => void) {
          cb(a + b);
        },
      },
      { logger },
    );
    await service.start();
    return service;
  };
  return { host, dservice, start, service: await start(), caller: dservice({ logger }) };
}

type Found = [
  error: unknown,
  remote: Record<string, (...args: unknown[]) => Promise<unknown>>,
  d: ServiceConnection,
];

const find = (caller: Service<object>, query: string): Promise<Found> =>
  new Promise((resolve) =>
    caller.dnodeFor(query, (error, remote, d) => resolve([error, remote, d] as unknown as Found)),
  );

test('hands over the remote and the connection of one instance, the error first', async () => {
  const { host, caller, service } = await makeHost();
  const [error, remote, d] = await find(caller, 'greeter@^1');
  expect(error).toBeNull();
  expect(d.instance).toEqual(service.record);
  expect(d.session.remote).toBe(remote);
  // Both styles.
  expect(await remote['shout']?.('hi')).toBe('HI');
  expect(await new Promise((resolve) => void remote['add']?.(1, 2, resolve))).toBe(3);
  d.end();
  await host.clock.advance(0);
  expect(host.open()).toBe(0);
});

test('never calls back at once', async () => {
  const { host, caller } = await makeHost();
  let called = false;
  caller.dnodeFor('greeter', () => (called = true));
  caller.dnodeFor('NOT A NAME', () => (called = true));
  expect(called).toBe(false);
  await host.clock.advance(0);
  expect(called).toBe(true);
});

test.each([
  ['GREETER', 'ERR_NAME'],
  ['greeter@new', 'ERR_RANGE'],
  ['other', 'ERR_NO_INSTANCE'],
  ['greeter@^2', 'ERR_NO_INSTANCE'],
])('of %s: %s, in the callback', async (query, code) => {
  const { host, caller } = await makeHost();
  const found = find(caller, query);
  await host.clock.advance(10_000);
  const [error, remote, d] = await found;
  expect(error).toMatchObject({ code });
  expect([remote, d]).toEqual([undefined, undefined]);
});

test('of a caller that was stopped', async () => {
  const { caller } = await makeHost();
  await caller.stop();
  expect((await find(caller, 'greeter'))[0]).toMatchObject({ code: 'ERR_STATE' });
});

describe('the connection', () => {
  test('is shared, and closes when the last one gives it back', async () => {
    const { host, caller } = await makeHost();
    const [[, , a], [, , b]] = await Promise.all([
      find(caller, 'greeter'),
      find(caller, 'greeter'),
    ]);
    expect(a.session).toBe(b.session);
    expect(host.open()).toBe(1);
    a.end();
    a.end();
    await host.clock.advance(0);
    expect(host.open()).toBe(1);
    b.end();
    await host.clock.advance(0);
    expect(host.open()).toBe(0);
  });

  test('does not go idle while somebody has it', async () => {
    const { host, caller } = await makeHost();
    await find(caller, 'greeter');
    await host.clock.advance(300_000);
    expect(host.open()).toBe(1);
  });

  test('stays for service remotes, and for callers of both kinds', async () => {
    const { host, caller } = await makeHost();
    const [, , d] = await find(caller, 'greeter');
    const remote = await caller.connect('greeter');
    expect(host.open()).toBe(1);
    d.end();
    expect(await remote.shout('hi')).toBe('HI');
    expect(host.open()).toBe(1);
  });

  test('tells of its end: given back, lost, or left by the service', async () => {
    const { host, caller, service, start } = await makeHost();
    const told: unknown[] = [];
    const watched = async () => {
      const [, , d] = await find(caller, 'greeter');
      d.on('end', (error) => told.push(error?.code));
      return d;
    };
    (await watched()).end();
    await host.clock.advance(0);
    await watched();
    await service.stop();
    await host.clock.advance(0);
    const other = await start();
    await watched();
    host.kill(String(other.endpoints[0]));
    await host.clock.advance(0);
    expect(told).toEqual([undefined, undefined, 'ERR_CONNECTION_LOST']);
    expect(host.open()).toBe(0);
  });

  test('that was lost and found again is the same, and one that has ended is made anew', async () => {
    const { host, caller, service } = await makeHost();
    const [, , first] = await find(caller, 'greeter');
    host.cut(String(service.endpoints[0]));
    expect(first.session.away).toBe(false);
    await host.clock.advance(0);
    const [, , second] = await find(caller, 'greeter');
    expect(second.session).toBe(first.session);
    first.session.close();
    await host.clock.advance(0);
    const [, remote, third] = await find(caller, 'greeter');
    // Late, and of a connection that is gone: it ends nothing.
    first.end();
    expect(await remote['shout']?.('hi')).toBe('HI');
    expect(third.session).not.toBe(first.session);
  });
});

test('what the callback throws is the program’s own', async () => {
  const { host, caller } = await makeHost();
  const thrown: unknown[] = [];
  const clock = Object.assign(Object.create(host.clock) as typeof host.clock, {
    now: () => host.clock.now(),
    after: host.clock.after.bind(host.clock),
    defer: (fn: () => void) =>
      queueMicrotask(() => {
        try {
          fn();
        } catch (error) {
          thrown.push(error);
        }
      }),
    random: () => host.clock.random(),
  });
  const mine = new Error('mine');
  let calls = 0;
  makeDservice({ ...host.runtime, clock })({ logger }).dnodeFor('greeter', () => {
    calls++;
    throw mine;
  });
  await host.clock.advance(0);
  expect(thrown).toEqual([mine]);
  expect(calls).toBe(1);
  await caller.stop();
});

/** Only a classic function declares that its callback answers. */
function callbackStyle(fn: (s: string, cb: (text: string) => void) => void) {
  return function (s: string, cb: (text: string) => void) {
    fn(s, cb);
  };
}

test('inside of a service, for what it relies on', async () => {
  const { dservice, caller } = await makeHost();
  const loud = dservice(
    'loud',
    {
      twice: callbackStyle((s, cb) => {
        loud.dnodeFor('greeter', (_error, remote, d) => {
          remote.shout(s, (text: string) => {
            cb(text + text);
            d?.end();
          });
        });
      }),
    },
    { logger },
  ).rely('greeter@^1');
  await loud.start();
  const remote = await caller.connect('loud');
  expect(await remote.twice('a')).toBe('AA');
});

test('one instance by its id, and no other', async () => {
  const { host, dservice, service, caller } = await makeHost();
  const other = dservice('greeter@1.2.0', { who: () => 'other' }, { logger });
  await other.start();
  for (const { id } of [service, other]) {
    const found: unknown = await new Promise((resolve) =>
      caller.dnodeFor('greeter', { instance: id }, (_error, _remote, d) => resolve(d?.instance.id)),
    );
    expect(found).toBe(id);
  }
  const remote = await caller.connect('greeter', { instance: other.id });
  expect(await remote.who()).toBe('other');
  await other.stop(0);
  const lost = remote.who();
  await host.clock.advance(30_000);
  await expect(lost).rejects.toMatchObject({ code: 'ERR_NO_INSTANCE' });
});
