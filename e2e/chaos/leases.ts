import type { Fact } from './history.js';
import type { SeenStay, Stays } from './stay.js';

/** No commit without a lease, and one for each at most; and who is told that he lost one has lost it. */
export function leaseFaults(stays: Stays, facts: readonly Fact[]): string[] {
  return [
    ...[...stays].flatMap((stay) => [...twice(stay), ...without(stay), ...after(stay)]),
    ...mistold(stays, facts),
  ];
}

/** A commit that is repeated is answered as it was at first: a lease is lost when somebody else has a later one. */
function mistold(stays: Stays, facts: readonly Fact[]): string[] {
  return facts.flatMap((fact) => {
    if (fact.kind !== 'lost') return [];
    const stay = stays.get(fact.queue, fact.id);
    const taken =
      stay?.starts.some(({ attempt }) => attempt > fact.attempt) === true ||
      stay?.commits.some((each) => 'reaped' in each && each.reaped) === true;
    if (taken) return [];
    const text = `attempt ${fact.attempt} of ${fact.id} in ${fact.queue}`;
    return [`mistold: ${fact.by} was refused ${text}, that nobody had taken`];
  });
}

/** Each attempt is one lease: it ends in one way, once. */
function twice(stay: SeenStay): string[] {
  const faults: string[] = [];
  const seen = new Map<number, string>();
  for (const { attempt, kind } of stay.commits) {
    const other = seen.get(attempt);
    if (other !== undefined) {
      faults.push(`two commits: ${stay.name}, attempt ${attempt}, is ${other} and ${kind}`);
    }
    seen.set(attempt, kind);
  }
  if (stay.leavings.length > 1 && faults.length === 0) {
    faults.push(`two commits: ${stay.name} left ${stay.leavings.length} times`);
  }
  return faults;
}

/** Whoever commits has begun that attempt. What is taken back needs no run. */
function without(stay: SeenStay): string[] {
  return stay.commits.flatMap((commit) => {
    if ('reaped' in commit && commit.reaped) return [];
    const begun = stay.starts.some(
      ({ by, attempt, at }) => by === commit.by && attempt === commit.attempt && at <= commit.at,
    );
    if (begun) return [];
    return [`no lease: ${stay.name} is ${commit.kind} by ${commit.by}, that had not begun it`];
  });
}

/** Once it has left, nobody has it: not under a later attempt, ever, and not under this one later. */
function after(stay: SeenStay): string[] {
  const [leaving] = stay.leavings;
  if (leaving === undefined) return [];
  return stay.starts.flatMap(({ attempt, at, by }) => {
    const later = attempt > leaving.attempt || (attempt === leaving.attempt && at > leaving.at);
    if (!later) return [];
    const text = `${by} begins attempt ${attempt} of ${stay.name}`;
    return [`no lease: ${text}, that attempt ${leaving.attempt} took away`];
  });
}
