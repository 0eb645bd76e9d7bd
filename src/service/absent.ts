import { DserviceError } from '../errors.js';
import type { Session } from '../protocol/session.js';

export interface AbsentOptions {
  /** Characters that are kept for all of them. */
  readonly most: number;
  /** How many of one address are waited for. */
  readonly perAddress: number;
}

/** What is known of one that is away: where it came from, since it may come back from elsewhere. */
interface Kept {
  size: number;
  readonly address: string | undefined;
}

/**
 * The sessions of a server that are away, longest first. A peer makes as many as it likes, without a
 * connection for each: so they give way to those who are here, and to each other where one address has
 * many, and what is kept for all is bounded.
 */
export class Absent {
  readonly #options: AbsentOptions;
  readonly #kept = new Map<Session, Kept>();
  readonly #byAddress = new Map<string, Set<Session>>();
  #size = 0;

  constructor(options: AbsentOptions) {
    this.#options = options;
  }

  /** Watches over a session of the server. */
  watch(session: Session): void {
    const { continuity } = session;
    if (continuity === undefined) return;
    session.on('away', () => this.#add(session));
    session.on('moved', () => this.#delete(session));
    session.on('end', () => this.#delete(session));
    continuity.onKept((more) => this.#grow(session, more));
  }

  /** Resolves when none of those who are away now is away any more. */
  async allBack(): Promise<void> {
    const back = [...this.#kept.keys()].map(
      (session) =>
        new Promise<void>((resolve) => {
          session.on('moved', () => resolve());
          session.on('end', () => resolve());
        }),
    );
    await Promise.all(back);
  }

  /** Ends the one that is away longest. False where there is none. */
  giveWay(): boolean {
    return end(this.#kept.keys());
  }

  #add(session: Session): void {
    this.#delete(session);
    const address = addressOf(session);
    this.#kept.set(session, { size: 0, address });
    if (address !== undefined) {
      const same = this.#byAddress.get(address) ?? new Set();
      this.#byAddress.set(address, same.add(session));
      if (same.size > this.#options.perAddress) end(same);
    }
    this.#grow(session, session.continuity?.kept ?? 0);
  }

  #grow(session: Session, more: number): void {
    const kept = this.#kept.get(session);
    if (kept === undefined) return;
    kept.size += more;
    this.#size += more;
    while (this.#size > this.#options.most && this.#kept.size > 1) this.giveWay();
  }

  #delete(session: Session): void {
    const kept = this.#kept.get(session);
    if (kept === undefined) return;
    this.#size -= kept.size;
    this.#kept.delete(session);
    const { address = '' } = kept;
    const same = this.#byAddress.get(address);
    same?.delete(session);
    if (same?.size === 0) this.#byAddress.delete(address);
  }
}

/** Ends the first of them. False where there is none. */
function end(sessions: Iterable<Session>): boolean {
  for (const session of sessions) {
    session.abandon(new DserviceError('ERR_LIMIT', 'it was away, and others had no room'));
    return true;
  }
  return false;
}

/** The address without its port, where there is one: a port is of one connection. */
function addressOf({ peer }: Session): string | undefined {
  return peer.address?.replace(/:\d+$/, '');
}
