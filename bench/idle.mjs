import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { chromiumPath } from '../scripts/chromium.mjs';
import { startQueues } from './contest.mjs';
import { cannotStartRedis } from '../scripts/redis.mjs';
import { startRedis } from './redis.mjs';
import { openTabs } from './tabs.mjs';

/** ms from the beginning of a step to the next push, so that nothing is under way. */
const pause = 12;

/**
 * Milliseconds from `push` to the beginning of the first step, on pipelines that have nothing to do: all of them, by
 * what was measured. `same`: by who pushes; `other`: by another program, or another tab.
 */
export async function measureIdle({ rounds, pushes }) {
  const why = cannotStartRedis();
  if (why !== undefined) return { skipped: why };
  if (chromiumPath() === undefined) return { skipped: 'there is no Chromium' };
  const redis = await startRedis();
  await redis.reset('everysec');
  const folder = await mkdtemp(join(tmpdir(), 'dservice-bench-'));
  const { tabs, close } = await openTabs('queues', 2);
  const ends = [];
  const pair = async (name) => {
    const both = await Promise.all([startQueues([name], {}), startQueues([name], {})]);
    ends.push(...both.map(({ end }) => end));
    return both.map(({ by }) => by[name].run);
  };
  const places = {
    memory: { store: 'memory:', run: await pair('pipeline'), alone: true },
    lmdb: { store: `lmdb:${folder}`, run: await pair('pipeline') },
    redis: { store: redis.url, run: await pair('pipeline') },
    bullmq: { store: redis.url, run: await pair('bullmq') },
    indexeddb: {
      store: 'indexeddb:idle',
      run: tabs.map((tab) => {
        return (...args) => tab('pipeline', ...args);
      }),
    },
  };
  const times = {};
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [place, { store, run, alone }] of Object.entries(places)) {
        const [worker, other] = run;
        for (const [from, pusher] of Object.entries({ same: worker, ...(!alone && { other }) })) {
          const name = `idle-${place}-${from}-${round}`;
          await worker('listen', name, store);
          if (pusher !== worker) await pusher('open', name, store);
          const all = (times[`${place} ${from}`] ??= []);
          all.push(...(await measure(worker, pusher, pushes / rounds)));
          await Promise.all([worker('stop'), pusher !== worker && pusher('stop')]);
        }
      }
    }
  } finally {
    await close();
    await Promise.all(ends.map((end) => end()));
    await redis.stop();
    await rm(folder, { recursive: true, force: true });
  }
  return times;
}

async function measure(worker, pusher, count) {
  // At first everything is slow.
  const warm = 10;
  const times = [];
  for (let n = 0; n < count + warm; n++) {
    const { order, began } = await pusher('push', n);
    const begun = await worker('beginning', order);
    if (n >= warm) times.push(begun - began);
    await setTimeout(pause);
  }
  return times;
}
