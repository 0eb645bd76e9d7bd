import { expect, test } from 'vitest';
import { VirtualClock } from '../testing/virtual-clock.js';
import type { DiscoveryEvent } from './discovery.js';
import { staticDiscovery } from './static.js';

const instances = [
  { name: 'a', version: '2.0.0', endpoints: ['tcp://10.0.0.1:5', 'ws://10.0.0.1:5'] },
  { name: 'a', endpoints: ['tcp://10.0.0.2:5'] },
  { name: 'b', endpoints: ['tcp://10.0.0.3:5'] },
];

function open() {
  const clock = new VirtualClock();
  const discovery = staticDiscovery({ instances, clock });
  const events: DiscoveryEvent[] = [];
  return { clock, discovery, events, listener: (event: DiscoveryEvent) => events.push(event) };
}

test('each entry is up, with a version of 0.0.0 if it has none', async () => {
  const { clock, discovery, events, listener } = open();
  discovery.browse('a', listener);
  expect(events).toEqual([]);
  await clock.advance(0);
  expect(
    events.map(({ type, record: { version, endpoints } }) => [type, version, endpoints]),
  ).toEqual([
    ['up', '2.0.0', instances[0]?.endpoints],
    ['up', '0.0.0', instances[1]?.endpoints],
  ]);
  expect(discovery.degraded).toBeUndefined();
});

test('ids are 16 hex digits, different, and the same in every process', async () => {
  const [one, two] = [open(), open()];
  for (const { clock, discovery, listener } of [one, two]) {
    discovery.browse(undefined, listener);
    await clock.advance(0);
  }
  const ids = one.events.map(({ record }) => record.id);
  expect(new Set(ids).size).toBe(3);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(two.events.map(({ record }) => record.id)).toEqual(ids);
});

test('what is announced is heard here', async () => {
  const { clock, discovery, events, listener } = open();
  discovery.browse('own', listener);
  const record = {
    id: '0123456789abcdef',
    name: 'own',
    version: '1.0.0',
    endpoints: [],
    state: 'waiting',
    relies: [],
  } as const;
  const announcement = discovery.announce(record);
  announcement.update({ ...record, state: 'up' });
  await announcement.withdraw();
  await announcement.withdraw();
  announcement.update(record);
  await clock.advance(0);
  expect(events.map(({ type }) => type)).toEqual(['up', 'update', 'down']);
});

test('closed, it tells nothing', async () => {
  const { clock, discovery, events, listener } = open();
  discovery.browse(undefined, listener);
  await discovery.close();
  discovery.browse(undefined, listener)();
  await clock.advance(0);
  expect(events).toEqual([]);
});
