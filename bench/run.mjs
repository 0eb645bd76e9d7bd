// Measures dservice beside its peers in one run, prints the figures and writes docs/benchmarks.md.
//
//   node bench/run.mjs [--quick] [--only tcp,ws,dnode,c64] [--rounds n] [--no-write] [--profile folder]
import { parseArgs } from 'node:util';
import { endAll, startProcess } from './process.mjs';
import { printTable } from './report.mjs';
import { subjects } from './subjects/index.mjs';
import { work } from './work.mjs';

const { values: options } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: true },
    profile: { type: 'string' },
  },
  allowNegative: true,
});

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.on(signal, () => {
    endAll();
    process.exit(130);
  });
}

const plan = makePlan(options);
try {
  const rates = await measureRates(plan);
  printTable(plan, rates);
} finally {
  endAll();
}

function makePlan({ quick, only, rounds, profile }) {
  const words = only?.split(',') ?? [];
  const named = subjects.filter(({ name, path }) => words.includes(name) || words.includes(path));
  const works = Object.keys(work).filter((name) => words.includes(name));
  return {
    subjects: named.length > 0 ? named : subjects,
    works: works.length > 0 ? works : Object.keys(work),
    rounds: Number(rounds),
    ms: quick ? 200 : 1_000,
    warmUp: quick ? 150 : 500,
    profile,
  };
}

/** Calls per second: of each subject and work, one figure per round. */
async function measureRates({ subjects, works, rounds, ms, warmUp, profile }) {
  const pairs = await Promise.all(subjects.map((subject) => startPair(subject, profile)));
  const rates = Object.fromEntries(
    subjects.map(({ name }) => [name, Object.fromEntries(works.map((it) => [it, []]))]),
  );
  for (const { client, endpoint } of pairs) {
    for (const it of works) await client.ask('measure', endpoint, it, warmUp);
  }
  for (let round = 0; round < rounds; round++) {
    for (const it of works) {
      // Another begins each time, so that no one always runs in another's wake.
      for (let i = 0; i < pairs.length; i++) {
        const { subject, client, endpoint } = pairs[(i + round) % pairs.length];
        rates[subject.name][it].push(await client.ask('measure', endpoint, it, ms));
      }
    }
  }
  await Promise.all(pairs.map(({ end }) => end()));
  return rates;
}

/** A server and a client of one subject. A port's server is a thread of its client. */
async function startPair(subject, profile) {
  const client = await startProcess(subject, { profile });
  if (subject.path === 'port') return { subject, client, endpoint: undefined, end: client.end };
  const server = await startProcess(subject, { profile });
  const endpoint = await server.ask('serve');
  const end = () => Promise.all([client.end(), server.end()]);
  return { subject, client, server, endpoint, end };
}
