import { afterAll, beforeAll, describe, test } from 'vitest';
import { RedisServer } from '../../scripts/redis.mjs';
import { storeSuite } from '../../src/testing/store-suite.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { redis } from './redis.js';

const server = new RedisServer();
let places = 0;

beforeAll(() => server.start());
afterAll(() => server.stop());

describe('the suite', () => {
  storeSuite({
    test,
    setup: async () => {
      const clock = new VirtualClock();
      const prefix = `place${places++}`;
      return {
        factory: redis(server.url, { clock, prefix }),
        clock,
        teardown: async () => {},
      };
    },
    supports: { durability: 'flush', shared: 'machines' },
  });
});
