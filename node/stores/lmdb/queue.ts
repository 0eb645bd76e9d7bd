import type { QueueCounts, State } from '../../../src/pipeline/store.js';
import { type Command, fromBytes, toBytes } from './entry.js';
import { after, isOutside, keyOf, kindOf, kinds, numberIn, textOf } from './keys.js';
import { numbersFromBytes, numbersToBytes } from './numbers.js';
import type { Row, Table } from './table.js';

/** How many of those that are due are let in at a time. */
const mostPromoted = 256;
/** Orders go up from here, and down from here for who comes to the front. */
const middle = 2 ** 52;

const nothing = Buffer.alloc(0);

/** A command, and the bytes that it is kept as. */
interface Standing {
  readonly ref: string;
  readonly value: Buffer;
}

/** One queue, in a transaction. Times are on the store's clock. */
export class LmdbQueue {
  readonly name: string;
  readonly number: number;
  readonly #table: Table;
  readonly #pipeline: number;
  /** How many are there, by kind of key. */
  readonly #counts: Record<number, number>;
  #front: number;
  #back: number;
  #window: { from: number; used: number };
  #changed = false;

  constructor(table: Table, pipeline: number, number: number, name: string) {
    this.#table = table;
    this.#pipeline = pipeline;
    this.number = number;
    this.name = name;
    const kept = numbersFromBytes(table.get(keyOf(kinds.queueState, number)), 8);
    const [input = 0, held = 0, working = 0, waiting = 0, front = 0, back = 0, from = 0, used = 0] =
      kept;
    this.#counts = {
      [kinds.input]: input,
      [kinds.held]: held,
      [kinds.working]: working,
      [kinds.waiting]: waiting,
    };
    this.#front = front || middle;
    this.#back = back || middle;
    this.#window = { from, used };
  }

  /** Writes down what is counted. */
  save(): void {
    if (!this.#changed) return;
    const counts = [kinds.input, kinds.held, kinds.working, kinds.waiting].map((kind) =>
      this.#count(kind),
    );
    const { from, used } = this.#window;
    const bytes = numbersToBytes([...counts, this.#front, this.#back, from, used]);
    const name = Buffer.from(this.name);
    this.#table.put(keyOf(kinds.queueState, this.number), Buffer.concat([bytes, name]));
    this.#changed = false;
  }

  /** A command comes to the end, or is to come when it is due. */
  enter(command: Command, now: number, delay = 0): void {
    const { ref, key } = command;
    if (delay > 0) this.#wait(ref, toBytes(command), now + delay, true);
    else this.#join(ref, key, toBytes(command));
  }

  /** Takes a command out from where it stands: whoever was behind it comes to the end of `input`. */
  leave(place: Buffer, command: Command): void {
    this.#take(place);
    const { key } = command;
    const kind = kindOf(place);
    if (key === undefined || kind === kinds.held) return;
    if (kind === kinds.waiting && isOutside(place)) return;
    const line = keyOf(kinds.held, this.number, textOf(key));
    const [next] = this.#table.rows(line, after(line), 1);
    if (next === undefined) {
      this.#table.remove(keyOf(kinds.holder, this.number, textOf(key)));
      return;
    }
    this.#take(next.key);
    this.#open(fromBytes(next.value).ref, next.value);
  }

  /** A leased command is to be tried again: it keeps its key. */
  again(place: Buffer, command: Command, now: number, delay: number): void {
    this.#take(place);
    if (delay > 0) this.#wait(command.ref, toBytes(command), now + delay, false);
    else this.toFront([command]);
  }

  /** A lease ends at another time. */
  prolong(place: Buffer, { ref, value }: Standing, deadline: number): void {
    const moved = Buffer.from(place);
    moved.writeDoubleBE(Math.max(0, deadline), 5);
    if (moved.equals(place)) return;
    this.#take(place);
    this.#stand(moved, ref, value);
  }

  /** Those that come to the front, in this order; where they stood before, they were taken from. */
  toFront(commands: readonly Command[]): void {
    this.#toFront(commands.map((command) => ({ ref: command.ref, value: toBytes(command) })));
  }

  /** Takes out a lease that has ended. */
  takeBack(place: Buffer): void {
    this.#take(place);
  }

  /** What is due comes in: those that were here before to the front, the others to the end. */
  promote(now: number): void {
    if (this.#count(kinds.waiting) === 0) return;
    const start = keyOf(kinds.waiting, this.number);
    const due = this.#table.rows(start, this.#upTo(kinds.waiting, now), mostPromoted);
    if (due.length === 0) return;
    for (const { key } of due) this.#take(key);
    const front = due.filter(({ key }) => !isOutside(key));
    this.#toFront(front.map(({ value }) => ({ ref: fromBytes(value).ref, value })));
    for (const { key, value } of due) {
      if (!isOutside(key)) continue;
      const { ref, key: ofCommand } = fromBytes(value);
      this.#join(ref, ofCommand, value);
    }
  }

  /** Leases to a token, from a place in its claim on. */
  claim(most: number, deadline: number, token: string, from: number): Command[] {
    if (most <= 0 || this.#count(kinds.input) === 0) return [];
    const start = keyOf(kinds.input, this.number);
    const rows = this.#table.rows(start, after(start), most);
    return rows.map(({ key, value }, i) => {
      const command = fromBytes(value);
      this.#take(key);
      const place = keyOf(kinds.working, this.number, deadline, token, from + i);
      this.#stand(place, command.ref, value);
      return command;
    });
  }

  /** When the first of those that wait is due. */
  get due(): number | undefined {
    return this.#first(kinds.waiting);
  }

  /** When the next lease ends. */
  get leaseEnd(): number | undefined {
    return this.#first(kinds.working);
  }

  /** How many may be claimed now by the rate. */
  allowed(n: number, per: number, now: number): number {
    if (this.#isOver(per, now)) return n;
    return Math.max(0, n - this.#window.used);
  }

  used(count: number, per: number, now: number): void {
    const over = this.#isOver(per, now);
    const { from, used } = this.#window;
    this.#window = over ? { from: now, used: count } : { from, used: used + count };
    this.#changed = true;
  }

  /** When the window of the rate ends. */
  windowEnd(per: number): number {
    return this.#window.from + per;
  }

  /** Those whose leases have ended, in the order of the port. */
  late(now: number, limit: number): Row[] {
    if (this.#count(kinds.working) === 0) return [];
    const start = keyOf(kinds.working, this.number);
    return this.#table.rows(start, this.#upTo(kinds.working, now), limit);
  }

  /** Those that are leased to a token, by their places in the claim. */
  leasedTo(token: string): Row[] {
    const start = keyOf(kinds.working, this.number);
    const leased = Buffer.from(`${token}\0`, 'latin1');
    return this.#table
      .keys(start, after(start), Infinity)
      .filter((key) => key.subarray(13, key.length - 8).equals(leased))
      .sort((a, b) => a.readDoubleBE(a.length - 8) - b.readDoubleBE(b.length - 8))
      .flatMap((key) => {
        const value = this.#table.get(key);
        return value === undefined ? [] : [{ key, value }];
      });
  }

  /** A page of those in a state, behind a key. */
  list(state: Exclude<State, 'dead'>, limit: number, behind: Buffer | undefined): Row[] {
    const first = keyOf(kinds[state], this.number);
    const start = behind === undefined ? first : Buffer.concat([behind, Buffer.alloc(1)]);
    return this.#table.rows(start, after(first), limit);
  }

  counts(now: number): QueueCounts | undefined {
    const [input, held, working, waiting] = [
      this.#count(kinds.input),
      this.#count(kinds.held),
      this.#count(kinds.working),
      this.#count(kinds.waiting),
    ];
    if (input + held + working + waiting === 0) return undefined;
    const [first] = this.list('input', 1, undefined);
    const counts = { input, held, working, waiting };
    if (first === undefined) return counts;
    return { ...counts, oldest: Math.max(0, now - fromBytes(first.value).pushed) };
  }

  #join(ref: string, key: string | undefined, value: Buffer): void {
    if (key === undefined) {
      this.#open(ref, value);
      return;
    }
    const text = textOf(key);
    const holder = keyOf(kinds.holder, this.number, text);
    if (this.#table.get(holder) === undefined) {
      this.#table.put(holder, nothing);
      this.#open(ref, value);
      return;
    }
    this.#stand(keyOf(kinds.held, this.number, text, this.#back++), ref, value);
  }

  #open(ref: string, value: Buffer): void {
    this.#stand(keyOf(kinds.input, this.number, this.#back++), ref, value);
  }

  #toFront(commands: readonly Standing[]): void {
    this.#front -= commands.length;
    for (const [i, { ref, value }] of commands.entries()) {
      this.#stand(keyOf(kinds.input, this.number, this.#front + i), ref, value);
    }
  }

  #wait(ref: string, value: Buffer, at: number, outside: boolean): void {
    const key = keyOf(kinds.waiting, this.number, at, this.#back++, outside ? 1 : 0);
    this.#stand(key, ref, value);
  }

  #stand(place: Buffer, ref: string, value: Buffer): void {
    this.#table.put(place, value);
    this.#table.put(keyOf(kinds.ref, this.#pipeline, textOf(ref)), place);
    this.#add(kindOf(place), 1);
  }

  #take(place: Buffer): void {
    this.#table.remove(place);
    this.#add(kindOf(place), -1);
  }

  #count(kind: number): number {
    return this.#counts[kind] ?? 0;
  }

  #add(kind: number, count: number): void {
    this.#counts[kind] = this.#count(kind) + count;
    this.#changed = true;
  }

  #first(kind: number): number | undefined {
    if (this.#count(kind) === 0) return undefined;
    const start = keyOf(kind, this.number);
    const key = this.#table.firstKey(start, after(start));
    return key && numberIn(key);
  }

  /** Where the keys end that have a number up to `now`. */
  #upTo(kind: number, now: number): Buffer {
    return after(keyOf(kind, this.number, now));
  }

  #isOver(per: number, now: number): boolean {
    const { from } = this.#window;
    return now >= from + per || now < from;
  }
}
