import { flag, oneOf, type Rule, text, texts } from '../rules.js';
import { type Duration, msOf } from './duration.js';
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

// What is misspelt would be everything.
const state = oneOf('input', 'held', 'working', 'waiting', 'dead');
const limit: Rule = {
  says: 'a whole number from 1',
  ok: (value) => Number.isInteger(value) && Number(value) > 0,
};
export const lookRules = { state, limit };
export const deadRules = { queue: text, limit };
export const redriveRules = { to: text, reset: flag };
export const purgeRules = { state };
export const filterRules: Readonly<Record<keyof Filter, Rule>> = {
  id: { says: 'an id, or a list of ids', ok: (value) => texts.ok([value].flat()) },
  queue: text,
  key: text,
  code: text,
  age: { says: "a time: milliseconds, or text as '24h'", ok: (value) => msOf(value) !== undefined },
};

/** Commands that are read, or changed, at once. */
export const pageSize = 500;

/** What cannot be read any more is shown without data, and with the error why: the others are to be seen. */
export function letterOf(command: ListedCommand, store: Store): Letter {
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

/** Those of a state that fit: all are listed before anything is done with them, for that changes the pages. */
export async function refsOf(
  ask: <T>(call: (store: Store) => Promise<T>) => Promise<T>,
  state: State,
  { queue, ...filter }: Filter,
  now: number,
): Promise<string[]> {
  const refs: string[] = [];
  let after: string | undefined;
  do {
    const page: Page = { limit: pageSize, ...(after === undefined ? {} : { after }) };
    const { commands, next }: Listed = await ask((store) => store.range(queue, state, page));
    for (const command of commands) if (fits(command, filter, now)) refs.push(command.ref);
    after = next;
  } while (after !== undefined);
  return refs;
}

function fits(command: ListedCommand, filter: Omit<Filter, 'queue'>, now: number): boolean {
  const { id, key, code, age } = filter;
  if (id !== undefined && ![id].flat().includes(idOf(command.ref))) return false;
  if (key !== undefined && command.key !== key) return false;
  if (code !== undefined && command.error?.code !== code) return false;
  return now - command.pushed >= (msOf(age) ?? -Infinity);
}
