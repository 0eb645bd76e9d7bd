import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Calling } from './calling.js';
import type { Flow } from './flow.js';
import type { Intake } from './intake.js';
import { Link } from './link.js';
import { readId } from './message.js';
import type { Outbox } from './outbox.js';
import { Replay } from './replay.js';
import type { Wire } from './wire.js';
import { yieldCalls } from './yielding.js';

/**
 * When so much was read, the peer is told how far we are: with what is written next, or soon, or at once when twice as
 * much was read. A write of its own each time would cost as much as the outcome that follows.
 */
const lines = 1_000;
const bytes = 64 * 1024;

export interface ContinuityOptions {
  readonly wire: Wire;
  readonly outbox: Outbox;
  readonly calling: Calling;
  readonly intake: Intake;
  readonly flow: Flow;
  readonly clock: Clock;
  readonly limits: Limits;
  /** There is no channel any more, and another one is waited for. */
  onAway(why: Error | undefined): void;
  /** There is another one. */
  onMoved(): void;
  /** No other channel came in time. */
  onExpired(error: DserviceError): void;
}

/** Handed to a session that may go on over another channel; whoever never does so carries none of it. */
export interface Resumable {
  /** The secret that the accepting side issues. */
  readonly token: string | undefined;
  /** What stands for the session's channel, which may be another one tomorrow. Called first. */
  over(channel: Channel): Channel;
  make(options: ContinuityOptions): Continuity;
}

export function resumable(token?: string): Resumable {
  let link: Link;
  return {
    token,
    over: (channel) => (link = new Link(channel)),
    make: (options) => new Continuity(options, link, token),
  };
}

/**
 * How a session outlives its channel (protocol page, resume): each side counts what it has got, keeps
 * what the other may not have got, and sends it again over the next channel.
 */
export class Continuity {
  readonly #options: ContinuityOptions;
  readonly #link: Link;
  /** Messages of the peer's that it was told we have, and what was read since. */
  #told = 0;
  #unread = 0;
  /** The peer will be told soon. */
  #telling = false;
  #away = false;
  #held = true;
  #lost: { readonly why: Error | undefined; readonly due: number } | undefined;
  #stopTimer: (() => void) | undefined;
  #token: string | undefined;

  constructor(options: ContinuityOptions, link: Link, token: string | undefined) {
    this.#options = options;
    this.#link = link;
    this.#token = token;
    options.outbox.replay = new Replay();
    options.outbox.lead = () => this.#ack();
    link.onHold = (keep) => this.#hold(keep);
  }

  /**
   * The secret by which the dialing side comes back; another one after each time. Not a field: whoever
   * prints a session does not print it.
   */
  get token(): string | undefined {
    return this.#token;
  }

  /** Whether the peer takes part, which is known once it has said hello. */
  greeted(agreed: boolean, token: string | undefined): void {
    if (agreed) this.#token ??= token;
    if (!agreed || this.#token === undefined) this.#options.outbox.replay = undefined;
  }

  /** Whether the session can go on over another channel. */
  get possible(): boolean {
    return this.#options.outbox.replay !== undefined && this.#token !== undefined;
  }

  /** Characters that are kept, since the peer may not have them. */
  get kept(): number {
    return this.#options.outbox.replay?.size ?? 0;
  }

  /** Tells how many characters more are kept or held back, each time while it is away. */
  onKept(listener: (more: number) => void): void {
    this.#options.outbox.onKept = listener;
  }

  /** There is no channel, and the session waits for the next. */
  get away(): boolean {
    return this.#away;
  }

  /** Something was read. Tells the peer now and then, so that it keeps no more than it must. */
  read(size: number): void {
    const { outbox, clock } = this.#options;
    if (outbox.replay === undefined || this.#away) return;
    this.#unread += size;
    if (!this.#untold(1)) return;
    if (this.#untold(2)) return outbox.flushLead();
    if (this.#telling) return;
    this.#telling = true;
    const tell = (): void => {
      this.#telling = false;
      outbox.flushLead();
    };
    clock.after(0, tell, true);
  }

  /** Whether that many times as much was read, and got, as the peer should be told of. */
  #untold(times: number): boolean {
    const more = this.#options.intake.got - this.#told;
    // Bytes that follow a line may be many, and nothing is got before the last of them.
    return more > 0 && (this.#unread >= times * bytes || more >= times * lines);
  }

  /** What the peer is told before the next text: how far we are, if it is time. */
  #ack(): string {
    const { intake, outbox } = this.#options;
    if (outbox.replay === undefined || !this.#untold(1)) return '';
    this.#unread = 0;
    this.#told = intake.got;
    return `{"control":"ack","got":${intake.got}}\n`;
  }

  /** The peer tells what it has got. False for what cannot be; of one that takes no part it means nothing. */
  acknowledged(got: unknown): boolean {
    const { outbox, flow } = this.#options;
    const { blocked, replay } = outbox;
    if (replay === undefined) return true;
    if (!replay.acknowledge(readId(got) ?? -1)) return false;
    if (blocked && !outbox.blocked) flow.room();
    return true;
  }

  /**
   * Reads nothing more of this channel, and waits for the next one, for a while. Returns how many
   * messages of the peer's were got.
   */
  leave(why: Error | undefined): number {
    const { outbox, intake, flow, clock, limits, onAway } = this.#options;
    if (this.#away) {
      // It was to move, and that came to nothing.
      if (this.#lost?.why === undefined && why !== undefined) {
        this.#lost = { due: clock.now() + limits.resume, ...this.#lost, why };
        onAway(why);
      }
      return intake.got;
    }
    this.#away = true;
    this.#lost = { why, due: clock.now() + limits.resume };
    this.#link.leave();
    outbox.leave();
    intake.restart();
    flow.pause('away');
    this.#wait();
    onAway(why);
    return intake.got;
  }

  /** While there is no channel: gives up the calls that may go elsewhere. `mayRunTwice`: by what the peer says of a method. */
  yield(mayRunTwice: (method: string) => boolean): void {
    if (this.#away) yieldCalls(this.#options.calling, this.#options.wire, mayRunTwice);
  }

  /** Whether somebody here waits for it: then it keeps the process alive, as its channel did. */
  #hold(keep: boolean): void {
    if (keep === this.#held) return;
    this.#held = keep;
    if (this.#away) this.#wait();
  }

  #wait(): void {
    const { clock, limits, onExpired } = this.#options;
    const { why, due = 0 } = this.#lost ?? {};
    this.stop();
    this.#stopTimer = clock.after(
      Math.max(0, due - clock.now()),
      () => {
        const text = `the connection was lost${why === undefined ? '' : `: ${why.message}`}, and not found again within ${limits.resume} ms`;
        onExpired(new DserviceError('ERR_CONNECTION_LOST', text, { cause: why }));
      },
      !this.#held,
    );
  }

  /** Goes on over another channel. `greeting` is the line that the peer is told first, if there is one. */
  take(channel: Channel, token: string, greeting: string): void {
    const { outbox, intake, flow, onMoved } = this.#options;
    this.#token = token;
    this.#away = false;
    this.stop();
    this.#told = intake.got;
    this.#unread = 0;
    this.#link.take(channel);
    onMoved();
    outbox.take(greeting);
    if (!outbox.blocked) flow.room();
    flow.resume('away');
  }

  stop(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}
