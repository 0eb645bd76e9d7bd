import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from './process.mjs';
import { queueSubjects } from './subjects/index.mjs';
import { ways } from './three-steps.mjs';

/** Commands of a first run, when it is not known how many go through in which time. */
const few = 100;

/**
 * Moves per second of subjects, each doing what it can do in some ways: `rates['bullmq per32']`, a figure a round.
 * In each round everybody has a turn, and each round begins with another.
 *
 * An entrant is `{ label, run(name, …args), store, way, before? }`: `label` its name in the result, `run` calls what the
 * subject can do, `before` is awaited before each turn.
 */
export async function contest(entrants, { rounds, ms, warmUp }) {
  const counts = new Map();
  const turn = async ({ label, run, store, way, before }, time) => {
    await before?.();
    const it = ways[way];
    if (it.single) return run('oneByOne', store, it, time);
    const rate = await run('moves', store, it, counts.get(label) ?? few);
    // As many as go through in the time, next time.
    counts.set(label, Math.max(30, Math.round((rate * time) / 3_000)));
    return rate;
  };
  const rates = {};
  for (const entrant of entrants) {
    rates[entrant.label] = [];
    await turn(entrant, warmUp);
    await turn(entrant, warmUp);
    if (!ways[entrant.way].single) await turn(entrant, ms);
  }
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < entrants.length; i++) {
      const entrant = entrants[(i + round) % entrants.length];
      rates[entrant.label].push(await turn(entrant, ms));
    }
  }
  return rates;
}

/** Processes of subjects that have queues, by name, as `run` of entrants; with `profile`, profiles are written at the end. */
export async function startQueues(names, { profile }) {
  const processes = await Promise.all(
    names.map((name) => startProcess(queueSubjects.find((it) => it.name === name))),
  );
  if (profile !== undefined) {
    await mkdir(profile, { recursive: true });
    await Promise.all(processes.map((process) => process.ask('profile')));
  }
  const runs = processes.map((process) => {
    return (...args) => process.ask('run', ...args);
  });
  return {
    runs: Object.fromEntries(names.map((name, i) => [name, runs[i]])),
    async end() {
      if (profile !== undefined) {
        await Promise.all(
          processes.map((process, i) =>
            process.ask('saveProfile', join(profile, `${names[i]}-moves.cpuprofile`)),
          ),
        );
      }
      await Promise.all(processes.map((process) => process.end()));
    },
  };
}
