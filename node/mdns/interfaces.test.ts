import { describe, expect, test } from 'vitest';
import { belongsOn, onLinkTest, sameInterface, selectInterfaces } from './interfaces.js';

const v4 = (address: string, prefix: number, internal = false, mac = '02:00:00:00:00:01') => ({
  address,
  family: 'IPv4',
  internal,
  mac,
  cidr: `${address}/${prefix}`,
});
const v6 = (address: string, internal = false) => ({
  ...v4(address, 64, internal),
  family: 'IPv6',
});
const all = {
  eth1: [v4('10.1.0.1', 24)],
  eth0: [v4('10.0.0.1', 24), v6('fe80::1'), v6('fd00:0:0::1')],
  'eth0:1': [v4('10.9.0.1', 16)],
  six: [v6('fd00::7')],
  lo: [v4('127.0.0.1', 8, true), v6('::1', true)],
};

test('local is loopback alone', () => {
  expect(selectInterfaces(all, 'local').map(({ name }) => name)).toEqual(['lo']);
});

test('lan is every interface with an IPv4 address, loopback first', () => {
  const found = selectInterfaces(all, 'lan');
  expect(found.map(({ name }) => name)).toEqual(['lo', 'eth0', 'eth1']);
  expect(found[1]).toEqual({
    name: 'eth0',
    loopback: false,
    mac: '02:00:00:00:00:01',
    v4: ['10.0.0.1', '10.9.0.1'],
    v6: ['fd00::1'],
    subnets: ['10.0.0.1/24', 'fe80::1/64', 'fd00:0:0::1/64', '10.9.0.1/16'],
  });
});

test('only those that were named', () => {
  expect(selectInterfaces(all, 'lan', ['eth1']).map(({ name }) => name)).toEqual(['eth1']);
  expect(selectInterfaces(all, 'local', ['eth1'])).toEqual([]);
});

test('an interface that was made anew is another one', () => {
  const [eth] = selectInterfaces({ eth1: [v4('10.1.0.1', 24)] }, 'lan');
  const [same] = selectInterfaces({ eth1: [v4('10.1.0.1', 24)] }, 'lan');
  const [anew] = selectInterfaces(
    { eth1: [v4('10.1.0.1', 24, false, '02:00:00:00:00:02')] },
    'lan',
  );
  if (!eth || !same || !anew) throw new Error('unreachable');
  expect(sameInterface(eth, same)).toBe(true);
  expect(sameInterface(eth, anew)).toBe(false);
});

describe('on the link', () => {
  const [, eth] = selectInterfaces(all, 'lan');
  const isOn = eth && onLinkTest(eth);
  test.each([
    ['10.0.0.77', true],
    ['10.9.200.1', true],
    ['10.1.0.1', false],
    ['127.0.0.1', false],
    ['8.8.8.8', false],
    ['fe80::99', true],
    ['2001:db8::1', false],
    ['nonsense', false],
  ])('%s: %s', (address, is) => expect(isOn?.(address)).toBe(is));
});

test('loopback belongs on loopback, and nothing else does', () => {
  expect(belongsOn('127.0.0.1', true)).toBe(true);
  expect(belongsOn('127.0.0.1', false)).toBe(false);
  expect(belongsOn('10.0.0.1', true)).toBe(false);
  expect(belongsOn('10.0.0.1', false)).toBe(true);
  expect(belongsOn('169.254.3.4', false)).toBe(true);
});
