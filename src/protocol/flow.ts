import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Intake } from './intake.js';
import type { Link } from './link.js';
import type { Outbox } from './outbox.js';
import { Rate } from './rate.js';
import { Stall } from './stall.js';

/** After so many ms with the channel paused, one piece is read all the same. */
const stall = 1_000;

export interface FlowOptions {
  readonly channel: Link;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly outbox: Outbox;
  readonly limits: Limits;
  /** Calls that were held back may leave. */
  onRoom(): void;
  /** So much is unsent that there is no going on. */
  onOverflow(error: DserviceError): void;
  /** A message does not go on, or the peer takes nothing. */
  onStalled(why: string): void;
}

/**
 * Back-pressure both ways (protocol page, section 4). Who does not read our outcomes gets no more of
 * its calls run: they wait, while outcomes are read on. So two sides that flood each other never wait
 * for each other: what each has on its way can always be taken in. Only when the calls that wait are
 * too many does the channel itself wait.
 */
export class Flow {
  readonly #channel: Link;
  readonly #intake: Intake;
  readonly #clock: Clock;
  readonly #outbox: Outbox;
  readonly #onRoom: () => void;
  #reasons: readonly string[] = [];
  /** Whose turn it is to fill the channel first: ours, with calls held back, or the peer's, with outcomes. */
  #oursFirst = false;
  #cancelStall: (() => void) | undefined;
  readonly #rate: Rate;
  readonly #stalls: Stall;
  #cancelRate: (() => void) | undefined;

  constructor(options: FlowOptions) {
    const { channel, intake, clock, outbox, limits, onRoom, onOverflow, onStalled } = options;
    this.#channel = channel;
    this.#intake = intake;
    this.#clock = clock;
    this.#outbox = outbox;
    this.#onRoom = onRoom;
    this.#rate = new Rate(clock, limits.messages);
    this.#stalls = new Stall({
      ...{ clock, limits, channel, onStalled, unfinished: () => intake.unfinished },
    });
    intake.onSpent = () => this.#spent();
    outbox.onFull = (buffered) => {
      this.#stalls.full();
      if (buffered <= limits.unsentMax) return this.pause('unsent');
      const text = `the peer does not read: ${buffered} bytes are unsent`;
      onOverflow(new DserviceError('ERR_LIMIT', text));
    };
    intake.onBacklog = (full) => (full ? this.#stop() : this.#go());
  }

  /** A piece was read. */
  read(bytes: number): void {
    this.#stalls.read(bytes);
  }

  /** As many messages were handed over as may, or as should in one turn. */
  #spent(): void {
    const intake = this.#intake;
    const more = intake.fresh ? this.#rate.take() : 0;
    intake.fresh = false;
    if (more > 0) intake.room = more;
    else this.#breathe();
  }

  /** Reads on in another turn, so that others have one; or when there may be more. */
  #breathe(): void {
    this.pause('rate');
    const more = this.#rate.take();
    const goOn = (): void => {
      this.#cancelRate = undefined;
      this.#intake.room = more > 0 ? more : this.#rate.take();
      if (!this.#intake.backlog) this.#channel.resume();
      this.resume('rate');
    };
    if (more > 0) return this.#clock.defer(goOn);
    this.#channel.pause();
    this.#cancelRate = this.#clock.after(this.#rate.wait, goOn, true);
  }

  /** The channel has room. */
  drained(): void {
    this.#stalls.taken();
    this.#outbox.drained();
    if (!this.#outbox.blocked) this.room();
  }

  /** There is room again: in the channel, or for what is not acknowledged. */
  room(): void {
    this.#stalls.taken();
    this.#oursFirst = !this.#oursFirst;
    if (this.#oursFirst) this.#onRoom();
    if (!this.#outbox.blocked) this.resume('unsent');
    if (!this.#oursFirst && !this.#outbox.blocked) this.#onRoom();
  }

  /** Runs no further call of the peer's until each reason is gone. */
  pause(reason: string): void {
    if (!this.#reasons.includes(reason)) this.#reasons = [...this.#reasons, reason];
    this.#intake.pause();
  }

  resume(reason: string): void {
    if (!this.#reasons.includes(reason)) return;
    this.#reasons = this.#reasons.filter((it) => it !== reason);
    if (this.#reasons.length === 0) this.#intake.resume();
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
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    // Where there is a time to wait, it is told then.
    if (this.#cancelRate === undefined) this.#channel.resume();
  }

  stop(): void {
    this.#cancelStall?.();
    this.#cancelRate?.();
    this.#stalls.stop();
  }
}
