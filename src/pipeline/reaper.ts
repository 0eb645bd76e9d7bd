import type { Clock } from '../clock.js';
import { forever, type Operations } from './operations.js';
import { keyOf } from './ref.js';
import type { Step } from './step.js';
import { errorOf, expired } from './stored-error.js';
import { aboutOf, type Listeners } from './tell.js';

/** ms between two looks, at most and at least. */
const looks = { longest: 5_000, shortest: 100 };

export interface ReaperOptions extends Listeners {
  readonly clock: Clock;
  readonly operations: Operations;
  readonly steps: ReadonlyMap<string, Step>;
  /** Commands are back in their queues. */
  readonly onBack: () => void;
}

/** Takes back what workers, of any program, did not answer for in time. */
export class Reaper {
  readonly #options: ReaperOptions;
  #stop: (() => void) | undefined;
  #stopped = false;

  constructor(options: ReaperOptions) {
    this.#options = options;
  }

  start(): void {
    void this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#stop?.();
  }

  /** Looks now, and then when the next lease ends. */
  async #look(): Promise<void> {
    const due = await this.#reap();
    const { clock } = this.#options;
    if (this.#stopped) return;
    // Several programs need not look at the same moment.
    const pause = Math.max(looks.shortest, Math.min(looks.longest, due ?? looks.longest));
    this.#stop = clock.after(pause * (1 + clock.random() / 10), () => void this.#look());
  }

  async #reap(): Promise<number | undefined> {
    const { operations, steps, events, endings, onBack } = this.#options;
    const queues = [...steps.values()].map(({ queue, retries }) => ({ queue, retries }));
    const reaped = await operations
      .many((store) => store.reap(queues), forever)
      .catch(() => undefined);
    if (reaped === undefined || reaped.expired.length === 0) return reaped?.due;
    for (const { dead, tries: attempt, ...command } of reaped.expired) {
      const key = keyOf(command.ref);
      const about = { ...aboutOf({ ...command, key }), attempt, error: errorOf(expired) };
      if (dead) {
        endings.tell(command.ref, 'dead', [], about.error);
        events.emit('dead', about);
      } else events.emit('retried', { ...about, delay: 0 });
    }
    onBack();
    return reaped.due;
  }
}
