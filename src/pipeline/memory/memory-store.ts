import { DserviceError } from '../../errors.js';
import { packed, sizeOf } from '../data.js';
import { expired, type StoredError } from '../stored-error.js';
import {
  type Claimed,
  type Counts,
  type Entry,
  type Found,
  type Lease,
  type Listed,
  type ListedCommand,
  type Op,
  type Outcome,
  type Page,
  type Pushed,
  type PushState,
  type QueueCounts,
  type Reaped,
  type State,
  type Store,
  type StoreOptions,
  tokenOf,
  type Turned,
  type Want,
} from '../store.js';
import { type Command, MemoryQueue } from './memory-queue.js';
import { Receipts } from './receipts.js';
import { Shelf } from './shelf.js';

/** How many leases are taken back in one `reap`. */
const mostReaped = 1_000;

type Answer =
  | { readonly states: readonly PushState[]; readonly claims: Claims }
  | { readonly held: readonly boolean[]; readonly claims: Claims };
interface Claims {
  readonly claims: readonly Claimed[];
  readonly due?: number | undefined;
}

/** What is remembered of a command that has finished: when, and how many it made. */
interface Finished {
  readonly at: number;
  readonly children: number;
}

/** What is kept in memory, for as long as somebody holds it. It is what the other stores are checked against. */
export class MemoryData {
  readonly queues = new Map<string, MemoryQueue>();
  readonly commands = new Map<string, Command>();
  readonly dead = new Shelf<Command>();
  readonly finished = new Shelf<Finished>();
  readonly receipts = new Receipts<Answer>();
  readonly watchers = new Set<Watcher>();
}

interface Watcher {
  readonly store: MemoryStore;
  readonly wake: () => void;
}

/** The model: plain, synchronous at heart, and without any promise of durability. */
export class MemoryStore implements Store {
  readonly supports = { durability: 'none', shared: 'none' } as const;
  readonly #data: MemoryData;
  readonly #options: StoreOptions;
  /** The moment of the call that is carried out: it is the same from its beginning to its end. */
  #now = 0;
  #closed = false;

  constructor(data: MemoryData, options: StoreOptions) {
    this.#data = data;
    this.#options = options;
  }

  pack(data: unknown): { body: unknown; size: number } {
    const body = packed(data, structuredClone<unknown>);
    return { body, size: sizeOf(body) };
  }

  unpack(body: unknown): unknown {
    return structuredClone(body);
  }

  async push(entries: readonly Entry[], wants: readonly Want[], op: Op): Promise<Pushed> {
    this.#begin();
    const known = this.#data.receipts.get(op, this.#now);
    if (known !== undefined) {
      if (!('states' in known)) throw used(op);
      return { states: known.states, ...this.#still(known.claims) };
    }
    for (const name of new Set(entries.map(({ queue }) => queue))) {
      this.#queue(name).promote(this.#now);
    }
    const states = entries.map((entry) => this.#add(entry));
    const claims = this.#claim(wants, op);
    this.#data.receipts.set(op, { states, claims }, this.#now);
    if (states.includes('queued')) this.#wake();
    return { states, ...claims };
  }

  async turn(outcomes: readonly Outcome[], wants: readonly Want[], op: Op): Promise<Turned> {
    this.#begin();
    const known = this.#data.receipts.get(op, this.#now);
    if (known !== undefined) {
      if (!('held' in known)) throw used(op);
      return { held: known.held, ...this.#still(known.claims) };
    }
    const held = outcomes.map((outcome) => this.#apply(outcome));
    const claims = this.#claim(wants, op);
    this.#data.receipts.set(op, { held, claims }, this.#now);
    this.#forgetOld();
    if (held.includes(true)) this.#wake();
    return { held, ...claims };
  }

  async extend(leases: readonly Lease[], lease: number): Promise<boolean[]> {
    this.#begin();
    return leases.map((each) => {
      const command = this.#leased(each);
      if (command !== undefined) command.at = this.#now + lease;
      return command !== undefined;
    });
  }

  async reap(queues: readonly { queue: string; retries: number }[]): Promise<Reaped> {
    this.#begin();
    const all: { ref: string; queue: string; tries: number; dead: boolean }[] = [];
    let due = Infinity;
    for (const { queue: name, retries } of queues) {
      const queue = this.#data.queues.get(name);
      if (queue === undefined) continue;
      const late = queue.late(this.#now).slice(0, mostReaped - all.length);
      const back: Command[] = [];
      for (const command of late) {
        command.tries++;
        const dead = command.tries > retries;
        if (dead) this.#die(command, expired);
        else {
          command.error = expired;
          back.push(command);
        }
        all.push({ ref: command.ref, queue: name, tries: command.tries, dead });
      }
      queue.takeBack(back);
      due = Math.min(due, queue.leaseEnd() - this.#now);
    }
    this.#forgetOld();
    if (all.length > 0) this.#wake();
    return { expired: all, ...finite(due) };
  }

  async counts(): Promise<Counts> {
    this.#begin();
    const queues = [...this.#data.queues].flatMap(([name, queue]): [string, QueueCounts][] => {
      const counts = queue.counts(this.#now);
      return counts === undefined ? [] : [[name, counts]];
    });
    // Not by assignment: a queue may be called `__proto__`.
    return { queues: Object.fromEntries(queues), dead: this.#data.dead.size };
  }

  async find(refs: readonly string[]): Promise<(Found | undefined)[]> {
    this.#begin();
    return refs.map((ref) => {
      const command = this.#data.commands.get(ref) ?? this.#deadOf(ref);
      if (command !== undefined) {
        const { state, queue, error } = command;
        return { state, queue, ...(state === 'dead' ? { error } : {}) };
      }
      const finished = this.#finishedOf(ref);
      return finished && { state: 'finished', children: finished.children };
    });
  }

  async range(queue: string | undefined, state: State, page: Page): Promise<Listed> {
    this.#begin();
    if (state === 'dead') return this.#deadPage(queue, page);
    const all = [...this.#data.queues]
      .filter(([name]) => queue === undefined || name === queue)
      .flatMap(([, each]) => each.list(state));
    const from = Number(page.after ?? 0);
    const end = from + page.limit;
    return {
      commands: all.slice(from, end).map(listed),
      ...(all.length > end ? { next: String(end) } : {}),
    };
  }

  async redrive(refs: readonly string[], to: string | undefined, reset: boolean): Promise<number> {
    this.#begin();
    const found = unique(refs).flatMap((ref) => this.#deadOf(ref) ?? []);
    for (const command of found) {
      this.#data.dead.delete(command.ref);
      this.#data.commands.set(command.ref, command);
      if (reset) command.tries = 0;
      command.queue = to ?? command.queue;
      const queue = this.#queue(command.queue);
      queue.promote(this.#now);
      queue.enter(command, this.#now);
    }
    if (found.length > 0) this.#wake();
    return found.length;
  }

  async purge(refs: readonly string[]): Promise<number> {
    this.#begin();
    let count = 0;
    for (const ref of unique(refs)) {
      const command = this.#data.commands.get(ref);
      if (command?.state === 'working') continue;
      if (command !== undefined) {
        this.#queue(command.queue).leave(command);
        this.#data.commands.delete(ref);
        count++;
        continue;
      }
      if ((this.#deadOf(ref) ?? this.#finishedOf(ref)) === undefined) continue;
      if (!this.#data.dead.delete(ref)) this.#data.finished.delete(ref);
      count++;
    }
    if (count > 0) this.#wake();
    return count;
  }

  watch(wake: () => void): () => void {
    const watcher = { store: this, wake };
    if (!this.#closed) this.#data.watchers.add(watcher);
    return () => this.#data.watchers.delete(watcher);
  }

  async flush(): Promise<void> {
    this.#begin();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const watcher of this.#data.watchers) {
      if (watcher.store === this) this.#data.watchers.delete(watcher);
    }
  }

  /** Goes on behind the last of the page before, though that may be gone. */
  #deadPage(queue: string | undefined, { limit, after }: Page): Listed {
    const commands: ListedCommand[] = [];
    let last = after;
    for (const { value, order } of this.#data.dead) {
      if (after !== undefined && order <= Number(after)) continue;
      if (queue !== undefined && value.queue !== queue) continue;
      if (value.at <= this.#deadSince) continue;
      if (commands.length === limit)
        return { commands, ...(last === undefined ? {} : { next: last }) };
      commands.push(listed(value));
      last = String(order);
    }
    return { commands };
  }

  #add({ ref, given, queue, key, body, delay, error }: Entry): PushState {
    if (this.#data.commands.has(ref)) return 'known';
    if (this.#deadOf(ref) !== undefined) return 'dead';
    if (this.#finishedOf(ref) !== undefined) return 'finished';
    const command: Command = {
      ref,
      given,
      pushed: this.#now,
      queue,
      key,
      body,
      tries: 0,
      error,
      state: 'input',
      at: 0,
      token: '',
      place: 0,
      outside: false,
    };
    this.#data.commands.set(ref, command);
    this.#queue(queue).enter(command, this.#now, delay);
    return 'queued';
  }

  #apply(outcome: Outcome): boolean {
    const command = this.#leased(outcome);
    if (command === undefined) return false;
    const queue = this.#queue(command.queue);
    if (outcome.kind === 'retry') {
      if (outcome.counts) command.tries++;
      if (outcome.error !== undefined) command.error = outcome.error;
      queue.again(command, this.#now, outcome.delay);
    } else if (outcome.kind === 'dead') {
      command.tries++;
      this.#die(command, outcome.error);
    } else {
      queue.leave(command);
      const { next } = outcome;
      const itself = next.find(({ ref }) => ref === command.ref);
      for (const { queue: name } of next) this.#queue(name).promote(this.#now);
      if (itself === undefined) this.#finish(command, next.length);
      for (const entry of next) {
        if (entry === itself) this.#move(command, entry);
        else this.#add(entry);
      }
    }
    return true;
  }

  #move(command: Command, { queue, key, body, delay, error }: Entry): void {
    Object.assign(command, { queue, key, body, error, tries: 0 });
    this.#queue(queue).enter(command, this.#now, delay);
  }

  #finish(command: Command, children: number): void {
    this.#data.commands.delete(command.ref);
    if (!command.given) return;
    this.#data.finished.add(command.ref, { at: this.#now, children });
  }

  #die(command: Command, error: StoredError): void {
    this.#queue(command.queue).leave(command);
    this.#data.commands.delete(command.ref);
    Object.assign(command, { state: 'dead', at: this.#now, error });
    this.#data.dead.add(command.ref, command);
  }

  #claim(wants: readonly Want[], op: Op): Claims {
    const now = this.#now;
    const token = tokenOf(op);
    const claims: Claimed[] = [];
    let due = Infinity;
    for (const { queue: name, max, lease, rate } of wants) {
      const queue = this.#queue(name);
      queue.promote(now);
      const most = rate === undefined ? max : Math.min(max, queue.allowed(rate.n, rate.per, now));
      const taken = queue.claim(most, now + lease, token, claims.length);
      if (rate !== undefined && taken.length > 0) queue.used(taken.length, rate.per, now);
      claims.push(...taken.map(claimOf));
      due = Math.min(due, (queue.due ?? Infinity) - now);
      if (rate !== undefined && queue.allowed(rate.n, rate.per, now) === 0) {
        due = Math.min(due, queue.windowEnd(rate.per) - now);
      }
    }
    return { claims, ...finite(due) };
  }

  /** Of what an operation claimed when it was carried out, what it still has. */
  #still({ claims, ...rest }: Claims): Claims {
    return { ...rest, claims: claims.filter((each) => this.#leased(each) !== undefined) };
  }

  #leased({ ref, queue, token }: Lease): Command | undefined {
    const command = this.#data.commands.get(ref);
    const held = command?.state === 'working' && command.token === token;
    return held && command.queue === queue ? command : undefined;
  }

  #queue(name: string): MemoryQueue {
    let queue = this.#data.queues.get(name);
    if (queue === undefined) this.#data.queues.set(name, (queue = new MemoryQueue()));
    return queue;
  }

  /** What is remembered and kept has a bound, by age and by number. */
  #forgetOld(): void {
    const { finished, dead } = this.#data;
    const { dedupeMax, deadMax } = this.#options;
    finished.trim(dedupeMax, this.#finishedSince);
    dead.trim(deadMax, this.#deadSince);
  }

  get #finishedSince(): number {
    return this.#now - this.#options.dedupe;
  }

  get #deadSince(): number {
    return this.#now - this.#options.deadAge;
  }

  #finishedOf(ref: string): Finished | undefined {
    return this.#data.finished.get(ref, this.#finishedSince);
  }

  #deadOf(ref: string): Command | undefined {
    return this.#data.dead.get(ref, this.#deadSince);
  }

  #wake(): void {
    const { watchers } = this.#data;
    for (const watcher of watchers) {
      if (watcher.store === this) continue;
      queueMicrotask(() => {
        if (watchers.has(watcher)) watcher.wake();
      });
    }
  }

  /** What every call begins with. */
  #begin(): void {
    if (this.#closed) throw new DserviceError('ERR_CLOSED', 'the store is closed');
    this.#now = this.#options.clock.wall();
    this.#forgetOld();
  }
}

function claimOf({ ref, queue, token, given, key, body, tries, error, pushed }: Command): Claimed {
  return { ref, queue, token, given, key, body, tries, error, pushed };
}

function listed({
  state,
  ref,
  queue,
  key,
  body,
  tries,
  error,
  pushed,
  at,
}: Command): ListedCommand {
  const always = { ref, queue, key, body, tries, error, pushed };
  return state === 'input' || state === 'held' ? always : { ...always, at };
}

function used({ worker, seq }: Op): DserviceError {
  return new DserviceError('ERR_STATE', `operation ${seq} of ${worker} was another one`);
}

function unique(refs: readonly string[]): string[] {
  return [...new Set(refs)];
}

function finite(due: number): { due?: number } {
  return due === Infinity ? {} : { due: Math.max(0, due) };
}
