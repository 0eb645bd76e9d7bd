import type { StoredError } from '../stored-error.js';
import type { Packed, QueueCounts, State } from '../store.js';
import { Deque, type Seat } from './deque.js';
import { Heap, type Slot } from './heap.js';

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
  /** Where it stands in `input`; in `waiting`; among those of its key. */
  inInput?: Seat<Command> | undefined;
  inWaiting?: Slot<Command> | undefined;
  inLine?: Seat<Command> | undefined;
}

/** How many of those that are due are let in at a time. */
const mostPromoted = 256;

/** One queue. Times are on the store's clock. */
export class MemoryQueue {
  readonly #input = new Deque<Command>();
  readonly #working = new Set<Command>();
  /** By when they are due. */
  readonly #waiting = new Heap<Command>();
  /** Of each key, who holds it and who is behind. */
  readonly #keys = new Map<string, Deque<Command>>();
  readonly #window = { from: Number.NEGATIVE_INFINITY, used: 0 };
  #held = 0;

  /** A command comes to the end, or is to come when it is due. */
  enter(command: Command, now: number, delay = 0): void {
    if (delay > 0) {
      this.#wait(command, now + delay, true);
      return;
    }
    command.outside = false;
    if (command.key === undefined) {
      this.#open(command);
      return;
    }
    const line = this.#keys.get(command.key) ?? new Deque<Command>();
    this.#keys.set(command.key, line);
    command.inLine = line.pushBack(command);
    if (line.size === 1) {
      this.#open(command);
      return;
    }
    this.#held++;
    command.state = 'held';
  }

  /** Takes a command out, whatever its state: whoever was behind it comes to the end of `input`. */
  leave(command: Command): void {
    this.#forget(command);
    const { key, inLine } = command;
    const line = key === undefined ? undefined : this.#keys.get(key);
    if (key === undefined || line === undefined || inLine === undefined) return;
    const first = line.first === command;
    line.remove(inLine);
    command.inLine = undefined;
    if (line.first === undefined) this.#keys.delete(key);
    else if (first) {
      this.#held--;
      this.#open(line.first);
    }
  }

  /** A leased command is to be tried again: it keeps its key. */
  again(command: Command, now: number, delay: number): void {
    this.#working.delete(command);
    if (delay > 0) this.#wait(command, now + delay, false);
    else this.#toFront([command]);
  }

  /** Commands whose leases have ended come to the front, in this order. */
  takeBack(commands: readonly Command[]): void {
    for (const command of commands) this.#working.delete(command);
    this.#toFront(commands);
  }

  /** What is due comes in: those that were here before to the front, the others to the end. */
  promote(now: number): void {
    const due: Command[] = [];
    while (due.length < mostPromoted && (this.#waiting.at ?? Infinity) <= now) {
      const command = this.#waiting.shift();
      if (command === undefined) break;
      command.inWaiting = undefined;
      due.push(command);
    }
    this.#toFront(due.filter(({ outside }) => !outside));
    for (const command of due.filter(({ outside }) => outside)) this.enter(command, now);
  }

  /** Leases to a token, from a place in its claim on. */
  claim(most: number, deadline: number, token: string, from: number): Command[] {
    const claimed: Command[] = [];
    while (claimed.length < most) {
      const command = this.#input.shift();
      if (command === undefined) break;
      command.inInput = undefined;
      command.state = 'working';
      command.at = deadline;
      command.token = token;
      command.place = from + claimed.length;
      this.#working.add(command);
      claimed.push(command);
    }
    return claimed;
  }

  /** When the first of those that wait is due. */
  get due(): number | undefined {
    return this.#waiting.at;
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
    return [...this.#working].filter(({ at }) => at <= now).sort(byLease);
  }

  /** When the next lease ends; Infinity without one. */
  leaseEnd(): number {
    let end = Infinity;
    for (const { at } of this.#working) end = Math.min(end, at);
    return end;
  }

  list(state: State): Command[] {
    if (state === 'input') return [...this.#input];
    if (state === 'waiting') return this.#waiting.sorted();
    if (state === 'working') return [...this.#working].sort(byLease);
    return [...this.#keys.values()].flatMap((line) => [...line].slice(1));
  }

  counts(now: number): QueueCounts | undefined {
    const [input, working, waiting] = [this.#input.size, this.#working.size, this.#waiting.size];
    if (input + this.#held + working + waiting === 0) return undefined;
    const { first } = this.#input;
    return {
      input,
      held: this.#held,
      working,
      waiting,
      ...(first === undefined ? {} : { oldest: Math.max(0, now - first.pushed) }),
    };
  }

  #open(command: Command): void {
    command.state = 'input';
    command.inInput = this.#input.pushBack(command);
  }

  #toFront(commands: readonly Command[]): void {
    for (const command of commands.toReversed()) {
      command.state = 'input';
      command.inInput = this.#input.pushFront(command);
    }
  }

  #wait(command: Command, at: number, outside: boolean): void {
    command.state = 'waiting';
    command.at = at;
    command.outside = outside;
    command.inWaiting = this.#waiting.push(command, at);
  }

  #forget(command: Command): void {
    const { inInput, inWaiting } = command;
    if (command.state === 'working') this.#working.delete(command);
    else if (inInput !== undefined) this.#input.remove(inInput);
    else if (inWaiting !== undefined) this.#waiting.remove(inWaiting);
    else this.#held--;
    command.inInput = undefined;
    command.inWaiting = undefined;
  }
}

function byLease(a: Command, b: Command): number {
  if (a.at !== b.at) return a.at - b.at;
  if (a.token !== b.token) return a.token < b.token ? -1 : 1;
  return a.place - b.place;
}
