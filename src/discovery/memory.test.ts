import { expect, test } from 'vitest';
import { systemClock } from '../clock.js';
import { discoverySuite } from '../testing/discovery-suite.js';
import { memoryDiscovery, MemoryNetwork } from './memory.js';

discoverySuite({
  test,
  setup: () => {
    const network = new MemoryNetwork();
    const discoveries = [1, 2, 3].map(() => memoryDiscovery({ network, clock: systemClock }));
    const teardown = async () => {
      for (const discovery of discoveries) await discovery.close();
    };
    return Promise.resolve({ discoveries, teardown });
  },
});

test('an update cannot change the id', () => {
  const discovery = memoryDiscovery({ network: new MemoryNetwork(), clock: systemClock });
  const record = {
    id: '0123456789abcdef',
    name: 'a',
    version: '1.0.0',
    endpoints: [],
    state: 'up',
    relies: [],
  } as const;
  const announcement = discovery.announce(record);
  expect(() => announcement.update({ ...record, id: 'fedcba9876543210' })).toThrow(
    expect.objectContaining({ code: 'ERR_OPTION' }),
  );
});
