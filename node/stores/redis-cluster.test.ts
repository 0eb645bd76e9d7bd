import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { createCluster } from 'redis';
import { RedisCluster } from '../../scripts/redis.mjs';
import type { Store } from '../../src/pipeline/store.js';
import { done, entry, insist, Opened, refs } from './fixtures/opened.js';
import { redis } from './redis.js';

const cluster = new RedisCluster();
const opened = new Opened();
const partitions = 6;

beforeAll(() => cluster.start({ options: { appendfsync: 'always' } }), 30_000);
afterAll(() => cluster.stop());
afterEach(() => opened.close());

function open(name: string, timeout = 5_000): Promise<Store> {
  return opened.open(redis(cluster.urls, { cluster: true, partitions, timeout }), name);
}

const op = (seq: number, worker = 'w') => ({ worker, seq });
const want = (max: number) => ({ queue: 'q', max, lease: 60_000 });
const numbers = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);

test('partitions lie on several nodes, and are one pipeline', async () => {
  const store = await open('spread');
  const all = numbers(60);
  await store.push(
    all.map((ref) => entry(store, ref)),
    [],
    op(0),
  );
  const sizes = await Promise.all(cluster.nodes.map((node) => node.call('DBSIZE')));
  expect(sizes.filter((size) => size !== ':0\r\n').length).toBe(3);
  expect(await store.counts()).toMatchObject({ queues: { q: { input: 60 } } });
  expect((await store.find(['c7', 'x', 'c59'])).map((it) => it?.state)).toEqual([
    'input',
    undefined,
    'input',
  ]);
  const listed: string[] = [];
  let after: string | undefined;
  do {
    const page = await store.range('q', 'input', {
      limit: 7,
      ...(after === undefined ? {} : { after }),
    });
    listed.push(...page.commands.map(({ ref }) => ref));
    after = page.next;
  } while (after !== undefined);
  expect(listed.toSorted()).toEqual(all.toSorted());
  expect(await store.purge(all.slice(0, 10))).toBe(10);
  expect(await redis(cluster.urls, { cluster: true }).pipelines()).toContain('spread');
});

test('as much is claimed as is wanted, wherever it is', async () => {
  const store = await open('wanted');
  await store.push(
    numbers(50).map((ref) => entry(store, ref)),
    [],
    op(0),
  );
  const counts: number[] = [];
  for (const [n, max] of [1, 2, 7, 30, 30].entries()) {
    counts.push((await store.turn([], [want(max)], op(n, 'v'))).claims.length);
  }
  expect(counts).toEqual([1, 2, 7, 30, 10]);
  // All in one partition: it has a share alone, and gives the rest when it is asked again.
  const { partitionOf } = store.supports;
  const same = numbers(500)
    .filter((ref) => partitionOf?.(ref) === 2)
    .slice(0, 20);
  await store.push(
    same.map((ref) => entry(store, `${ref}/x`)),
    [],
    op(1),
  );
  const { claims } = await store.turn([], [want(12)], op(5, 'v'));
  expect(claims.length).toBe(12);
});

test('a rate holds over all partitions', async () => {
  const store = await open('rated');
  const rate = { n: 4, per: 600_000 };
  await store.push(
    numbers(30).map((ref) => entry(store, ref)),
    [],
    op(0),
  );
  const first = await store.turn([], [{ ...want(3), rate }], op(1));
  expect([first.claims.length, first.due]).toEqual([3, undefined]);
  const second = await store.turn([], [{ ...want(9), rate }], op(2));
  expect(second.claims.length).toBe(1);
  expect(second.due).toBeGreaterThan(500_000);
  const again = await store.turn([], [{ ...want(9), rate }], op(2));
  expect(refs(again.claims)).toEqual(refs(second.claims));
  expect((await store.turn([], [{ ...want(9), rate }], op(3))).claims).toEqual([]);
  // What is not there to claim is not used up.
  const other = { ...want(9), queue: 'r', rate };
  await store.push([entry(store, 'r1', { queue: 'r' })], [other], op(4));
  await store.push(
    numbers(9).map((ref) => entry(store, `r${ref}`, { queue: 'r' })),
    [],
    op(5),
  );
  expect((await store.turn([], [other], op(6))).claims.length).toBe(3);
});

test('commands move, have children, are fenced and repeated, each in its partition', async () => {
  const store = await open('moves');
  await store.push(
    numbers(12).map((ref) => entry(store, ref)),
    [],
    op(0),
  );
  const { claims } = await store.turn([], [want(12)], op(1));
  const outcomes = claims.map((it, i) =>
    done(
      it,
      i % 2 === 0
        ? [entry(store, it.ref, { queue: 'r' })]
        : [entry(store, `${it.ref}/1`), entry(store, `${it.ref}/2`)],
    ),
  );
  const first = await store.turn([...outcomes, ...outcomes], [want(5)], op(2));
  expect(first.held).toEqual([...claims.map(() => true), ...claims.map(() => false)]);
  expect(first.claims.length).toBe(5);
  const second = await store.turn([...outcomes, ...outcomes], [want(5)], op(2));
  expect(second.held).toEqual(first.held);
  expect(refs(second.claims).toSorted()).toEqual(refs(first.claims).toSorted());
  const { queues } = await store.counts();
  expect([queues['r']?.input, (queues['q']?.input ?? 0) + (queues['q']?.working ?? 0)]).toEqual([
    6, 12,
  ]);
  expect(await store.extend(first.claims, 1_000)).toEqual(first.claims.map(() => true));
});

test('an operation that a part of the cluster did not do is done there when it is repeated', async () => {
  const store = await open('partial', 400);
  const all = numbers(30);
  const [node] = cluster.nodes;
  node?.pause();
  const push = () =>
    store.push(
      all.map((ref) => entry(store, ref)),
      [want(9)],
      op(0),
    );
  await expect(push()).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  node?.resume();
  const { states, claims } = await insist(push);
  expect(states).toEqual(all.map(() => 'queued'));
  expect(claims.length).toBe(9);
  const { queues } = await store.counts();
  expect(queues['q']).toMatchObject({ input: 21, working: 9 });
}, 20_000);

test('a node that is killed in the middle loses nothing, and no command is in two places', async () => {
  const store = await open('killed', 500);
  const all = numbers(400);
  const finished: string[] = [];
  let seq = 0;
  const push = async (): Promise<void> => {
    for (let i = 0; i < all.length; i += 10) {
      const entries = all.slice(i, i + 10).map((ref) => entry(store, ref));
      const { states } = await insist(() => store.push(entries, [], op(i / 10, 'pusher')));
      expect(states).toEqual(entries.map(() => 'queued'));
    }
  };
  const work = async (): Promise<void> => {
    while (finished.length < all.length) {
      const now = op(seq++);
      const { claims } = await insist(() =>
        store.turn([], [want(16), { ...want(16), queue: 'r' }], now),
      );
      const outcomes = claims.map((it) =>
        done(it, it.queue === 'q' ? [entry(store, it.ref, { queue: 'r' })] : []),
      );
      const then = op(seq++);
      const { held } = await insist(() => store.turn(outcomes, [], then));
      finished.push(...refs(claims.filter((it, i) => held[i] === true && it.queue === 'r')));
      expect(held).toEqual(claims.map(() => true));
    }
  };
  const harm = async (): Promise<void> => {
    const [, node] = cluster.nodes;
    await vi.waitFor(() => expect(finished.length).toBeGreaterThan(20), {
      timeout: 10_000,
      interval: 2,
    });
    await node?.kill();
    await node?.start();
  };
  await Promise.all([push(), work(), harm()]);
  expect(finished.toSorted()).toEqual(all.toSorted());
  expect(await store.counts()).toEqual({ queues: {}, dead: 0 });
}, 40_000);

test('who waits on a cluster is woken', async () => {
  const [store, other] = [await open('woken'), await open('woken')];
  let wakes = 0;
  const stop = store.watch(() => wakes++);
  await vi.waitFor(() => expect(wakes).toBeGreaterThan(0), 5_000);
  await store.turn([], [want(1)], op(0));
  const before = wakes;
  await other.push([entry(other, 'a')], [], op(0, 'o'));
  await vi.waitFor(() => expect(wakes).toBeGreaterThan(before), 5_000);
  stop();
});

test('a client of the caller’s is used as it is set up, and left alone', async () => {
  const client = createCluster({ rootNodes: cluster.urls.map((url) => ({ url })) });
  const store = await opened.open(redis(client, { partitions }), 'given');
  await store.push([entry(store, 'a')], [], op(0));
  expect(refs((await store.turn([], [want(1)], op(1))).claims)).toEqual(['a']);
  expect(client.isOpen).toBe(false);
});

test('the number of partitions stays as it was', async () => {
  await open('cut');
  const other = redis(cluster.urls, { cluster: true, partitions: 2 });
  await expect(opened.open(other, 'cut')).rejects.toMatchObject({ code: 'ERR_OPTION' });
  // Who says nothing takes what is there: the command line, for one.
  const store = await opened.open(redis(cluster.urls, { cluster: true }), 'cut');
  expect(store.supports.partitionOf).toBeTypeOf('function');
});
