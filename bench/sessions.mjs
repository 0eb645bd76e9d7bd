import { setTimeout } from 'node:timers/promises';
import { startPair } from './attachments.mjs';
import { settled } from './measure.mjs';
import { subjects } from './subjects/index.mjs';

/** Files that a process has open beside its sessions, at most. */
const spare = 200;

/** Sessions that are being opened at a time. */
export const atOnce = 8;

/** What is compared with: a socket for each session is what the system itself takes. */
export const crowdSubjects = ['ours-tcp', 'bare-tcp', 'ours-ws', 'bare-ws'].map((name) => {
  return subjects.find((it) => it.name === name);
});

/**
 * Many sessions of one process with another one: `{ crowd, all: [{ subject, seconds, ms, answered, atClient, atServer }] }`:
 * until all are there, of one call on each of them at once, how many of those were answered, and bytes for each; ms until
 * all are closed at both sides, and what is left in any table then, where the subject can tell.
 */
export async function measureSessions({ crowd }) {
  const { soft } = process.report.getReport().userLimits.open_files;
  if (soft !== 'unlimited' && Number(soft) < crowd + spare) {
    const skipped = `${crowd} sessions need ${crowd + spare} open files in a process, and it may have ${soft} (ulimit -n)`;
    return { skipped };
  }
  const all = [];
  for (const subject of crowdSubjects) {
    const pair = await startPair(subject);
    const { client, server, endpoint } = pair;
    await client.ask('open', endpoint, 20);
    const before = await settled(pair);
    const began = performance.now();
    await client.ask('open', endpoint, crowd, atOnce);
    const seconds = (performance.now() - began) / 1000;
    const { answered, ms } = await client.ask('callAll');
    const after = await settled(pair);
    const [atClient, atServer] = after.map(({ heap, rss }, i) => ({
      heap: (heap - before[i].heap) / crowd,
      rss: (rss - before[i].rss) / crowd,
    }));
    // With the 20 from before.
    const { closing, left } = await closeAll(pair);
    all.push({ subject, seconds, ms, answered: answered - 20, atClient, atServer, closing, left });
    await Promise.all([client.end(), server.end()]);
  }
  return { crowd, all };
}

/** Closes all sessions from the client's side, and waits until the server knows. */
async function closeAll({ client, server }) {
  const began = performance.now();
  await client.ask('closeAll');
  const leftAt = (side) => side.ask('left');
  let left = await leftAt(server);
  while (left > 0 && performance.now() - began < 10_000) {
    await setTimeout(5);
    left = await leftAt(server);
  }
  const closing = performance.now() - began;
  const atClient = await leftAt(client);
  return { closing, left: left === undefined ? undefined : left + atClient };
}
