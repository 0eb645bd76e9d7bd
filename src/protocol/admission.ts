import type { Peer } from './session-handle.js';
import type { Authenticate } from './session-options.js';

/** Messages that are kept until it is decided who is there. */
const most = 1_000;

/** Who is let in: nothing that a peer calls runs before (protocol page, "Who is there"). */
export class Admission {
  readonly #authenticate: Authenticate | undefined;
  #kept: string[] = [];
  /** The peer was let in; its calls run. */
  admitted: boolean;

  constructor(authenticate: Authenticate | undefined) {
    this.#authenticate = authenticate;
    this.admitted = authenticate === undefined;
  }

  /** Keeps a line for later. False where there are too many. */
  keep(line: string): boolean {
    return this.#kept.push(line) <= most;
  }

  /** Decides; resolves to the identity, or to undefined for a peer that is not let in. Never rejects. */
  async decide(auth: unknown, peer: Peer): Promise<unknown> {
    try {
      const identity = await this.#authenticate?.(auth, peer);
      return identity === null || identity === false ? undefined : identity;
    } catch {
      return undefined;
    }
  }

  /** What was kept, in order. */
  take(): string[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }
}
