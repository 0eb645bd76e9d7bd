import type { StoredError } from '../stored-error.js';
import type { Packed, QueueCounts, State } from '../store.js';
import { Deque } from './deque.js';

/** A command, wherever it is. */
export interface Command {
  readonly ref: string;
  readonly given: boolean;
  readonly pushed: number;
  queue: string;
  key: string | undefined;
  body: Packed;
  tries: number;
  error: StoredError | undefined;
  state: State;
  /** When its lease ends, it is due, or it died. */
  at: number;
  /** The fence of its lease, and its place in the claim. */
  token: string;
  place: number;
  /** It waits for its turn to enter the queue: it holds no key yet. */
  outside: boolean;
}

/** How many of those that are due are let in at a time. */
const mostPromoted = 256;

/** One queue. Times are on the store's clock. */
export class MemoryQueue {
  readonly input = new Deque<Command>();
  readonly working = new Set<Command>();
  /** In the order in which they are due. */
  readonly waiting: Command[] = [];
  /** Of each key, who holds it and who is behind. */
  readonly #keys = new Map<string, Command[]>();
  readonly #window = { from: Number.NEGATIVE_INFINITY, used: 0 };
  #input = 0;
  #held = 0;

  /** A command comes to the end, or is to come when it is due. */
  enter(command: Command, now: number, delay = 0): void {
    if (delay > 0) {
      this.#wait(command, now + delay, true);
      return;
    }
    command.outside = false;
    if (command.key !== undefined) {
      const line = this.#keys.get(command.key) ?? [];
      this.#keys.set(command.key, line);
      if (line.push(command) > 1) {
        this.#held++;
        command.state = 'held';
        return;
      }
    }
    this.#open(command);
  }

  /** Takes a command out, whatever its state: whoever was behind it comes to the end of `input`. */
  leave(command: Command): void {
    this.#forget(command);
    const line = command.key === undefined ? undefined : this.#keys.get(command.key);
    const place = line?.indexOf(command) ?? -1;
    if (line === undefined || place === -1) return;
    line.splice(place, 1);
    if (line.length === 0) this.#keys.delete(command.key ?? '');
    const [next] = line;
    if (place > 0 || next === undefined) return;
    this.#held--;
    this.#open(next);
  }

  /** A leased command is to be tried again: it keeps its key. */
  again(command: Command, now: number, delay: number): void {
    this.working.delete(command);
    if (delay > 0) this.#wait(command, now + delay, false);
    else this.toFront([command]);
  }

  toFront(commands: readonly Command[]): void {
    for (const command of commands.toReversed()) {
      this.#input++;
      command.state = 'input';
      this.input.pushFront(command);
    }
  }

  /** What is due comes in: those that were here before to the front, the others to the end. */
  promote(now: number): void {
    let count = 0;
    while (count < mostPromoted && (this.waiting[count]?.at ?? Infinity) <= now) count++;
    if (count === 0) return;
    const due = this.waiting.splice(0, count);
    this.toFront(due.filter(({ outside }) => !outside));
    for (const command of due.filter(({ outside }) => outside)) this.enter(command, now);
  }

  claim(most: number, deadline: number, token: string): Command[] {
    const claimed: Command[] = [];
    while (claimed.length < most) {
      const command = this.input.shift();
      if (command === undefined) break;
      this.#input--;
      command.state = 'working';
      command.at = deadline;
      command.token = token;
      command.place = claimed.length;
      this.working.add(command);
      claimed.push(command);
    }
    return claimed;
  }

  /** How many may be claimed now by the rate. */
  allowed(n: number, per: number, now: number): number {
    if (now >= this.#window.from + per || now < this.#window.from) return n;
    return Math.max(0, n - this.#window.used);
  }

  used(count: number, per: number, now: number): void {
    const over = now >= this.#window.from + per || now < this.#window.from;
    this.#window.used = (over ? 0 : this.#window.used) + count;
    if (over) this.#window.from = now;
  }

  /** When the window of the rate ends. */
  windowEnd(per: number): number {
    return this.#window.from + per;
  }

  /** Those whose leases have ended, in the order of the port. */
  late(now: number): Command[] {
    return [...this.working].filter(({ at }) => at <= now).sort(byLease);
  }

  list(state: State): Command[] {
    if (state === 'input') return [...this.input];
    if (state === 'waiting') return [...this.waiting];
    if (state === 'working') return [...this.working].sort(byLease);
    return [...this.#keys.values()].flatMap((line) => line.filter((it) => it.state === 'held'));
  }

  counts(now: number): QueueCounts | undefined {
    const [working, waiting] = [this.working.size, this.waiting.length];
    if (this.#input + this.#held + working + waiting === 0) return undefined;
    const [first] = this.input;
    return {
      input: this.#input,
      held: this.#held,
      working,
      waiting,
      ...(first === undefined ? {} : { oldest: Math.max(0, now - first.pushed) }),
    };
  }

  #open(command: Command): void {
    this.#input++;
    command.state = 'input';
    this.input.pushBack(command);
  }

  #wait(command: Command, at: number, outside: boolean): void {
    command.state = 'waiting';
    command.at = at;
    command.outside = outside;
    let place = this.waiting.length;
    while (place > 0 && (this.waiting[place - 1]?.at ?? 0) > at) place--;
    this.waiting.splice(place, 0, command);
  }

  #forget(command: Command): void {
    if (command.state === 'working') this.working.delete(command);
    else if (command.state === 'waiting') this.waiting.splice(this.waiting.indexOf(command), 1);
    else if (command.state === 'input') {
      this.#input--;
      this.input.filter((it) => it !== command);
    } else this.#held--;
  }
}

function byLease(a: Command, b: Command): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.token !== b.token) return a.token < b.token ? -1 : 1;
  return a.place - b.place;
}
