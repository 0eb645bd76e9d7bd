import { beforeEach, expect, test } from 'vitest';
import { VirtualClock } from '../testing/virtual-clock.js';
import type { InstanceRecord } from './record.js';
import { InstanceTable } from './table.js';
import { Union } from './union.js';

const make = (part: Partial<InstanceRecord> = {}): InstanceRecord => ({
  id: '1',
  name: 'a',
  version: '1.0.0',
  endpoints: [],
  state: 'up',
  relies: [],
  ...part,
});

let table: InstanceTable;
let union: Union;

beforeEach(() => {
  table = new InstanceTable(new VirtualClock());
  union = new Union(table);
});

test('endpoints are those of all sources, lowest rank first', () => {
  union.put('net', 1, make({ endpoints: ['tcp://10.0.0.1:5', 'both'] }));
  union.put('lo', 0, make({ endpoints: ['tcp://127.0.0.1:5', 'both'] }));
  expect(table.get('1')?.endpoints).toEqual(['tcp://127.0.0.1:5', 'both', 'tcp://10.0.0.1:5']);
});

test('what differs is as the source says that changed last', () => {
  union.put('x', 0, make({ state: 'waiting' }));
  union.put('y', 1, make({ state: 'up' }));
  expect(table.get('1')?.state).toBe('up');
  union.put('x', 0, make({ state: 'waiting' }));
  expect(table.get('1')?.state).toBe('up');
  union.put('x', 0, make({ state: 'draining' }));
  expect(table.get('1')?.state).toBe('draining');
});

test('it is there until the last source lost it', () => {
  union.put('x', 0, make({ endpoints: ['x'] }));
  union.put('y', 1, make({ endpoints: ['y'] }));
  union.drop('x', '1');
  expect(table.get('1')?.endpoints).toEqual(['y']);
  union.drop('x', '1');
  union.dropSource('y');
  expect(table.size).toBe(0);
});

test('one id under two names is not one instance', () => {
  union.put('x', 0, make({ endpoints: ['x'] }));
  union.put('y', 1, make({ name: 'b', endpoints: ['y'] }));
  expect(table.get('1')).toMatchObject({ name: 'b', endpoints: ['y'] });
  union.drop('y', '1');
  expect(table.get('1')).toMatchObject({ name: 'a', endpoints: ['x'] });
});
