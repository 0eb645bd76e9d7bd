import type { Clock } from '../clock.js';
import type { DserviceError } from '../errors.js';
import { foreign, type Said } from './method-options.js';

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

/** The gate of one method. */
export interface Gate {
  enter(said: Said, arrival: Arrival): Place;
}

/** Makes one; `onEmpty` is told when no call is at it any more. */
export type MakeGate = (clock: Clock, onEmpty: () => void) => Gate;

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
   * as may: then nothing was started; ERR_API where what was said of the method brings no gate.
   */
  enter(key: unknown, said: Said, arrival: Arrival): Place {
    let gate = this.#gates.get(key);
    if (gate === undefined) {
      if (typeof said.gate !== 'function') throw foreign('`concurrency`');
      // What `method` has put there.
      const make = said.gate as MakeGate;
      gate = make(this.#clock, () => this.#gates.delete(key));
      this.#gates.set(key, gate);
    }
    return gate.enter(said, arrival);
  }

  /** Methods of which a call runs. */
  get busy(): number {
    return this.#gates.size;
  }
}
