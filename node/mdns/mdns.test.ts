import { beforeEach, describe, expect, test } from 'vitest';
import type { Discovery, DiscoveryEvent } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { discoverySuite } from '../../src/testing/discovery-suite.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { nodeClock } from '../clock.js';
import { makeRecord } from './fixtures.js';
import type { OsInterfaces } from './interfaces.js';
import { makeMessage, type Rr } from './message.js';
import { hostName, instanceName, serviceType, subtypeName } from './names.js';
import { mdns, type MdnsOptions } from './mdns.js';
import { hostWith, Wire } from './wire.js';

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
/** The loopback of one machine, and the network. */
let lo: Wire;
let net: Wire;

beforeEach(() => {
  clock = new VirtualClock();
  lo = new Wire(clock);
  net = new Wire(clock);
});

interface Host {
  readonly discovery: Discovery;
  interfaces: OsInterfaces;
}

/** A host on the network, with a loopback of its own unless it is `local`. */
function makeHost(address: string | undefined, options: Partial<MdnsOptions> = {}): Host {
  const ownLo = address === undefined ? lo : new Wire(clock);
  const host: { interfaces: OsInterfaces } = { interfaces: hostWith(address) };
  const discovery = mdns({
    reach: address === undefined ? 'local' : 'lan',
    clock,
    networkInterfaces: () => host.interfaces,
    open: (iface, port, handlers) =>
      (iface.loopback ? ownLo : net).transport(iface, port, handlers),
    ...options,
  });
  return Object.assign(host, { discovery });
}

function watch(discovery: Discovery, name?: string): DiscoveryEvent[] {
  const events: DiscoveryEvent[] = [];
  discovery.browse(name, (event) => events.push(event));
  return events;
}

const types = (events: readonly DiscoveryEvent[]) => events.map(({ type }) => type);
const onNet = (part: Partial<InstanceRecord> = {}) =>
  makeRecord({ endpoints: ['tcp://0.0.0.0:4001'], ...part });

describe('two hosts', () => {
  test('who waits hears of it without any delay of ours, from one packet', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
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
    const a = makeHost('10.0.0.1');
    a.discovery.announce(onNet());
    await clock.advance(5000);
    net.log.length = 0;
    const b = makeHost('10.0.0.2');
    const events = watch(b.discovery, 'greeter');
    await clock.advance(19);
    expect(events).toEqual([]);
    await clock.advance(101);
    expect(types(events)).toEqual(['up']);
    expect(net.log.map(({ message }) => message.response)).toEqual([false, true]);
  });

  test('who listened to the network all along knows at once', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
    a.discovery.announce(onNet());
    await clock.advance(5000);
    const events = watch(b.discovery, 'greeter');
    await clock.advance(0);
    expect(types(events)).toEqual(['up']);
  });

  test('an update is told at once', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
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
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
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
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
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
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(3 * 3_600_000);
    expect(types(events)).toEqual(['up']);
    // About one exchange in the 80 to 97 % of two minutes, and now and then one for what lives longer.
    const questions = net.log.filter(({ message }) => !message.response).length;
    expect(questions).toBeLessThan((3 * 3600) / 96 + 30);
  });

  test('a shorter ttl forgets sooner', async () => {
    const [a, b] = [makeHost('10.0.0.1', { ttl: 3 }), makeHost('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(2000);
    net.fate = () => [];
    await clock.advance(3001);
    expect(types(events)).toEqual(['up', 'down']);
  });

  test.each([0.1, 0.3, 0.4])('found and lost though %d of all packets are', async (loss) => {
    net.fate = () => (clock.random() < loss ? [] : [clock.random() * 20]);
    const hosts = [1, 2, 3, 4].map((i) => makeHost(`10.0.0.${i}`));
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
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
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
    const a = makeHost(undefined);
    const b = makeHost(undefined);
    const events = watch(b.discovery);
    a.discovery.announce(makeRecord({ endpoints: ['unix:/run/a.sock', 'tcp://0.0.0.0:4001'] }));
    await clock.advance(5000);
    expect(events[0]?.record.endpoints).toEqual(['unix:/run/a.sock', 'tcp://127.0.0.1:4001']);
    expect(net.log).toEqual([]);
  });

  test('what listens on loopback only is not told to the network', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
    const events = watch(b.discovery);
    a.discovery.announce(makeRecord({ endpoints: ['tcp://127.0.0.1:4001'] }));
    await clock.advance(5000);
    expect(events).toEqual([]);
    expect(net.log.filter(({ message }) => message.response)).toEqual([]);
  });

  test('no packet names an address that is not of its link', async () => {
    const a = makeHost('10.0.0.1');
    watch(a.discovery);
    a.discovery.announce(onNet());
    await clock.advance(5000);
    const addresses = net.log.flatMap(({ message }) =>
      [...message.answers, ...message.additionals].flatMap((rr) => (rr.type === 'A' ? rr.data : [])),
    );
    expect(new Set(addresses)).toEqual(new Set(['10.0.0.1']));
  });

  test('our own has the endpoints that others use, of all links', async () => {
    const a = makeHost('10.0.0.1');
    const events = watch(a.discovery);
    a.discovery.announce(onNet());
    await clock.advance(5000);
    expect(events.map(({ record }) => record.endpoints)).toEqual([
      ['tcp://127.0.0.1:4001', 'tcp://10.0.0.1:4001'],
    ]);
  });

  test('packets from off the link are ignored', async () => {
    const b = makeHost('10.0.0.2');
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
    const b = makeHost('10.0.0.2');
    const events = watch(b.discovery);
    await clock.advance(10);
    net.inject(foreign('x', { address: '10.0.0.66' }), { address: '10.0.0.66', port: 40000 });
    await clock.advance(10);
    expect(events).toEqual([]);
  });
});

interface Foreign {
  readonly address?: string;
  readonly port?: number;
  readonly only?: readonly Rr['type'][];
}

/** What another stack would announce: no subtype, and no key but the name. */
function foreign(name: string, { address = '10.0.0.66', port = 80, only }: Foreign = {}) {
  const instance = `Their ${name}.${serviceType}`;
  const base = { ttl: 120, flush: true };
  const rrs: Rr[] = [
    { name: serviceType, type: 'PTR', ttl: 4500, flush: false, data: instance },
    {
      ...base,
      name: instance,
      type: 'SRV',
      data: { priority: 0, weight: 0, port, target: 'theirs.local' },
    },
    { ...base, name: instance, type: 'TXT', data: [Buffer.from(`n=${name}`)] },
    { ...base, name: 'theirs.local', type: 'A', data: address },
  ];
  const answers = rrs.filter((rr) => only === undefined || only.includes(rr.type));
  return makeMessage({ response: true, answers });
}

describe('other stacks', () => {
  const them = { address: '10.0.0.66', port: 5353 };

  test('their instances have an id of their name, and what is missing by default', async () => {
    const b = makeHost('10.0.0.2');
    const events = watch(b.discovery, 'theirs');
    await clock.advance(10);
    net.inject(foreign('theirs'), them);
    await clock.advance(10);
    expect(events).toEqual([
      {
        type: 'up',
        record: {
          id: expect.stringMatching(/^[0-9a-f]{16}$/) as unknown,
          name: 'theirs',
          version: '0.0.0',
          endpoints: ['tcp://10.0.0.66:80'],
          state: 'up',
          relies: [],
        },
      },
    ]);
  });

  test('what an answer leaves out is asked for, with longer and longer waits', async () => {
    const b = makeHost('10.0.0.2');
    const events = watch(b.discovery);
    await clock.advance(10);
    net.log.length = 0;
    net.inject(foreign('theirs', { only: ['PTR'] }), them);
    await clock.advance(10);
    const asked = () => net.log.flatMap(({ message }) => message.questions.map(({ type }) => type));
    expect(asked()).toEqual(['SRV', 'TXT']);
    net.inject(foreign('theirs', { only: ['SRV', 'TXT'] }), them);
    await clock.advance(10);
    expect(asked()).toEqual(['SRV', 'TXT', 'A', 'AAAA']);
    expect(events).toEqual([]);
    net.log.length = 0;
    await clock.advance(20_000);
    const times = net.log
      .filter(({ message }) => message.questions.some(({ type }) => type === 'A'))
      .map(({ at }) => Math.round(at / 1000));
    expect(times).toEqual([1, 3, 7, 15]);
    net.inject(foreign('theirs', { only: ['A'] }), them);
    await clock.advance(10);
    expect(types(events)).toEqual(['up']);
    net.log.length = 0;
    await clock.advance(60_000);
    expect(asked()).toEqual(['PTR', 'PTR']);
  });

  test('of thousands that cannot be completed, only some are asked about', async () => {
    const b = makeHost('10.0.0.2');
    watch(b.discovery);
    await clock.advance(10);
    for (let i = 0; i < 3000; i++) net.inject(foreign(`x${i}`, { only: ['PTR'] }), them);
    await clock.advance(2000);
    net.log.length = 0;
    await clock.advance(2000);
    const asked = net.log.flatMap(({ message }) => message.questions);
    expect(asked.length).toBeLessThan(600);
    expect(asked.length).toBeGreaterThan(500);
    // The next one is asked about nevertheless.
    net.log.length = 0;
    net.inject(foreign('late', { only: ['PTR'] }), them);
    await clock.advance(10);
    expect(net.log.flatMap(({ message }) => message.questions.map(({ type }) => type))).toEqual([
      'SRV',
      'TXT',
    ]);
  });

  test('one that has no subtype is found by name, among all, if nobody is listed under it', async () => {
    const b = makeHost('10.0.0.2');
    const events = watch(b.discovery, 'theirs');
    await clock.advance(2000);
    const asked = () => new Set(net.log.flatMap(({ message }) => message.questions.map(({ name }) => name)));
    expect(asked()).toEqual(new Set([subtypeName('theirs')]));
    await clock.advance(1000);
    expect(asked()).toEqual(new Set([subtypeName('theirs'), serviceType]));
    net.inject(foreign('theirs'), them);
    await clock.advance(10);
    expect(types(events)).toEqual(['up']);
  });

  test('nobody is looked for among all when there is one already', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
    a.discovery.announce(onNet());
    watch(b.discovery, 'greeter');
    await clock.advance(10_000);
    expect(net.log.some(({ message }) => message.questions.some(({ name }) => name === serviceType))).toBe(false);
  });

  test('who says that our instance is elsewhere is not believed, and contradicted', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
    const events = watch(b.discovery);
    const record = onNet();
    a.discovery.announce(record);
    await clock.advance(5000);
    net.log.length = 0;
    const wrong: Rr = {
      name: instanceName(record.name, record.id),
      type: 'SRV',
      ttl: 120,
      flush: true,
      data: { priority: 0, weight: 0, port: 666, target: hostName(record.id) },
    };
    net.inject(makeMessage({ response: true, answers: [wrong] }), them);
    await clock.advance(0);
    const defences = () => net.log.filter(({ from }) => from.address === '10.0.0.1');
    expect(defences().length).toBe(1);
    expect(events.at(-1)?.record.endpoints).toEqual(['tcp://10.0.0.1:4001']);
    // At most once a second, however often.
    for (let i = 0; i < 10; i++) {
      net.inject(makeMessage({ response: true, answers: [wrong] }), them);
      await clock.advance(50);
    }
    expect(defences().length).toBe(1);
    await clock.advance(1000);
    expect(defences().length).toBe(2);
  });

  test('who says goodbye for us is contradicted', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
    const events = watch(b.discovery);
    const record = onNet();
    a.discovery.announce(record);
    await clock.advance(5000);
    const instance = instanceName(record.name, record.id);
    const rr: Rr = { name: serviceType, type: 'PTR', ttl: 0, flush: false, data: instance };
    net.inject(makeMessage({ response: true, answers: [rr] }), them);
    await clock.advance(100);
    expect(types(events).at(-1)).toBe('up');
  });
});

describe('interfaces', () => {
  test('one that goes takes with it what was heard there; when it returns, all is told anew', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
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
    const a = makeHost('10.0.0.1');
    await clock.advance(3000);
    const [eth] = a.interfaces['eth0'] ?? [];
    if (eth === undefined) throw new Error('unreachable');
    a.interfaces = { ...a.interfaces, eth0: [{ ...eth, mac: '02:00:00:00:00:ff' }] };
    const b = makeHost('10.0.0.2');
    const events = watch(b.discovery);
    a.discovery.announce(onNet());
    await clock.advance(2000);
    expect(types(events)).toEqual(['up']);
    expect(net.open).toBe(2);
  });

  test('another address is told without closing the socket', async () => {
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
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
    const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
    const events = watch(b.discovery);
    await clock.advance(1000);
    const reasons: (string | undefined)[] = [];
    a.discovery.onDegraded((reason) => reasons.push(reason?.message));
    net.broken = Object.assign(new Error('send ENETUNREACH 224.0.0.251:5353'), { code: 'ENETUNREACH' });
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
    const a = makeHost('10.0.0.1');
    const b = makeHost('10.0.0.2');
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
    const a = makeHost('10.0.0.1');
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

test('closed, it has said goodbye, and waits for nothing', async () => {
  const [a, b] = [makeHost('10.0.0.1'), makeHost('10.0.0.2')];
  const events = watch(b.discovery);
  a.discovery.announce(onNet());
  await clock.advance(100);
  await a.discovery.close();
  await clock.advance(0);
  expect(types(events)).toEqual(['up', 'down']);
  await b.discovery.close();
  await clock.advance(60_000);
  expect(clock.pending).toBe(0);
  expect(net.open + lo.open).toBe(0);
});

test('what cannot be announced is refused', () => {
  const { discovery } = makeHost(undefined);
  const code = (value: string): unknown => expect.objectContaining({ code: value });
  expect(() => discovery.announce(makeRecord({ name: 'Not a name' }))).toThrow(code('ERR_NAME'));
  expect(() => discovery.announce(makeRecord({ id: 'x' }))).toThrow(code('ERR_OPTION'));
  const announcement = discovery.announce(makeRecord());
  expect(() => announcement.update(makeRecord())).toThrow(code('ERR_OPTION'));
  expect(() => mdns({ reach: 'world' as 'lan', clock })).toThrow(code('ERR_OPTION'));
  expect(() => mdns({ reach: 'local', clock, ttl: 0 })).toThrow(code('ERR_OPTION'));
});
