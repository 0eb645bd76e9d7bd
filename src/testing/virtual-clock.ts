import type { Clock } from '../clock.js';
import { settle as macrotask } from './settle.js';

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** Lets everything that is ready run: a macrotask, and the microtasks before it. */
export type Settle = () => Promise<void>;

/** A clock that stands still until it is told to go on. `random` counts through a fixed sequence. */
export class VirtualClock implements Clock {
  #now = 0;
  #wall = 1_577_836_800_000;
  #order = 0;
  #seed = 1;
  readonly #settle: Settle;
  /** A binary heap, soonest first, in which those that were stopped stay until they are met. */
  readonly #heap: Timer[] = [];
  readonly #timers = new Set<Timer>();

  /** `settle`: how what is ready is let run; by a macrotask, without it. */
  constructor(settle: Settle = macrotask) {
    this.#settle = settle;
  }

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
    this.#push(timer);
    return () => this.#timers.delete(timer);
  }

  defer(fn: () => void): void {
    queueMicrotask(fn);
  }

  endOfTurn(fn: () => void): void {
    queueMicrotask(fn);
  }

  random(): number {
    // Mulberry32, by Tommy Ettinger: the same numbers in every run.
    this.#seed = (this.#seed + 0x6d2b79f5) >>> 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), this.#seed | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Lets `ms` milliseconds pass, running due timers in order and letting promises settle between them. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await this.#settle();
    for (;;) {
      const due = this.#heap[0];
      if (due === undefined || due.at > end) break;
      this.#shift();
      if (!this.#timers.delete(due)) continue;
      this.#now = due.at;
      due.fn();
      await this.#settle();
    }
    this.#now = end;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let i = heap.length;
    heap.push(timer);
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(timer, parent)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = timer;
  }

  #shift(): void {
    const heap = this.#heap;
    const timer = heap.pop();
    if (timer === undefined || heap.length === 0) return;
    let i = 0;
    for (;;) {
      let down = 2 * i + 1;
      let child = heap[down];
      const right = heap[down + 1];
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        child = right;
        down++;
      }
      if (child === undefined || !isBefore(child, timer)) break;
      heap[i] = child;
      i = down;
    }
    heap[i] = timer;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
