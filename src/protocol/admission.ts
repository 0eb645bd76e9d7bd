import type { Clock } from '../clock.js';
import { type Attached, attachedTo, sizeOf } from './attachments.js';
import type { Message } from './message.js';
import type { Peer } from './session-handle.js';
import type { Authenticate } from './session-options.js';

/** Messages that are kept until it is decided who is there, and their characters and raw bytes. */
const most = 1_000;
const mostBytes = 1024 * 1024;

interface Kept {
  readonly line: string;
  readonly attached: Attached | undefined;
}

/** In place of an identity: it was not decided in time. */
export const tooLate = Symbol('it was not decided in time who is there');

/** Who is let in: nothing that a peer calls runs before (protocol page, "Who is there"). */
export class Admission {
  readonly #authenticate: Authenticate | undefined;
  readonly #clock: Clock;
  readonly #time: number;
  #kept: Kept[] | undefined;
  #bytes = 0;
  #cancelTimer: (() => void) | undefined;
  /** The peer was let in; its calls run. */
  admitted: boolean;

  /** `time`: milliseconds in which it has to be decided. */
  constructor(authenticate: Authenticate | undefined, clock: Clock, time: number) {
    this.#authenticate = authenticate;
    this.#clock = clock;
    this.#time = time;
    this.admitted = authenticate === undefined;
  }

  /** Keeps a message for later: its line, and what followed it. False where there are too many. */
  keep(line: string, message: Message): boolean {
    const attached = attachedTo(message);
    this.#bytes += line.length + sizeOf(attached);
    this.#kept ??= [];
    return this.#kept.push({ line, attached }) <= most && this.#bytes <= mostBytes;
  }

  /** Decides; resolves to the identity, to undefined for a peer that is not let in, or to `tooLate`. Never rejects. */
  async decide(auth: unknown, peer: Peer): Promise<unknown> {
    let cancel = (): void => {};
    const late = new Promise((resolve) => {
      cancel = this.#clock.after(this.#time, () => resolve(tooLate), true);
    });
    this.#cancelTimer = cancel;
    try {
      const identity = await Promise.race([this.#authenticate?.(auth, peer), late]);
      return identity === null || identity === false ? undefined : identity;
    } catch {
      return undefined;
    } finally {
      cancel();
    }
  }

  /** What was kept, in order. Nothing is waited for any more. */
  take(): Kept[] {
    this.#cancelTimer?.();
    const kept = this.#kept;
    this.#kept = undefined;
    return kept ?? [];
  }
}
