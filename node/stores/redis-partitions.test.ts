import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { RedisServer } from '../../scripts/redis.mjs';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { done, entry, Opened, refs } from './fixtures/opened.js';
import { redis } from './redis.js';

const server = new RedisServer();
const opened = new Opened();

beforeAll(() => server.start());
afterAll(() => server.stop());
afterEach(() => opened.close());

const op = (seq: number) => ({ worker: 'w', seq });
const want = { queue: 'q', max: 2, lease: 1_000 };

test('what an operation claims in its second round is another lease', async () => {
  const clock = new VirtualClock();
  const store = await opened.open(redis(server.url, { partitions: 2, clock }), 'rounds');
  const { partitionOf } = store.supports;
  const ref = ['a', 'b', 'c', 'd', 'e'].find((each) => partitionOf?.(each) === 0) ?? '';
  await store.push([entry(store, ref)], [], op(0));
  const first = await store.turn([], [want], op(1));
  expect(refs(first.claims)).toEqual([ref]);
  // As if it had ended between its rounds: of the second one nothing is remembered.
  expect(await server.call('HDEL', 'dservice:{rounds:0}:a', 'w/1+')).toBe(':1\r\n');
  await clock.advance(1_000);
  // It is repeated, and between its rounds, there, the lease is taken back.
  const [again, { expired }] = await Promise.all([
    store.turn([], [want], op(1)),
    store.reap([{ queue: 'q', retries: 5 }]),
  ]);
  expect(expired).toMatchObject([{ ref, tries: 1 }]);
  expect(again.claims).toMatchObject([{ ref, tries: 1 }]);
  const outcomes = [...first.claims, ...again.claims].map((claim) => done(claim));
  expect((await store.turn(outcomes, [], op(2))).held).toEqual([false, true]);
});
