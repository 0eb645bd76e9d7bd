import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { MethodOptions } from './method-options.js';

/** So many wait where a method says how many run, and not how many wait. */
const usualQueue = 100;

/** What a call does at the gate of its method. */
export interface Arrival {
  /** Milliseconds that it may wait. */
  readonly deadline?: number | undefined;
  /** It cannot be told to come again later: it waits, however many do. */
  readonly patient?: boolean;
  /** The method's name, for errors. */
  readonly method?: string | undefined;
  /** Its turn: it runs until its place is left. Never throws. */
  start(place: Place): void;
  /** Its time passed while it waited; its place is left already. */
  late(error: DserviceError): void;
}

/** A call's place at the gate: it runs, or waits for its turn. */
export interface Place {
  readonly waits: boolean;
  /** The call has ended, or waits no longer. A second time, nothing. */
  leave(): void;
}

/**
 * The gates of what is served: how many calls of a method run at once, over all sessions, and how many
 * wait for that. A gate is there while calls are at it, so there are never more gates than calls.
 */
export class Gates {
  readonly #clock: Clock;
  readonly #gates = new Map<unknown, Gate>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Lets a call in, at once or in its turn. `key` tells methods apart. Throws ERR_BUSY where as many wait
   * as may: then nothing was started.
   */
  enter(key: unknown, options: MethodOptions, arrival: Arrival): Place {
    let gate = this.#gates.get(key);
    if (gate === undefined) {
      gate = new Gate(this.#clock, () => this.#gates.delete(key));
      this.#gates.set(key, gate);
    }
    return gate.enter(options, arrival);
  }

  /** Methods of which a call runs. */
  get busy(): number {
    return this.#gates.size;
  }
}

class Gate {
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
  readonly #gate: Gate;
  readonly #arrival: Arrival;
  #stopTimer: (() => void) | undefined;
  #left = false;

  constructor(gate: Gate, arrival: Arrival) {
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
