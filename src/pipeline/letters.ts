import { idOf } from './ref.js';
import { errorOf } from './stored-error.js';
import type { Listed, ListedCommand, State, Store } from './store.js';

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
  /** Pushed so long ago, or longer, in ms. */
  readonly age?: number;
}

/** Commands that are read at once. */
const pageSize = 500;

export function letterOf(command: ListedCommand, store: Store): Letter {
  const { ref, queue, key, tries, error, pushed, at } = command;
  return {
    id: idOf(ref),
    key,
    queue,
    data: store.unpack(command.body),
    tries,
    error: error && errorOf(error),
    pushed: new Date(pushed),
    at: at === undefined ? undefined : new Date(at),
  };
}

/**
 * Goes through what is in a state, page by page, and does something with those that fit; how many that did.
 * `take` is given those of a page, and says how many of them it took.
 */
export async function each(
  store: Store,
  state: State,
  { queue, ...filter }: Filter,
  now: number,
  take: (refs: string[]) => Promise<number>,
): Promise<number> {
  // All are listed first: to take them changes the pages.
  const refs: string[] = [];
  let after: string | undefined;
  do {
    const page: Listed = await store.range(queue, state, {
      limit: pageSize,
      ...(after === undefined ? {} : { after }),
    });
    for (const command of page.commands) if (fits(command, filter, now)) refs.push(command.ref);
    after = page.next;
  } while (after !== undefined);
  let count = 0;
  for (let at = 0; at < refs.length; at += pageSize) {
    count += await take(refs.slice(at, at + pageSize));
  }
  return count;
}

function fits(command: ListedCommand, filter: Omit<Filter, 'queue'>, now: number): boolean {
  const { id, key, code, age } = filter;
  if (id !== undefined && ![id].flat().includes(idOf(command.ref))) return false;
  if (key !== undefined && command.key !== key) return false;
  if (code !== undefined && command.error?.code !== code) return false;
  return age === undefined || now - command.pushed >= age;
}
