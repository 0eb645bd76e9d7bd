import { DserviceError } from '../../../src/errors.js';
import {
  type Claimed,
  type Entry,
  type Found,
  type Lease,
  type ListedCommand,
  type Op,
  type Outcome,
  type PushState,
  type QueueCounts,
  type Reaped,
  type State,
  tokenOf,
  type Want,
} from '../../../src/pipeline/store.js';
import { expired } from '../../../src/pipeline/stored-error.js';
import { entryGroups, outcomeGroups } from './groups.js';
import type { Line } from './line.js';
import { errorText, readError, readRecord } from './record.js';
import { type Script, scripts } from './script.js';

/** What a script is told with every call. */
export interface Telling {
  /** The moment, where tests have it; empty: the server's. */
  now(): string;
  readonly handle: string;
  /** Bounds of what is remembered: see scripts/turn.ts. */
  readonly limits: string;
  /** Whether who waits is to be told. */
  watching(): boolean;
  readonly warn: (message: string) => void;
}

export interface Did {
  /** A character for each entry or outcome. */
  readonly marks: string;
  readonly due: number | undefined;
  /** It had been done before. */
  readonly repeated: boolean;
  /** Of each want; of each queue where it is repeated. */
  readonly claims: readonly (readonly Claimed[])[];
}

/** A listed command, and where the one after it begins. */
export interface Item {
  readonly command: ListedCommand;
  readonly next: number;
}

export const pushStates: Readonly<Record<string, PushState>> = {
  q: 'queued',
  k: 'known',
  d: 'dead',
  f: 'finished',
};

/** One part of a pipeline: all that its scripts touch is on one node. */
export class Partition {
  readonly line: Line;
  readonly #telling: Telling;

  constructor(line: Line, telling: Telling) {
    this.line = line;
    this.#telling = telling;
  }

  /** Begins it, or answers the version and the number of partitions that it has. */
  async open(version: number, partitions: number): Promise<[version: number, partitions: number]> {
    const args = [String(version), String(partitions)];
    const [had, count] = (await this.line.do({ script: scripts.open, args })) as [string, string];
    return [Number(had), Number(count)];
  }

  push(entries: readonly Entry[], wants: readonly Want[], op: Op): Promise<Did> {
    return this.#turn('push', entryGroups(entries), wants, op, false);
  }

  /** `again`: of an operation that has had its turn here, a second one for what is still wanted. */
  turn(outcomes: readonly Outcome[], wants: readonly Want[], op: Op, again = false): Promise<Did> {
    return this.#turn('turn', outcomeGroups(outcomes), wants, op, again);
  }

  /**
   * Of rates that hold over several partitions: takes of their windows what may be claimed (`most`), or gives back what
   * was not (how many were claimed). Answers of each how many may be, or are, and ms until more can be.
   */
  async rate(
    kind: 'take' | 'give',
    wants: readonly {
      readonly queue: string;
      readonly n: number;
      readonly per: number;
      readonly count: number;
    }[],
    op: Op,
  ): Promise<{ count: number; due: number | undefined }[]> {
    const windows = wants.flatMap(({ queue, n, per, count }) => [
      queue,
      ...[n, per, count].map(String),
    ]);
    const slot = `${op.worker}/${op.seq % 8}!`;
    const answer = await this.#do(scripts.rate, [kind, slot, String(op.seq), ...windows]);
    return chunks(texts(answer), 2).map(([count, due = '']) => ({
      count: Number(count),
      due: due === '' ? undefined : Number(due),
    }));
  }

  async extend(leases: readonly Lease[], lease: number): Promise<boolean[]> {
    const byQueue = new Map<string, number[]>();
    for (const [i, { queue }] of leases.entries()) {
      const places = byQueue.get(queue);
      if (places === undefined) byQueue.set(queue, [i]);
      else places.push(i);
    }
    const args = [String(lease)];
    for (const [queue, places] of byQueue) {
      args.push(queue, String(places.length));
      for (const i of places) args.push(`${leases[i]?.token ?? ''}:${leases[i]?.ref ?? ''}`);
    }
    const marks = String(await this.#do(scripts.extend, args));
    const held: boolean[] = [];
    for (const [n, i] of [...byQueue.values()].flat().entries()) held[i] = marks[n] === '1';
    return held;
  }

  async reap(
    queues: readonly { readonly queue: string; readonly retries: number }[],
    most: number,
  ): Promise<Reaped> {
    const { limits } = this.#telling;
    const plan = queues.flatMap(({ queue, retries }) => [queue, String(retries)]);
    const answer = await this.#do(scripts.reap, [
      limits,
      errorText(expired),
      String(most),
      ...plan,
    ]);
    const [due, ...rest] = texts(answer);
    const late = chunks(rest, 4).map(([ref = '', queue = '', tries, dead]) => ({
      ref,
      queue,
      tries: Number(tries),
      dead: dead === '1',
    }));
    return { expired: late, ...(due === '' ? {} : { due: Number(due) }) };
  }

  async counts(): Promise<{ queues: Map<string, QueueCounts>; dead: number }> {
    const [dead, ...rest] = texts(await this.#do(scripts.counts, [this.#telling.limits]));
    const queues = new Map<string, QueueCounts>();
    for (const [queue = '', input, held, working, waiting, oldest = ''] of chunks(rest, 6)) {
      queues.set(queue, {
        input: Number(input),
        held: Number(held),
        working: Number(working),
        waiting: Number(waiting),
        ...(oldest === '' ? {} : { oldest: Number(oldest) }),
      });
    }
    return { queues, dead: Number(dead) };
  }

  async find(refs: readonly string[]): Promise<(Found | undefined)[]> {
    const watching = this.#telling.watching() ? '1' : '0';
    const answer = await this.#do(scripts.find, [this.#telling.limits, watching, ...refs]);
    return chunks(texts(answer), 3).map(([state = '', queue = '', more = '']) => {
      if (state === '') return undefined;
      if (state === 'finished') return { state, children: Number(more) };
      const error = state === 'dead' ? readError(more) : undefined;
      // The script names no others.
      return { state: state as State, queue, ...(error === undefined ? {} : { error }) };
    });
  }

  async range(queue: string, state: State, from: number, count: number): Promise<Item[]> {
    const args = [this.#telling.limits, state, queue, String(from), String(count)];
    const answer = texts(await this.#do(scripts.range, args));
    return chunks(answer, 4).map(([next, ref = '', record = '', at = '']) => {
      const { given: _given, error, ...rest } = readRecord(record);
      const command = { ref, ...rest, error, ...(at === '' ? {} : { at: Number(at) }) };
      return { command, next: Number(next) };
    });
  }

  async redrive(refs: readonly string[], to: string | undefined, reset: boolean): Promise<number> {
    const args = [this.#telling.limits, to ?? '', reset ? '1' : '0', ...refs];
    return Number(await this.#do(scripts.redrive, args));
  }

  async purge(refs: readonly string[]): Promise<number> {
    return Number(await this.#do(scripts.purge, [this.#telling.limits, ...refs]));
  }

  await(): Promise<unknown> {
    return this.#do(scripts.await, []);
  }

  async #turn(
    kind: 'push' | 'turn',
    groups: readonly string[],
    wants: readonly Want[],
    op: Op,
    again: boolean,
  ): Promise<Did> {
    const { limits, watching } = this.#telling;
    // Between the two, where it is repeated, what was claimed may have been taken back: it is another lease then.
    const token = tokenOf(op) + (again ? '~' : '');
    const args = [
      watching() ? '1' : '0',
      op.worker,
      `${op.worker}/${op.seq % 8}${again ? '+' : ''}`,
      String(op.seq),
      token,
      limits,
      kind,
      String(wants.length),
    ];
    for (const { queue, max, lease, rate } of wants) {
      args.push(queue, String(max), String(lease), String(rate?.n ?? ''), String(rate?.per ?? ''));
    }
    const answer = await this.#do(scripts.turn, args.concat(groups));
    // As the script says: marks, due, the queues claimed of before, and of each queue refs and records.
    const [marks, due, before, ...lists] = answer as [string, string, 0 | string[], ...unknown[]];
    const queues = before === 0 ? wants.map(({ queue }) => queue) : before;
    const claims = queues.map((queue, i) =>
      this.#claimed(queue, token, lists[i * 2] as string[], lists[i * 2 + 1] as (string | null)[]),
    );
    return { marks, due: due === '' ? undefined : Number(due), repeated: before !== 0, claims };
  }

  #claimed(queue: string, token: string, refs: string[], records: (string | null)[]): Claimed[] {
    const claims: Claimed[] = [];
    for (const [i, ref] of refs.entries()) {
      const record = records[i];
      if (typeof record !== 'string') {
        this.#telling.warn(`redis: of ${ref} in ${queue} nothing is kept: left out`);
        continue;
      }
      const { given, key, body, tries, error, pushed } = readRecord(record);
      claims.push({ ref, queue, token, given, key, body, tries, error, pushed });
    }
    return claims;
  }

  #do(script: Script, args: readonly string[]): Promise<unknown> {
    const { handle } = this.#telling;
    return this.line.do({ script, args: [this.#telling.now(), handle, ...args] });
  }
}

/** Lists of a script's answer are of texts and whole numbers. */
function texts(answer: unknown): string[] {
  if (Array.isArray(answer)) return answer.map(String);
  throw new DserviceError('ERR_STORE', 'redis: an answer that is no list');
}

function chunks(list: readonly string[], size: number): string[][] {
  return Array.from({ length: list.length / size }, (_, i) =>
    list.slice(i * size, i * size + size),
  );
}
