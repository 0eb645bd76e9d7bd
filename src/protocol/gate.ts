import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Arrival, Gate, MakeGate, Place } from './gates.js';
import type { MethodOptions } from './method-options.js';

/** So many wait where a method says how many run, and not how many wait. */
const usualQueue = 100;

/** Where `method` is told of a `concurrency`, it hands this over with the handler (`Gates`). */
export const makeGate: MakeGate = (clock, onEmpty) => new MethodGate(clock, onEmpty);

class MethodGate implements Gate {
  readonly #clock: Clock;
  readonly #onEmpty: () => void;
  readonly #waiting = new Set<Visitor>();
  #most = 1;
  #running = 0;
  #admitting = false;

  constructor(clock: Clock, onEmpty: () => void) {
    this.#clock = clock;
    this.#onEmpty = onEmpty;
  }

  enter({ concurrency = Infinity, queue = usualQueue }: MethodOptions, arrival: Arrival): Place {
    this.#most = concurrency;
    const visitor = new Visitor(this, arrival);
    const mustWait = this.#running >= this.#most || this.#waiting.size > 0;
    if (mustWait && this.#waiting.size >= queue && arrival.patient !== true) {
      throw busy(arrival.method, concurrency, this.#waiting.size);
    }
    this.#waiting.add(visitor);
    this.#admit();
    if (visitor.waits) visitor.limit(this.#clock);
    return visitor;
  }

  waits(visitor: Visitor): boolean {
    return this.#waiting.has(visitor);
  }

  /** A call has left: one that ran, or one that waited. */
  left(waited: boolean, visitor: Visitor): void {
    if (waited) this.#waiting.delete(visitor);
    else this.#running--;
    this.#admit();
  }

  /** Starts those whose turn it is. One may end at once: that is seen here, and not deeper and deeper. */
  #admit(): void {
    if (this.#admitting) return;
    this.#admitting = true;
    for (const visitor of this.#waiting) {
      if (this.#running >= this.#most) break;
      this.#waiting.delete(visitor);
      this.#running++;
      visitor.start();
    }
    this.#admitting = false;
    if (this.#running === 0 && this.#waiting.size === 0) this.#onEmpty();
  }
}

class Visitor implements Place {
  readonly #gate: MethodGate;
  readonly #arrival: Arrival;
  #stopTimer: (() => void) | undefined;
  #left = false;

  constructor(gate: MethodGate, arrival: Arrival) {
    this.#gate = gate;
    this.#arrival = arrival;
  }

  get waits(): boolean {
    return this.#gate.waits(this);
  }

  limit(clock: Clock): void {
    const { deadline } = this.#arrival;
    if (deadline === undefined) return;
    this.#stopTimer = clock.after(deadline, () => this.#late(), true);
  }

  #late(): void {
    this.leave();
    const { method, late } = this.#arrival;
    const text = `it was not the turn of ${method ?? 'the call'} before its deadline`;
    late(new DserviceError('ERR_DEADLINE', text, details(method)));
  }

  start(): void {
    this.#stopTimer?.();
    this.#arrival.start(this);
  }

  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.#stopTimer?.();
    this.#gate.left(this.waits, this);
  }
}

function busy(method: string | undefined, running: number, waiting: number): DserviceError {
  const text = `${method ?? 'a function'} is busy: ${running} calls of it run, and ${waiting} wait`;
  return new DserviceError('ERR_BUSY', text, details(method));
}

function details(method: string | undefined) {
  return { mayHaveRun: false, ...(method === undefined ? {} : { method }) };
}
