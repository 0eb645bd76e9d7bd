import { beforeEach, describe, expect, test } from 'vitest';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';
import { discoverySuite } from '../../src/testing/discovery-suite.js';
import { nodeClock } from '../clock.js';
import { foreign, onNet, types, watch, World } from './fixtures/hosts.js';
import { makeRecord } from './fixtures/record.js';
import { hostWith, Wire } from './fixtures/wire.js';
import { mdns } from './mdns.js';

// The whole adapter, on links in memory. First the suite, with real time.
describe('conformance', () => {
  discoverySuite({
    test,
    setup: () => {
      const wire = new Wire(nodeClock);
      const discoveries = [1, 2, 3].map(() =>
        mdns({
          reach: 'local',
          clock: nodeClock,
          open: wire.transport,
          networkInterfaces: () => hostWith(undefined),
        }),
      );
      const teardown = async () => {
        for (const discovery of discoveries) await discovery.close();
      };
      return Promise.resolve({ discoveries, teardown });
    },
  });
});

let clock: VirtualClock;
let world: World;
let net: Wire;

beforeEach(() => {
  world = new World();
  ({ clock, net } = world);
});

describe('two hosts', () => {
  test('who waits hears of it without any delay of ours, from one packet', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery, 'greeter');
    await clock.advance(5000);
    net.log.length = 0;
    const record = onNet();
    a.discovery.announce(record);
    await clock.advance(0);
    expect(events).toEqual([
      { type: 'up', record: { ...record, endpoints: ['tcp://10.0.0.1:4001'] } },
    ]);
    expect(net.log.length).toBe(1);
  });

  test('who comes later hears of it within the 120 ms of jitter, from one answer', async () => {
    const a = world.host('10.0.0.1');
    a.discovery.announce(onNet());
    await clock.advance(5000);
    net.log.length = 0;
    const b = world.host('10.0.0.2');
    const events = watch(b.discovery, 'greeter');
    await clock.advance(19);
    expect(events).toEqual([]);
    await clock.advance(101);
    expect(types(events)).toEqual(['up']);
    expect(net.log.map(({ message }) => message.response)).toEqual([false, true]);
  });

  test('who listened to the network all along knows at once', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    a.discovery.announce(onNet());
    await clock.advance(5000);
    const events = watch(b.discovery, 'greeter');
    await clock.advance(0);
    expect(types(events)).toEqual(['up']);
  });

  test('an update is told at once', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    const record = onNet({ state: 'waiting' });
    const announcement = a.discovery.announce(record);
    await clock.advance(10);
    announcement.update({ ...record, state: 'up' });
    await clock.advance(0);
    expect(events.map(({ type, record: { state } }) => `${type} ${state}`)).toEqual([
      'up waiting',
      'update up',
    ]);
  });

  test('an instance under another name is another one to others, and old names go', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    const record = onNet();
    const announcement = a.discovery.announce(record);
    await clock.advance(2000);
    announcement.update({ ...record, name: 'other' });
    await clock.advance(2000);
    expect(events.map(({ type, record: { name } }) => `${type} ${name}`)).toEqual([
      'up greeter',
      'down greeter',
      'up other',
    ]);
  });

  test('a host that vanishes is forgotten when its records expire', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(2000);
    net.fate = ({ from }) => (from.address === '10.0.0.1' ? [] : [0]);
    await clock.advance(115_000);
    expect(types(events)).toEqual(['up']);
    await clock.advance(10_000);
    expect(types(events)).toEqual(['up', 'down']);
  });

  test('one that stays is kept by asking for it, whatever the time', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(3 * 3_600_000);
    expect(types(events)).toEqual(['up']);
    // About one exchange in the 80 to 97 % of two minutes, and now and then one for what lives longer.
    const questions = net.log.filter(({ message }) => !message.response).length;
    expect(questions).toBeLessThan((3 * 3600) / 96 + 30);
  });

  test('a shorter ttl forgets sooner', async () => {
    const [a, b] = [world.host('10.0.0.1', { ttl: 3 }), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(2000);
    net.fate = () => [];
    await clock.advance(3001);
    expect(types(events)).toEqual(['up', 'down']);
  });

  test.each([0.1, 0.3, 0.4])('found and lost though %d of all packets are', async (loss) => {
    net.fate = () => (clock.random() < loss ? [] : [clock.random() * 20]);
    const hosts = [1, 2, 3, 4].map((i) => world.host(`10.0.0.${i}`));
    const events = hosts.map(({ discovery }) => watch(discovery, 'greeter'));
    const announcements = hosts.map(({ discovery }) => discovery.announce(onNet()));
    await clock.advance(70_000);
    for (const seen of events) expect(types(seen)).toEqual(['up', 'up', 'up', 'up']);
    await Promise.all(announcements.map((announcement) => announcement.withdraw()));
    await clock.advance(130_000);
    for (const seen of events) expect(types(seen).filter((type) => type === 'down').length).toBe(4);
  });

  test('packets twice, and late, change nothing', async () => {
    net.fate = () => [clock.random() * 5, 5 + clock.random() * 10];
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    const record = onNet({ state: 'waiting' });
    const announcement = a.discovery.announce(record);
    await clock.advance(5000);
    announcement.update({ ...record, state: 'up' });
    await clock.advance(5000);
    await announcement.withdraw();
    await clock.advance(5000);
    expect(types(events)).toEqual(['up', 'update', 'down']);
  });
});

describe('reach', () => {
  test('local is told on loopback alone, and only of loopback', async () => {
    const a = world.host(undefined);
    const b = world.host(undefined);
    const events = watch(b.discovery);
    a.discovery.announce(makeRecord({ endpoints: ['unix:/run/a.sock', 'tcp://0.0.0.0:4001'] }));
    await clock.advance(5000);
    expect(events[0]?.record.endpoints).toEqual(['unix:/run/a.sock', 'tcp://127.0.0.1:4001']);
    expect(net.log).toEqual([]);
  });

  test('what listens on loopback only is not told to the network', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(makeRecord({ endpoints: ['tcp://127.0.0.1:4001'] }));
    await clock.advance(5000);
    expect(events).toEqual([]);
    expect(net.log.filter(({ message }) => message.response)).toEqual([]);
  });

  test('no packet names an address that is not of its link', async () => {
    const a = world.host('10.0.0.1');
    watch(a.discovery);
    a.discovery.announce(onNet());
    await clock.advance(5000);
    const addresses = net.log.flatMap(({ message }) =>
      [...message.answers, ...message.additionals].flatMap((rr) =>
        rr.type === 'A' ? rr.data : [],
      ),
    );
    expect(new Set(addresses)).toEqual(new Set(['10.0.0.1']));
  });

  test('our own has the endpoints that others use, of all links', async () => {
    const a = world.host('10.0.0.1');
    const events = watch(a.discovery);
    a.discovery.announce(onNet());
    await clock.advance(5000);
    expect(events.map(({ record }) => record.endpoints)).toEqual([
      ['tcp://127.0.0.1:4001', 'tcp://10.0.0.1:4001'],
    ]);
  });

  test('packets from off the link are ignored', async () => {
    const b = world.host('10.0.0.2');
    const events = watch(b.discovery);
    await clock.advance(10);
    for (const address of ['10.0.1.66', '127.0.0.1', '8.8.8.8']) {
      net.inject(foreign('far', { address: '10.0.0.66' }), { address, port: 5353 });
      await clock.advance(10);
    }
    expect(events).toEqual([]);
    net.inject(foreign('near', { address: '10.0.0.66' }), { address: '10.0.0.66', port: 5353 });
    await clock.advance(10);
    expect(events.map(({ record }) => record.name)).toEqual(['near']);
  });

  test('answers from another port are ignored', async () => {
    const b = world.host('10.0.0.2');
    const events = watch(b.discovery);
    await clock.advance(10);
    net.inject(foreign('x', { address: '10.0.0.66' }), { address: '10.0.0.66', port: 40000 });
    await clock.advance(10);
    expect(events).toEqual([]);
  });
});

test('interfaces that cannot be read stay as they were, and end nothing', async () => {
  const world = new World();
  let broken = false;
  const networkInterfaces = () => {
    if (broken) throw new Error('EMFILE');
    return hostWith('192.168.1.7');
  };
  const { discovery } = world.host('192.168.1.7', { networkInterfaces });
  const events = watch(world.host('192.168.1.8').discovery, 'a');
  broken = true;
  await world.clock.advance(60_000);
  discovery.announce(onNet({ name: 'a' }));
  await world.clock.advance(2_000);
  expect(types(events)).toEqual(['up']);
  expect(discovery.degraded).toBeUndefined();
});

test('closed, it has said goodbye, and waits for nothing', async () => {
  const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
  const events = watch(b.discovery);
  a.discovery.announce(onNet());
  await clock.advance(100);
  await a.discovery.close();
  await clock.advance(0);
  expect(types(events)).toEqual(['up', 'down']);
  await b.discovery.close();
  await clock.advance(60_000);
  expect(clock.pending).toBe(0);
  expect(net.open + world.lo.open).toBe(0);
});

test('what cannot be announced is refused', () => {
  const { discovery } = world.host(undefined);
  const code = (value: string): unknown => expect.objectContaining({ code: value });
  expect(() => discovery.announce(makeRecord({ name: 'Not a name' }))).toThrow(code('ERR_NAME'));
  expect(() => discovery.announce(makeRecord({ id: 'x' }))).toThrow(code('ERR_OPTION'));
  const announcement = discovery.announce(makeRecord());
  expect(() => announcement.update(makeRecord())).toThrow(code('ERR_OPTION'));
  expect(() => mdns({ reach: 'world' as 'lan', clock })).toThrow(code('ERR_OPTION'));
  expect(() => mdns({ reach: 'local', clock, ttl: 0 })).toThrow(code('ERR_OPTION'));
});
