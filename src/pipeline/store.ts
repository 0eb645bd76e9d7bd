import type { Clock } from '../clock.js';
import type { StoredError } from './stored-error.js';

/**
 * The port of durable queues: one pipeline's commands, in one place that keeps them.
 *
 * A queue has four states. `input`: may be claimed, first in, first out. `held`: behind an earlier command of
 * the same key. `working`: leased to a worker until a deadline. `waiting`: until it is due. Beside the queues,
 * `dead` is one for the whole pipeline.
 *
 * Every call is atomic by itself: all of it is done, or nothing. A call that rejects with ERR_STORE_AWAY may have
 * been done nevertheless: it is repeated with the same `Op`, and a store that has done it answers as it did the first
 * time. Rejections are `DserviceError`s: ERR_STORE_AWAY (try again), ERR_STORE_FULL, ERR_STORE_READ_ONLY,
 * ERR_STORE_CORRUPT, ERR_STORE_VERSION, ERR_STORE (any other), ERR_CLOSED (after `close`), ERR_STATE (an op that is
 * older than those the store remembers: nothing was done).
 *
 * Times are milliseconds: durations (`delay`, `lease`) from the store's now, moments since 1970 on its clock. Now is
 * the same from the beginning of a call to its end. What lasts so many ms is over when they have passed, not after.
 *
 * What is due stays in `waiting` until a call puts something into its queue (`push`, a move, a child, `redrive`) or
 * wants something of it. Then it enters first, before what that call puts there, by when it is due and then in the
 * order in which it came to wait: retries to the front of `input`, the others to the end. Some hundreds may enter at
 * once; who is left follows with the next call, and `due` is 0.
 *
 * What is too old, of the dead and of the ids that are remembered, is gone at the beginning of each call; what is too
 * many, at its end.
 *
 * Calls are carried out in the order in which they were made, each seeing what the ones before it did.
 */
export interface Store {
  readonly supports: StoreSupports;

  /**
   * Makes of data what the store keeps, a copy that its giver cannot change any more, at once. `size` in bytes,
   * as near as is cheap. Throws ERR_DATA, naming the path, if it cannot be stored (`packed` of data.ts does both).
   */
  pack(data: unknown): { body: Packed; size: number };
  /** The data, each time a copy of its own. Throws ERR_STORE_CORRUPT. */
  unpack(body: Packed): unknown;

  /**
   * Puts commands into queues, in the order given, then claims. Known is who has the same `ref`, in flight,
   * dead, finished and remembered, or earlier in the list: such an entry changes nothing. An operation that is repeated
   * is answered with the same states and `due`, and with those of its claims that are still held.
   */
  push(entries: readonly Entry[], wants: readonly Want[], op: Op): Promise<Pushed>;
  /**
   * Applies the outcomes in order, then claims: the heart. An outcome whose lease is not held by its token any
   * more (another has it, or nobody) changes nothing and is answered with false. A lease that has run out and that
   * nobody has reaped still counts. Repeated, it answers as `push` does.
   */
  turn(outcomes: readonly Outcome[], wants: readonly Want[], op: Op): Promise<Turned>;

  /** Lets leases end `lease` ms from now. Of each, whether it was still held. */
  extend(leases: readonly Lease[], lease: number): Promise<boolean[]>;
  /**
   * Takes back what was leased and not answered for in time, of some queues: to the front of `input`, ordered by
   * deadline, token, place in the claim; `tries` + 1. What has then been tried more than `retries` times dies of
   * ERR_TIMEOUT (`expired` of stored-error.ts), which is the error of the others too. Queue by queue, at most 1,000 at
   * once in all.
   */
  reap(queues: readonly { readonly queue: string; readonly retries: number }[]): Promise<Reaped>;

  counts(): Promise<Counts>;
  /** Where commands are, in the order of `refs`; undefined for who is not known. */
  find(refs: readonly string[]): Promise<(Found | undefined)[]>;
  /**
   * A page of what is in a state: `input` in order; `held` with those of a key in order; `working` by deadline, token
   * and place in the claim; `waiting` by when it is due, then in the order in which it came to wait; `dead` in the order
   * in which they died. Of `dead`, `queue` is where it died; undefined, for `dead` alone, is all. Pages of `dead` miss
   * and repeat nothing, though what was listed is removed between them; those of the others may, when it moves.
   */
  range(queue: string | undefined, state: State, page: Page): Promise<Listed>;
  /**
   * Puts dead commands at the end of `to`, or of the queue they died in, in the order of `refs`, with the id, key,
   * error and `pushed` they had; `reset` makes `tries` 0, without it they stay as they were. How many: who is not dead
   * is left out.
   */
  redrive(refs: readonly string[], to: string | undefined, reset: boolean): Promise<number>;
  /** Removes commands from wherever they are, and forgets their ids; those that are leased stay. How many. */
  purge(refs: readonly string[]): Promise<number>;

  /**
   * Calls `wake`, never synchronously, when somebody else (another handle, of this program or not) has done what may
   * leave something to claim, or has ended a command; returns what ends it. It may wake for nothing, and it need not
   * wake for what becomes due.
   */
  watch(wake: () => void): () => void;
  /** Resolves when all that was answered before is as durable as the store can make it. */
  flush(): Promise<void>;
  /** Ends it; what is under way comes to its end first. What is called after it rejects with ERR_CLOSED. Idempotent. */
  close(): Promise<void>;
}

/** What only the store that made it can read. */
export type Packed = unknown;

export interface StoreSupports {
  /** What an answered `push` or `turn` outlives: the program (`none`: not even that), `flush`, or the machine. */
  readonly durability: 'none' | 'flush' | 'always';
  /** Who may have it open at once. */
  readonly shared: 'none' | 'tabs' | 'processes' | 'machines';
  /** Whether the browser has promised not to clear it; where that is a question. */
  readonly persisted?: boolean;
  /**
   * Where a store is cut in parts, the part of a command's key, or of its id: commands stay in the part that they
   * were pushed to, and a key holds within a part.
   */
  readonly partitionOf?: (keyOrId: string) => number;
}

/**
 * One operation of one worker. A store keeps the answers of a worker's last eight, by `seq` modulo 8, until 24
 * hours after the last operation of it that was carried out: so at most eight are in flight. One that is older than
 * that of its place is refused with ERR_STATE; one whose worker is not remembered is carried out.
 * Carried out a second time so, which of the claims of both times it answers when it is repeated is open.
 */
export interface Op {
  /** Up to 16 characters of `A-Z a-z 0-9 - _`. */
  readonly worker: string;
  /** Counts up from 0. */
  readonly seq: number;
}

/** What claims of an operation are fenced by: for a worker, later ones are greater. */
export function tokenOf({ worker, seq }: Op): string {
  return worker + seq.toString(36).padStart(8, '0');
}

/** A command that is to enter a queue. */
export interface Entry {
  /** What the store knows it by: see ref.ts. */
  readonly ref: string;
  /** The caller gave the id: it is remembered after the end. */
  readonly given: boolean;
  readonly queue: string;
  /** Those with the same key are worked on one at a time, in this queue. */
  readonly key?: string | undefined;
  readonly body: Packed;
  /** It takes its place at the end when so many ms have passed. */
  readonly delay?: number | undefined;
  /** What it failed with in the queue before. */
  readonly error?: StoredError | undefined;
}

/** How many commands of a queue are wanted, and for how long. */
export interface Want {
  readonly queue: string;
  readonly max: number;
  /** ms */
  readonly lease: number;
  /**
   * At most `n` are claimed in each window of `per` ms, by all workers together. A window begins with a claim, where
   * none is, or where the clock was set back behind its beginning; what is claimed without a rate does not count.
   */
  readonly rate?: { readonly n: number; readonly per: number } | undefined;
}

export interface Lease {
  readonly ref: string;
  readonly queue: string;
  readonly token: string;
}

/** What becomes of a leased command. */
export type Outcome = Lease &
  (
    | {
        readonly kind: 'done';
        /**
         * Of one with the ref of the command itself, that the command moves there: with the key, body and error of
         * the entry, `tries` 0, and all else as it was. All others are new commands, who is known already being left
         * out; with none of itself, the command ends. It leaves its queue before they enter theirs, in their order.
         */
        readonly next: readonly Entry[];
      }
    | {
        /** Stays in its queue, and holds its key: `waiting`, or with delay 0 at the front of `input`. */
        readonly kind: 'retry';
        readonly delay: number;
        /** Whether `tries` goes up. */
        readonly counts: boolean;
        /** Left out, the command keeps the one it has. */
        readonly error?: StoredError | undefined;
      }
    /** `tries` goes up. */
    | { readonly kind: 'dead'; readonly error: StoredError }
  );

/** A command in a worker's hands. */
export interface Claimed extends Lease {
  readonly given: boolean;
  readonly key?: string | undefined;
  readonly body: Packed;
  /** Runs in this queue before this one that count. */
  readonly tries: number;
  readonly error?: StoredError | undefined;
  /** When it was pushed first. */
  readonly pushed: number;
}

export interface Claims {
  readonly claims: readonly Claimed[];
  /**
   * ms until more can be claimed of the queues that were wanted, as far as is known: until the first that waits is
   * due, or the window of a rate that is used up ends, whichever is sooner.
   */
  readonly due?: number | undefined;
}

/** What became of an entry: it is new, or the command of its ref is in flight, finished or dead. */
export type PushState = 'queued' | 'known' | 'finished' | 'dead';

export interface Pushed extends Claims {
  readonly states: readonly PushState[];
}

export interface Turned extends Claims {
  /** Of each outcome, whether its lease was held. */
  readonly held: readonly boolean[];
}

export interface Reaped {
  readonly expired: readonly {
    readonly ref: string;
    readonly queue: string;
    readonly tries: number;
    readonly dead: boolean;
  }[];
  /** ms until the next lease of these queues ends. */
  readonly due?: number | undefined;
}

export type State = 'input' | 'held' | 'working' | 'waiting' | 'dead';

export interface Counts {
  /** Of each queue that something is in. */
  readonly queues: Readonly<Record<string, QueueCounts>>;
  readonly dead: number;
}

export interface QueueCounts {
  readonly input: number;
  readonly held: number;
  readonly working: number;
  readonly waiting: number;
  /** ms since the first of `input` was pushed. */
  readonly oldest?: number | undefined;
}

export interface Found {
  readonly state: State | 'finished';
  readonly queue?: string | undefined;
  /** Of one that is finished: how many commands it became, at its end, with those that were known. */
  readonly children?: number | undefined;
  /** Of one that is dead. */
  readonly error?: StoredError | undefined;
}

export interface Page {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string | undefined;
}

export interface Listed {
  readonly commands: readonly ListedCommand[];
  readonly next?: string | undefined;
}

export interface ListedCommand {
  readonly ref: string;
  readonly queue: string;
  readonly key?: string | undefined;
  readonly body: Packed;
  readonly tries: number;
  readonly error?: StoredError | undefined;
  readonly pushed: number;
  /** When its lease ends, it is due, or it died. */
  readonly at?: number | undefined;
}

/** What a pipeline asks of the store that it opens. */
export interface StoreOptions {
  readonly clock: Clock;
  /** ms for which the ids of finished commands are remembered, of those that callers gave. */
  readonly dedupe: number;
  /** So many of them at most, oldest out first. */
  readonly dedupeMax: number;
  /** ms for which dead commands are kept. */
  readonly deadAge: number;
  /** So many of them at most, oldest out first. */
  readonly deadMax: number;
  readonly logger: { warn(message: string): void };
}

/** Where pipelines can be kept. */
export interface StoreFactory {
  /** As a URL, for messages. */
  readonly url: string;
  /** Opens what is kept of a pipeline, or begins it. Rejects as the calls of a store do. */
  open(pipeline: string, options: StoreOptions): Promise<Store>;
  /** The names of the pipelines that something is kept of. */
  pipelines(): Promise<string[]>;
}
