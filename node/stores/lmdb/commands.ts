import { expired, type StoredError } from '../../../src/pipeline/stored-error.js';
import type {
  Claimed,
  Claims,
  Entry,
  Found,
  Lease,
  Op,
  Outcome,
  PushState,
  Reaped,
  State,
  StoreOptions,
  Want,
} from '../../../src/pipeline/store.js';
import { tokenOf } from '../../../src/pipeline/store.js';
import type { Body } from '../body.js';
import { type Command, fromBytes } from './entry.js';
import { keyOf, kindOf, kinds, ownerOf, textOf, tokenIn } from './keys.js';
import type { Ledger } from './ledger.js';
import type { LmdbQueue } from './queue.js';
import { Shelf } from './shelf.js';
import type { Row } from './table.js';

/** How many leases are taken back in one `reap`. */
const mostReaped = 1_000;

/** A command, and the key under which it stands. */
interface Stood {
  readonly place: Buffer;
  readonly value: Buffer;
  readonly command: Command;
}

/** What is done with the commands of a pipeline in one call, in a transaction: as the port says. */
export class Commands {
  readonly #ledger: Ledger;
  readonly #now: number;
  readonly #shelf: Shelf;

  constructor(ledger: Ledger, options: StoreOptions, now: number) {
    this.#ledger = ledger;
    this.#now = now;
    this.#shelf = new Shelf(ledger, options, now);
  }

  /** What every call begins with. */
  forgetOld(): void {
    this.#shelf.forgetOld();
  }

  /** What every call ends with that may have put something aside. */
  forgetMany(): void {
    this.#shelf.forgetMany();
  }

  push(entries: readonly Entry[]): PushState[] {
    for (const name of new Set(entries.map(({ queue }) => queue))) this.#entered(name);
    return entries.map((entry) => this.#add(entry));
  }

  apply(outcome: Outcome): boolean {
    const leased = this.#leased(outcome);
    if (leased === undefined) return false;
    const { place, command } = leased;
    const queue = this.#ledger.queueAt(command.queue);
    if (outcome.kind === 'dead') {
      this.#die(leased, outcome.error);
      return true;
    }
    if (outcome.kind === 'done') {
      this.#move(leased, outcome.next);
      return true;
    }
    const tries = command.tries + (outcome.counts ? 1 : 0);
    const error = outcome.error ?? command.error;
    queue.again(place, { ...command, tries, error }, this.#now, outcome.delay);
    return true;
  }

  claim(wants: readonly Want[], op: Op): Claims {
    const now = this.#now;
    const token = tokenOf(op);
    const claims: Claimed[] = [];
    let due = Infinity;
    for (const { queue: name, max, lease, rate } of wants) {
      const queue = this.#entered(name);
      const most = rate === undefined ? max : Math.min(max, queue.allowed(rate.n, rate.per, now));
      const taken = queue.claim(most, now + lease, token, claims.length);
      if (rate !== undefined && taken.length > 0) queue.used(taken.length, rate.per, now);
      for (const command of taken) claims.push(claimOf(command, name, token));
      due = Math.min(due, (queue.due ?? Infinity) - now);
      if (rate !== undefined && queue.allowed(rate.n, rate.per, now) === 0) {
        due = Math.min(due, queue.windowEnd(rate.per) - now);
      }
    }
    return { claims, ...finite(due) };
  }

  /** Of what an operation claimed in some queues, what it still has. */
  still(queues: readonly number[], op: Op): Claimed[] {
    const token = tokenOf(op);
    return [...new Set(queues)].flatMap((number) => {
      const queue = this.#ledger.queueAt(number);
      return queue.leasedTo(token).map(({ value }) => claimOf(fromBytes(value), queue.name, token));
    });
  }

  extend(lease: Lease, ms: number): boolean {
    const leased = this.#leased(lease);
    if (leased === undefined) return false;
    const { place, value, command } = leased;
    const queue = this.#ledger.queueAt(command.queue);
    queue.prolong(place, { ref: command.ref, value }, this.#now + ms);
    return true;
  }

  reap(queues: readonly { readonly queue: string; readonly retries: number }[]): Reaped {
    const all: { ref: string; queue: string; tries: number; dead: boolean }[] = [];
    let due = Infinity;
    for (const { queue: name, retries } of queues) {
      const queue = this.#ledger.known(name);
      if (queue === undefined) continue;
      const back: Command[] = [];
      for (const { key: place, value } of queue.late(this.#now, mostReaped - all.length)) {
        const command = fromBytes(value);
        const tries = command.tries + 1;
        const dead = tries > retries;
        if (dead) this.#die({ place, value, command }, expired);
        else {
          queue.takeBack(place);
          back.push({ ...command, tries, error: expired });
        }
        all.push({ ref: command.ref, queue: name, tries, dead });
      }
      queue.toFront(back);
      due = Math.min(due, (queue.leaseEnd ?? Infinity) - this.#now);
    }
    return { expired: all, ...finite(due) };
  }

  find(ref: string): Found | undefined {
    const place = this.#placeOf(ref);
    if (place === undefined) return undefined;
    const kind = kindOf(place);
    if (kind === kinds.finished) {
      return { state: 'finished', children: this.#shelf.childrenOf(place) };
    }
    if (kind !== kinds.dead) {
      return { state: stateOf(kind), queue: this.#ledger.queueAt(ownerOf(place)).name };
    }
    const { queue, error } = this.#shelf.deadAt(place);
    return { state: 'dead', queue: this.#ledger.queueAt(queue).name, error };
  }

  /** A page of the dead, of a queue or of all, behind a key. */
  deadOf(queue: number | undefined, limit: number, behind: Buffer | undefined): Row[] {
    return this.#shelf.deadOf(queue, limit, behind);
  }

  redrive(ref: string, to: string | undefined, reset: boolean): boolean {
    const place = this.#placeOf(ref);
    if (place === undefined || kindOf(place) !== kinds.dead) return false;
    const command = this.#shelf.deadAt(place);
    this.#shelf.removeDead(place);
    const queue = this.#entered(to ?? this.#ledger.queueAt(command.queue).name);
    const tries = reset ? 0 : command.tries;
    queue.enter({ ...command, queue: queue.number, tries }, this.#now);
    return true;
  }

  purge(ref: string): boolean {
    const place = this.#placeOf(ref);
    if (place === undefined || kindOf(place) === kinds.working) return false;
    const kind = kindOf(place);
    if (kind === kinds.dead) this.#shelf.removeDead(place);
    else if (kind === kinds.finished) this.#shelf.removeFinished(place);
    else {
      const value = this.#ledger.table.get(place);
      if (value === undefined) return false;
      this.#ledger.queueAt(ownerOf(place)).leave(place, fromBytes(value));
    }
    this.#forget(ref);
    return true;
  }

  #add({ ref, given, queue: name, key, body, delay, error }: Entry): PushState {
    const place = this.#placeOf(ref);
    if (place !== undefined) {
      const kind = kindOf(place);
      if (kind === kinds.dead) return 'dead';
      return kind === kinds.finished ? 'finished' : 'known';
    }
    const queue = this.#ledger.queue(name);
    queue.enter(
      {
        ref,
        given,
        queue: queue.number,
        key,
        tries: 0,
        error,
        pushed: this.#now,
        at: 0,
        body: bodyOf(body),
      },
      this.#now,
      delay,
    );
    return 'queued';
  }

  #move({ place, command }: Stood, next: readonly Entry[]): void {
    this.#ledger.queueAt(command.queue).leave(place, command);
    const itself = next.find(({ ref }) => ref === command.ref);
    for (const { queue } of next) this.#entered(queue);
    if (itself === undefined) {
      this.#forget(command.ref);
      if (command.given) this.#shelf.addFinished(command.ref, next.length);
    }
    for (const entry of next) {
      if (entry !== itself) {
        this.#add(entry);
        continue;
      }
      const { key, error, delay } = entry;
      const queue = this.#ledger.queue(entry.queue);
      const moved = { ...command, queue: queue.number, key, error, tries: 0 };
      queue.enter({ ...moved, body: bodyOf(entry.body) }, this.#now, delay);
    }
  }

  #die({ place, command }: Stood, error: StoredError): void {
    this.#ledger.queueAt(command.queue).leave(place, command);
    this.#shelf.addDead({ ...command, tries: command.tries + 1, error, at: this.#now });
  }

  /** A queue that something may enter, or that is claimed of: who is due enters first. */
  #entered(name: string): LmdbQueue {
    const queue = this.#ledger.queue(name);
    queue.promote(this.#now);
    return queue;
  }

  #leased({ ref, queue, token }: Lease): Stood | undefined {
    const place = this.#ledger.table.get(this.#keyOf(ref));
    if (place === undefined || kindOf(place) !== kinds.working || tokenIn(place) !== token) {
      return undefined;
    }
    if (this.#ledger.queueAt(ownerOf(place)).name !== queue) return undefined;
    const value = this.#ledger.table.get(place);
    return value && { place, value, command: fromBytes(value) };
  }

  /** Where a command stands, if it is known. */
  #placeOf(ref: string): Buffer | undefined {
    const place = this.#ledger.table.get(this.#keyOf(ref));
    if (place === undefined || !this.#shelf.isOver(place)) return place;
    this.#shelf.remove(place);
    this.#forget(ref);
    return undefined;
  }

  #forget(ref: string): void {
    this.#ledger.table.remove(this.#keyOf(ref));
  }

  #keyOf(ref: string): Buffer {
    return keyOf(kinds.ref, this.#ledger.pipeline, textOf(ref));
  }
}

function claimOf(command: Command, queue: string, token: string): Claimed {
  const { ref, given, key, body, tries, error, pushed } = command;
  return { ref, queue, token, given, key, body, tries, error, pushed };
}

/** What `pack` of this store made. */
function bodyOf(body: unknown): Body {
  return body as Body;
}

function stateOf(kind: number): State {
  if (kind === kinds.input) return 'input';
  if (kind === kinds.held) return 'held';
  return kind === kinds.working ? 'working' : 'waiting';
}

function finite(due: number): { due?: number } {
  return due === Infinity ? {} : { due: Math.max(0, due) };
}
