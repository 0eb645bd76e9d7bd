import type { Clock } from '../clock.js';
import type { InstanceRecord } from '../discovery/record.js';
import type { Standing } from './standing.js';

/** What is judged: an instance, and how it has done. */
export interface Judged {
  readonly record: InstanceRecord;
  readonly standing: Standing;
}

/** All that would do in place of one, itself among them. */
type Peers = () => readonly Judged[];

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
  /** Calls lost at instances that are away. */
  readonly #doubts = new Map<Judged, { calls: number; peers: Peers }>();

  constructor(options: OutliersOptions) {
    this.#options = options;
  }

  /** A call was answered after `ms`. */
  answered(it: Judged, ms: number, peers: Peers): void {
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

  /** A call failed by the instance's fault. */
  failed(it: Judged, peers: Peers): void {
    it.standing.failed();
    this.#judge(it, peers);
  }

  /** A call was lost at an instance that is away. What that says is known when it is back, or gone. */
  doubted(it: Judged, peers: Peers): void {
    this.#doubts.set(it, { calls: (this.#doubts.get(it)?.calls ?? 0) + 1, peers });
  }

  /** It is back: all that was lost meanwhile is one failure, unless it comes to that time and again. */
  back(it: Judged): void {
    const doubt = this.#doubts.get(it);
    if (doubt === undefined) return;
    this.#doubts.delete(it);
    this.#judge(it, doubt.peers, it.standing.lost(this.#options.clock.now()));
  }

  /** It is gone: each call that was lost meanwhile is a failure. */
  gone(it: Judged): void {
    const doubt = this.#doubts.get(it);
    if (doubt === undefined) return;
    this.#doubts.delete(it);
    it.standing.failures += doubt.calls;
    this.#judge(it, doubt.peers);
  }

  #judge(it: Judged, peers: Peers, often = false): void {
    const { out, trying, failures } = it.standing;
    // Those that were out when it was ejected fail as well, and say nothing new; the trial call does.
    if (out ? trying : often || failures >= mostFailures) this.#eject(it, 'failures', peers());
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
