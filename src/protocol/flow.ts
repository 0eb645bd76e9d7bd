import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Intake, IntakeFlow } from './intake.js';
import type { Outbox, OutboxFlow } from './outbox.js';
import { Rate } from './rate.js';
import { Stall, type StallHost } from './stall.js';

/** After so many ms with the channel paused, one piece is read all the same. */
const stall = 1_000;

const none: readonly string[] = [];

export interface FlowOptions {
  readonly clock: Clock;
  readonly limits: Limits;
}

/** Whom it tells: the session. */
export interface FlowHost {
  /** A message does not go on, or the peer takes nothing. */
  onStalled(why: string): void;
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
export class Flow implements IntakeFlow, OutboxFlow, StallHost {
  readonly channel: Channel;
  readonly intake: Intake;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly #outbox: Outbox;
  readonly #host: FlowHost;
  #reasons: readonly string[] = none;
  #halted = false;
  halts = 0;
  /** Whose turn it is to fill the channel first: ours, with calls held back, or the peer's, with outcomes. */
  #oursFirst = false;
  #cancelStall: (() => void) | undefined;
  readonly #rate: Rate;
  readonly #stalls: Stall;
  #cancelRate: (() => void) | undefined;

  constructor(
    { clock, limits }: FlowOptions,
    channel: Channel,
    intake: Intake,
    outbox: Outbox,
    host: FlowHost,
  ) {
    this.channel = channel;
    this.intake = intake;
    this.clock = clock;
    this.#outbox = outbox;
    this.#host = host;
    this.limits = limits;
    this.#stalls = new Stall(this);
    this.#rate = new Rate(clock, limits.messages);
    intake.flow = this;
    intake.room = this.#rate.take();
    outbox.flow = this;
  }

  get halted(): boolean {
    return this.#halted || this.#reasons.includes('away');
  }

  onStalled(why: string): void {
    this.#host.onStalled(why);
  }

  /** Whether the channel is to bring no more. */
  halt(halted: boolean): void {
    this.halts++;
    this.#halted = halted;
    if (halted) this.channel.pause();
    else this.channel.resume();
  }

  /** A write found the channel full. */
  onFull(buffered: number): void {
    this.#stalls.full();
    if (buffered <= this.limits.unsentMax) return this.pause('unsent');
    const text = `the peer does not read: ${buffered} bytes are unsent`;
    this.#host.onOverflow(new DserviceError('ERR_LIMIT', text));
  }

  onBacklog(full: boolean): void {
    if (full) this.#stop();
    else this.#go();
  }

  /** A piece was read. */
  read(bytes: number): void {
    this.#stalls.read(bytes);
  }

  /** Reads on in another turn, so that others have one; or when there may be more. */
  breathe(): void {
    this.pause('rate');
    const { intake } = this;
    const goOn = (): void => {
      this.#cancelRate = undefined;
      if (!intake.backlog) this.halt(false);
      this.resume('rate');
    };
    if (intake.room <= 0) intake.room = this.#rate.take();
    if (intake.room > 0) return this.clock.defer(goOn);
    this.halt(true);
    this.#cancelRate = this.clock.after(this.#rate.wait, goOn, true);
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
    if (this.#oursFirst) this.#host.onRoom();
    if (!this.#outbox.blocked) this.resume('unsent');
    if (!this.#oursFirst && !this.#outbox.blocked) this.#host.onRoom();
  }

  /** Runs no further call of the peer's until each reason is gone. */
  pause(reason: string): void {
    if (!this.#reasons.includes(reason)) this.#reasons = [...this.#reasons, reason];
    this.intake.pause();
  }

  resume(reason: string): void {
    if (!this.#reasons.includes(reason)) return;
    this.halts++;
    this.#reasons = this.#reasons.filter((it) => it !== reason);
    if (this.#reasons.length === 0) this.intake.resume();
  }

  #stop(): void {
    this.halt(true);
    // A last resort, for peers and channels that hold more on the way than we are ready to take in.
    this.#cancelStall ??= this.clock.after(
      stall,
      () => {
        this.#cancelStall = undefined;
        this.intake.backlog = false;
        this.halt(false);
      },
      true,
    );
  }

  #go(): void {
    this.#cancelStall?.();
    this.#cancelStall = undefined;
    // Where there is a time to wait, it is told then.
    if (this.#cancelRate === undefined) this.halt(false);
  }

  stop(): void {
    this.#cancelStall?.();
    this.#cancelRate?.();
    this.#stalls.stop();
  }
}
