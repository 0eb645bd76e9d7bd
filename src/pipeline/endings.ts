import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { forever, type Operations } from './operations.js';
import { idOf, refOf } from './ref.js';
import { errorOf } from './stored-error.js';
import type { Found } from './store.js';

/** Milliseconds between looks, where nothing wakes us. */
const glance = 60_000;

/** How a command came to its end. */
export interface Ending {
  readonly id: string;
  /** `forgotten`: the store knows nothing of it any more, or never did. Ids that callers give are remembered for long. */
  readonly state: 'finished' | 'dead' | 'forgotten';
  /** The ids of the commands that it became at its end. */
  readonly children: readonly string[];
  /** Why it is dead. */
  readonly error?: Error;
}

interface Waiting {
  readonly id: string;
  readonly resolve: (ending: Ending) => void;
  readonly reject: (error: Error) => void;
}

/** Those who wait for commands to end, in this program or in another. */
export class Endings {
  readonly #operations: Operations;
  readonly #clock: Clock;
  readonly #waiting = new Map<string, Waiting[]>();
  #looking = false;
  #again = false;
  #stopTimer: (() => void) | undefined;

  constructor(operations: Operations, clock: Clock) {
    this.#operations = operations;
    this.#clock = clock;
  }

  /** Resolves when the command has ended. Rejects with ERR_CLOSED when the pipeline stops before. */
  of(id: string, key: string | undefined): Promise<Ending> {
    const ref = refOf(id, key);
    return new Promise((resolve, reject) => {
      const list = this.#waiting.get(ref) ?? [];
      list.push({ id, resolve, reject });
      this.#waiting.set(ref, list);
      this.#stopTimer ??= this.#clock.after(glance, this.#glance);
      this.look();
    });
  }

  /** Asks the store: somebody else may have ended something. */
  look(): void {
    this.#again = true;
    if (!this.#looking) void this.#look();
  }

  close(): void {
    const error = new DserviceError('ERR_CLOSED', 'the pipeline has stopped');
    for (const list of this.#waiting.values()) for (const { reject } of list) reject(error);
    this.#waiting.clear();
    this.#rest();
  }

  /** Who waits keeps the program alive: a store that watches does not. */
  readonly #glance = (): void => {
    this.#stopTimer = this.#clock.after(glance, this.#glance);
    this.look();
  };

  #rest(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  async #look(): Promise<void> {
    this.#looking = true;
    while (this.#again && this.#waiting.size > 0) {
      this.#again = false;
      const refs = [...this.#waiting.keys()];
      const all = await this.#operations
        .many((store) => store.find(refs), forever)
        .catch(() => undefined);
      for (const [i, ref] of refs.entries()) if (all !== undefined) this.#found(ref, all[i]);
    }
    this.#looking = false;
  }

  #found(ref: string, found: Found | undefined): void {
    if (found === undefined) this.tell(ref, 'forgotten', []);
    else if (found.state === 'dead') {
      this.tell(ref, 'dead', [], found.error && errorOf(found.error));
    } else if (found.state === 'finished') {
      const id = idOf(ref);
      const children = Array.from({ length: found.children ?? 0 }, (_, i) => `${id}/${i + 1}`);
      this.tell(ref, 'finished', children);
    }
  }

  /** It is known how a command ended. */
  tell(ref: string, state: Ending['state'], children: readonly string[], error?: Error): void {
    const list = this.#waiting.get(ref) ?? [];
    this.#waiting.delete(ref);
    if (this.#waiting.size === 0) this.#rest();
    for (const { id, resolve } of list) {
      resolve({ id, state, children, ...(error === undefined ? {} : { error }) });
    }
  }
}
