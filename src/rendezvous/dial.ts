import type { Frame } from '../channel/frames.js';
import type { Clock } from '../clock.js';
import type { FarSide } from '../discovery/rendezvous/remote-side.js';
import {
  costOf,
  isPiece,
  type RelaySide,
  relayPiece,
  relayWindow,
} from '../discovery/rendezvous/wire.js';
import { DserviceError } from '../errors.js';
import { refusal } from './refusal.js';
import { messageOf } from '../protocol/encode.js';
import { hubTimes, type HubLimits } from './hub-limits.js';
import type { Party, Shared } from './party.js';

export interface DialOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly limits: HubLimits;
  /** Told of each piece that is relayed. */
  onRelayed(characters: number): void;
  onOver(why: DserviceError): void;
}

interface Side {
  readonly party: Party;
  /** Where it is told what comes from the other one; undefined until it has answered. */
  far: FarSide | undefined;
  /** It has said that nothing more comes from it. */
  ended: boolean;
  /** What it has sent and the other one has not taken. */
  outstanding: number;
}

/**
 * What the hub keeps of two who talk through it: it hands on each piece, and its outcome, and holds
 * both to their window. It keeps no text: that is with the session of who has not read it.
 */
export class Dial implements Shared {
  readonly id: string;
  readonly #options: DialOptions;
  readonly #from: Side;
  readonly #to: Side;
  /** Ends that were told and not yet heard. */
  #telling = 0;
  #over: DserviceError | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(from: Party, near: FarSide, to: Party, options: DialOptions) {
    this.id = options.id;
    this.#options = options;
    this.#from = { party: from, far: near, ended: false, outstanding: 0 };
    this.#to = { party: to, far: undefined, ended: false, outstanding: 0 };
    from.dials.set(this.id, this);
    to.dials.set(this.id, this);
  }

  /** What the one who dialled calls, and what the other one does. */
  get ofCaller(): RelaySide {
    return { ...this.#sideFor(this.#from, this.#to), direct: this.#to.far?.direct ?? false };
  }

  get ofAnswerer(): RelaySide {
    return this.#sideFor(this.#to, this.#from);
  }

  /** Who was dialled has answered. Throws why that is too late. */
  attach(far: FarSide): void {
    if (this.#over !== undefined) {
      far.drop(this.#over.message);
      throw this.#over;
    }
    this.#to.far = far;
  }

  /** A signal of one of the two, for the other. Throws ERR_BUSY, ERR_LIMIT, ERR_DATA. */
  signal(by: Party, data: unknown): void {
    if (by === this.#from.party) this.#signal(this.#from, this.#to, data);
    else this.#signal(this.#to, this.#from, data);
  }

  /** Who takes part is gone. */
  lose(party: Party): void {
    const side = party === this.#from.party ? this.#from : this.#to;
    // What it sent before it ended in good order is still on its way.
    if (!side.ended) this.finish('the other side is gone', side);
  }

  #sideFor(by: Side, other: Side): RelaySide {
    return {
      receive: (piece, more) => this.#relay(by, other, piece, more),
      end: (reason) => this.#end(by, other, reason),
      signal: (data) => this.#signal(by, other, data),
    };
  }

  #signal(by: Side, other: Side, data: unknown): void {
    by.party.spend();
    // As JSON alone: a function in it would be a way past all bounds.
    const text: string | undefined = JSON.stringify(data);
    if (text === undefined) throw refusal('ERR_DATA', 'a signal is JSON');
    if (text.length > this.#options.limits.signal) {
      throw refusal('ERR_LIMIT', `a signal has at most ${this.#options.limits.signal} characters`);
    }
    other.far?.signal(JSON.parse(text));
  }

  async #relay(by: Side, other: Side, piece: unknown, more: unknown): Promise<void> {
    if (this.#over !== undefined) throw this.#over;
    const { far } = other;
    if (!isPiece(piece) || by.ended || far === undefined) {
      throw refusal('ERR_DATA', 'a piece is a string or bytes, of a side that has not ended');
    }
    const cost = costOf(piece);
    this.#bound(by, other, piece, cost);
    by.outstanding += cost;
    other.party.outstanding += cost;
    this.#options.onRelayed(piece.length);
    try {
      await far.receive(piece, more === true);
    } catch (error) {
      const reason = messageOf(error);
      this.finish(reason);
      throw this.#over ?? error;
    } finally {
      by.outstanding -= cost;
      other.party.outstanding -= cost;
    }
    this.#settle();
  }

  /** Ends the dial, and throws ERR_LIMIT, for who sends more than there is room for. */
  #bound(by: Side, other: Side, piece: Frame, cost: number): void {
    const { limits } = this.#options;
    let why: string | undefined;
    if (piece.length > relayPiece) why = `a piece has more than ${relayPiece} characters`;
    else if (by.outstanding + cost > 2 * relayWindow) {
      why = `more than ${2 * relayWindow} characters were on the way`;
    } else if (!other.party.local && other.party.outstanding + cost > limits.outstanding) {
      why = `${limits.outstanding} characters wait for the other side`;
    }
    if (why === undefined) return;
    this.finish(`ERR_LIMIT: ${why}`);
    throw refusal('ERR_LIMIT', why);
  }

  #end(by: Side, other: Side, reason: unknown): void {
    if (this.#over !== undefined) return;
    if (typeof reason === 'string') return this.finish(reason.slice(0, 200), by);
    if (by.ended) return;
    by.ended = true;
    this.#stopTimer ??= this.#options.clock.after(
      hubTimes.linger,
      () => this.finish('the other side did not end'),
      true,
    );
    this.#telling++;
    const told = (): void => {
      this.#telling--;
      this.#settle();
    };
    void (other.far?.end() ?? Promise.resolve()).then(told);
  }

  /** Over in good order: both have ended, and all has been taken. */
  #settle(): void {
    const [a, b] = [this.#from, this.#to];
    if (this.#over !== undefined || !a.ended || !b.ended) return;
    if (this.#telling > 0 || a.outstanding + b.outstanding > 0) return;
    this.#close('it has ended');
    for (const { far } of [a, b]) far?.release();
  }

  /** Over at once: both are told, but for the one who says so. */
  finish(reason: string, by?: Side): void {
    if (this.#over !== undefined) return;
    this.#close(reason);
    for (const side of [this.#from, this.#to]) {
      side.far?.drop(side === by ? undefined : reason);
    }
  }

  #close(reason: string): void {
    this.#over = new DserviceError('ERR_CONNECTION_LOST', `the dial is over: ${reason}`);
    this.#stopTimer?.();
    this.#from.party.removeDial(this.id);
    this.#to.party.removeDial(this.id);
    this.#options.onOver(this.#over);
  }
}
