import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { median } from './figures.mjs';
import { startProcess } from './process.mjs';
import { crowd, rendezvous } from './subjects/index.mjs';

/** Those who come first, so that what the process needs once is not counted. */
const first = 50;
/** At a time, from each of two processes. */
const joining = 20;

/**
 * One rendezvous in its process, and its clients in two others: bytes per client, CPU seconds, and
 * milliseconds from a change at one client until the last of all has heard of it.
 */
export async function measureRendezvous({ clients, changes, idle, profile }) {
  const [hub, ...crowds] = await Promise.all(
    [rendezvous, crowd, crowd].map((subject) => startProcess(subject)),
  );
  const url = await hub.ask('serve');
  let failures = 0;
  const come = async (from, count) => {
    const half = Math.ceil(count / 2);
    const failed = await Promise.all([
      crowds[0].ask('run', 'join', url, from, half, joining),
      crowds[1].ask('run', 'join', url, from + half, count - half, joining),
    ]);
    await Promise.all(crowds.map((it) => it.ask('run', 'allKnow', from + count)));
    failures += failed[0] + failed[1];
  };
  const cpuOf = async (act) => {
    const before = await hub.ask('cpu');
    const began = performance.now();
    await act();
    return {
      cpu: ((await hub.ask('cpu')) - before) / 1e6,
      seconds: (performance.now() - began) / 1e3,
    };
  };

  await come(0, first);
  const before = await settled(hub);
  if (profile !== undefined) {
    await mkdir(profile, { recursive: true });
    await hub.ask('profile');
  }
  const all = await cpuOf(() => come(first, clients - first));
  if (profile !== undefined) {
    await hub.ask('saveProfile', join(profile, 'rendezvous-joining.cpuprofile'));
  }
  const peak = (await hub.ask('memory')).rss;
  // Meanwhile what the joining took, and nobody uses any more, goes back to the system.
  const still = await cpuOf(() => setTimeout(idle));
  const after = await settled(hub);
  const per = (key) => (after[key] - before[key]) / (clients - first);

  const delays = [];
  if (profile !== undefined) await hub.ask('profile');
  const told = await cpuOf(async () => {
    for (let i = 1; i <= changes; i++) {
      // At any moment of the window in which a rendezvous gathers changes.
      await setTimeout(300 + Math.random() * 200);
      const version = `1.0.${i}`;
      const heard = crowds.map((it) => it.ask('run', 'heard', version));
      const began = await crowds[i % 2].ask('run', 'change', version);
      delays.push(Math.max(...(await Promise.all(heard))) - began);
    }
  });
  if (profile !== undefined) {
    await hub.ask('saveProfile', join(profile, 'rendezvous-changes.cpuprofile'));
  }
  await Promise.all([hub, ...crowds].map((it) => it.end()));
  return {
    clients,
    heap: per('heap'),
    rss: per('rss'),
    peak: (peak - before.rss) / (clients - first),
    join: all,
    failures,
    idlePerMinute: (still.cpu * 60) / still.seconds,
    cpuPerChange: (told.cpu - (still.cpu / still.seconds) * told.seconds) / changes,
    delay: { median: median(delays), most: Math.max(...delays), all: delays },
  };
}

/** Bytes in use after collections, when no more is won by them. */
async function settled(process) {
  let last = Infinity;
  for (let i = 0; i < 20; i++) {
    await process.ask('collect');
    await setTimeout(200);
    const memory = await process.ask('memory');
    if (i > 2 && memory.heap > last - 50_000) return memory;
    last = memory.heap;
  }
  throw new Error('the memory in use does not settle');
}
