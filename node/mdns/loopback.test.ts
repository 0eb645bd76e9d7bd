import { createSocket } from 'node:dgram';
import { expect, test } from 'vitest';
import { discoverySuite } from '../../src/testing/discovery-suite.js';
import { nodeClock } from '../clock.js';
import { freePort } from './fixtures/record.js';
import { mdns } from './mdns.js';

// Real sockets and real multicast, on the loopback interface alone.
discoverySuite({
  test,
  setup: async () => {
    const port = await freePort();
    const discoveries = [1, 2, 3].map(() => mdns({ reach: 'local', port, clock: nodeClock }));
    const teardown = async () => {
      for (const discovery of discoveries) await discovery.close();
    };
    return { discoveries, teardown };
  },
});

test('where the port is taken it is degraded, and works when it is free again', async () => {
  const taken = createSocket('udp4');
  await new Promise<void>((resolve) => taken.bind(0, '0.0.0.0', resolve));
  const { port } = taken.address();
  const discovery = mdns({ reach: 'local', port, clock: nodeClock, poll: 20 });
  const change = () =>
    new Promise((resolve) => {
      const stop = discovery.onDegraded((reason) => {
        stop();
        resolve(reason);
      });
    });
  try {
    expect(await change()).toMatchObject({
      code: 'ERR_DISCOVERY',
      cause: { code: 'EADDRINUSE' },
    });
    const recovered = change();
    taken.close();
    expect(await recovered).toBeUndefined();
  } finally {
    await discovery.close();
  }
});
