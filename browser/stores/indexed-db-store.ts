import { DserviceError } from '../../src/errors.js';
import { packed, sizeOf } from '../../src/pipeline/data.js';
import type {
  Counts,
  Entry,
  Found,
  Lease,
  Listed,
  Op,
  Outcome,
  Packed,
  Page,
  Pushed,
  Reaped,
  State,
  Store,
  StoreOptions,
  StoreSupports,
  Turned,
  Want,
} from '../../src/pipeline/store.js';
import { Change } from './change.js';
import type { Database } from './database.js';
import { Leases } from './leases.js';
import { list } from './list.js';
import { forgetWorkers, receiptOf, remember, still } from './receipts.js';
import { reap } from './reap.js';
import type { Body, Command } from './records.js';
import { Tabs } from './tabs.js';
import { type Call, Turns } from './turns.js';
import type { Work } from './work.js';

export interface IndexedDbStoreOptions extends StoreOptions {
  readonly pipeline: string;
  readonly durability: 'strict' | 'relaxed';
  readonly url: string;
  /** What this tab holds while it lives, or empty. */
  readonly lock: string;
  readonly persisted: () => boolean | undefined;
}

type Reapable = Parameters<Store['reap']>[0];

/** One pipeline in a database of the browser's. */
export class IndexedDbStore implements Store {
  readonly #options: IndexedDbStoreOptions;
  readonly #database: Database;
  readonly #turns: Turns;
  readonly #tabs: Tabs;
  #reapable: Reapable = [];
  readonly #tookBack: Reaped['expired'][number][] = [];
  #closed = false;

  constructor(database: Database, options: IndexedDbStoreOptions) {
    const { pipeline, durability, url, lock, clock } = options;
    this.#options = options;
    this.#database = database;
    this.#tabs = new Tabs(`${url}:${pipeline}`, lock, clock, () => void this.#takeBack());
    const relaxed = database.with('relaxed');
    const full = database.with(durability);
    this.#turns = new Turns(
      (strict) => (strict ? full : relaxed),
      pipeline,
      () => clock.wall(),
    );
  }

  get supports(): StoreSupports {
    const persisted = this.#options.persisted();
    return {
      durability: this.#options.durability === 'strict' ? 'always' : 'flush',
      shared: 'tabs',
      ...(persisted === undefined ? {} : { persisted }),
    };
  }

  /** It is known from now on, to `pipelines`. */
  async begin(): Promise<void> {
    await this.#call(false, forgetWorkers);
  }

  pack(data: unknown): { body: Packed; size: number } {
    return packed(data, (value) => {
      const size = sizeOf(value);
      return { body: { data: structuredClone(value), size } satisfies Body, size };
    });
  }

  unpack(body: Packed): unknown {
    if (typeof body !== 'object' || body === null || !('data' in body)) {
      throw new DserviceError('ERR_STORE_CORRUPT', 'what is kept of a command is not its data');
    }
    return structuredClone(body.data);
  }

  async push(entries: readonly Entry[], wants: readonly Want[], op: Op): Promise<Pushed> {
    const pushed = await this.#call(entries.length > 0, async (work) => {
      const { known, receipts } = await receiptOf(work, op);
      const { states: before } = known ?? {};
      if (before !== undefined) return { states: before, ...(await still(work, op, known)) };
      await this.#forgetOld(work);
      const change = new Change(work);
      const queues = entries.map(({ queue }) => queue);
      await change.prepare([...queues, ...wants.map(({ queue }) => queue)], entries, [], entries);
      for (const queue of queues) change.promote(queue);
      const states = entries.map((entry) => change.add(entry));
      const claims = await change.claim(wants, op, this.#tabs.own);
      change.end();
      remember(work, op, receipts, { states, due: claims.due });
      return { states, ...claims };
    });
    if (pushed.states.includes('queued')) this.#tabs.tell();
    return pushed;
  }

  async turn(outcomes: readonly Outcome[], wants: readonly Want[], op: Op): Promise<Turned> {
    const turned = await this.#call(outcomes.length > 0, async (work) => {
      const leases = new Leases(work);
      const [{ known, receipts }] = await Promise.all([receiptOf(work, op), leases.read(outcomes)]);
      const { held: before } = known ?? {};
      if (before !== undefined) return { held: before, ...(await still(work, op, known)) };
      const change = new Change(work);
      const held = await leases.apply(outcomes, wants, change);
      const claims = await change.claim(wants, op, this.#tabs.own);
      change.end();
      if (held.includes(true)) await this.#forgetOld(work);
      remember(work, op, receipts, { held, due: claims.due });
      return { held, ...claims };
    });
    if (turned.held.includes(true)) this.#tabs.tell();
    return turned;
  }

  extend(leases: readonly Lease[], lease: number): Promise<boolean[]> {
    return this.#call(false, async (work) => {
      const found = new Leases(work);
      await found.read(leases);
      return found.extend(leases, lease, this.#tabs.own);
    });
  }

  async reap(queues: Reapable): Promise<Reaped> {
    this.#reapable = queues;
    const first = await this.#reap(queues);
    const before = this.#tookBack.splice(0);
    // Whoever is met for the first time may be gone already.
    const again = await this.#tabs.meet(first.tabs);
    const { expired, due } = again ? await this.#reap(queues) : { ...first, expired: [] };
    return { expired: [...before, ...first.expired, ...expired], due };
  }

  counts(): Promise<Counts> {
    return this.#call(false, async (work) => {
      await this.#forgetOld(work);
      const { queues, dead } = work.meta;
      const found = [...queues].map(async ([name, { input, held, working, waiting }]) => {
        const counts = { input, held, working, waiting };
        if (input === 0) return [name, counts] as const;
        const [first] = await work.all(work.range(name, 'input'), 1);
        const oldest = Math.max(0, work.now - (first?.[1].commands[0]?.pushed ?? work.now));
        return [name, { ...counts, oldest }] as const;
      });
      const some = (await Promise.all(found)).filter(
        ([, { input, held, working, waiting }]) => input + held + working + waiting > 0,
      );
      return { queues: Object.fromEntries(some), dead: dead.count };
    });
  }

  find(refs: readonly string[]): Promise<(Found | undefined)[]> {
    return this.#call(false, async (work) => {
      await this.#forgetOld(work);
      const found = refs.map(async (ref): Promise<Found | undefined> => {
        const key = await work.where(work.name(ref));
        if (key === undefined) return undefined;
        const [, queue, state] = key;
        if (state !== 'dead' && state !== 'finished') return { state: state as State, queue };
        const command = (await work.get(key))?.commands.find((it) => it.ref === ref);
        if (state === 'finished') return { state, children: command?.children };
        return { state, queue: command?.queue, error: command?.error };
      });
      return Promise.all(found);
    });
  }

  range(queue: string | undefined, state: State, page: Page): Promise<Listed> {
    return this.#call(false, async (work) => {
      await this.#forgetOld(work);
      return list(work, queue, state, page);
    });
  }

  async redrive(refs: readonly string[], to: string | undefined, reset: boolean): Promise<number> {
    const count = await this.#call(true, async (work) => {
      await this.#forgetOld(work);
      const back: Command[] = [];
      for (const ref of new Set(refs)) {
        const [, command] = (await work.remove(ref, (kind) => kind === 'dead')) ?? [];
        if (command === undefined) continue;
        const { queue, tries } = command;
        back.push({ ...command, queue: to ?? queue, tries: reset ? 0 : tries });
      }
      const change = new Change(work);
      const queues = back.map((it) => it.queue);
      await change.prepare(queues, back);
      for (const command of back) {
        change.promote(command.queue);
        change.enter(command);
      }
      change.end();
      return back.length;
    });
    if (count > 0) this.#tabs.tell();
    return count;
  }

  async purge(refs: readonly string[]): Promise<number> {
    const count = await this.#call(true, async (work) => {
      await this.#forgetOld(work);
      let gone = 0;
      for (const ref of new Set(refs)) {
        const removed = await work.remove(ref, (kind) => kind !== 'working');
        if (removed === undefined) continue;
        gone++;
        const [state, command] = removed;
        if (state === 'finished' || state === 'dead' || state === 'held' || command.outside) continue; // prettier-ignore
        const change = new Change(work);
        await change.prepare([], [], [command]);
        change.leave(command);
        change.end();
      }
      return gone;
    });
    if (count > 0) this.#tabs.tell();
    return count;
  }

  watch(wake: () => void): () => void {
    return this.#tabs.watch(wake);
  }

  async flush(): Promise<void> {
    await this.#call(true, async (work) => {
      // A transaction that writes takes those before it to the disk, even where they did not wait for it.
      work.changed = true;
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#turns.idle();
    this.#tabs.close();
    this.#database.close();
  }

  /** A tab is gone: what it had goes back at once. The next who reaps is told. */
  async #takeBack(): Promise<void> {
    const { expired } = await this.#reap(this.#reapable).catch(() => ({ expired: [] }));
    this.#tookBack.push(...expired);
    this.#tabs.wake();
  }

  async #reap(queues: Reapable): Promise<Reaped & { readonly tabs: ReadonlySet<string> }> {
    const reaped = await this.#call(true, async (work) => {
      const result = await reap(work, queues, this.#tabs.gone);
      await this.#forgetOld(work);
      return result;
    });
    if (reaped.expired.length > 0) this.#tabs.tell();
    return reaped;
  }

  async #call<T>(strict: boolean, call: Call<T>): Promise<T> {
    if (this.#closed) throw new DserviceError('ERR_CLOSED', 'the store is closed');
    return this.#turns.add(strict, call);
  }

  async #forgetOld(work: Work): Promise<void> {
    const { dedupe, dedupeMax, deadAge, deadMax } = this.#options;
    await work.trim('finished', dedupeMax, work.now - dedupe);
    await work.trim('dead', deadMax, work.now - deadAge);
  }
}
