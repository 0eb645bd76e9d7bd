import { test } from 'vitest';
import { discoverySuite } from '../../src/testing/discovery-suite.js';
import { nodeClock } from '../clock.js';
import { freePort } from './fixtures.js';
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
