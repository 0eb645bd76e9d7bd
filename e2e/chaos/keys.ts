import type { Stay } from './plan.js';
import type { Known } from './pushes.js';
import type { SeenStay, Stays } from './stay.js';

/** Commands of a key are worked on one after the other, in each queue, in the order in which they came. */
export function keyFaults(
  stays: Stays,
  known: ReadonlyMap<string, Known>,
  expected: ReadonlyMap<string, Stay>,
): string[] {
  const lines = new Map<string, SeenStay[]>();
  for (const stay of stays) {
    const command = known.get(rootOf(stay.id))?.command;
    if (command?.key === undefined || stay.starts.length === 0) continue;
    const name = `${stay.queue} ${command.key}`;
    const line = lines.get(name);
    if (line === undefined) lines.set(name, [stay]);
    else line.push(stay);
  }
  const faults: string[] = [];
  for (const line of lines.values()) {
    line.sort((a, b) => a.first - b.first);
    faults.push(...overlaps(line));
    const ordered = line.filter(({ queue, id }) => expected.get(`${queue} ${id}`)?.ordered);
    faults.push(...overtaken(ordered, known));
  }
  return faults;
}

function overlaps(line: readonly SeenStay[]): string[] {
  return line.slice(1).flatMap((stay, i) => {
    const before = line[i];
    if (before === undefined || before.last < stay.first) return [];
    return [`key: ${stay.name} began while ${before.id} was in hand`];
  });
}

function overtaken(line: readonly SeenStay[], known: ReadonlyMap<string, Known>): string[] {
  return line.slice(1).flatMap((stay, i) => {
    const before = line[i];
    if (before === undefined || placeOf(before.id, known) < placeOf(stay.id, known)) return [];
    return [`key: ${before.id} overtook ${stay.name}`];
  });
}

function rootOf(id: string): string {
  return id.split('/', 1)[0] ?? id;
}

/** Children come in the place of their parent, one after the other. */
function placeOf(id: string, known: ReadonlyMap<string, Known>): number {
  const n = known.get(rootOf(id))?.command.n ?? Infinity;
  return n + Number(id.split('/')[1] ?? 0) / 1_000;
}
