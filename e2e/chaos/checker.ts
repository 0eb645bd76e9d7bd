import type { Hunted } from './hunter.js';
import type { Fact } from './history.js';
import { keyFaults } from './keys.js';
import { leaseFaults } from './leases.js';
import { type Command, isFatal, routeOf, type Stay } from './plan.js';
import { type Known, pushesOf } from './pushes.js';
import { type Conditions, type Redelivered, redeliveriesOf } from './redeliveries.js';
import { Stays } from './stay.js';

export type History = Pick<Hunted, 'lanes' | 'facts' | 'end'>;

export interface Checked {
  /** What must not be, each in a line: the kind of fault, then of whom. */
  readonly faults: readonly string[];
  readonly redelivered: Redelivered;
}

/** Looks whether a history keeps what pipelines promise. */
export function check(history: History, conditions: Conditions): Checked {
  const pushes = pushesOf(history);
  const stays = new Stays(history.facts);
  const expected = new Map<string, Stay>();
  for (const { command, id } of pushes.known.values()) {
    for (const stay of routeOf(command, id)) expected.set(`${stay.queue} ${stay.id}`, stay);
  }
  const redelivered = redeliveriesOf(stays, history.facts, conditions);
  return {
    faults: [
      ...wrongs(history.facts),
      ...pushes.faults,
      ...lost(pushes.known, stays, history),
      ...invented(stays, expected),
      ...leaseFaults(stays, history.facts),
      ...outOfTurn(pushes.known, stays),
      ...keyFaults(stays, pushes.known, expected),
      ...redelivered.faults,
    ],
    redelivered,
  };
}

function wrongs(facts: readonly Fact[]): string[] {
  return facts.flatMap((fact) =>
    fact.kind === 'wrong' ? [`wrong: ${fact.by}: ${fact.text}`] : [],
  );
}

/** What was answered comes to its end, after each of its steps has had its effect. */
function lost(known: ReadonlyMap<string, Known>, stays: Stays, { end }: History): string[] {
  const faults = end.left === 0 ? [] : [`left behind: ${end.left} commands are in queues`];
  const dead = new Set(end.dead);
  const fatal = new Set<string>();
  for (const { command, id, answered } of known.values()) {
    if (isFatal(command)) fatal.add(id);
    const begun = answered || stays.get('take', id) !== undefined;
    if (!begun) continue;
    for (const stay of routeOf(command, id)) {
      const seen = stays.get(stay.queue, stay.id);
      const count = stay.dies ? seen?.starts.length : seen?.effects.length;
      if ((count ?? 0) === 0) faults.push(`lost: ${stay.id} was never done in ${stay.queue}`);
    }
    if (isFatal(command) && !dead.has(id)) faults.push(`lost: ${id} should be dead`);
    if (command.id === undefined) continue;
    for (const [each, children] of endsOf(command, id)) {
      const [state, count] = end.states.get(each) ?? ['unknown', 0];
      const right = isFatal(command) ? 'dead' : 'finished';
      if (state !== right) faults.push(`lost: ${each} is ${state}, and not ${right}`);
      else if (count !== children) faults.push(`children: ${each} has ${count} of ${children}`);
    }
  }
  for (const id of dead) if (!fatal.has(id)) faults.push(`dead: ${id} should not be`);
  if (dead.size !== end.dead.length) faults.push('dead: some are there twice');
  return faults;
}

/** The ids that come to an end, each with how many commands it becomes. */
function endsOf(command: Command, id: string): [string, number][] {
  const last = routeOf(command, id).filter(({ queue }) => queue === 'ship');
  if (command.fate !== 'split') return [[id, 0]];
  return [[id, last.length], ...last.map((stay): [string, number] => [stay.id, 0])];
}

/** Nothing is anywhere but what was pushed, where it should go. */
function invented(stays: Stays, expected: ReadonlyMap<string, Stay>): string[] {
  return [...stays].flatMap(({ queue, id, name }) => {
    return expected.has(`${queue} ${id}`) ? [] : [`invented: ${name} should never have been`];
  });
}

/** No step begins before the one before it has had its effect. */
function outOfTurn(known: ReadonlyMap<string, Known>, stays: Stays): string[] {
  const faults: string[] = [];
  const before: Readonly<Record<string, string>> = { make: 'take', ship: 'make' };
  for (const { command, id } of known.values()) {
    for (const stay of routeOf(command, id)) {
      const seen = stays.get(stay.queue, stay.id);
      const previous = before[stay.queue];
      if (seen === undefined || previous === undefined) continue;
      const effects = stays.get(previous, id)?.effects ?? [];
      const first = effects.reduce((least, { at }) => Math.min(least, at), Infinity);
      if (first > seen.first) faults.push(`out of turn: ${seen.name}, not done in ${previous}`);
    }
  }
  return faults;
}
