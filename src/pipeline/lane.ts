import type { Run } from './run.js';
import type { Step } from './step.js';
import type { Want } from './store.js';

/** A step's share of a worker: what runs of it, and whether there may be more. */
export class Lane {
  readonly step: Step;
  /** ms for which it claims commands. */
  readonly lease: number;
  readonly running = new Set<Run>();
  /** Asked of the store, and not answered yet. */
  asked = 0;
  /** There may be something to claim. */
  hungry = true;

  constructor(step: Step, grace: number) {
    this.step = step;
    this.lease = step.timeout + grace;
  }

  get free(): number {
    return this.step.concurrency - this.running.size - this.asked;
  }

  want(max: number): Want {
    const { queue, rate } = this.step;
    return { queue, max, lease: this.lease, rate };
  }
}
