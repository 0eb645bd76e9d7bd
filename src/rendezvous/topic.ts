import type { Clock } from '../clock.js';
import type { About, HubEvent } from '../discovery/rendezvous/wire.js';
import type { InstanceRecord } from '../discovery/record.js';
import { batch, hubTimes } from './hub-limits.js';
import type { Entry } from './party.js';

/** Takes events; its promise says that it is ready for more. `batch.text` is made once for all who want it. */
export type Tell = (batch: Batch, about: About) => Promise<unknown>;

/** Events that go out together. */
export class Batch {
  readonly events: HubEvent[];
  /** Characters, about. */
  readonly size: number;
  #text: string | undefined;

  constructor(events: HubEvent[], size: number) {
    this.events = events;
    this.size = size;
  }

  /** The events as JSON. */
  get text(): string {
    this.#text ??= JSON.stringify(this.events);
    return this.#text;
  }
}

/** That a record changed. What it says now is looked up when it is told. */
interface Change {
  readonly id: string;
  /** It was there before. */
  readonly known: boolean;
  readonly record: InstanceRecord;
}

/** One who listens. Of what it has been told only the place in the log is kept. */
export interface Subscription {
  readonly tell: Tell;
  /** All changes before this one have been told. */
  seen: number;
  /** What is left to tell of what was there at the beginning. */
  rest: Iterator<Entry> | undefined;
  /** It has not said yet that it is ready. */
  busy: boolean;
  /** It was told a part of what it might have been told at once. */
  behind: boolean;
}

/** Changes that are kept for who is slow; who is slower gets all anew. */
const kept = 16_384;

/**
 * The records of one name, or all, and who listens. Changes are told at most once in a window, each
 * record as it then is; who does not take what it was told is told nothing more until it does. What
 * that costs: a number for each who listens, and one log for all of them.
 */
export class Topic {
  readonly #clock: Clock;
  readonly #settled: number;
  readonly #records = new Map<string, Entry>();
  readonly #subscriptions = new Set<Subscription>();
  #log: Change[] = [];
  /** The number of the first change in the log. */
  #base = 0;
  #flushed = -Infinity;
  #scheduled = false;
  /** The last one made, since most listeners want the same. */
  #made: { from: number; at: number; to: number; batch: Batch } | undefined;

  /** `settled`: from then on who is not here is gone. */
  constructor(clock: Clock, settled: number) {
    this.#clock = clock;
    this.#settled = settled;
  }

  /** Nobody listens, and there is nothing. */
  get empty(): boolean {
    return this.#records.size + this.#subscriptions.size === 0;
  }

  get #next(): number {
    return this.#base + this.#log.length;
  }

  put(entry: Entry): void {
    const { record } = entry;
    const known = this.#records.has(record.id);
    this.#records.set(record.id, entry);
    this.#changed({ id: record.id, known, record });
  }

  /** Another entry that says the same. */
  replace(entry: Entry): void {
    this.#records.set(entry.record.id, entry);
  }

  delete(record: InstanceRecord): void {
    if (this.#records.delete(record.id)) this.#changed({ id: record.id, known: true, record });
  }

  subscribe(tell: Tell): Subscription {
    const subscription = { tell, seen: this.#next, rest: undefined, busy: false, behind: false };
    this.#subscriptions.add(subscription);
    this.#begin(subscription);
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    this.#subscriptions.delete(subscription);
  }

  #changed(change: Change): void {
    if (this.#subscriptions.size > 0) {
      this.#log.push(change);
      this.#schedule();
      return;
    }
    this.#base = this.#next + 1;
    this.#log = [];
  }

  /** At once, if nothing was told for a while. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const left = this.#flushed + hubTimes.window - this.#clock.now();
    if (left > 0) this.#clock.after(left, () => this.#flush(), true);
    else this.#clock.defer(() => this.#flush());
  }

  #flush(): void {
    this.#flushed = this.#clock.now();
    this.#sweep(this.#subscriptions.values(), this.#next);
  }

  /** Tells one after the other; thousands of them not in one turn, since the hub has to do something else too. */
  #sweep(left: Iterator<Subscription>, until: number): void {
    let size = 0;
    for (let next = left.next(); next.done !== true; next = left.next()) {
      size += this.#pump(next.value);
      if (size < batch.turn) continue;
      this.#clock.after(0, () => this.#sweep(left, until), true);
      return;
    }
    this.#scheduled = false;
    this.#forget();
    // It changed meanwhile, and some were told before.
    if (this.#next > until) this.#schedule();
  }

  /** Drops what all have been told, and what is too much to keep for some. */
  #forget(): void {
    let least = this.#next;
    for (const { seen } of this.#subscriptions) if (seen < least) least = seen;
    const most = Math.max(kept, 2 * this.#records.size);
    const first = Math.max(least, this.#next - most);
    if (first - this.#base < this.#log.length / 2) return;
    this.#log = this.#log.slice(first - this.#base);
    this.#base = first;
    this.#made = undefined;
  }

  #begin(subscription: Subscription): number {
    subscription.rest = this.#records.values();
    subscription.seen = this.#next;
    return this.#snapshot(subscription, true);
  }

  /** Tells what there is to tell; so many characters. */
  #pump(subscription: Subscription): number {
    if (subscription.busy) return 0;
    if (subscription.rest !== undefined) return this.#snapshot(subscription, false);
    if (subscription.seen < this.#base) return this.#begin(subscription);
    while (subscription.seen < this.#next) {
      const { batch: made, to } = this.#since(subscription.seen);
      subscription.seen = to;
      subscription.behind = to < this.#next;
      if (made.events.length > 0) return this.#send(subscription, made, {});
    }
    return 0;
  }

  #snapshot(subscription: Subscription, first: boolean): number {
    const events: HubEvent[] = [];
    let size = 0;
    while (events.length < batch.events && size < batch.size) {
      const next = subscription.rest?.next();
      if (next === undefined || next.done === true) {
        subscription.rest = undefined;
        break;
      }
      events.push(eventOf('up', next.value));
      size += next.value.size;
    }
    const more = subscription.rest !== undefined;
    const settling = Math.max(0, this.#settled - this.#clock.now());
    const about: About = { snapshot: true, first, more };
    const part = new Batch(events, size);
    return this.#send(subscription, part, settling > 0 ? { ...about, settling } : about);
  }

  #send(subscription: Subscription, part: Batch, about: About): number {
    subscription.busy = true;
    const ready = (): void => {
      subscription.busy = false;
      if (!this.#subscriptions.has(subscription)) return;
      if (subscription.rest !== undefined || subscription.behind) this.#pump(subscription);
      else if (subscription.seen < this.#next) this.#schedule();
    };
    // Who threw has been told.
    subscription.tell(part, about).then(ready, ready);
    return part.size;
  }

  /** What changed from that number on, as far as it fits into one call. */
  #since(from: number): { batch: Batch; to: number } {
    if (this.#made?.from === from && this.#made.at === this.#next) return this.#made;
    const found = new Map<string, { known: boolean; record: InstanceRecord }>();
    let size = 0;
    let to = from;
    while (to < this.#next && found.size < batch.events && size < batch.size) {
      const change = this.#log[to++ - this.#base];
      if (change === undefined) continue;
      const { id, record } = change;
      const before = found.get(id);
      if (before === undefined) size += this.#records.get(id)?.size ?? 0;
      found.set(id, { known: before?.known ?? change.known, record });
    }
    const events: HubEvent[] = [];
    for (const [id, { known, record }] of found) {
      const entry = this.#records.get(id);
      if (entry !== undefined) events.push(eventOf(known ? 'update' : 'up', entry));
      else if (known) events.push({ type: 'down', record, dial: false });
    }
    this.#made = { from, at: this.#next, to, batch: new Batch(events, size) };
    return this.#made;
  }
}

function eventOf(type: 'up' | 'update', { record, accept, owner }: Entry): HubEvent {
  const event = { type, record, dial: accept !== undefined };
  return owner.local ? { ...event, bridged: true } : event;
}
