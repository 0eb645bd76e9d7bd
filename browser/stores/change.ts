import type { StoredError } from '../../src/pipeline/stored-error.js';
import {
  type Claimed,
  type Claims,
  type Entry,
  type Op,
  type PushState,
  tokenOf,
  type Want,
} from '../../src/pipeline/store.js';
import { chunksOf, type Command, finite, type Key } from './records.js';
import type { Found, Work } from './work.js';

/** How many of those that are due are let in at a time. */
const mostPromoted = 256;

/** What has a place in a queue, or is to have one. */
type Keyed = Pick<Entry, 'queue' | 'key'>;

interface Due {
  commands: readonly Command[];
  /** When the next one is due. */
  next: number;
}

/**
 * What one call does to the queues. It reads what it needs, all at once (`prepare`); then commands go from here to
 * there in memory; what they came to is written once (`claim`, `end`): who comes and goes in one call leaves no trace.
 */
export class Change {
  readonly #work: Work;
  readonly #known = new Map<string, PushState | undefined>();
  /** Whether a key is held, by its name. */
  readonly #holds = new Map<string, boolean>();
  /** Who is next after the holder of a key, by its name. */
  readonly #behind = new Map<string, Found>();
  readonly #due = new Map<string, Due>();
  readonly #fronts = new Map<string, Command[]>();
  readonly #backs = new Map<string, Command[]>();
  readonly #held = new Map<string, Command[]>();
  /** By when they are due. */
  readonly #waiting = new Map<string, Map<number, Command[]>>();
  readonly #dead: Command[] = [];
  readonly #finished: Command[] = [];
  #place = 0;

  constructor(work: Work) {
    this.#work = work;
  }

  /**
   * Reads for what is to come: `fresh` may be known already, `entering` come to their queues, `leaving` hold their
   * keys, and what is due in `queues` comes in.
   */
  async prepare(
    queues: Iterable<string>,
    entering: readonly Keyed[],
    leaving: readonly Command[] = [],
    fresh: readonly Entry[] = [],
  ): Promise<void> {
    const work = this.#work;
    const due = [...new Set(queues)].map((queue) => this.#readDue(queue));
    await Promise.all([
      ...due.map(async (read) => this.#readHolds((await read).filter(({ outside }) => outside))),
      this.#readHolds(entering),
      ...[...new Set(fresh.map(({ ref }) => ref))].map(async (ref) => {
        const key = await work.where(work.name(ref));
        this.#known.set(ref, key && stateOf(key));
      }),
      ...leaving.map(async ({ queue, key }) => {
        if (key === undefined || work.queue(queue).held === 0) return;
        const [next] = await work.all(work.range(queue, 'held', key), 1);
        if (next !== undefined) this.#behind.set(work.name(queue, key), next);
      }),
    ]);
  }

  /** An entry comes to its queue, if it is new. */
  add(entry: Entry): PushState {
    const known = this.#known.get(entry.ref);
    if (known !== undefined) return known;
    const { ref, given, queue, key, body, error, delay } = entry;
    this.#known.set(ref, 'known');
    this.enter({ ref, given, pushed: this.#work.now, queue, key, body, tries: 0, error }, delay);
    return 'queued';
  }

  /** A command comes to the end of its queue, or is to come when it is due. */
  enter(command: Command, delay = 0): void {
    const { queue, key } = command;
    if (delay > 0) {
      this.#wait({ ...command, outside: true }, delay);
      return;
    }
    if (key !== undefined) {
      const name = this.#work.name(queue, key);
      if (this.#holds.get(name) === true) {
        this.#work.queue(queue).held++;
        listOf(this.#held, name).push(command);
        return;
      }
      this.#holds.set(name, true);
    }
    this.#open(command);
  }

  /** Whoever was behind a command comes to the end of `input`. It is out of its state already. */
  leave({ queue, key }: Command): void {
    if (key === undefined) return;
    const name = this.#work.name(queue, key);
    const found = this.#behind.get(name);
    const next = found?.[1].commands[0] ?? this.#held.get(name)?.shift();
    if (found !== undefined) {
      this.#work.delete(found[0]);
      this.#behind.delete(name);
    }
    this.#holds.set(name, next !== undefined);
    if (next === undefined) return;
    this.#work.queue(queue).held--;
    this.#open(next);
  }

  /** A command is to be tried again: it keeps its key. */
  again(command: Command, delay: number): void {
    if (delay > 0) this.#wait(command, delay);
    else this.toFront(command.queue, [command]);
  }

  toFront(queue: string, commands: readonly Command[]): void {
    this.#work.queue(queue).input += commands.length;
    listOf(this.#fronts, queue).unshift(...commands);
  }

  /** What is due comes in: those that were here before to the front, the others to the end. */
  promote(queue: string): void {
    const due = this.#due.get(queue);
    if (due === undefined) return;
    const { commands } = due;
    due.commands = [];
    this.toFront(
      queue,
      commands.filter(({ outside }) => !outside),
    );
    for (const { outside, ...command } of commands) if (outside) this.enter(command);
  }

  finish(command: Command, children: number): void {
    const { ref, given } = command;
    this.#known.set(ref, given ? 'finished' : undefined);
    // Nothing else is ever asked of it.
    if (given) this.#finished.push({ ref, children } as Command);
  }

  die(command: Command, error: StoredError): void {
    this.leave(command);
    this.#known.set(command.ref, 'dead');
    this.#dead.push({ ...command, error });
  }

  async claim(wants: readonly Want[], op: Op, tab: string): Promise<Claims> {
    const { now } = this.#work;
    const token = tokenOf(op);
    const claims: Claimed[] = [];
    let due = Infinity;
    for (const { queue: name, max, lease, rate } of wants) {
      this.promote(name);
      const queue = this.#work.queue(name);
      const { from, used } = queue.window;
      const over = rate === undefined || now >= from + rate.per || now < from;
      const free = rate === undefined ? max : Math.max(0, rate.n - (over ? 0 : used));
      const taken = await this.#next(name, Math.min(max, free));
      const placed = taken.map((command) => ({ ...command, place: this.#place++ }));
      for (const chunk of chunksOf(placed)) {
        this.#work.put(this.#work.key(name, 'working', now + lease, token, chunk[0]?.place ?? 0, tab), chunk); // prettier-ignore
      }
      for (const command of taken) claims.push(claimOf(command, token));
      if (rate !== undefined && taken.length > 0) {
        queue.window = over
          ? { from: now, used: taken.length }
          : { from, used: used + taken.length };
      }
      due = Math.min(due, this.#nextDue(name) - now);
      if (rate !== undefined && taken.length === free) {
        due = Math.min(due, queue.window.from + rate.per - now);
      }
    }
    return { claims, due: finite(due) };
  }

  /** Writes what it came to. */
  end(): void {
    const work = this.#work;
    const { meta } = work;
    for (const name of this.#due.keys()) this.promote(name);
    for (const [name, commands] of this.#fronts) {
      meta.first -= commands.length;
      work.queue(name).chunks += work.append(chunksOf(commands), name, 'input', [], meta.first);
    }
    for (const [name, commands] of this.#backs) {
      work.queue(name).chunks += work.append(chunksOf(commands), name, 'input');
    }
    for (const command of [...this.#held.values()].flat()) {
      work.append([[command]], command.queue, 'held', [command.key ?? '']);
    }
    for (const [name, moments] of this.#waiting) {
      for (const [at, commands] of moments) work.append(chunksOf(commands), name, 'waiting', [at]);
    }
    work.bury('dead', this.#dead);
    work.bury('finished', this.#finished);
  }

  async #readHolds(commands: readonly Keyed[]): Promise<void> {
    const found = commands.map(({ queue, key = '' }) => key && this.#work.name(queue, key));
    await Promise.all(
      [...new Set(found)].map(async (name) => {
        if (name === '' || this.#holds.has(name)) return;
        this.#holds.set(name, (await this.#work.where(name)) !== undefined);
      }),
    );
  }

  /** Takes out what is due. */
  async #readDue(name: string): Promise<readonly Command[]> {
    const work = this.#work;
    const queue = work.queue(name);
    if (queue.waiting === 0) return [];
    const all = work.key(name, 'waiting');
    const range = IDBKeyRange.bound(all, [...all, work.now, []]);
    const [[commands], [next]] = await Promise.all([
      work.take(range, mostPromoted),
      work.keys(IDBKeyRange.bound([...all, work.now, []], [...all, []]), 1),
    ]);
    queue.waiting -= commands.length;
    for (const { key, outside } of commands) {
      if (key !== undefined && !outside) this.#holds.set(work.name(name, key), true);
    }
    const full = commands.length === mostPromoted;
    this.#due.set(name, { commands, next: full ? work.now : (next?.[3] as number | undefined) ?? Infinity }); // prettier-ignore
    return commands;
  }

  /** Takes the first out of `input`. */
  async #next(name: string, most: number): Promise<Command[]> {
    const queue = this.#work.queue(name);
    const [fronts, backs] = [listOf(this.#fronts, name), listOf(this.#backs, name)];
    const stored = queue.input - fronts.length - backs.length;
    const taken = fronts.splice(0, most);
    const wanted = Math.min(most - taken.length, stored);
    if (wanted > 0) {
      const records = Math.ceil((wanted * queue.chunks) / stored);
      const [found, gone] = await this.#work.take(this.#work.range(name, 'input'), wanted, records);
      taken.push(...found);
      queue.chunks -= gone;
    }
    taken.push(...backs.splice(0, most - taken.length));
    queue.input -= taken.length;
    queue.working += taken.length;
    return taken;
  }

  #nextDue(name: string): number {
    const moments = this.#waiting.get(name)?.keys() ?? [];
    return Math.min(this.#due.get(name)?.next ?? Infinity, ...moments);
  }

  #open(command: Command): void {
    this.#work.queue(command.queue).input++;
    listOf(this.#backs, command.queue).push(command);
  }

  #wait(command: Command, delay: number): void {
    const { queue } = command;
    this.#work.queue(queue).waiting++;
    const moments = this.#waiting.get(queue) ?? new Map<number, Command[]>();
    this.#waiting.set(queue, moments);
    listOf(moments, this.#work.now + delay).push(command);
  }
}

export function claimOf(command: Command, token: string): Claimed {
  const { ref, queue, given, key, body, tries, error, pushed } = command;
  return { ref, queue, token, given, key, body, tries, error, pushed };
}

function stateOf([, , kind]: Key): PushState {
  return kind === 'dead' || kind === 'finished' ? kind : 'known';
}

function listOf<K>(lists: Map<K, Command[]>, name: K): Command[] {
  let list = lists.get(name);
  if (list === undefined) lists.set(name, (list = []));
  return list;
}
