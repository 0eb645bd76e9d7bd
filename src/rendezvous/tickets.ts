import type { Clock } from '../clock.js';

/** Milliseconds for which a ticket is good. */
const good = 30_000;
/** Tickets that are kept: beyond, the oldest is good no more. */
const most = 100_000;

/** What lets somebody who is no client to one instance, once: by the word of a client, which was let in. */
export class Tickets {
  readonly #clock: Clock;
  /** In the order in which they end. */
  readonly #given = new Map<string, { readonly id: string; readonly until: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** A new one, of 128 random bits. */
  give(id: string): string {
    const now = this.#clock.now();
    for (const [ticket, { until }] of this.#given) {
      if (until > now && this.#given.size < most) break;
      this.#given.delete(ticket);
    }
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    const ticket = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    this.#given.set(ticket, { id, until: now + good });
    return ticket;
  }

  /** Whether it leads to an instance. It does not again. */
  take(ticket: string, id: string): boolean {
    const given = this.#given.get(ticket);
    this.#given.delete(ticket);
    return given?.id === id && given.until > this.#clock.now();
  }
}
