import type { Clock } from '../../src/clock.js';
import {
  answers as isAnswer,
  rrKey,
  setKey,
  type Message,
  type Question,
  type Rr,
} from './message.js';
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

  get idle(): boolean {
    return this.#asked.size === 0;
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
      if (isEncodable(question.name))
        this.#once.set(setKey(question.name, question.type), question);
    }
    this.#flushSoon();
  }

  /**
   * Somebody else asks. What we were about to ask too, and he knows no answers of that we do not, need
   * not be asked again (RFC 6762 §7.3). Our own questions come back to us as well: those are not due.
   */
  heard({ questions, answers, truncated }: Message): void {
    if (truncated) return;
    const now = this.#options.clock.now();
    for (const question of questions) {
      const asked = this.#asked.get(setKey(question.name, question.type));
      const wait = (asked?.interval ?? 0) / 2;
      if (asked === undefined || question.unicast === true) continue;
      if (asked.nextAt <= now || asked.nextAt - now > wait / 4) continue;
      const known = new Set(this.#options.known(asked.question).map(rrKey));
      const theirs = answers.filter((rr) => isAnswer(question, rr));
      if (!theirs.every((rr) => known.has(rrKey(rr)))) continue;
      asked.nextAt = now + asked.interval;
      asked.interval = Math.min(asked.interval * 2, maxInterval);
    }
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
