import type { Clock } from '../../src/clock.js';
import type { Limits } from '../../src/limits.js';

/** After so many ms without progress, a side that waits for the other reads on all the same. */
const stall = 1_000;

export interface OutletOptions {
  readonly clock: Clock;
  readonly limits: Pick<Limits, 'unsent' | 'unsentMax'>;
  /** Hands a message to whoever listens. May call `pause`. */
  emit(line: string): void;
  /** Who was told to wait need not wait any longer. */
  drain(): void;
  /** More waits than may. */
  overflow(unsent: number): void;
}

/**
 * What leaves a dnode stream, held back while its destination is full. Who does not read our answers
 * gets no more questions in; but two sides that both did so would wait for each other for ever, so
 * after a second without progress reading goes on until there is room again.
 */
export class Outlet {
  readonly #options: OutletOptions;
  #lines: string[] = [];
  #next = 0;
  /** Characters that wait. */
  #unsent = 0;
  #paused = false;
  /** Somebody was told to wait for `drain`. */
  #awaited = false;
  #patient = true;
  #cancelStall: (() => void) | undefined;

  constructor(options: OutletOptions) {
    this.#options = options;
  }

  push(line: string): void {
    if (!this.#paused && this.#unsent === 0) return this.#options.emit(line);
    this.#lines.push(line);
    this.#unsent += line.length;
    if (this.#unsent > this.#options.limits.unsentMax) this.#options.overflow(this.#unsent);
  }

  /** Whether there is room for answers to more questions; if not, `drain` will be called. */
  get open(): boolean {
    if (this.#unsent <= this.#options.limits.unsent || !this.#patient) return true;
    this.#awaited = true;
    this.#watch();
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#flush(() => this.#paused);
    if (this.#unsent > this.#options.limits.unsent) return;
    this.#patient = true;
    this.#release();
  }

  /** Hands over everything, whether or not there is room: the end comes after it. */
  flush(): void {
    this.#paused = false;
    this.#flush(() => false);
    this.#release();
  }

  /** Forgets what waits. */
  clear(): void {
    this.#lines = [];
    this.#next = 0;
    this.#unsent = 0;
    this.#release();
  }

  #flush(stopped: () => boolean): void {
    while (this.#next < this.#lines.length && !stopped()) {
      const line = this.#lines[this.#next++];
      if (line === undefined) break;
      this.#unsent -= line.length;
      this.#options.emit(line);
    }
    if (this.#next < this.#lines.length) {
      // Those that have left are let go now and then, not one by one.
      if (this.#next < 1_000) return;
      this.#lines.splice(0, this.#next);
    } else this.#lines = [];
    this.#next = 0;
  }

  #watch(): void {
    if (this.#cancelStall !== undefined) return;
    const before = this.#unsent;
    this.#cancelStall = this.#options.clock.after(
      stall,
      () => {
        this.#cancelStall = undefined;
        if (!this.#awaited) return;
        if (this.#unsent < before) return this.#watch();
        this.#patient = false;
        this.#release();
      },
      true,
    );
  }

  #release(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    if (!this.#awaited) return;
    this.#awaited = false;
    this.#options.drain();
  }
}
