import { describe, test } from 'vitest';
import { storeSuite } from '../../testing/store-suite.js';
import { VirtualClock } from '../../testing/virtual-clock.js';
import { memory } from '../memory.js';

describe('the suite', () => {
  storeSuite({
    test,
    setup: async () => ({
      factory: memory(),
      clock: new VirtualClock(),
      teardown: async () => {},
    }),
    supports: { durability: 'none', shared: 'none' },
  });
});
