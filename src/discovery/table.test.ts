import { beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../testing/virtual-clock.js';
import type { DiscoveryEvent } from './discovery.js';
import type { InstanceRecord } from './record.js';
import { InstanceTable } from './table.js';

const make = (id: string, part: Partial<InstanceRecord> = {}): InstanceRecord => ({
  id,
  name: 'a',
  version: '1.0.0',
  endpoints: [],
  state: 'up',
  relies: [],
  ...part,
});

let clock: VirtualClock;
let table: InstanceTable;

beforeEach(() => {
  clock = new VirtualClock();
  table = new InstanceTable(clock);
});

function watch(name?: string) {
  const events: string[] = [];
  const tell = ({ type, record }: DiscoveryEvent) => events.push(`${type} ${record.id}`);
  return { events, stop: table.browse(name, tell) };
}

test('a listener is told what was known when it came, then what changed, in order', async () => {
  table.set(make('1'));
  const first = watch();
  table.set(make('2'));
  const second = watch();
  table.set(make('1', { state: 'draining' }));
  table.delete('2');
  await clock.advance(0);
  expect(first.events).toEqual(['up 1', 'up 2', 'update 1', 'down 2']);
  expect(second.events).toEqual(['up 1', 'up 2', 'update 1', 'down 2']);
});

test('what says the same is not told', async () => {
  const { events } = watch();
  table.set(make('1', { degraded: false }));
  table.set(make('1'));
  table.delete('2');
  await clock.advance(0);
  expect(events).toEqual(['up 1']);
});

test('under another name it is down to some and up to others', async () => {
  const [a, b, all] = [watch('a'), watch('b'), watch()];
  table.set(make('1'));
  table.set(make('1', { name: 'b' }));
  await clock.advance(0);
  expect([a.events, b.events, all.events]).toEqual([
    ['up 1', 'down 1'],
    ['up 1'],
    ['up 1', 'down 1', 'up 1'],
  ]);
});

test('a listener that changes the table while it is told disturbs no order', async () => {
  const stop = table.browse(undefined, ({ type, record }) => {
    if (type === 'up' && record.id === '1') table.set(make('3'));
  });
  const { events } = watch();
  table.set(make('1'));
  table.set(make('2'));
  await clock.advance(0);
  expect(events).toEqual(['up 1', 'up 2', 'up 3']);
  stop();
});

test('who is stopped by another listener is not told any more', async () => {
  table.browse(undefined, () => second.stop());
  const second = watch();
  table.set(make('1'));
  await clock.advance(0);
  expect(second.events).toEqual([]);
});

test('closed, what waits to be told is not told', async () => {
  const { events } = watch();
  table.set(make('1'));
  table.close();
  await clock.advance(0);
  expect(events).toEqual([]);
  expect(table.size).toBe(0);
});
