import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Outbox } from './outbox.js';

/** After so many ms without progress, a side that waits for the other reads on all the same. */
const stall = 1_000;

export interface FlowOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly limits: Limits;
  /** So much is unsent that there is no going on. */
  onOverflow(error: DserviceError): void;
}

/**
 * Back-pressure (protocol page, section 4): who does not read our answers gets no more questions in.
 * Two sides that both did so would wait for each other for ever; so after a second in which nothing
 * left, reading goes on until the next write finds the channel full again.
 */
export class Flow {
  readonly #channel: Channel;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #reasons = new Set<string>();
  #cancelStall: (() => void) | undefined;
  /** The channel has just drained: something is read before it may be found full again. */
  #turn = false;

  constructor({ channel, clock, outbox, limits, onOverflow }: FlowOptions) {
    this.#channel = channel;
    this.#clock = clock;
    this.#outbox = outbox;
    outbox.onFull = (buffered) => {
      if (buffered <= limits.unsentMax) return this.#full();
      const text = `the peer does not read: ${buffered} bytes are unsent`;
      onOverflow(new DserviceError('ERR_LIMIT', text));
    };
  }

  #full(): void {
    if (this.#turn) return;
    this.pause('unsent');
    if (this.#cancelStall !== undefined) return;
    const before = this.#channel.buffered;
    this.#cancelStall = this.#clock.after(
      stall,
      () => {
        this.#cancelStall = undefined;
        if (!this.#outbox.blocked) return;
        if (this.#channel.buffered >= before) this.resume('unsent');
        else this.#full();
      },
      true,
    );
  }

  /** The channel has room. */
  drained(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    this.#outbox.blocked = false;
    this.resume('unsent');
    // Calls that were held back fill the channel at once; without this, their side would never read.
    this.#turn = true;
    this.#clock.defer(() => {
      this.#turn = false;
      if (this.#outbox.blocked) this.#full();
    });
  }

  /** Reads nothing until each reason to pause is gone. */
  pause(reason: string): void {
    if (this.#reasons.size === 0) this.#channel.pause();
    this.#reasons.add(reason);
  }

  resume(reason: string): void {
    if (this.#reasons.delete(reason) && this.#reasons.size === 0) this.#channel.resume();
  }

  stop(): void {
    this.#cancelStall?.();
  }
}
