import { beforeEach, describe, expect, test } from 'vitest';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';
import { onNet, types, watch, World } from './fixtures/hosts.js';
import { hostWith, type Wire } from './fixtures/wire.js';

let clock: VirtualClock;
let world: World;
let net: Wire;

beforeEach(() => {
  world = new World();
  ({ clock, net } = world);
});

describe('interfaces', () => {
  test('one that goes takes with it what was heard there; when it returns, all is told anew', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    const theirs = watch(a.discovery);
    a.discovery.announce(onNet());
    b.discovery.announce(onNet({ name: 'other' }));
    await clock.advance(3000);
    b.interfaces = hostWith(undefined);
    await clock.advance(2000);
    expect(b.discovery.degraded).toMatchObject({ code: 'ERR_DISCOVERY' });
    expect(events.map(({ type, record }) => `${type} ${record.name}`)).toEqual([
      'up other',
      'up greeter',
      'down greeter',
      'update other',
    ]);
    expect(net.open).toBe(1);
    b.interfaces = hostWith('10.0.0.7');
    await clock.advance(2200);
    expect(b.discovery.degraded).toBeUndefined();
    expect(events.at(-1)).toMatchObject({ type: 'up', record: { name: 'greeter' } });
    expect(theirs.at(-1)?.record.endpoints).toContain('tcp://10.0.0.7:4001');
    expect(net.open).toBe(2);
  });

  test('one that was made anew within a look gets a new socket', async () => {
    const a = world.host('10.0.0.1');
    await clock.advance(3000);
    const [eth] = a.interfaces['eth0'] ?? [];
    if (eth === undefined) throw new Error('unreachable');
    a.interfaces = { ...a.interfaces, eth0: [{ ...eth, mac: '02:00:00:00:00:ff' }] };
    const b = world.host('10.0.0.2');
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(2000);
    expect(types(events)).toEqual(['up']);
    expect(net.open).toBe(2);
  });

  test('another address is told without closing the socket', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(3000);
    const eth = a.interfaces['eth0'] ?? [];
    const [first] = eth;
    if (first === undefined) throw new Error('unreachable');
    const second = { ...first, address: '10.0.0.9', cidr: '10.0.0.9/24' };
    a.interfaces = { ...a.interfaces, eth0: [first, second] };
    await clock.advance(2000);
    expect(types(events)).toEqual(['up', 'update']);
    expect(events.at(-1)?.record.endpoints).toEqual(['tcp://10.0.0.1:4001', 'tcp://10.0.0.9:4001']);
  });

  test('where sending fails it is degraded, says why, keeps trying, and recovers', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    await clock.advance(1000);
    const reasons: (string | undefined)[] = [];
    a.discovery.onDegraded((reason) => reasons.push(reason?.message));
    net.broken = Object.assign(new Error('send ENETUNREACH 224.0.0.251:5353'), {
      code: 'ENETUNREACH',
    });
    a.discovery.announce(onNet());
    await clock.advance(100);
    expect(a.discovery.degraded).toMatchObject({ code: 'ERR_DISCOVERY', cause: net.broken });
    expect(events).toEqual([]);
    await clock.advance(5000);
    expect(events).toEqual([]);
    net.broken = undefined;
    await clock.advance(2000);
    expect(types(events)).toEqual(['up']);
    expect(a.discovery.degraded).toBeUndefined();
    expect(reasons.at(0)).toContain('ENETUNREACH');
    expect(reasons.at(-1)).toBeUndefined();
  });

  test('without any interface it hears its own, and works when one comes', async () => {
    const a = world.host('10.0.0.1');
    const b = world.host('10.0.0.2');
    b.interfaces = {};
    await clock.advance(2000);
    expect(b.discovery.degraded).toMatchObject({ code: 'ERR_DISCOVERY' });
    const events = watch(b.discovery);
    b.discovery.announce(onNet({ name: 'own' }));
    a.discovery.announce(onNet());
    await clock.advance(3000);
    expect(events.map(({ record }) => record.name)).toEqual(['own']);
    b.interfaces = hostWith('10.0.0.2');
    await clock.advance(2200);
    expect(new Set(events.map(({ record }) => record.name))).toEqual(new Set(['own', 'greeter']));
  });

  test('two of one host on one wire do not contradict each other', async () => {
    const a = world.host('10.0.0.1');
    const eth = a.interfaces['eth0'] ?? [];
    const [first] = eth;
    if (first === undefined) throw new Error('unreachable');
    const second = { ...first, address: '10.0.0.5', cidr: '10.0.0.5/24', mac: '02:00:00:00:00:05' };
    a.interfaces = { ...a.interfaces, eth1: [second] };
    await clock.advance(2000);
    a.discovery.announce(onNet());
    await clock.advance(3000);
    net.log.length = 0;
    await clock.advance(30_000);
    expect(net.log).toEqual([]);
  });
});

test('a failure that lasts is told once', async () => {
  const a = world.host('10.0.0.1');
  await clock.advance(100);
  const reasons: unknown[] = [];
  a.discovery.onDegraded((reason) => reasons.push(reason?.message));
  net.broken = new Error('send ENETUNREACH');
  a.discovery.announce(onNet());
  await clock.advance(60_000);
  expect(reasons.length).toBe(1);
  net.broken = undefined;
  await clock.advance(3000);
  expect(reasons.length).toBe(2);
});
