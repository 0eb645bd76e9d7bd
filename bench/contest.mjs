import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { startProcess } from './process.mjs';
import { queueSubjects } from './subjects/index.mjs';
import { ways } from './three-steps.mjs';

/** Commands of a first run, when it is not known how many go through in which time. */
const few = 100;

/**
 * Moves per second of subjects, each doing what it can do in some ways, and µs of CPU time for a move, where it can
 * be told: `figures['bullmq per32'] = { rate, cpu }`, a figure a round. In each round everybody has a turn.
 *
 * An entrant is `{ label, run(name, …args), cpu?, store, way, before? }`: `label` its name in the result; `run` calls
 * what the subject can do; `cpu` resolves with what all that takes part has used; `before` is awaited before each turn.
 */
export async function contest(entrants, { rounds, moving, warmUp }) {
  const counts = new Map();
  const turn = async ({ label, run, cpu, store, way, before }, time) => {
    await before?.();
    const it = ways[way];
    if (!it.single) await run('prepare', store, it, counts.get(label) ?? few);
    const used = await cpu?.();
    const { moves, seconds } = await (it.single ? run('oneByOne', store, it, time) : run('go'));
    const rate = moves / seconds;
    // As many as go through in the time, next time.
    counts.set(label, Math.max(30, Math.round((rate * time) / 3_000)));
    return { rate, cpu: cpu && ((await cpu()) - used) / moves };
  };
  const figures = {};
  for (const entrant of entrants) {
    figures[entrant.label] = { rate: [], cpu: [] };
    for (const time of [warmUp, moving, moving]) await turn(entrant, time);
  }
  for (let round = 0; round < rounds; round++) {
    for (const entrant of orderOf(entrants, round)) {
      const { rate, cpu } = await turn(entrant, moving);
      figures[entrant.label].rate.push(rate);
      if (cpu !== undefined) figures[entrant.label].cpu.push(cpu);
    }
  }
  return figures;
}

/** Each round begins with another, and every second one goes the other way round: none always comes after the same. */
function orderOf(entrants, round) {
  const order = entrants.map((_, i) => entrants[(i + round) % entrants.length]);
  return round % 2 === 0 ? order : order.toReversed();
}

/** Processes of subjects that have queues, by name, as `run` and `cpu` of entrants; with `profile`, profiles are written at the end. */
export async function startQueues(names, { profile }) {
  const processes = await Promise.all(
    names.map((name) => startProcess(queueSubjects.find((it) => it.name === name))),
  );
  if (profile !== undefined) {
    await mkdir(profile, { recursive: true });
    await Promise.all(processes.map((process) => process.ask('profile')));
  }
  const entries = processes.map((process, i) => [
    names[i],
    { run: (...args) => process.ask('run', ...args), cpu: () => process.ask('cpu') },
  ]);
  return {
    by: Object.fromEntries(entries),
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
