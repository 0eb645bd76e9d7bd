import { DserviceError } from '../errors.js';

/** Who keeps something that is not through, and may have to give it up. */
export interface Keeper {
  /** Gives all of it back, at once, and takes no more. */
  evict(error: DserviceError): void;
}

/**
 * What the sessions of one server keep together of messages that are not through. Where there is no room
 * for more, those give way who have kept something for the longest time: that is not who sends, and gets done.
 */
export class Budget {
  readonly limit: number;
  used = 0;
  /** By since when. */
  readonly #keepers = new Set<Keeper>();

  constructor(limit: number) {
    this.limit = limit;
  }

  /** Past half of it, whoever can wait, waits. */
  get tight(): boolean {
    return this.used > this.limit / 2;
  }

  /** Counts so many bytes more. Throws ERR_LIMIT where the keeper is the one that has to give way. */
  take(bytes: number, keeper: Keeper): void {
    while (this.used + bytes > this.limit) {
      const [oldest = keeper] = this.#keepers;
      const text = `over ${this.limit} bytes of unfinished messages`;
      const error = new DserviceError('ERR_LIMIT', text);
      if (oldest === keeper) throw error;
      this.#keepers.delete(oldest);
      oldest.evict(error);
    }
    this.used += bytes;
    this.#keepers.add(keeper);
  }

  /** So many bytes are through; `all`, and nothing else is kept. */
  give(bytes: number, keeper: Keeper, all: boolean): void {
    this.used -= bytes;
    if (all) this.#keepers.delete(keeper);
  }
}
