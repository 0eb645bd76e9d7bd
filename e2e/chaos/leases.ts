import type { SeenStay, Stays } from './stay.js';

/** No commit without a lease, and one for each at most. */
export function leaseFaults(stays: Stays): string[] {
  return [...stays].flatMap((stay) => [...twice(stay), ...without(stay), ...after(stay)]);
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
