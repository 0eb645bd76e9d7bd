import type { Clock } from '../../src/clock.js';
import { setKey, type Message, type Question, type Rr } from './message.js';
import { isEncodable } from './names.js';
import { packQuery } from './packets.js';

interface Asked {
  readonly question: Question;
  interval: number;
  nextAt: number;
}

export interface QuerierOptions {
  readonly clock: Clock;
  readonly send: (message: Message) => void;
  /** Answers that need not be given. */
  readonly known: (question: Question) => readonly Rr[];
}

const firstInterval = 1000;
const maxInterval = 3_600_000;

/**
 * The questions of one link (RFC 6762 §5.2): each is asked at once, after a second, and then at
 * intervals that double up to an hour, until it is stopped. Questions of one turn share packets.
 *
 * The first is not delayed by the 20 to 120 ms that §5.2 recommends against many hosts starting at
 * one moment: a program waits for it. They are never asked with the unicast bit, since a unicast
 * answer reaches but one of the programs that share the port (§15.1).
 */
export class Querier {
  readonly #options: QuerierOptions;
  readonly #asked = new Map<string, Asked>();
  readonly #once = new Map<string, Question>();
  #scheduled = false;
  #timer: { at: number; cancel: () => void } | undefined;
  #closed = false;

  constructor(options: QuerierOptions) {
    this.#options = options;
  }

  asks(question: Question): boolean {
    return this.#asked.has(setKey(question.name, question.type));
  }

  /** Asks, and keeps asking. Nothing new if that is asked already, or cannot be. */
  start(question: Question): void {
    const key = setKey(question.name, question.type);
    if (this.#closed || this.#asked.has(key) || !isEncodable(question.name)) return;
    const nextAt = this.#options.clock.now();
    this.#asked.set(key, { question, interval: firstInterval, nextAt });
    this.#flushSoon();
  }

  stop(question: Question): void {
    this.#asked.delete(setKey(question.name, question.type));
  }

  /** Asks once more, apart from the intervals. */
  again(questions: readonly Question[]): void {
    if (this.#closed) return;
    for (const question of questions) {
      if (isEncodable(question.name)) this.#once.set(setKey(question.name, question.type), question);
    }
    this.#flushSoon();
  }

  /** Asks everything as if for the first time: the link is another one. */
  restart(): void {
    const now = this.#options.clock.now();
    for (const asked of this.#asked.values()) {
      asked.interval = firstInterval;
      asked.nextAt = now;
    }
    if (this.#asked.size > 0) this.#flushSoon();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#asked.clear();
    this.#once.clear();
  }

  #flushSoon(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => this.#flush());
  }

  #flush(): void {
    this.#scheduled = false;
    if (this.#closed) return;
    const now = this.#options.clock.now();
    const due = new Map(this.#once);
    this.#once.clear();
    let next = Infinity;
    for (const [key, asked] of this.#asked) {
      if (asked.nextAt <= now) {
        due.set(key, asked.question);
        asked.nextAt = now + asked.interval;
        asked.interval = Math.min(asked.interval * 2, maxInterval);
      }
      next = Math.min(next, asked.nextAt);
    }
    const { known, send } = this.#options;
    const queries = [...due.values()].map((question) => ({ question, known: known(question) }));
    for (const message of packQuery(queries)) send(message);
    this.#schedule(next);
  }

  #schedule(at: number): void {
    if (at === Infinity || (this.#timer !== undefined && this.#timer.at <= at)) return;
    this.#timer?.cancel();
    const { clock } = this.#options;
    const fire = () => {
      this.#timer = undefined;
      this.#flush();
    };
    const cancel = clock.after(Math.max(0, at - clock.now()), fire, true);
    this.#timer = { at, cancel };
  }
}
