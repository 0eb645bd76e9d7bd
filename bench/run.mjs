// Measures dservice beside its peers in one run, prints the figures and writes docs/benchmarks.md.
//
//   npm run bench -- [names] [--quick] [--only names] [--rounds n] [--write | --no-write] [--profile folder]
//
// Names, which --only takes as well, separated by commas, are those of subjects (ours-tcp, dnode), of
// their paths (tcp, ws), of works (seq, c64, burst, objects), of parts (churn, setup, memory, sizes, start,
// round-trips, batches, attachments, streams, sessions, attacks, where-the-time-goes, healing, page, page-worker, direct, relay,
// rendezvous, resume, pipelines-redis, …; pipelines for all of those), and of ways through pipelines (per32, single, …). What is not the whole run writes nothing, or with --write
// the tables that it has made anew.
// --quick measures for a shorter time, and leaves out set-up and memory. --profile writes CPU profiles of processes
// to a folder.
import { parseArgs } from 'node:util';
import { measureAttachments } from './attachments.mjs';
import { measureAttacks } from './attacks.mjs';
import { measureBatches } from './batches.mjs';
import { writeDocument } from './document.mjs';
import { measureDirect } from './direct.mjs';
import { measureChurn, measureMemory, measureRates, measureSetup } from './measure.mjs';
import { measureHealing } from './healing.mjs';
import { measureIdle } from './idle.mjs';
import { measureMillion } from './million.mjs';
import { measurePage } from './page.mjs';
import { measurePageWorker } from './page-worker.mjs';
import { measureIndexedDb, measureInMemory, measureLmdb, measureRedis } from './pipelines.mjs';
import { endAll } from './process.mjs';
import { measureRelay } from './relay.mjs';
import { measureRendezvous } from './rendezvous.mjs';
import { printReport } from './report.mjs';
import { measureResume } from './resume.mjs';
import { measureRoundTrips } from './round-trips.mjs';
import { measureSizes } from './sizes.mjs';
import { measureSessions } from './sessions.mjs';
import { measureStart } from './start.mjs';
import { measureStreams } from './streams.mjs';
import { subjects } from './subjects/index.mjs';
import { ways } from './three-steps.mjs';
import { measureWhereTheTimeGoes } from './where-the-time-goes.mjs';
import { work } from './work.mjs';

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string' },
    write: { type: 'boolean', default: false },
    'no-write': { type: 'boolean', default: false },
    profile: { type: 'string' },
  },
});

for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
]) {
  process.on(signal, () => {
    endAll();
    process.exit(code);
  });
}

/** Each part of the report, by how it is called. */
const parts = {
  rates: measureRates,
  churn: measureChurn,
  setup: measureSetup,
  memory: measureMemory,
  sizes: measureSizes,
  start: measureStart,
  'round-trips': measureRoundTrips,
  batches: measureBatches,
  healing: measureHealing,
  page: measurePage,
  'page-worker': measurePageWorker,
  attachments: measureAttachments,
  streams: measureStreams,
  sessions: measureSessions,
  attacks: measureAttacks,
  'where-the-time-goes': measureWhereTheTimeGoes,
  direct: measureDirect,
  relay: measureRelay,
  rendezvous: measureRendezvous,
  resume: measureResume,
  'pipelines-redis': measureRedis,
  'pipelines-lmdb': measureLmdb,
  'pipelines-indexeddb': measureIndexedDb,
  'pipelines-memory': measureInMemory,
  'pipelines-idle': measureIdle,
  'pipelines-million': measureMillion,
};

const plan = makePlan(options, positionals);
const began = performance.now();
const results = {};
const skipped = [];
try {
  for (const name of plan.parts) {
    const result = await parts[name](plan);
    if (result.skipped === undefined) results[name] = result;
    else skipped.push(`${name}: ${result.skipped}`);
  }
} finally {
  endAll();
}
printReport(plan, results);
for (const line of skipped) console.log(`\nskipped ${line}`);
if (plan.writes && skipped.length === 0) await writeDocument(plan, results);
console.log(`\n${Math.round((performance.now() - began) / 1000)} s`);

function makePlan({ quick, only, rounds, profile, write, 'no-write': silent }, names) {
  const words = [...names, ...(only?.split(',') ?? [])];
  const whole = words.length === 0;
  const known = ['pipelines', ...Object.keys(parts), ...Object.keys(work), ...Object.keys(ways)];
  for (const { name, path } of subjects) known.push(name, path);
  for (const word of words) {
    if (known.includes(word)) continue;
    console.error(`bench: there is no "${word}", but ${[...new Set(known)].join(', ')}`);
    process.exit(2);
  }
  const named = subjects.filter(({ name, path }) => words.includes(name) || words.includes(path));
  const works = Object.keys(work).filter((name) => words.includes(name));
  const chosen = Object.keys(parts).filter((name) => {
    return words.includes(name) || (name.startsWith('pipelines-') && words.includes('pipelines'));
  });
  const through = Object.keys(ways).filter((name) => words.includes(name));
  // A subject or a work without a part asks for its rates.
  if (chosen.length === 0 || works.length > 0) chosen.unshift('rates');
  const usual = quick
    ? Object.keys(parts).filter((name) => !['setup', 'memory'].includes(name))
    : Object.keys(parts);
  return {
    parts: whole ? usual : [...new Set(chosen)],
    subjects: named.length > 0 ? named : subjects,
    works: works.length > 0 ? works : Object.keys(work),
    ways: through.length > 0 ? through : Object.keys(ways),
    rounds: Number(rounds ?? (quick ? 3 : 5)),
    ms: quick ? 100 : 500,
    warmUp: quick ? 100 : 400,
    churn: quick ? 60_000 : 1_000_000,
    dnodeChurn: quick ? 3_000 : 20_000,
    sessions: quick ? 200 : 1_000,
    stream: (quick ? 16 : 128) * 1024 * 1024,
    crowd: quick ? 1_000 : 10_000,
    starts: quick ? 1 : 7,
    setups: quick ? 50 : 200,
    attacked: quick ? 500 : 4_000,
    clients: quick ? 400 : 2_000,
    changes: quick ? 3 : 10,
    idle: quick ? 2_000 : 20_000,
    moving: quick ? 400 : 700,
    pushes: quick ? 60 : 200,
    queued: quick ? 100_000 : 1_000_000,
    profile,
    // What is documented is a whole run, or the tables that were asked for.
    writes: write || (!quick && !silent && whole),
    whole,
  };
}
