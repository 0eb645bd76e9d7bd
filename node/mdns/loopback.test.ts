import { expect, test } from 'vitest';
import { discoverySuite } from '../../src/testing/discovery-suite.js';
import { nodeClock } from '../clock.js';
import { freePort, makeRecord } from './fixtures.js';
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

test('from announce to up takes well under 100 ms', async () => {
  const port = await freePort();
  const [a, b] = [1, 2].map(() => mdns({ reach: 'local', port, clock: nodeClock }));
  if (a === undefined || b === undefined) throw new Error('unreachable');
  try {
    const times: number[] = [];
    for (let i = 0; i < 10; i++) {
      const record = makeRecord();
      const up = new Promise<void>((resolve) => {
        b.browse('greeter', (event) => {
          if (event.record.id === record.id) resolve();
        });
      });
      const start = performance.now();
      a.announce(record);
      await up;
      times.push(performance.now() - start);
    }
    console.log(times)
    expect(Math.min(...times)).toBeLessThan(100);
  } finally {
    await Promise.all([a.close(), b.close()]);
  }
});
