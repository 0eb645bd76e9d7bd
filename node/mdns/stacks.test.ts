import { beforeEach, describe, expect, test } from 'vitest';
import type { VirtualClock } from '../../src/testing/virtual-clock.js';
import { foreign, onNet, types, watch, World } from './fixtures/hosts.js';
import type { Wire } from './fixtures/wire.js';
import { makeMessage, type Rr } from './message.js';
import { hostName, instanceName, serviceType, subtypeName } from './names.js';

let clock: VirtualClock;
let world: World;
let net: Wire;

beforeEach(() => {
  world = new World();
  ({ clock, net } = world);
});

describe('other stacks', () => {
  const them = { address: '10.0.0.66', port: 5353 };

  test('their instances have an id of their name, and what is missing by default', async () => {
    const b = world.host('10.0.0.2');
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
    const b = world.host('10.0.0.2');
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
    const b = world.host('10.0.0.2');
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
    const b = world.host('10.0.0.2');
    const events = watch(b.discovery, 'theirs');
    await clock.advance(2000);
    const asked = () =>
      new Set(net.log.flatMap(({ message }) => message.questions.map(({ name }) => name)));
    expect(asked()).toEqual(new Set([subtypeName('theirs')]));
    await clock.advance(1000);
    expect(asked()).toEqual(new Set([subtypeName('theirs'), serviceType]));
    net.inject(foreign('theirs'), them);
    await clock.advance(10);
    expect(types(events)).toEqual(['up']);
  });

  test('nobody is looked for among all when there is one already', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
    a.discovery.announce(onNet());
    watch(b.discovery, 'greeter');
    await clock.advance(10_000);
    expect(
      net.log.some(({ message }) => message.questions.some(({ name }) => name === serviceType)),
    ).toBe(false);
  });

  test('who says that our instance is elsewhere is not believed, and contradicted', async () => {
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
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
    const [a, b] = [world.host('10.0.0.1'), world.host('10.0.0.2')];
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
