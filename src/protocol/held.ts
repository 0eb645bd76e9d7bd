import { type Attached, sizeOf } from './attachments.js';
import type { Wire } from './wire.js';

/** A line that waits, what follows it, the call it makes if it makes one, and the functions of ours that it mentions. */
interface HeldLine {
  readonly line: string;
  readonly attached: Attached | undefined;
  readonly id: number | undefined;
  readonly mentioned: readonly number[];
}

type Held = Pick<Wire, 'takeMentioned' | 'takeAttached' | 'local' | 'outbox'>;

/** Lines that are held back, in order. Adding, taking and dropping take constant time. */
export class HeldLines implements Iterable<HeldLine> {
  readonly #wire: Held;
  // A map keeps the order, and lets go of what is dropped in its middle. Lines without a call get keys below 0.
  readonly #lines = new Map<number, HeldLine>();
  #lastKey = 0;
  /** How many of the lines are calls. */
  calls = 0;

  constructor(wire: Held) {
    this.#wire = wire;
  }

  get size(): number {
    return this.#lines.size;
  }

  [Symbol.iterator](): Iterator<HeldLine> {
    return this.#lines.values();
  }

  /** Holds what was just encoded. */
  add(line: string, id: number | undefined): void {
    if (id !== undefined) this.calls++;
    const [attached, mentioned] = [this.#wire.takeAttached(), this.#wire.takeMentioned()];
    this.#lines.set(id ?? --this.#lastKey, { line, attached, id, mentioned });
    this.#wire.outbox.onKept(line.length + sizeOf(attached));
  }

  /** Adds a key, led by a comma, to a call that is held. */
  amend(id: number, key: string): boolean {
    const held = this.#lines.get(id);
    if (held !== undefined)
      this.#lines.set(id, { ...held, line: `${held.line.slice(0, -1)}${key}}` });
    return held !== undefined;
  }

  takeFirst(): void {
    const [first] = this.#lines;
    if (first === undefined) return;
    this.#lines.delete(first[0]);
    if (first[1].id !== undefined) this.calls--;
  }

  /** Drops a call that was given up: the peer will never hear of the functions in it, nor let them go. */
  drop(id: number): void {
    const held = this.#lines.get(id);
    if (held === undefined) return;
    this.#lines.delete(id);
    this.calls--;
    for (const mentioned of held.mentioned) this.#wire.local.unmention(mentioned);
  }

  clear(): void {
    this.#lines.clear();
    this.calls = 0;
  }
}
