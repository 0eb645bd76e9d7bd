import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startQueues } from './contest.mjs';
import { cannotStartRedis } from '../scripts/redis.mjs';
import { startRedis } from './redis.mjs';
import { ways } from './three-steps.mjs';

const little = 20_000;

/**
 * Of Redis and LMDB: what a queued command takes of the store, in bytes, and moves per second, heap and external
 * of the worker where few are queued and where many are; a figure a round.
 */
export async function measureMillion(plan) {
  const why = cannotStartRedis();
  if (why !== undefined) return { skipped: why };
  const redis = await startRedis();
  await redis.reset('everysec');
  const folder = await mkdtemp(join(tmpdir(), 'dservice-bench-'));
  try {
    const onRedis = await measure(redis.url, redis.url, () => redis.used(), plan);
    const [few, many] = ['few', 'many'].map((name) => `lmdb:${join(folder, name)}`);
    const onLmdb = await measure(few, many, () => sizeOf(join(folder, 'many')), plan);
    return { queued: plan.queued, redis: onRedis, lmdb: onLmdb };
  } finally {
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measure(fewAt, manyAt, used, { queued, rounds, ms }) {
  const [few, many] = await Promise.all([
    startQueues(['pipeline'], {}),
    startQueues(['pipeline'], {}),
  ]);
  const sides = {
    few: { run: few.by.pipeline.run, store: fewAt },
    many: { run: many.by.pipeline.run, store: manyAt },
  };
  const before = await used();
  await sides.many.run('load', 'many', manyAt, queued);
  const bytes = ((await used()) - before) / queued;
  const figures = { few: [], many: [] };
  for (let round = -1; round < rounds; round++) {
    const order = Object.keys(sides);
    if (round % 2 !== 0) order.reverse();
    for (const side of order) {
      const { run, store } = sides[side];
      // Those that are left of the round before would be more and more.
      const name = side === 'few' ? `few-${round}` : 'many';
      if (side === 'few') await run('load', name, store, little);
      const figure = await run('work', name, store, ways.per32, ms);
      // At first everything is slow.
      if (round >= 0) figures[side].push(figure);
    }
  }
  await Promise.all([few.end(), many.end()]);
  return { bytes, ...figures };
}

async function sizeOf(folder) {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const sizes = await Promise.all(files.map((file) => stat(join(folder, file))));
  return sizes.reduce((sum, { size }) => sum + size, 0);
}
