import type { Clock } from '../clock.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** A clock that stands still until it is told to go on. `random` counts through a fixed sequence. */
export class VirtualClock implements Clock {
  #now = 0;
  #wall = 1_577_836_800_000;
  #order = 0;
  #seed = 1;
  readonly #timers = new Set<Timer>();

  now(): number {
    return this.#now;
  }

  /** Begins in 2020, and goes with `now`, but for jumps. */
  wall(): number {
    return this.#wall + this.#now;
  }

  /** Sets the wall clock forward, or back. */
  jump(ms: number): void {
    this.#wall += ms;
  }

  after(ms: number, fn: () => void): () => void {
    const timer: Timer = { at: this.#now + Math.max(0, ms), order: this.#order++, fn };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  defer(fn: () => void): void {
    queueMicrotask(fn);
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  random(): number {
    // A small linear congruential generator: the same numbers in every run.
    this.#seed = (this.#seed * 1103515245 + 12345) % 2147483648;
    return this.#seed / 2147483648;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `ms` milliseconds pass, running due timers in order and letting promises settle between them. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (;;) {
      const due = [...this.#timers]
        .filter((timer) => timer.at <= end)
        .sort((a, b) => a.at - b.at || a.order - b.order)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = due.at;
      due.fn();
      await settle();
    }
    this.#now = end;
  }
}

/** Lets everything that is ready run: a macrotask, and the microtasks before it. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
