import type { Clock } from '../clock.js';
import { check, flag, oneOf, type Rule, text, texts } from '../rules.js';
import { type Duration, msOf } from './duration.js';
import { checkName } from './name.js';
import { idOf } from './ref.js';
import { errorOf, storedError } from './stored-error.js';
import type { Listed, ListedCommand, Page, State, Store } from './store.js';

/** A command as it is shown. */
export interface Letter {
  readonly id: string;
  readonly key: string | undefined;
  readonly queue: string;
  readonly data: unknown;
  /** Runs in its queue that failed. */
  readonly tries: number;
  readonly error: Error | undefined;
  readonly pushed: Date;
  /** When its lease ends, it is due, or it died. */
  readonly at: Date | undefined;
}

/** Which commands: all that fit all that is said. */
export interface Filter {
  readonly id?: string | readonly string[];
  /** Where they are; of dead ones, where they died. */
  readonly queue?: string;
  readonly key?: string;
  /** Of what they failed with. */
  readonly code?: string;
  /** Pushed so long ago, or longer. */
  readonly age?: Duration;
}

export interface PeekOptions {
  /** `input` without it. */
  readonly state?: State;
  /** At most; 20 without it. */
  readonly limit?: number;
}

export interface DeadOptions {
  /** Where they died; without it, all. */
  readonly queue?: string;
  /** At most; 100 without it. */
  readonly limit?: number;
}

export interface RedriveOptions {
  /** The queue where they go; without it, the one where they died. */
  readonly to?: string;
  /** False: they are tried once more, and not as often as at first. */
  readonly reset?: boolean;
}

export interface PurgeOptions {
  /** `dead` without it. */
  readonly state?: State;
}

/** Asks a store, again if need be. */
type Ask = <T>(call: (store: Store) => Promise<T>) => Promise<T>;

// What is misspelt would be everything.
const state = oneOf('input', 'held', 'working', 'waiting', 'dead');
const limit: Rule = {
  says: 'a whole number from 1',
  ok: (value) => Number.isInteger(value) && Number(value) > 0,
};
const filterRules: Readonly<Record<keyof Filter, Rule>> = {
  id: { says: 'an id, or a list of ids', ok: (value) => texts.ok([value].flat()) },
  queue: text,
  key: text,
  code: text,
  age: { says: "a time: milliseconds, or text as '24h'", ok: (value) => msOf(value) !== undefined },
};

/** Commands that are read, or changed, at once. */
const pageSize = 500;

/** What can be seen of commands, and done with those that nobody works on. Most programs never look. */
export class Letters {
  readonly #ask: Ask;
  readonly #clock: Clock;

  constructor(ask: Ask, clock: Clock) {
    this.#ask = ask;
    this.#clock = clock;
  }

  async peek(queue: string, options: PeekOptions): Promise<Letter[]> {
    checkName(queue, 'the queue');
    check('peek', options, { state, limit });
    return this.#list(queue, options.state ?? 'input', options.limit ?? 20);
  }

  async dead(options: DeadOptions): Promise<Letter[]> {
    check('dead', options, { queue: text, limit });
    return this.#list(options.queue, 'dead', options.limit ?? 100);
  }

  async redrive(filter: Filter, options: RedriveOptions): Promise<number> {
    check('redrive', options, { to: text, reset: flag });
    const { to, reset = true } = options;
    if (to !== undefined) checkName(to, 'the queue');
    return this.#each('dead', filter, (store, refs) => store.redrive(refs, to, reset));
  }

  async purge(filter: Filter, options: PurgeOptions): Promise<number> {
    check('purge', options, { state });
    return this.#each(options.state ?? 'dead', filter, (store, refs) => store.purge(refs));
  }

  #list(queue: string | undefined, of: State, most: number): Promise<Letter[]> {
    return this.#ask(async (store) => {
      const { commands } = await store.range(queue, of, { limit: most });
      return commands.map((command) => letterOf(command, store));
    });
  }

  /** All that fit are listed before anything is done with them, for that changes the pages. */
  async #each(
    of: State,
    { queue, ...filter }: Filter,
    take: (store: Store, refs: string[]) => Promise<number>,
  ): Promise<number> {
    check('a filter', { queue, ...filter }, filterRules);
    const now = this.#clock.wall();
    const refs: string[] = [];
    let after: string | undefined;
    do {
      const page: Page = { limit: pageSize, ...(after === undefined ? {} : { after }) };
      const { commands, next }: Listed = await this.#ask((store) => store.range(queue, of, page));
      for (const command of commands) if (fits(command, filter, now)) refs.push(command.ref);
      after = next;
    } while (after !== undefined);
    let count = 0;
    for (let at = 0; at < refs.length; at += pageSize) {
      count += await this.#ask((store) => take(store, refs.slice(at, at + pageSize)));
    }
    return count;
  }
}

/** What cannot be read any more is shown without data, and with the error why: the others are to be seen. */
function letterOf(command: ListedCommand, store: Store): Letter {
  const { ref, queue, key, tries, pushed, at } = command;
  let error = command.error && errorOf(command.error);
  let data: unknown;
  try {
    data = store.unpack(command.body);
  } catch (thrown) {
    error = errorOf(storedError(thrown));
  }
  return {
    id: idOf(ref),
    key,
    queue,
    data,
    tries,
    error,
    pushed: new Date(pushed),
    at: at === undefined ? undefined : new Date(at),
  };
}

function fits(command: ListedCommand, filter: Omit<Filter, 'queue'>, now: number): boolean {
  const { id, key, code, age } = filter;
  if (id !== undefined && ![id].flat().includes(idOf(command.ref))) return false;
  if (key !== undefined && command.key !== key) return false;
  if (code !== undefined && command.error?.code !== code) return false;
  return now - command.pushed >= (msOf(age) ?? -Infinity);
}
