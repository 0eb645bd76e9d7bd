import type { StoredError } from '../../src/pipeline/stored-error.js';
import type { Claims, Packed, PushState, State } from '../../src/pipeline/store.js';

/**
 * Where a record is: input `[order]`, held `[key, order]`, working `[deadline, token, place, tab]`, waiting
 * `[due, order]`, dead and finished `[order]`, the receipts of a worker `[worker]`. So the database has them in the
 * order in which they are wanted.
 */
export type Key = [pipeline: string, queue: string, kind: Kind, ...Part[]];
export type Part = string | number | Part[];
export type Kind = State | 'finished' | 'worker';

/** A command. Of one that is finished, `ref` and `children` alone. */
export interface Command {
  readonly ref: string;
  readonly given: boolean;
  readonly pushed: number;
  readonly queue: string;
  readonly key: string | undefined;
  readonly body: Packed;
  readonly tries: number;
  readonly error: StoredError | undefined;
  /** It waits for its turn to enter the queue: it holds no key yet. */
  readonly outside?: boolean;
  /** Its place in the claim, once it was claimed. */
  readonly place?: number;
  readonly children?: number;
}

/** Commands that stand together: requests are what costs, not bytes. */
export interface Kept {
  /** What the record is found by. */
  readonly names: readonly string[];
  readonly commands: readonly Command[];
  /** When they died, or were finished. */
  readonly at: number;
}

/** What `pack` makes: the browser clones it as it is. */
export interface Body {
  readonly data: unknown;
  readonly size: number;
}

export interface Receipt {
  readonly seq: number;
  readonly states?: readonly PushState[] | undefined;
  readonly held?: readonly boolean[] | undefined;
  readonly due: Claims['due'];
}

export interface Receipts {
  readonly seen: number;
  readonly slots: readonly (Receipt | undefined)[];
}

/** What is known of a pipeline as a whole: one record, read and written by each transaction. */
export interface Meta {
  /** Counts up, and down for what comes to a front. */
  last: number;
  first: number;
  readonly queues: Map<string, QueueMeta>;
  readonly dead: Ended;
  readonly finished: Ended;
  /** When receipts were last looked through. */
  swept: number;
}

export interface QueueMeta {
  input: number;
  held: number;
  working: number;
  waiting: number;
  /** Records of `input`. */
  chunks: number;
  window: { readonly from: number; readonly used: number };
}

/** How many there are, and since when the oldest of them, or earlier. */
export interface Ended {
  count: number;
  since: number;
}

/** A record has so many commands, or so many bytes, at most; or one command. */
const most = { commands: 64, bytes: 32_768 };

export function chunksOf(commands: readonly Command[]): Command[][] {
  const chunks: Command[][] = [];
  let bytes = Infinity;
  for (const command of commands) {
    const { size = 0 } = (command.body ?? {}) as Partial<Body>;
    const chunk = chunks.at(-1);
    bytes += size;
    if (chunk !== undefined && chunk.length < most.commands && bytes <= most.bytes) {
      chunk.push(command);
    } else {
      chunks.push([command]);
      bytes = size;
    }
  }
  return chunks;
}

/** A time that may not come. */
export function finite(ms: number): number | undefined {
  return ms === Infinity ? undefined : Math.max(0, ms);
}

/** All records whose keys begin so. */
export function within(...prefix: readonly Part[]): IDBKeyRange {
  return IDBKeyRange.bound(prefix, [...prefix, []]);
}
