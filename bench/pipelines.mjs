import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromiumPath } from '../scripts/chromium.mjs';
import { contest, startQueues } from './contest.mjs';
import { cannotStartRedis } from '../scripts/redis.mjs';
import { startRedis } from './redis.mjs';
import { openTabs } from './tabs.mjs';

/** Ours on Redis, BullMQ, and Lua by hand, on the same Redis. */
export async function measureRedis(plan) {
  const why = cannotStartRedis();
  if (why !== undefined) return { skipped: why };
  const redis = await startRedis();
  const { by, end } = await startQueues(['pipeline', 'bullmq', 'bare-redis'], plan);
  const entrant = (name, way, flush = 'everysec') => ({
    label: `${name} ${way}${flush === 'always' ? ' always' : ''}`,
    ...onRedis(redis, by[name], flush),
    way,
  });
  const ours = plan.ways.map((way) => entrant('pipeline', way));
  const everySecond = await contest(
    [
      ...ours,
      ...['per32', 'per1', 'single'].map((way) => entrant('bullmq', way)),
      entrant('bare-redis', 'per32'),
    ],
    plan,
  );
  // Apart, since the disk has to do with it for a while afterwards.
  const names = ['pipeline', 'bullmq', 'bare-redis'];
  const always = await contest(
    names.map((name) => entrant(name, 'per32', 'always')),
    plan,
  );
  await end();
  await redis.stop();
  return { ...everySecond, ...always };
}

/** Ours on LMDB, each turn flushed, LMDB by hand, and BullMQ on a Redis that flushes every second. */
export async function measureLmdb(plan) {
  const why = cannotStartRedis();
  if (why !== undefined) return { skipped: why };
  const redis = await startRedis();
  const folder = await mkdtemp(join(tmpdir(), 'dservice-bench-'));
  const { by, end } = await startQueues(['pipeline', 'bullmq', 'bare-lmdb'], plan);
  const ours = plan.ways.map((way) => {
    return { label: `pipeline ${way}`, ...by.pipeline, store: `lmdb:${folder}/pipelines`, way };
  });
  const figures = await contest(
    [
      ...ours,
      { label: 'bare-lmdb per32', ...by['bare-lmdb'], store: folder, way: 'per32' },
      { label: 'bullmq per32', ...onRedis(redis, by.bullmq, 'everysec'), way: 'per32' },
    ],
    plan,
  );
  await end();
  await redis.stop();
  await rm(folder, { recursive: true, force: true });
  return figures;
}

function onRedis(redis, { run, cpu }, flush) {
  return {
    run,
    store: redis.url,
    before: () => redis.reset(flush),
    cpu: async () => (await cpu()) + (await redis.cpu()),
  };
}

/** Ours on IndexedDB, and IndexedDB by hand, in one page. */
export async function measureIndexedDb(plan) {
  if (chromiumPath() === undefined) return { skipped: 'there is no Chromium' };
  const { tabs, close } = await openTabs('queues', 1);
  const [tab] = tabs;
  try {
    const ours = plan.ways.map((way) => ({
      label: `pipeline ${way}`,
      run: (...args) => tab('pipeline', ...args),
      store: 'indexeddb:bench',
      way,
    }));
    const bare = {
      label: 'bare-indexeddb per32',
      run: (...args) => tab('bare-indexeddb', ...args),
      way: 'per32',
    };
    return await contest([...ours, bare], plan);
  } finally {
    await close();
  }
}

/** Ours in memory: what all but the store costs. */
export async function measureInMemory(plan) {
  const { by, end } = await startQueues(['pipeline'], plan);
  const figures = await contest(
    plan.ways.map((way) => {
      return { label: `pipeline ${way}`, ...by.pipeline, store: 'memory:', way };
    }),
    plan,
  );
  await end();
  return figures;
}
