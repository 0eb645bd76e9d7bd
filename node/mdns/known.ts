import type { Clock } from '../../src/clock.js';
import { makeMessage, rrKey, type Message, type Rr } from './message.js';
import type { Peer } from './transport.js';

/** A query with all known answers that came for it. */
export interface Query {
  readonly message: Message;
  readonly from: Peer;
  /** Whether the asker knows this, for at least half its time yet (RFC 6762 §7.1). */
  knows(rr: Rr): boolean;
}

interface Waiting {
  readonly messages: Message[];
  readonly cancel: () => void;
}

const maxWaiting = 64;
const maxPackets = 32;

/**
 * Puts queries together whose known answers are spread over several packets (RFC 6762 §7.2): a
 * truncated one waits 400 to 500 ms for the rest.
 */
export class KnownAnswers {
  readonly #clock: Clock;
  readonly #answer: (query: Query) => void;
  readonly #waiting = new Map<string, Waiting>();

  constructor(clock: Clock, answer: (query: Query) => void) {
    this.#clock = clock;
    this.#answer = answer;
  }

  receive(message: Message, from: Peer): void {
    const key = `${from.address} ${from.port}`;
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) {
      if (!message.truncated || this.#waiting.size >= maxWaiting)
        return this.#give([message], from);
      const delay = 400 + 100 * this.#clock.random();
      const cancel = this.#clock.after(delay, () => this.#finish(key, from), true);
      this.#waiting.set(key, { messages: [message], cancel });
      return;
    }
    // Another question, not the rest of the first: programs on one host share address and port.
    if (message.questions.length > 0 && !message.truncated) return this.#give([message], from);
    if (waiting.messages.length < maxPackets) waiting.messages.push(message);
    if (!message.truncated) this.#finish(key, from);
  }

  #finish(key: string, from: Peer): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) return;
    waiting.cancel();
    this.#waiting.delete(key);
    this.#give(waiting.messages, from);
  }

  #give(messages: readonly Message[], from: Peer): void {
    const known = new Map<string, number>();
    for (const rr of messages.flatMap(({ answers }) => answers)) known.set(rrKey(rr), rr.ttl);
    this.#answer({
      message: makeMessage({
        id: messages[0]?.id ?? 0,
        questions: messages.flatMap(({ questions }) => questions),
        authorities: messages.flatMap(({ authorities }) => authorities),
      }),
      from,
      knows: (rr) => (known.get(rrKey(rr)) ?? -1) >= rr.ttl / 2,
    });
  }

  close(): void {
    for (const { cancel } of this.#waiting.values()) cancel();
    this.#waiting.clear();
  }
}
