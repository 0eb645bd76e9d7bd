import { type Attached, attachedTo, sizeOf } from './attachments.js';
import type { Message } from './message.js';
import type { Peer } from './session-handle.js';
import type { Authenticate } from './session-options.js';

/** Messages that are kept until it is decided who is there, and raw bytes that followed them. */
const most = 1_000;
const mostBytes = 1024 * 1024;

interface Kept {
  readonly line: string;
  readonly attached: Attached | undefined;
}

/** Who is let in: nothing that a peer calls runs before (protocol page, "Who is there"). */
export class Admission {
  readonly #authenticate: Authenticate | undefined;
  #kept: Kept[] = [];
  #bytes = 0;
  /** The peer was let in; its calls run. */
  admitted: boolean;

  constructor(authenticate: Authenticate | undefined) {
    this.#authenticate = authenticate;
    this.admitted = authenticate === undefined;
  }

  /** Keeps a message for later: its line, and what followed it. False where there are too many. */
  keep(line: string, message: Message): boolean {
    const attached = attachedTo(message);
    this.#bytes += sizeOf(attached);
    return this.#kept.push({ line, attached }) <= most && this.#bytes <= mostBytes;
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
  take(): Kept[] {
    const kept = this.#kept;
    this.#kept = [];
    return kept;
  }
}
