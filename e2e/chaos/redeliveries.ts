import type { Fact } from './history.js';
import type { SeenStay, StartFact, Stays } from './stay.js';

/** What the workers were, times in ms. */
export interface Conditions {
  readonly concurrency: number;
  readonly timeout: number;
  readonly grace: number;
}

/** How often steps began once more than their own outcomes ask for, and why. */
export interface Redelivered {
  /** The worker that had it before was killed, told to stop, or had not answered in time. */
  readonly killed: number;
  readonly stopped: number;
  readonly expired: number;
  /** Leases that were taken back, as far as their takers told of it. */
  readonly leases: number;
  readonly faults: readonly string[];
}

/** What befell a worker, and when first. */
interface Fortune {
  killed?: number;
  stopping?: number;
  paused?: number;
}

export function redeliveriesOf(
  stays: Stays,
  facts: readonly Fact[],
  conditions: Conditions,
): Redelivered {
  const fortunes = fortunesOf(facts);
  const counts = { killed: 0, stopped: 0, expired: 0 };
  const killedOf = new Map<string, number>();
  const faults: string[] = [];
  for (const stay of stays) {
    const runs = stay.runs;
    for (const [i, run] of runs.entries()) {
      const next = runs[i + 1];
      if (next === undefined || isDesigned(stay, run)) continue;
      const why = reasonOf(run, next, fortunes.get(run.by) ?? {}, conditions);
      if (why === undefined) {
        const ms = (next.at - run.at).toFixed(1);
        faults.push(
          `redelivered: ${stay.name}, attempt ${next.attempt} ${ms} ms after attempt ${run.attempt}`,
        );
      } else counts[why]++;
      if (why === 'killed') killedOf.set(run.by, (killedOf.get(run.by) ?? 0) + 1);
    }
  }
  const leases = facts.filter((fact) => 'reaped' in fact && fact.reaped).length;
  const ended = [...fortunes.values()].filter(
    ({ killed, stopping }) => killed !== undefined || stopping !== undefined,
  ).length;
  const most = ended * conditions.concurrency + leases;
  const all = counts.killed + counts.stopped + counts.expired;
  if (all > most) faults.push(`redelivered: ${all} times, and ${most} at most can be`);
  return { ...counts, leases, faults };
}

function fortunesOf(facts: readonly Fact[]): Map<string, Fortune> {
  const all = new Map<string, Fortune>();
  for (const { kind, by, at } of facts) {
    if (kind !== 'killed' && kind !== 'stopping' && kind !== 'paused') continue;
    const fortune = all.get(by) ?? {};
    fortune[kind] ??= at;
    all.set(by, fortune);
  }
  return all;
}

/** The step failed, or asked for a delay: it begins once more for that. */
function isDesigned({ commits, delays }: SeenStay, { by, attempt }: StartFact): boolean {
  const same = (other: { by: string; attempt: number }): boolean =>
    other.by === by && other.attempt === attempt;
  return (
    delays.some(same) ||
    commits.some((each) => each.kind === 'retried' && !each.reaped && same(each))
  );
}

function reasonOf(
  run: StartFact,
  next: StartFact,
  { killed, stopping, paused }: Fortune,
  { grace }: Conditions,
): 'killed' | 'stopped' | 'expired' | undefined {
  if (stopping !== undefined && stopping < next.at) return 'stopped';
  // Its facts come to an end there: what became of its runs nobody told.
  if (killed !== undefined) return 'killed';
  if (next.attempt === run.attempt) return undefined;
  // One that stood still may begin after another has it.
  if (next.at < run.at) return paused === undefined ? undefined : 'expired';
  // On a machine with much else to do, a claim is answered long after its lease has begun. The engine asks again then,
  // and that answer may be late too: it may begin with little of its lease left.
  return next.at - run.at >= grace / 4 ? 'expired' : undefined;
}
