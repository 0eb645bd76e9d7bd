import type { InstanceRecord } from '../discovery/record.js';

type Chance = { random(): number };

/** What a picker sees of an instance. */
export interface Candidate {
  readonly record: InstanceRecord;
  /** Calls of ours that it has not answered. */
  readonly outstanding: number;
  /** Milliseconds that it takes for a call of late; undefined before the first answer. */
  readonly latency: number | undefined;
  /** It was silent for too long while calls were out, or could not be reached a moment ago. */
  readonly suspect: boolean;
}

/** Chooses one of several instances, of which there is at least one. */
export type Picker = <T extends Candidate>(candidates: readonly T[]) => T | undefined;

/** A way of picking by its name, or your own function. */
export type Pick = 'round-robin' | 'random' | Picker;

export function makePicker(pick: Pick | undefined, clock: Chance): Picker {
  if (pick === 'round-robin') return roundRobin();
  if (pick === 'random') return random(clock);
  return pick ?? twoChoices(clock);
}

/** ms under which instances count as equally fast. */
const quick = 1;

/**
 * Two at random, and of them the one that has less to do, and does it faster (Mitzenmacher, "The Power of Two Choices
 * in Randomized Load Balancing"); one that is suspect only where the other is too.
 */
function twoChoices(clock: Chance): Picker {
  return (candidates) => {
    const { length } = candidates;
    if (length < 2) return candidates[0];
    const first = Math.floor(clock.random() * length);
    const second = (first + 1 + Math.floor(clock.random() * (length - 1))) % length;
    const [a, b] = [candidates[first], candidates[second]];
    if (a === undefined || b === undefined) return a ?? b;
    if (a.suspect !== b.suspect) return a.suspect ? b : a;
    const [slowA, slowB] = [a.latency, b.latency];
    if (slowA === undefined || slowB === undefined) return b.outstanding < a.outstanding ? b : a;
    return load(b.outstanding, slowB) < load(a.outstanding, slowA) ? b : a;
  };
}

/** How long one more call would take: so many are before it. */
function load(outstanding: number, latency: number): number {
  return (outstanding + 1) * Math.max(latency, quick);
}

/** One after the other. */
function roundRobin(): Picker {
  let next = 0;
  return (candidates) => candidates[next++ % candidates.length];
}

function random(clock: Chance): Picker {
  return (candidates) => candidates[Math.floor(clock.random() * candidates.length)];
}
