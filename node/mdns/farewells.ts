import type { Clock } from '../../src/clock.js';
import type { Rr } from './message.js';

export interface FarewellsOptions {
  readonly clock: Clock;
  /** Sends goodbyes to the group; resolves when they have left. */
  readonly send: (goodbyes: readonly Rr[]) => Promise<void>;
  /** Whether a record is ours again. */
  readonly isOurs: (rr: Rr) => boolean;
}

const repeatAfter = 250;

/**
 * Goodbyes (RFC 6762 §10.1): those of one turn together, and all once more a little later, since a
 * lost goodbye costs others two minutes.
 */
export class Farewells {
  readonly #options: FarewellsOptions;
  #leaving: Rr[] = [];
  #left: Promise<void> | undefined;
  readonly #repeats = new Map<() => void, () => void>();

  constructor(options: FarewellsOptions) {
    this.#options = options;
  }

  /** Resolves when the goodbye has left for the first time. */
  say(rrs: readonly Rr[]): Promise<void> {
    if (rrs.length === 0) return Promise.resolve();
    this.#leaving.push(...rrs);
    this.#left ??= new Promise((resolve) => {
      this.#options.clock.defer(() => void this.#leave().then(resolve));
    });
    return this.#left;
  }

  #leave(): Promise<void> {
    const rrs = this.#leaving;
    this.#leaving = [];
    this.#left = undefined;
    const repeat = () => {
      this.#repeats.delete(repeat);
      void this.#send(rrs);
    };
    this.#repeats.set(repeat, this.#options.clock.after(repeatAfter, repeat, true));
    return this.#send(rrs);
  }

  #send(rrs: readonly Rr[]): Promise<void> {
    // Not of what was announced again in the meantime.
    const gone = rrs.filter((rr) => !this.#options.isOurs(rr));
    return this.#options.send(gone.map((rr) => ({ ...rr, ttl: 0 })));
  }

  /** Repeats at once what was to be repeated later. */
  close(): void {
    for (const [repeat, cancel] of [...this.#repeats]) {
      cancel();
      repeat();
    }
  }
}
