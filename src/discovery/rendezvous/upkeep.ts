import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import { messageOf } from '../../protocol/encode.js';
import { isRecord } from '../../protocol/message.js';
import type { Link } from './link.js';

/** Milliseconds until what was refused is tried again: at most, drawn by lot. */
const again = { busy: 2_000, refused: 30_000 };

export interface UpkeepOptions {
  readonly clock: Clock;
  readonly logger: { warn(message: string): void };
  /** What is kept up, for the log. */
  readonly what: string;
  /** One step towards what is wanted, over this link; false where nothing is left to do. */
  step(link: Link): Promise<boolean>;
}

/**
 * Keeps something up at the rendezvous, one step after the other: what is wanted meanwhile is done with
 * the next step, so that a flood of changes costs one call at a time.
 */
export class Upkeep {
  readonly #options: UpkeepOptions;
  #link: Link | undefined;
  #running = false;
  /** It was told to look while it was busy with something else. */
  #asked = false;
  #stopTimer: (() => void) | undefined;
  #warned = false;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  /** Another link, or none: all begins anew. */
  use(link: Link | undefined): void {
    this.#link = link;
    this.#rest();
    this.look();
  }

  /** Something else may be wanted. */
  look(): void {
    this.#asked = true;
    if (this.#running || this.#link === undefined || this.#stopTimer !== undefined) return;
    void this.#run(this.#link);
  }

  stop(): void {
    this.#link = undefined;
    this.#rest();
  }

  #rest(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }

  async #run(link: Link): Promise<void> {
    this.#running = true;
    try {
      while (this.#link === link && this.#asked) {
        this.#asked = false;
        if (await this.#options.step(link)) this.#asked = true;
      }
    } catch (error) {
      if (this.#link === link) this.#refused(error);
    }
    this.#running = false;
    // It was given another one meanwhile.
    if (this.#link !== link) this.look();
  }

  #refused(error: unknown): void {
    const { clock, logger, what } = this.#options;
    const busy = DserviceError.is(error) && ['ERR_BUSY', 'ERR_DEADLINE'].includes(error.code);
    // It was heard of there already, by another way: nobody misses it.
    const known = isRecord(error) && error.bridged === true;
    if (!busy && !known && !this.#warned) {
      this.#warned = true;
      logger.warn(`dservice: the rendezvous refuses ${what}: ${messageOf(error)}`);
    }
    const pause = (busy ? again.busy : again.refused) * (0.25 + 0.75 * clock.random());
    this.#stopTimer = clock.after(
      pause,
      () => {
        this.#stopTimer = undefined;
        this.look();
      },
      true,
    );
  }
}
