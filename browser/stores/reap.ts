import { expired } from '../../src/pipeline/stored-error.js';
import type { Reaped } from '../../src/pipeline/store.js';
import { Change } from './change.js';
import { type Command, finite, type Key } from './records.js';
import type { Work } from './work.js';

/** How many leases are taken back at once. */
const mostReaped = 1_000;

/** Takes back leases that have ended, and those of tabs that are gone. `tabs`: whose the others are. */
export async function reap(
  work: Work,
  queues: readonly { readonly queue: string; readonly retries: number }[],
  gone: ReadonlySet<string>,
): Promise<Reaped & { readonly tabs: ReadonlySet<string> }> {
  const change = new Change(work);
  const tabs = new Set<string>();
  const all: { ref: string; queue: string; tries: number; dead: boolean }[] = [];
  let due = Infinity;
  for (const { queue, retries } of queues) {
    if (work.meta.queues.get(queue)?.working === 0) continue;
    const late: Key[] = [];
    for (const key of await work.keys(work.range(queue, 'working'))) {
      const [at, tab] = [Number(key[3]), String(key[6])];
      if (at <= work.now || gone.has(tab)) late.push(key);
      else {
        due = Math.min(due, at - work.now);
        tabs.add(tab);
      }
    }
    const read = late.map(async (key) => {
      const kept = await work.get(key);
      return (kept?.commands ?? []).map((command) => ({ key, command }));
    });
    const leases = (await Promise.all(read)).flat().sort(byLease);
    const back = leases.splice(0, mostReaped - all.length);
    if (leases.length > 0) due = 0;
    for (const key of late) {
      const rest = leases.filter((it) => it.key === key).map(({ command }) => command);
      work.keep([key, { names: [], commands: [], at: 0 }], rest);
    }
    work.queue(queue).working -= back.length;
    const tried = back.map(({ command }) => ({ ...command, tries: command.tries + 1, error: expired })); // prettier-ignore
    const dying = tried.filter(({ tries }) => tries > retries);
    await change.prepare([], [], dying);
    for (const command of dying) change.die(command, expired);
    change.toFront(queue, tried.filter(({ tries }) => tries <= retries)); // prettier-ignore
    all.push(...tried.map(({ ref, tries }) => ({ ref, queue, tries, dead: tries > retries })));
  }
  change.end();
  return { expired: all, tabs, due: finite(due) };
}

interface Late {
  readonly key: Key;
  readonly command: Command;
}

/** By deadline, token, place. */
function byLease(a: Late, b: Late): number {
  const [x, y] = [a.key, b.key];
  if (x[3] !== y[3]) return Number(x[3]) - Number(y[3]);
  if (x[4] !== y[4]) return String(x[4]) < String(y[4]) ? -1 : 1;
  return (a.command.place ?? 0) - (b.command.place ?? 0);
}
