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
  type Op,
  type Outcome,
  type Page,
  type Pushed,
  type PushState,
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

/** How many leases are taken back in one `reap`. */
const mostReaped = 1_000;

type Answer =
  | { readonly states: readonly PushState[]; readonly claims: Claims }
  | { readonly held: readonly boolean[]; readonly claims: Claims };
interface Claims {
  readonly claims: readonly Claimed[];
  readonly due?: number | undefined;
}

/** What is kept in memory, for as long as somebody holds it. It is what the other stores are checked against. */
export class MemoryData {
  readonly queues = new Map<string, MemoryQueue>();
  readonly commands = new Map<string, Command>();
  /** Oldest first. */
  readonly dead = new Map<string, Command>();
  /** Oldest first. */
  readonly finished = new Map<string, { readonly at: number; readonly children: number }>();
  readonly receipts = new Receipts<Answer>();
  readonly watchers = new Set<() => void>();
}

/** The model: plain, synchronous at heart, and without any promise of durability. */
export class MemoryStore implements Store {
  readonly supports = { durability: 'none', shared: 'none' } as const;
  readonly #data: MemoryData;
  readonly #options: StoreOptions;
  readonly #watching = new Set<() => void>();
  #closed = false;

  constructor(data: MemoryData, options: StoreOptions) {
    this.#data = data;
    this.#options = options;
  }

  pack(data: unknown): { body: unknown; size: number } {
    return packed(data, (value) => ({ body: structuredClone(value), size: sizeOf(value) }));
  }

  unpack(body: unknown): unknown {
    return structuredClone(body);
  }

  async push(entries: readonly Entry[], wants: readonly Want[], op: Op): Promise<Pushed> {
    this.#check();
    const known = this.#data.receipts.get(op);
    if (known !== undefined && 'states' in known) {
      return { states: known.states, ...this.#still(known.claims) };
    }
    this.#forgetOld();
    for (const { queue } of entries) this.#queue(queue).promote(this.#now());
    const states = entries.map((entry) => this.#add(entry));
    const claims = this.#claim(wants, op);
    this.#data.receipts.set(op, { states, claims }, this.#now());
    if (states.includes('queued')) this.#wake();
    return { states, ...claims };
  }

  async turn(outcomes: readonly Outcome[], wants: readonly Want[], op: Op): Promise<Turned> {
    this.#check();
    const known = this.#data.receipts.get(op);
    if (known !== undefined && 'held' in known) {
      return { held: known.held, ...this.#still(known.claims) };
    }
    const held = outcomes.map((outcome) => this.#apply(outcome));
    const claims = this.#claim(wants, op);
    this.#data.receipts.set(op, { held, claims }, this.#now());
    if (held.includes(true)) this.#wake();
    return { held, ...claims };
  }

  async extend(leases: readonly Lease[], lease: number): Promise<boolean[]> {
    this.#check();
    return leases.map((each) => {
      const command = this.#leased(each);
      if (command !== undefined) command.at = this.#now() + lease;
      return command !== undefined;
    });
  }

  async reap(queues: readonly { queue: string; retries: number }[]): Promise<Reaped> {
    this.#check();
    const all: { ref: string; queue: string; tries: number; dead: boolean }[] = [];
    let due = Infinity;
    for (const { queue: name, retries } of queues) {
      const queue = this.#data.queues.get(name);
      if (queue === undefined) continue;
      const late = queue.late(this.#now()).slice(0, mostReaped - all.length);
      const back: Command[] = [];
      for (const command of late) {
        command.tries++;
        const dead = command.tries > retries;
        if (dead) this.#die(command, expired);
        else {
          queue.working.delete(command);
          command.error = expired;
          back.push(command);
        }
        all.push({ ref: command.ref, queue: name, tries: command.tries, dead });
      }
      queue.toFront(back);
      for (const { at } of queue.working) due = Math.min(due, at - this.#now());
    }
    if (all.length > 0) this.#wake();
    return { expired: all, ...finite(due) };
  }

  async counts(): Promise<Counts> {
    this.#check();
    this.#forgetOld();
    const queues: Record<string, NonNullable<ReturnType<MemoryQueue['counts']>>> = {};
    for (const [name, queue] of this.#data.queues) {
      const counts = queue.counts(this.#now());
      if (counts !== undefined) queues[name] = counts;
    }
    return { queues, dead: this.#data.dead.size };
  }

  async find(refs: readonly string[]): Promise<(Found | undefined)[]> {
    this.#check();
    this.#forgetOld();
    return refs.map((ref) => {
      const command = this.#data.commands.get(ref) ?? this.#data.dead.get(ref);
      if (command !== undefined) {
        const { state, queue, error } = command;
        return { state, queue, ...(state === 'dead' ? { error } : {}) };
      }
      const finished = this.#data.finished.get(ref);
      return finished && { state: 'finished', children: finished.children };
    });
  }

  async range(queue: string | undefined, state: State, page: Page): Promise<Listed> {
    this.#check();
    this.#forgetOld();
    const all =
      state === 'dead'
        ? [...this.#data.dead.values()].filter((it) => queue === undefined || it.queue === queue)
        : [...this.#data.queues]
            .filter(([name]) => queue === undefined || name === queue)
            .flatMap(([, each]) => each.list(state));
    const from = Number(page.after ?? 0);
    const end = from + page.limit;
    return {
      commands: all.slice(from, end).map((it) => ({
        ref: it.ref,
        queue: it.queue,
        key: it.key,
        body: it.body,
        tries: it.tries,
        error: it.error,
        pushed: it.pushed,
        ...(state === 'input' || state === 'held' ? {} : { at: it.at }),
      })),
      ...(all.length > end ? { next: String(end) } : {}),
    };
  }

  async redrive(refs: readonly string[], to: string | undefined, reset: boolean): Promise<number> {
    this.#check();
    const found = unique(refs).flatMap((ref) => this.#data.dead.get(ref) ?? []);
    for (const command of found) {
      this.#data.dead.delete(command.ref);
      this.#data.commands.set(command.ref, command);
      if (reset) command.tries = 0;
      command.queue = to ?? command.queue;
      const queue = this.#queue(command.queue);
      queue.promote(this.#now());
      queue.enter(command, this.#now());
    }
    if (found.length > 0) this.#wake();
    return found.length;
  }

  async purge(refs: readonly string[]): Promise<number> {
    this.#check();
    let count = 0;
    for (const ref of unique(refs)) {
      const command = this.#data.commands.get(ref);
      if (command?.state === 'working') continue;
      if (command !== undefined) {
        this.#queue(command.queue).leave(command);
        this.#data.commands.delete(ref);
        count++;
      } else if (this.#data.dead.delete(ref) || this.#data.finished.delete(ref)) count++;
    }
    if (count > 0) this.#wake();
    return count;
  }

  watch(wake: () => void): () => void {
    this.#watching.add(wake);
    this.#data.watchers.add(wake);
    return () => {
      this.#watching.delete(wake);
      this.#data.watchers.delete(wake);
    };
  }

  async flush(): Promise<void> {
    this.#check();
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const wake of this.#watching) this.#data.watchers.delete(wake);
  }

  #add({ ref, given, queue, key, body, delay, error }: Entry): PushState {
    if (this.#data.commands.has(ref)) return 'known';
    if (this.#data.dead.has(ref)) return 'dead';
    if (this.#data.finished.has(ref)) return 'finished';
    const command: Command = {
      ref,
      given,
      pushed: this.#now(),
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
    this.#queue(queue).enter(command, this.#now(), delay);
    return 'queued';
  }

  #apply(outcome: Outcome): boolean {
    const command = this.#leased(outcome);
    if (command === undefined) return false;
    const queue = this.#queue(command.queue);
    if (outcome.kind === 'retry') {
      if (outcome.counts) command.tries++;
      if (outcome.error !== undefined) command.error = outcome.error;
      queue.again(command, this.#now(), outcome.delay);
    } else if (outcome.kind === 'dead') {
      command.tries++;
      this.#die(command, outcome.error);
    } else {
      queue.leave(command);
      const { next } = outcome;
      const itself = next.find(({ ref }) => ref === command.ref);
      for (const { queue: name } of next) this.#queue(name).promote(this.#now());
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
    this.#queue(queue).enter(command, this.#now(), delay);
  }

  #finish(command: Command, children: number): void {
    this.#data.commands.delete(command.ref);
    if (!command.given) return;
    this.#data.finished.set(command.ref, { at: this.#now(), children });
    this.#forgetOld();
  }

  #die(command: Command, error: StoredError): void {
    this.#queue(command.queue).leave(command);
    this.#data.commands.delete(command.ref);
    Object.assign(command, { state: 'dead', at: this.#now(), error });
    this.#data.dead.set(command.ref, command);
    this.#forgetOld();
  }

  #claim(wants: readonly Want[], op: Op): Claims {
    const now = this.#now();
    const claims: Claimed[] = [];
    let due = Infinity;
    for (const { queue: name, max, lease, rate } of wants) {
      const queue = this.#queue(name);
      queue.promote(now);
      const most = rate === undefined ? max : Math.min(max, queue.allowed(rate.n, rate.per, now));
      const taken = queue.claim(most, now + lease, tokenOf(op));
      if (rate !== undefined && taken.length > 0) queue.used(taken.length, rate.per, now);
      claims.push(...taken.map(claimOf));
      due = Math.min(due, (queue.waiting[0]?.at ?? Infinity) - now);
      if (rate !== undefined && queue.allowed(rate.n, rate.per, now) === 0) {
        due = Math.min(due, queue.windowEnd(rate.per) - now);
      }
    }
    return { claims, ...finite(due) };
  }

  /** Of what an operation claimed when it was carried out, what it still has. */
  #still({ claims }: Claims): Claims {
    return { claims: claims.filter((each) => this.#leased(each) !== undefined) };
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
    const { dedupe, dedupeMax, deadAge, deadMax } = this.#options;
    trim(finished, dedupeMax, this.#now() - dedupe);
    trim(dead, deadMax, this.#now() - deadAge);
  }

  #now(): number {
    return this.#options.clock.wall();
  }

  #wake(): void {
    for (const wake of this.#data.watchers) if (!this.#watching.has(wake)) queueMicrotask(wake);
  }

  #check(): void {
    if (this.#closed) throw new DserviceError('ERR_CLOSED', 'the store is closed');
  }
}

function claimOf({ ref, queue, token, given, key, body, tries, error, pushed }: Command): Claimed {
  return { ref, queue, token, given, key, body, tries, error, pushed };
}

function trim(map: Map<string, { readonly at: number }>, most: number, since: number): void {
  for (const [ref, { at }] of map) {
    if (map.size <= most && at > since) return;
    map.delete(ref);
  }
}

function unique(refs: readonly string[]): string[] {
  return [...new Set(refs)];
}

function finite(due: number): { due?: number } {
  return due === Infinity ? {} : { due: Math.max(0, due) };
}
