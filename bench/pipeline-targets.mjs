import { median, ratio, times } from './figures.mjs';

/** Moves per second of ours to those of others, in one part. */
const goals = [
  ['pipelines-redis', 'per32', 'bullmq per32', 8, 'Redis, 32 per step ÷ BullMQ'],
  ['pipelines-redis', 'per32', 'bare-redis per32', 0.8, 'Redis, 32 per step ÷ Lua by hand'],
  ['pipelines-redis', 'keys32', 'bullmq per32', 5, 'Redis, with keys ÷ BullMQ'],
  ['pipelines-redis', 'all32', 'bullmq per32', 5, 'Redis, 32 in all ÷ BullMQ'],
  ['pipelines-redis', 'per1', 'bullmq per1', 2.5, 'Redis, one per step ÷ BullMQ'],
  ['pipelines-redis', 'single', 'bullmq single', 1.4, 'Redis, one command at a time ÷ BullMQ'],
  ['pipelines-lmdb', 'per32', 'bare-lmdb per32', 1, 'LMDB, 32 per step ÷ LMDB by hand'],
  ['pipelines-lmdb', 'per32', 'bullmq per32', 4, 'LMDB, 32 per step ÷ BullMQ on Redis'],
  ['pipelines-lmdb', 'all32', 'bare-lmdb per32', 0.6, 'LMDB, 32 in all ÷ LMDB by hand'],
  ['pipelines-lmdb', 'all32', 'bullmq per32', 2, 'LMDB, 32 in all ÷ BullMQ on Redis'],
  [
    'pipelines-indexeddb',
    'per32',
    'bare-indexeddb per32',
    2,
    'IndexedDB, 32 per step ÷ IndexedDB by hand',
  ],
  [
    'pipelines-indexeddb',
    'keys32',
    'bare-indexeddb per32',
    1,
    'IndexedDB, with keys ÷ IndexedDB by hand',
  ],
];

/** ms */
const idleGoals = {
  'redis same': [2, 'Redis'],
  'lmdb same': [2, 'LMDB'],
  'indexeddb same': [5, 'IndexedDB'],
  'redis other': [12, 'Redis, from another program'],
  'lmdb other': [12, 'LMDB, from another program'],
  'indexeddb other': [12, 'IndexedDB, from another tab'],
};

/** What pipelines are to reach, as far as it was measured: see targets.mjs. */
export function pipelineTargetsOf(results) {
  const targets = [];
  for (const [part, way, peer, least, what] of goals) {
    const ours = results[part]?.[`pipeline ${way}`]?.rate;
    const theirs = results[part]?.[peer]?.rate;
    if (ours === undefined || theirs === undefined) continue;
    const reached = ratio(ours, theirs);
    targets.push({ what, goal: `≥ ${least}`, reached: times(reached), met: reached >= least });
  }
  for (const [label, [most, where]] of Object.entries(idleGoals)) {
    const figures = results['pipelines-idle']?.[label];
    if (figures === undefined) continue;
    const reached = median(figures);
    targets.push({
      what: `push to the first step, ${where}`,
      goal: `≤ ${most} ms`,
      reached: `${reached.toFixed(1)} ms`,
      met: reached <= most,
    });
  }
  return [...targets, ...millionTargetsOf(results['pipelines-million'])];
}

function millionTargetsOf(million) {
  if (million === undefined) return [];
  const targets = [];
  for (const [where, { few, many }] of [
    ['Redis', million.redis],
    ['LMDB', million.lmdb],
  ]) {
    const grown = (name) =>
      ratio(
        many.map((it) => it[name]),
        few.map((it) => it[name]),
      );
    const rate = grown('rate');
    targets.push({
      what: `${where}, a million queued ÷ 20,000: moves per second`,
      goal: '≥ 0.8',
      reached: times(rate),
      met: rate >= 0.8,
    });
    for (const name of ['heap', 'external']) {
      const reached = grown(name);
      targets.push({
        what: `${where}, a million queued ÷ 20,000: ${name}`,
        goal: '≤ 1.2',
        reached: times(reached),
        met: reached <= 1.2,
      });
    }
  }
  const { bytes } = million.redis;
  targets.push({
    what: 'Redis, a queued command of 20 bytes',
    goal: '≤ 200 bytes',
    reached: `${bytes.toFixed(0)} bytes`,
    met: bytes <= 200,
  });
  return targets;
}
