import type { Hunted } from './hunter.js';
import type { Command } from './plan.js';

/** A command under an id that it has. */
export interface Known {
  readonly command: Command;
  readonly id: string;
  readonly answered: boolean;
}

/** The commands that are there, or may be, by their ids. */
export function pushesOf({ lanes, facts }: Pick<Hunted, 'lanes' | 'facts'>): {
  known: Map<string, Known>;
  faults: string[];
} {
  const batches = new Map(
    lanes.flatMap(({ batches: all }) => all.map((each) => [each.number, each])),
  );
  const known = new Map<string, Known>();
  const faults: string[] = [];
  const numbers = new Map<number, Command>();
  const queued = new Map<string, number>();
  /** Of those without an id of their own, the one that they have. */
  const made = new Map<number, string>();
  const meet = (command: Command, id: string, answered: boolean): void => {
    known.set(id, { command, id, answered: answered || known.get(id)?.answered === true });
    if (command.id !== undefined) return;
    const other = made.get(command.n);
    if (other !== undefined && other !== id) {
      faults.push(`pushed twice: ${command.n} has the ids ${other} and ${id}`);
    }
    made.set(command.n, id);
  };
  for (const fact of facts) {
    if (fact.kind === 'pushing') {
      for (const command of batches.get(fact.batch)?.commands ?? []) {
        numbers.set(command.n, command);
        if (command.id !== undefined) meet(command, command.id, false);
      }
    } else if (fact.kind === 'pushed') {
      for (const [i, command] of (batches.get(fact.batch)?.commands ?? []).entries()) {
        const id = fact.ids[i] ?? '';
        meet(command, id, true);
        if (fact.states[i] !== 'queued') continue;
        const count = (queued.get(id) ?? 0) + 1;
        queued.set(id, count);
        if (count === 2) faults.push(`pushed twice: ${id} was new to two who pushed it`);
      }
    } else if (fact.kind === 'start' && !known.has(fact.id)) {
      // An answer that nobody heard: of one that makes its ids, this tells it.
      const command = numbers.get(fact.n);
      const child = fact.id.includes('/');
      if (command !== undefined && command.id === undefined && !child)
        meet(command, fact.id, false);
    }
  }
  return { known, faults };
}
