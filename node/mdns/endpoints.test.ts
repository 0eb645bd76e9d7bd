import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { placeEndpoints, readEndpoints } from './endpoints.js';
import type { Interface } from './interfaces.js';

const lo: Interface = {
  name: 'lo',
  loopback: true,
  mac: '',
  v4: ['127.0.0.1'],
  v6: ['::1'],
  subnets: ['127.0.0.1/8', '::1/128'],
};
const eth: Interface = {
  name: 'eth0',
  loopback: false,
  mac: '02:00:00:00:00:01',
  v4: ['10.0.0.1', '10.1.0.1'],
  v6: ['fd00::1'],
  subnets: ['10.0.0.1/24', '10.1.0.1/24', 'fd00::1/64', 'fe80::1/64'],
};

describe('what is told on an interface', () => {
  test.each([
    ['loopback address', ['tcp://127.0.0.1:5'], ['127.0.0.1'], undefined],
    ['another loopback address', ['tcp://127.0.0.9:5'], ['127.0.0.9'], undefined],
    ['loopback of IPv6', ['tcp://[::1]:5'], ['::1'], undefined],
    ['localhost', ['tcp://localhost:5'], ['127.0.0.1'], undefined],
    ['any address of IPv4', ['tcp://0.0.0.0:5'], ['127.0.0.1'], ['10.0.0.1', '10.1.0.1']],
    ['any address', ['tcp://[::]:5'], ['127.0.0.1', '::1'], ['10.0.0.1', '10.1.0.1', 'fd00::1']],
    ['one address', ['tcp://10.1.0.1:5'], undefined, ['10.1.0.1']],
    ['one address of IPv6', ['tcp://[fd00:0::1]:5'], undefined, ['fd00::1']],
    ['an address of nobody here', ['tcp://192.168.7.7:5'], undefined, undefined],
    ['nothing to connect to', [], ['127.0.0.1'], ['10.0.0.1', '10.1.0.1']],
  ])('%s', (_, endpoints, onLo, onEth) => {
    expect(placeEndpoints(endpoints, lo)?.addresses).toEqual(onLo);
    expect(placeEndpoints(endpoints, eth)?.addresses).toEqual(onEth);
  });

  test('a unix socket is told on loopback alone', () => {
    const endpoints = ['unix:/run/a.sock', 'tcp://0.0.0.0:5'];
    expect(placeEndpoints(endpoints, lo)).toMatchObject({ u: '/run/a.sock', port: 5 });
    expect(placeEndpoints(endpoints, eth)).toMatchObject({ u: undefined, port: 5 });
    expect(placeEndpoints(['unix:/run/a.sock'], eth)).toBeUndefined();
  });

  test('tcp alone needs no key; others do', () => {
    const e = (...endpoints: string[]) => placeEndpoints(endpoints, lo)?.e;
    expect(e('tcp://127.0.0.1:5')).toBeUndefined();
    expect(e('tls://127.0.0.1:5')).toBe('tls:');
    expect(e('tcp://127.0.0.1:5', 'ws://127.0.0.1:5/')).toBe('tcp: ws:');
    expect(e('tcp://127.0.0.1:5', 'wss://127.0.0.1/x?y=1')).toBe('tcp: wss:443/x?y=1');
  });

  test('what is no URL is left out', () => {
    expect(placeEndpoints(['nonsense', 'tcp://127.0.0.1', 'tcp://127.0.0.1:5'], lo)?.port).toBe(5);
    expect(placeEndpoints(['nonsense'], lo)).toBeUndefined();
  });
});

describe('what is read', () => {
  const read = (part: Partial<Parameters<typeof readEndpoints>[0]>, loopback = false) =>
    readEndpoints({ port: 5, addresses: [], e: undefined, u: undefined, ...part }, loopback);

  test('on loopback: loopback addresses and unix sockets, and nothing else', () => {
    const addresses = ['127.0.0.1', '10.0.0.1', '::1', 'fd00::1'];
    expect(read({ addresses, u: '/run/a.sock' }, true)).toEqual([
      'unix:/run/a.sock',
      'tcp://127.0.0.1:5',
      'tcp://[::1]:5',
    ]);
    expect(read({ addresses, e: 'tcp://10.0.0.1:6' }, true)).toEqual([]);
  });

  test('on a network: neither loopback nor what is nobody’s address', () => {
    const addresses = ['127.0.0.1', '::1', '0.0.0.0', '224.0.0.251', '255.255.255.255', 'fe80::1'];
    expect(read({ addresses: [...addresses, '10.0.0.1', 'fd00::1'], u: '/x' })).toEqual([
      'tcp://10.0.0.1:5',
      'tcp://[fd00::1]:5',
    ]);
    expect(read({ e: 'tcp://127.0.0.1:6 ws://localhost:7 wss://example.com:8/x' })).toEqual([
      'wss://example.com:8/x',
    ]);
  });

  test('by scheme first, then by address', () => {
    expect(read({ addresses: ['10.0.0.1', '10.1.0.1'], e: 'tls: ws:6/x' })).toEqual([
      'tls://10.0.0.1:5',
      'tls://10.1.0.1:5',
      'ws://10.0.0.1:6/x',
      'ws://10.1.0.1:6/x',
    ]);
  });

  test('nothing makes it throw', () => {
    const e = fc.oneof(
      fc.string(),
      fc
        .array(fc.constantFrom('tcp:', 'ws://', '99999', '/', ' ', ':', '[', '::1', 'a'))
        .map((x) => x.join('')),
    );
    fc.assert(
      fc.property(e, fc.string(), fc.boolean(), (value, u, loopback) => {
        for (const endpoint of read({ addresses: ['10.0.0.1'], e: value, u }, loopback)) {
          expect(endpoint).toMatch(/^[a-z][a-z0-9+.-]*:/);
        }
      }),
    );
  });
});

test('endpoints come back as they were', () => {
  const endpoint = fc
    .tuple(
      fc.constantFrom('tcp', 'tls', 'ws', 'wss'),
      fc.integer({ min: 1024, max: 65535 }),
      fc.constantFrom('', '/path', '/path?query=1'),
    )
    .map(([scheme, port, path]) => `${scheme}://127.0.0.1:${port}${path}`);
  fc.assert(
    fc.property(fc.uniqueArray(endpoint, { minLength: 1, maxLength: 8 }), (endpoints) => {
      const placed = placeEndpoints(endpoints, lo);
      expect(placed && readEndpoints(placed, true)).toEqual(endpoints);
    }),
  );
});
