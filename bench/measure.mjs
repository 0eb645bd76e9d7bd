import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startProcess } from './process.mjs';

/** What of the subjects can be dialled many times, and so has a set-up time and idle sessions. */
const dialled = ({ path }) => path !== 'port';

/**
 * Calls per second, and CPU time of both sides per call in µs: of each subject and work one figure a
 * round, `rates[subject][work] = { rate: [], cpu: [] }`.
 */
export async function measureRates({ subjects, works, rounds, ms, warmUp, profile }) {
  const pairs = await Promise.all(subjects.map((subject) => startPair(subject)));
  const rates = {};
  for (const { name } of subjects) {
    rates[name] = Object.fromEntries(works.map((it) => [it, { rate: [], cpu: [] }]));
  }
  for (const pair of pairs) {
    for (const it of works) await measure(pair, it, warmUp);
  }
  if (profile !== undefined) await beginProfiles(pairs);
  for (let round = 0; round < rounds; round++) {
    for (const it of works) {
      for (let i = 0; i < pairs.length; i++) {
        // Another one begins each time, so that none always runs in the wake of the same.
        const pair = pairs[(i + round) % pairs.length];
        const { rate, cpu } = await measure(pair, it, ms);
        rates[pair.subject.name][it].rate.push(rate);
        rates[pair.subject.name][it].cpu.push(cpu);
      }
    }
  }
  if (profile !== undefined) await saveProfiles(pairs, profile, works.join('-'));
  await endPairs(pairs);
  return rates;
}

async function measure({ client, server, endpoint }, name, ms) {
  const before = (await server?.ask('cpu')) ?? 0;
  const { rate, calls, cpu } = await client.ask('measure', endpoint, name, ms);
  const after = (await server?.ask('cpu')) ?? 0;
  return { rate, cpu: (cpu + after - before) / calls };
}

/** For ours over TCP and for dnode: rates from first to last, and what both heaps gained, in bytes. */
export async function measureChurn({ subjects, churn, dnodeChurn, profile }) {
  const runs = [];
  for (const subject of subjects) {
    if (!['ours-tcp', 'dnode'].includes(subject.name)) continue;
    const pair = await startPair(subject);
    const { client, endpoint } = pair;
    const count = subject.name === 'dnode' ? dnodeChurn : churn;
    // What is compiled and cached at first is no growth.
    await client.ask('churn', endpoint, Math.min(20_000, count / 5), count / 10);
    await client.ask('closeAll');
    const before = await settled(pair);
    if (profile !== undefined) await beginProfiles([pair]);
    const rates = await client.ask('churn', endpoint, count, count / 10);
    if (profile !== undefined) await saveProfiles([pair], profile, 'churn');
    const after = await settled(pair);
    const [clientGrowth, serverGrowth] = after.map(({ heap }, i) => heap - before[i].heap);
    runs.push({ subject, count, rates, clientGrowth, serverGrowth });
    await endPairs([pair]);
  }
  return runs;
}

/** Milliseconds from nothing to the first answer. */
export async function measureSetup({ subjects, setups }) {
  const times = [];
  for (const subject of subjects.filter(dialled)) {
    const pair = await startPair(subject);
    // At first everything is slow.
    await pair.client.ask('setup', pair.endpoint, setups);
    times.push({ subject, ms: await pair.client.ask('setup', pair.endpoint, setups) });
    await endPairs([pair]);
  }
  return times;
}

/** Bytes that an idle session takes at each side: its heap, and what the process has of the system. */
export async function measureMemory({ subjects, sessions }) {
  const sizes = [];
  for (const subject of subjects.filter(dialled)) {
    const pair = await startPair(subject);
    const { client, endpoint } = pair;
    await client.ask('open', endpoint, 20);
    const before = await settled(pair);
    await client.ask('open', endpoint, sessions);
    const after = await settled(pair);
    const [atClient, atServer] = after.map(({ heap, rss }, i) => ({
      heap: (heap - before[i].heap) / sessions,
      rss: (rss - before[i].rss) / sessions,
    }));
    sizes.push({ subject, atClient, atServer });
    await endPairs([pair]);
  }
  return sizes;
}

/**
 * Bytes in use at client and server, after collections. What one side's collection lets go (a finalizer
 * tells the other side) the next one finds at the other: so several, until nothing more is won.
 */
export async function settled({ client, server }) {
  let last = Infinity;
  for (let i = 0; i < 20; i++) {
    await Promise.all([client.ask('collect'), server.ask('collect')]);
    await setTimeout(100);
    const both = await Promise.all([client.ask('memory'), server.ask('memory')]);
    const sum = both[0].heap + both[1].heap;
    if (i > 2 && sum > last - 50_000) return both;
    last = sum;
  }
  throw new Error('the memory in use does not settle');
}

/** A server and a client of one subject. A port's server is a thread of its client. */
async function startPair(subject) {
  const client = await startProcess(subject);
  if (subject.path === 'port') return { subject, client };
  const server = await startProcess(subject);
  return { subject, client, server, endpoint: await server.ask('serve') };
}

function endPairs(pairs) {
  return Promise.all(pairs.flatMap(({ client, server }) => [client.end(), server?.end()]));
}

function beginProfiles(pairs) {
  return Promise.all(
    pairs.flatMap(({ client, server }) => [client.ask('profile'), server?.ask('profile')]),
  );
}

async function saveProfiles(pairs, folder, name) {
  await mkdir(folder, { recursive: true });
  const save = (process, subject, side) =>
    process?.ask('saveProfile', join(folder, `${subject.name}-${name}-${side}.cpuprofile`));
  await Promise.all(
    pairs.flatMap(({ subject, client, server }) => [
      save(client, subject, 'client'),
      save(server, subject, 'server'),
    ]),
  );
}
