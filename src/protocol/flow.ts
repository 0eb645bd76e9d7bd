import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Intake } from './intake.js';
import type { Outbox } from './outbox.js';

/** After so many ms with the channel paused, one piece is read all the same. */
const stall = 1_000;

export interface FlowOptions {
  readonly channel: Channel;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly limits: Limits;
  /** Calls that were held back may leave. */
  onRoom(): void;
  /** So much is unsent that there is no going on. */
  onOverflow(error: DserviceError): void;
}

/**
 * Back-pressure both ways (protocol page, section 4). Who does not read our outcomes gets no more of
 * its calls run: they wait, while outcomes are read on. So two sides that flood each other never wait
 * for each other: what each has on its way can always be taken in. Only when the calls that wait are
 * too many does the channel itself wait.
 */
export class Flow {
  readonly #channel: Channel;
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #onRoom: () => void;
  readonly #reasons = new Set<string>();
  /** Whose turn it is to fill the channel first: ours, with calls held back, or the peer's, with outcomes. */
  #oursFirst = false;
  #cancelStall: (() => void) | undefined;

  constructor({ channel, intake, clock, outbox, limits, onRoom, onOverflow }: FlowOptions) {
    this.#channel = channel;
    this.#intake = intake;
    this.#clock = clock;
    this.#outbox = outbox;
    this.#onRoom = onRoom;
    outbox.onFull = (buffered) => {
      if (buffered <= limits.unsentMax) return this.pause('unsent');
      const text = `the peer does not read: ${buffered} bytes are unsent`;
      onOverflow(new DserviceError('ERR_LIMIT', text));
    };
    intake.onBacklog = (full) => (full ? this.#stop() : this.#go());
  }

  /** The channel has room. */
  drained(): void {
    this.#outbox.drained();
    if (!this.#outbox.blocked) this.room();
  }

  /** There is room again: in the channel, or for what is not acknowledged. */
  room(): void {
    this.#oursFirst = !this.#oursFirst;
    if (this.#oursFirst) this.#onRoom();
    if (!this.#outbox.blocked) this.resume('unsent');
    if (!this.#oursFirst && !this.#outbox.blocked) this.#onRoom();
  }

  /** Runs no further call of the peer's until each reason is gone. */
  pause(reason: string): void {
    this.#reasons.add(reason);
    this.#intake.pause();
  }

  resume(reason: string): void {
    if (this.#reasons.delete(reason) && this.#reasons.size === 0) this.#intake.resume();
  }

  #stop(): void {
    this.#channel.pause();
    // A last resort, for peers and channels that hold more on the way than we are ready to take in.
    this.#cancelStall ??= this.#clock.after(
      stall,
      () => {
        this.#cancelStall = undefined;
        this.#intake.backlog = false;
        this.#channel.resume();
      },
      true,
    );
  }

  #go(): void {
    this.stop();
    this.#channel.resume();
  }

  stop(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
  }
}
