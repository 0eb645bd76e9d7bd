import { type Attached, sizeOf, steady } from './attachments.js';
import type { Wire } from './wire.js';

/** A line that waits, what follows it, the call it makes if it makes one, and the functions of ours that it mentions. */
interface HeldLine {
  line: string;
  readonly attached: Attached | undefined;
  readonly id: number | undefined;
  readonly mentioned: readonly number[];
  dropped: boolean;
}

type Held = Pick<Wire, 'takeMentioned' | 'takeAttached' | 'local' | 'outbox'>;

/** Lines that are held back, in order. Adding, taking and dropping take constant time. */
export class HeldLines implements Iterable<HeldLine> {
  readonly #wire: Held;
  /** Those in order, some of which have left or were dropped. */
  #lines: HeldLine[] | undefined;
  /** Where the first is that has not left. */
  #next = 0;
  #calls: Map<number, HeldLine> | undefined;
  #others = 0;

  constructor(wire: Held) {
    this.#wire = wire;
  }

  get size(): number {
    return this.calls + this.#others;
  }

  /** How many of the lines are calls. */
  get calls(): number {
    return this.#calls?.size ?? 0;
  }

  *[Symbol.iterator](): Iterator<HeldLine> {
    for (let first; (first = this.#lines?.[this.#next]) !== undefined;) {
      if (first.dropped) this.#leave();
      else yield first;
    }
  }

  /** Holds what was just encoded. */
  add(line: string, id: number | undefined): void {
    const [taken, mentioned] = [this.#wire.takeAttached(), this.#wire.takeMentioned()];
    const attached = taken && steady(taken);
    const held = { line, attached, id, mentioned, dropped: false };
    (this.#lines ??= []).push(held);
    if (id === undefined) this.#others++;
    else (this.#calls ??= new Map()).set(id, held);
    this.#wire.outbox.onKept(line.length + sizeOf(attached));
  }

  /** Adds a key, led by a comma, to a call that is held. */
  amend(id: number, key: string): boolean {
    const held = this.#calls?.get(id);
    if (held !== undefined) held.line = `${held.line.slice(0, -1)}${key}}`;
    return held !== undefined;
  }

  /** The one that was iterated last leaves. */
  take({ id }: HeldLine): void {
    if (id === undefined) this.#others--;
    else this.#calls?.delete(id);
    this.#leave();
  }

  /** Drops a call that was given up: the peer will never hear of the functions in it, nor let them go. */
  drop(id: number): void {
    const held = this.#calls?.get(id);
    if (held === undefined) return;
    this.#calls?.delete(id);
    held.dropped = true;
    for (const mentioned of held.mentioned) this.#wire.local.unmention(mentioned);
  }

  clear(): void {
    this.#lines = undefined;
    this.#next = 0;
    this.#calls = undefined;
    this.#others = 0;
  }

  /** Seldom, so that a long queue is not copied for each few that leave it. */
  #leave(): void {
    this.#next++;
    const lines = this.#lines ?? [];
    if (this.#next <= lines.length / 2) return;
    this.#lines = this.#next < lines.length ? lines.slice(this.#next) : undefined;
    this.#next = 0;
  }
}
