import { afterAll, beforeAll, describe, test } from 'vitest';
import { RedisServer } from '../../scripts/redis.mjs';
import { modelTest } from '../../src/pipeline/fixtures/store-model.js';
import { storeSuite } from '../../src/testing/store-suite.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { redis } from './redis.js';

const server = new RedisServer();
let places = 0;

beforeAll(() => server.start());
afterAll(() => server.stop());

/** A place of its own in the server. */
async function setup() {
  const clock = new VirtualClock();
  const prefix = `place${places++}`;
  return { factory: redis(server.url, { clock, prefix }), clock, teardown: async () => {} };
}

describe('the suite', () => {
  storeSuite({ test, setup, supports: { durability: 'flush', shared: 'machines' } });
});

test('it is as the model is, whatever is done', { timeout: 60_000 }, async () => {
  await modelTest({ setup, runs: 20 });
  await modelTest({ setup, runs: 5, jumps: true });
});
