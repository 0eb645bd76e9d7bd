import { existsSync } from 'node:fs';
import { DserviceError } from '../../../src/errors.js';
import { Batch, type Changes, type Job } from './batch.js';
import { Bell } from './bell.js';
import { dataFileOf } from './data-file.js';
import type { Database } from './database.js';
import { faultOf } from './fault.js';
import { after, keyOf, kinds, textOf } from './keys.js';
import type { Ledger } from './ledger.js';
import { numbersFromBytes, numbersToBytes } from './numbers.js';

/** The version of the layout of keys and values. */
const version = 1;

/** Who wants to know of what others do with a pipeline. */
export interface Listener {
  readonly pipeline: string;
  readonly by: object;
  wake(): void;
}

/**
 * A folder, open. What is asked of it is done in order, as much in one transaction as is there when it begins: that is
 * what shares a flush. A thread of lmdb waits for the lock, writes the pages and flushes them.
 */
export class Environment {
  readonly folder: string;
  readonly #database: Database;
  readonly #listeners = new Set<Listener>();
  /** Of each pipeline, the changes that are known here. */
  readonly #changes = new Map<string, number>();
  readonly #jobs: Job[] = [];
  #working: Promise<void> | undefined;
  #bell: Bell | undefined;

  constructor(folder: string, database: Database) {
    this.folder = folder;
    this.#database = database;
  }

  /** Checks what is there, or begins it: before anything else. Rejects with ERR_STORE_VERSION, and what LMDB says. */
  async begin(): Promise<void> {
    const found = await this.#database.transact((table) => {
      const key = keyOf(kinds.folder, 0);
      const kept = table.get(key);
      if (kept === undefined) table.put(key, numbersToBytes([version, 0]));
      return kept === undefined ? version : numbersFromBytes(kept, 1)[0];
    });
    if (found !== undefined && found <= version) return;
    throw new DserviceError(
      'ERR_STORE_VERSION',
      `the store in ${this.folder} is of version ${found}, and version ${version} is the last that is known here`,
    );
  }

  /** Does something with a pipeline after all that was asked before, or nothing of it. */
  run<T>(job: Pick<Job, 'pipeline' | 'by'>, act: (ledger: Ledger) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      let result: T;
      this.#jobs.push({
        ...job,
        run: (ledger) => (result = act(ledger)),
        done: () => resolve(result),
        failed: reject,
      });
      this.#working ??= this.#work();
    });
  }

  listen(listener: Listener): () => void {
    this.#bell ??= new Bell(dataFileOf(this.folder), () => this.look());
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size > 0) return;
      this.#bell?.stop();
      this.#bell = undefined;
    };
  }

  /** Tells the listeners what other processes have done. */
  look(): void {
    for (const pipeline of new Set([...this.#listeners].map((each) => each.pipeline))) {
      const changes = this.#read(pipeline);
      if (changes <= (this.#changes.get(pipeline) ?? 0)) continue;
      this.#changes.set(pipeline, changes);
      for (const each of this.#listeners) if (each.pipeline === pipeline) each.wake();
    }
  }

  /** The names of the pipelines that something is kept of. */
  pipelines(): Promise<string[]> {
    return this.#database.transact((table) => {
      const start = keyOf(kinds.pipeline, 0);
      return table.rows(start, after(start), Infinity).flatMap(({ value }) => {
        const queues = keyOf(kinds.queue, value.readUInt32BE(0));
        const isEmpty = table.firstKey(queues, after(queues)) === undefined;
        return isEmpty ? [] : [value.toString('utf8', 4)];
      });
    });
  }

  async close(): Promise<void> {
    this.#bell?.stop();
    await this.#working;
    await this.#database.close();
  }

  async #work(): Promise<void> {
    while (this.#jobs.length > 0) {
      const { failed, jobs } = await this.#transact(() => this.#jobs.splice(0));
      if (failed === undefined) continue;
      // One of them spoilt it for all: each by itself.
      for (const job of jobs) {
        const alone = jobs.length === 1 ? { failed } : await this.#transact(() => [job]);
        if (alone.failed !== undefined) job.failed(alone.failed);
      }
    }
    this.#working = undefined;
  }

  /**
   * Does jobs in one transaction, and answers them when it is committed. If it fails, nothing of them is done, and
   * nobody is answered: `jobs` are those that it was to do.
   */
  async #transact(
    take: () => Job[],
  ): Promise<{ readonly failed?: DserviceError; readonly jobs: Job[] }> {
    let jobs: Job[] = [];
    try {
      const batch = await this.#database.transact((table) => {
        if (jobs.length === 0) jobs = take();
        const begun = new Batch(table);
        const count = begun.run(jobs);
        this.#jobs.unshift(...jobs.splice(count));
        return begun;
      });
      for (const { job, error } of batch.refused) job.failed(error);
      for (const [pipeline, changes] of batch.changes) this.#tell(pipeline, changes);
      for (const job of batch.done) job.done();
      return { jobs };
    } catch (error) {
      // It may have failed before it began.
      return { failed: faultOf(error, this.folder), jobs: jobs.length > 0 ? jobs : take() };
    }
  }

  /** Wakes those that listen to a pipeline, but for who has made all the changes. */
  #tell(pipeline: string, { before, after: changes, by }: Changes): void {
    const others = before > (this.#changes.get(pipeline) ?? 0);
    this.#changes.set(pipeline, changes);
    for (const each of this.#listeners) {
      if (each.pipeline !== pipeline) continue;
      if (others || by.size > 1 || !by.has(each.by)) each.wake();
    }
  }

  /** The changes of a pipeline, as they are on the disk. */
  #read(pipeline: string): number {
    try {
      const number = this.#database.get(keyOf(kinds.pipeline, 0, textOf(pipeline)));
      const state = number && keyOf(kinds.pipelineState, number.readUInt32BE(0));
      return (state && numbersFromBytes(this.#database.get(state), 1)[0]) ?? 0;
    } catch {
      // Whoever asks for something will be told.
      return 0;
    }
  }
}

/** Whether something is kept in a folder. */
export function isThere(folder: string): boolean {
  return existsSync(dataFileOf(folder));
}
