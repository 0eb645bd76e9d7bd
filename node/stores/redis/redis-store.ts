import { DserviceError } from '../../../src/errors.js';
import { placeOf } from '../../../src/pipeline/ref.js';
import type {
  Claimed,
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
  QueueCounts,
  Reaped,
  State,
  Store,
  StoreSupports,
  Turned,
  Want,
} from '../../../src/pipeline/store.js';
import { type Body, packBody, unpackBody } from '../body.js';
import { Pages } from './pages.js';
import { type Did, type Partition, pushStates } from './partition.js';
import { spreadRated } from './rated.js';
import { type Ask, spread, type Spread } from './spread.js';
import type { Wakes } from './wakes.js';

/** How many leases are taken back in one `reap`. */
const mostReaped = 1_000;

export interface Parts {
  readonly partitions: readonly Partition[];
  readonly partitionOf: (keyOrId: string) => number;
  readonly wakes: Wakes;
  readonly supports: StoreSupports;
  readonly end: () => void;
}

/** One pipeline in Redis, in as many parts as it was cut in. Each call goes to those that it concerns. */
export class RedisStore implements Store {
  readonly supports: StoreSupports;
  readonly #parts: Parts;
  readonly #pages: Pages;
  #closed: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#pages = new Pages(parts.partitions);
    this.supports = parts.supports;
  }

  pack(data: unknown): { body: Packed; size: number } {
    const { body, size } = packBody(data);
    return { body: textOf(body), size };
  }

  unpack(body: Packed): unknown {
    return unpackBody(bodyOf(String(body)));
  }

  async push(entries: readonly Entry[], wants: readonly Want[], op: Op): Promise<Pushed> {
    this.#check();
    const [only, ...more] = this.#parts.partitions;
    if (only !== undefined && more.length === 0) {
      const did = await only.push(entries, wants, op);
      return { states: statesOf(did.marks), ...claimsOf(did) };
    }
    const parts = this.#cut(entries, op.seq);
    const asks = parts.map(({ partition, items, places }) => ({
      partition,
      places,
      first: (it: readonly Want[]) => partition.push(items, it, op),
    }));
    const { marks, claims, due } = await this.#spread(asks, wants, op);
    return { states: statesOf(marks), claims, ...ifAny(due) };
  }

  async turn(outcomes: readonly Outcome[], wants: readonly Want[], op: Op): Promise<Turned> {
    this.#check();
    const [only, ...more] = this.#parts.partitions;
    if (only !== undefined && more.length === 0) {
      const did = await only.turn(outcomes, wants, op);
      return { held: heldOf(did.marks), ...claimsOf(did) };
    }
    const asks = this.#cut(outcomes, op.seq).map(({ partition, items, places }): Ask => ({
      partition,
      places,
      first: (it) => partition.turn(items, it, op),
    }));
    const { marks, claims, due } = await this.#spread(asks, wants, op);
    return { held: heldOf(marks), claims, ...ifAny(due) };
  }

  async extend(leases: readonly Lease[], lease: number): Promise<boolean[]> {
    this.#check();
    return this.#each(leases, (partition, items) => partition.extend(items, lease));
  }

  async reap(queues: readonly { queue: string; retries: number }[]): Promise<Reaped> {
    this.#check();
    const { partitions } = this.#parts;
    const most = Math.max(1, Math.floor(mostReaped / partitions.length));
    const all = await Promise.all(partitions.map((partition) => partition.reap(queues, most)));
    const due = Math.min(...all.map((each) => each.due ?? Infinity));
    return { expired: all.flatMap((each) => each.expired), ...(due === Infinity ? {} : { due }) };
  }

  async counts(): Promise<Counts> {
    this.#check();
    const all = await Promise.all(this.#parts.partitions.map((partition) => partition.counts()));
    const queues = new Map<string, QueueCounts>();
    for (const [name, counts] of all.flatMap((each) => [...each.queues])) {
      queues.set(name, sumOf(queues.get(name), counts));
    }
    const dead = all.reduce((sum, each) => sum + each.dead, 0);
    return { queues: Object.fromEntries(queues), dead };
  }

  async find(refs: readonly string[]): Promise<(Found | undefined)[]> {
    this.#check();
    return this.#each(
      refs.map((ref) => ({ ref })),
      (partition, items) => partition.find(refsOf(items)),
    );
  }

  async range(queue: string | undefined, state: State, page: Page): Promise<Listed> {
    this.#check();
    return this.#pages.read(queue, state, page);
  }

  async redrive(refs: readonly string[], to: string | undefined, reset: boolean): Promise<number> {
    this.#check();
    return this.#sum(refs, (partition, some) => partition.redrive(some, to, reset));
  }

  async purge(refs: readonly string[]): Promise<number> {
    this.#check();
    return this.#sum(refs, (partition, some) => partition.purge(some));
  }

  watch(wake: () => void): () => void {
    return this.#parts.wakes.watch(wake);
  }

  async flush(): Promise<void> {
    this.#check();
    // What was answered is with Redis: more than a round trip would hold up what is sent behind it.
    await Promise.all(this.#parts.partitions.map(({ line }) => line.do({ args: ['PING'] })));
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const { partitions, wakes, end } = this.#parts;
    wakes.end();
    await Promise.all(partitions.map(({ line }) => line.idle()));
    end();
  }

  /** The windows of rates are in the first partition, for all of them. */
  async #spread(asks: readonly Ask[], wants: readonly Want[], op: Op): Promise<Spread> {
    const [first] = this.#parts.partitions;
    return first !== undefined && wants.some(({ rate }) => rate !== undefined)
      ? spreadRated(first, asks, wants, op)
      : spread(asks, wants, op);
  }

  #check(): void {
    if (this.#closed !== undefined) throw new DserviceError('ERR_CLOSED', 'the store is closed');
  }

  /** What goes to which partition, all of them in an order that begins with another one each time. */
  #cut<T extends { readonly ref: string }>(
    items: readonly T[],
    turn: number,
  ): { partition: Partition; items: T[]; places: number[] }[] {
    const { partitions, partitionOf } = this.#parts;
    const all = partitions.map((partition) => ({
      partition,
      items: [] as T[],
      places: [] as number[],
    }));
    for (const [place, item] of items.entries()) {
      const part = all[partitionOf(placeOf(item.ref))];
      part?.items.push(item);
      part?.places.push(place);
    }
    const first = turn % all.length;
    return [...all.slice(first), ...all.slice(0, first)];
  }

  /** Asks the partitions that some items are in; the answers in the order of the items. */
  async #each<T extends { readonly ref: string }, R>(
    items: readonly T[],
    ask: (partition: Partition, items: readonly T[]) => Promise<readonly R[]>,
  ): Promise<R[]> {
    const parts = this.#cut(items, 0).filter((part) => part.items.length > 0);
    const answers = await Promise.all(parts.map((part) => ask(part.partition, part.items)));
    const all: R[] = Array.from({ length: items.length });
    for (const [i, { places }] of parts.entries()) {
      for (const [j, place] of places.entries()) all[place] = (answers[i] as readonly R[])[j] as R; // as many as were asked
    }
    return all;
  }

  async #sum(
    refs: readonly string[],
    ask: (partition: Partition, refs: readonly string[]) => Promise<number>,
  ): Promise<number> {
    const parts = this.#cut(
      refs.map((ref) => ({ ref })),
      0,
    ).filter((part) => part.items.length > 0);
    const counts = await Promise.all(parts.map((part) => ask(part.partition, refsOf(part.items))));
    return counts.reduce((sum, count) => sum + count, 0);
  }
}

function claimsOf({ claims, due }: Did): { claims: readonly Claimed[]; due?: number } {
  const [only, ...more] = claims;
  return { claims: more.length === 0 ? (only ?? []) : claims.flat(), ...ifAny(due) };
}

function ifAny(due: number | undefined): { due?: number } {
  return due === undefined ? {} : { due };
}

function statesOf(marks: string): Pushed['states'] {
  return Array.from(marks, (mark) => pushStates[mark] ?? 'known');
}

function heldOf(marks: string): boolean[] {
  return Array.from(marks, (mark) => mark === '1');
}

function refsOf(items: readonly { readonly ref: string }[]): string[] {
  return items.map(({ ref }) => ref);
}

function sumOf(a: QueueCounts | undefined, b: QueueCounts): QueueCounts {
  if (a === undefined) return b;
  const oldest = Math.max(a.oldest ?? -1, b.oldest ?? -1);
  return {
    input: a.input + b.input,
    held: a.held + b.held,
    working: a.working + b.working,
    waiting: a.waiting + b.waiting,
    ...(oldest < 0 ? {} : { oldest }),
  };
}

/** Scripts are given text alone: bytes are written out, after a letter that no JSON begins with. */
function textOf(body: Body): string {
  return typeof body === 'string' ? body : `v${Buffer.from(body).toString('base64')}`;
}

function bodyOf(text: string): Body {
  return text.startsWith('v') ? Buffer.from(text.slice(1), 'base64') : text;
}
