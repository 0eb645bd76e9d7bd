import type { Clock } from '../clock.js';
import type { InstanceRecord } from '../discovery/record.js';
import type { Standing } from './standing.js';

/** What is judged: an instance, and how it has done. */
export interface Judged {
  readonly record: InstanceRecord;
  readonly standing: Standing;
}

/** Failures in a row after which an instance rests. */
const mostFailures = 5;

/** So many times as slow as its peers, by so many ms at least, after so many outcomes: then it rests too. */
const slow = { times: 5, ms: 100, outcomes: 10 };

export interface OutliersOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** An instance rests, for `ms`. */
  onEjected?(record: InstanceRecord, why: 'failures' | 'latency', ms: number): void;
  /** An instance that rests gets one call. */
  onTrial?(record: InstanceRecord): void;
  /** An instance is back. */
  onReturned?(record: InstanceRecord): void;
}

/**
 * Which instances of a service rest, since they fail, or are far slower than their peers. Never more than half of
 * them, and never the last.
 */
export class Outliers {
  readonly #options: OutliersOptions;

  constructor(options: OutliersOptions) {
    this.#options = options;
  }

  /** A call was answered after `ms`. `peers`: all that would do in its place, itself among them. */
  answered(it: Judged, ms: number, peers: () => readonly Judged[]): void {
    const now = this.#options.clock.now();
    const { standing } = it;
    if (standing.answered(ms, now)) return this.#options.onReturned?.(it.record);
    // A call that was out before it was ejected.
    if (standing.out) return;
    // Not for each: a look at all peers costs as much as a call.
    const { outcomes } = standing;
    if (outcomes >= slow.outcomes && outcomes % slow.outcomes === 0 && isSlow(it, peers())) {
      this.#eject(it, 'latency', peers());
    }
  }

  /** A call failed by the instance's fault. `peers`: as above. */
  failed(it: Judged, peers: () => readonly Judged[]): void {
    const { standing } = it;
    standing.failed();
    // Those that were out when it was ejected fail as well, and say nothing new; the trial call does.
    if (standing.out ? standing.trying : standing.failures >= mostFailures) {
      this.#eject(it, 'failures', peers());
    }
  }

  /** Of those that rest, whoever is to have a trial call now. */
  trial<T extends Judged>(peers: readonly T[]): T | undefined {
    const now = this.#options.clock.now();
    const due = peers.find(({ standing }) => standing.isDue(now));
    if (due === undefined) return undefined;
    due.standing.begin(now);
    this.#options.onTrial?.(due.record);
    return due;
  }

  /** Has those come back that are more than may rest: some of the others may have gone. */
  settle(peers: readonly Judged[]): void {
    const resting = peers.filter(({ standing }) => standing.out);
    const most = Math.floor(peers.length / 2);
    if (resting.length <= most) return;
    const now = this.#options.clock.now();
    resting.sort((a, b) => a.standing.until - b.standing.until);
    for (const { record, standing } of resting.slice(0, resting.length - most)) {
      standing.back(now);
      this.#options.onReturned?.(record);
    }
  }

  #eject(it: Judged, why: 'failures' | 'latency', peers: readonly Judged[]): void {
    const others = peers.filter((each) => each !== it && each.standing.out).length;
    if (others + 1 > Math.floor(peers.length / 2)) return;
    const ms = it.standing.eject(this.#options.clock.now());
    this.#options.onEjected?.(it.record, why, ms);
  }
}

/** Whether it takes far longer than half of its peers do. */
function isSlow({ standing }: Judged, peers: readonly Judged[]): boolean {
  const { latency } = standing;
  const others = peers
    .filter((each) => each.standing !== standing && !each.standing.out)
    .map((each) => each.standing.latency)
    .filter((ms) => ms !== undefined)
    .sort((a, b) => a - b);
  const median = others[Math.floor((others.length - 1) / 2)];
  if (latency === undefined || median === undefined) return false;
  return latency > slow.times * median && latency > median + slow.ms;
}
