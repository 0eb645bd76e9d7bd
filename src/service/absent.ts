import { DserviceError } from '../errors.js';
import type { Session } from '../protocol/session.js';

/**
 * The sessions of a server that are away, longest first. A peer makes as many as it likes, without a
 * connection for each: so they give way to those who are here, and what is kept for all is bounded.
 */
export class Absent {
  /** What was kept for each when its channel was lost. */
  readonly #kept = new Map<Session, number>();
  readonly #most: number;
  #size = 0;

  /** `most`: characters that are kept for all of them. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Watches over a session of the server. */
  watch(session: Session): void {
    session.on('away', () => this.#add(session));
    session.on('moved', () => this.#delete(session));
    session.on('end', () => this.#delete(session));
  }

  /** Ends the one that is away longest. False where there is none. */
  giveWay(): boolean {
    for (const [session] of this.#kept) {
      session.abandon(new DserviceError('ERR_LIMIT', 'it was away, and others had no room'));
      return true;
    }
    return false;
  }

  #add(session: Session): void {
    this.#delete(session);
    const kept = session.continuity?.kept ?? 0;
    this.#kept.set(session, kept);
    this.#size += kept;
    while (this.#size > this.#most && this.#kept.size > 1) this.giveWay();
  }

  #delete(session: Session): void {
    this.#size -= this.#kept.get(session) ?? 0;
    this.#kept.delete(session);
  }
}
