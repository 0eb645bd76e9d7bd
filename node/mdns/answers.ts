import type { Clock } from '../../src/clock.js';
import { rrKey, type Rr } from './message.js';
import type { Group } from './packets.js';

interface Pending {
  readonly rr: Rr;
  readonly additionals: readonly Rr[];
  at: number;
}

export interface AnswersOptions {
  readonly clock: Clock;
  /** Milliseconds between two times that one record is sent to the group (RFC 6762 §6). */
  readonly interval: number;
  readonly send: (groups: readonly Group[]) => void;
}

const remembered = 60_000;

/**
 * Answers that wait to be sent to the group (RFC 6762 §6): those that others may have too wait 20 to
 * 120 ms, so that packets do not collide and one may serve many askers; a record that was sent less
 * than the interval ago waits until that is over.
 */
export class Answers {
  readonly #options: AnswersOptions;
  readonly #pending = new Map<string, Pending>();
  /** When a record was last sent to the group. Oldest first. */
  readonly #sent = new Map<string, number>();
  #shared = 0;
  #timer: { at: number; cancel: () => void } | undefined;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  add(rr: Rr, additionals: readonly Rr[], interval = this.#options.interval): void {
    const { clock } = this.#options;
    const now = clock.now();
    const key = rrKey(rr);
    const allowed = (this.#sent.get(key) ?? -Infinity) + interval;
    const at = Math.max(rr.flush ? now : this.#sharedAt(now), allowed);
    const known = this.#pending.get(key);
    if (known !== undefined && known.at <= at) return;
    this.#pending.set(key, { rr, additionals, at });
    this.#schedule(at);
  }

  /** When answers that others may have too are sent: those to queries of about one moment, together. */
  #sharedAt(now: number): number {
    if (this.#shared <= now) this.#shared = now + 20 + 100 * this.#options.clock.random();
    return this.#shared;
  }

  /** These have been sent to the group, in answer or not. */
  sent(rrs: readonly Rr[]): void {
    const now = this.#options.clock.now();
    for (const rr of rrs) {
      const key = rrKey(rr);
      this.#sent.delete(key); // to the end
      this.#sent.set(key, now);
      this.#pending.delete(key);
    }
    for (const [key, at] of this.#sent) {
      if (at > now - remembered) break;
      // A quarter of a TTL may be longer; who asks for unicast then gets multicast, as if unsent.
      this.#sent.delete(key);
    }
  }

  sentWithin(rr: Rr, ms: number): boolean {
    const at = this.#sent.get(rrKey(rr));
    return at !== undefined && at > this.#options.clock.now() - ms;
  }

  /** Somebody else gave the answer (RFC 6762 §7.4). */
  heard(rr: Rr): void {
    const key = rrKey(rr);
    const pending = this.#pending.get(key);
    if (pending !== undefined && rr.ttl >= pending.rr.ttl) this.#pending.delete(key);
  }

  /** These are not true any more. */
  forget(rrs: readonly Rr[]): void {
    for (const rr of rrs) this.#pending.delete(rrKey(rr));
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#pending.clear();
    this.#sent.clear();
  }

  #schedule(at: number): void {
    if (this.#timer !== undefined && this.#timer.at <= at) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const cancel = clock.after(Math.max(0, at - clock.now()), () => this.#flush(), true);
    this.#timer = { at, cancel };
  }

  #flush(): void {
    this.#timer = undefined;
    const now = this.#options.clock.now();
    const due = [...this.#pending].filter(([, { at }]) => at <= now);
    for (const [key] of due) this.#pending.delete(key);
    if (due.length > 0) {
      this.#options.send(due.map(([, { rr, additionals }]) => ({ answers: [rr], additionals })));
    }
    const next = Math.min(...[...this.#pending.values()].map(({ at }) => at));
    if (next !== Infinity) this.#schedule(next);
  }
}
