import { promisifyRequest } from 'idb-keyval';
import { names } from './database.js';
import {
  chunksOf,
  type Command,
  type Kept,
  type Key,
  type Meta,
  type QueueMeta,
  within,
} from './records.js';

// Names and keys have no control characters.
const between = '\n';

/** A record, and where it is. */
export type Found = readonly [key: Key, kept: Kept];

/** How many records are gone through at a time where they are many. */
const page = 256;

/** One transaction. Nothing is awaited in it but what the database answers: it would be over. */
export class Work {
  readonly pipeline: string;
  readonly now: number;
  readonly meta: Meta;
  /** Something was written. */
  changed = false;
  readonly #kept: IDBObjectStore;
  readonly #names: IDBIndex;

  static async begin(kept: IDBObjectStore, pipeline: string, now: number): Promise<Work> {
    const meta = (await promisifyRequest(kept.get(pipeline))) as Meta | undefined;
    return new Work(kept, pipeline, now, meta);
  }

  private constructor(kept: IDBObjectStore, pipeline: string, now: number, meta?: Meta) {
    this.#kept = kept;
    this.#names = kept.index(names);
    this.pipeline = pipeline;
    this.now = now;
    this.changed = meta === undefined;
    const none = () => ({ count: 0, since: 0 });
    this.meta = meta ?? { last: 0, first: 0, queues: new Map(), dead: none(), finished: none(), swept: now }; // prettier-ignore
  }

  end(): void {
    if (this.changed) this.#kept.put(this.meta, this.pipeline);
  }

  queue(name: string): QueueMeta {
    const { queues } = this.meta;
    let queue = queues.get(name);
    if (queue === undefined) {
      const window = { from: -Infinity, used: 0 };
      queue = { input: 0, held: 0, working: 0, waiting: 0, chunks: 0, window };
      queues.set(name, queue);
    }
    return queue;
  }

  key(queue: string, kind: Key[2], ...rest: Key[3][]): Key {
    return [this.pipeline, queue, kind, ...rest];
  }

  range(queue: string, kind: Key[2], ...rest: Key[3][]): IDBKeyRange {
    return within(this.pipeline, queue, kind, ...rest);
  }

  /** What a command is found by: its ref; who holds a key: its queue and the key; who has a lease: '', '', its token. */
  name(...parts: readonly string[]): string {
    return [this.pipeline, ...parts].join(between);
  }

  /** Where the first record of a name is. */
  where(name: string): Promise<Key | undefined> {
    return promisifyRequest(this.#names.getKey(name)) as Promise<Key | undefined>;
  }

  async named(name: string): Promise<Found[]> {
    return zip(this.#names.getAllKeys(name), this.#names.getAll(name));
  }

  get<T = Kept>(key: Key): Promise<T | undefined> {
    return promisifyRequest(this.#kept.get(key)) as Promise<T | undefined>;
  }

  async all(range: IDBKeyRange, count?: number): Promise<Found[]> {
    return zip(this.#kept.getAllKeys(range, count), this.#kept.getAll(range, count));
  }

  keys(range: IDBKeyRange, count?: number): Promise<Key[]> {
    return promisifyRequest(this.#kept.getAllKeys(range, count)) as Promise<unknown> as Promise<Key[]>; // prettier-ignore
  }

  write(key: Key, value: unknown): void {
    this.changed = true;
    this.#kept.put(value, key);
  }

  delete(key: Key | IDBKeyRange): void {
    this.changed = true;
    this.#kept.delete(key);
  }

  put(key: Key, commands: readonly Command[], at = this.now): void {
    const [, queue, kind, , token] = key;
    const found = commands.map(({ ref }) => this.name(ref));
    for (const { key: name, outside } of commands) {
      const holds = kind === 'input' || kind === 'working' || (kind === 'waiting' && !outside);
      if (holds && name !== undefined) found.push(this.name(queue, name));
    }
    if (kind === 'working') found.push(this.name('', '', token as string));
    this.write(key, { names: found, commands, at } satisfies Kept);
  }

  /** Puts records one after the other, after all others or from a place on: how many. */
  append(
    chunks: readonly Command[][],
    queue: string,
    kind: Key[2],
    before: readonly Key[3][] = [],
    from = this.meta.last + 1,
  ): number {
    for (const [i, chunk] of chunks.entries()) this.put(this.key(queue, kind, ...before, from + i), chunk); // prettier-ignore
    this.meta.last += chunks.length;
    return chunks.length;
  }

  /** What is left of a record when some of its commands have been taken out. */
  keep([key, { at }]: Found, commands: readonly Command[]): void {
    if (commands.length === 0) this.delete(key);
    else this.put(key, commands, at);
  }

  /** Takes out the first commands of a range, which are in about so many records: them, and how many records went. */
  async take(range: IDBKeyRange, most: number, records = most): Promise<[Command[], number]> {
    const taken: Command[] = [];
    let gone = 0;
    while (taken.length < most) {
      const found = await this.all(range, records);
      let whole: Key | undefined;
      for (const [key, kept] of found) {
        const rest = most - taken.length;
        if (rest === 0) break;
        taken.push(...kept.commands.slice(0, rest));
        if (kept.commands.length > rest) this.put(key, kept.commands.slice(rest), kept.at);
        else {
          whole = key;
          gone++;
        }
      }
      if (whole) this.delete(IDBKeyRange.bound(found[0]?.[0], whole));
      if (found.length < records) break;
    }
    return [taken, gone];
  }

  /** Adds to those that are dead, or finished. */
  bury(kind: 'dead' | 'finished', commands: readonly Command[]): void {
    const ended = this.meta[kind];
    if (ended.count === 0) ended.since = this.now;
    ended.count += commands.length;
    // The dead may be gone through while some of them are removed: each has a record.
    this.append(kind === 'dead' ? commands.map((it) => [it]) : chunksOf(commands), '', kind);
  }

  /** Takes a command out of wherever it is, if it may be: it, and where it was. */
  async remove(
    ref: string,
    may: (kind: Key[2]) => boolean,
  ): Promise<readonly [Key[2], Command] | undefined> {
    const key = await this.where(this.name(ref));
    if (key === undefined || !may(key[2])) return undefined;
    const kept = await this.get(key);
    const command = kept?.commands.find((it) => it.ref === ref);
    if (kept === undefined || command === undefined) return undefined;
    const rest = kept.commands.filter((it) => it !== command);
    this.keep([key, kept], rest);
    const [, queue, kind] = key;
    if (kind === 'dead' || kind === 'finished') this.meta[kind].count--;
    else if (kind !== 'worker') this.queue(queue)[kind]--;
    if (kind === 'input' && rest.length === 0) this.queue(queue).chunks--;
    return [kind, command];
  }

  /** What is remembered and kept has a bound, by age and by number: so many since then. */
  async trim(kind: 'dead' | 'finished', most: number, since: number): Promise<void> {
    const ended = this.meta[kind];
    if (ended.count <= most && (ended.count === 0 || ended.since > since)) return;
    for (const found of await this.all(this.range('', kind), page)) {
      const [, { commands, at }] = found;
      const over = at <= since ? commands.length : Math.min(commands.length, ended.count - most);
      if (over > 0) this.keep(found, commands.slice(over));
      ended.count -= Math.max(0, over);
      ended.since = at;
      if (over < commands.length) return;
    }
  }
}

async function zip(
  keys: IDBRequest<IDBValidKey[]>,
  values: IDBRequest<unknown[]>,
): Promise<Found[]> {
  const [at, found] = await Promise.all([promisifyRequest(keys), promisifyRequest(values)]);
  return at.map((key, i) => [key as Key, found[i] as Kept]);
}
