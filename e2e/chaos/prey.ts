import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { type Fact, readFacts } from './history.js';

/** What a worker is started with; times in ms. */
export interface PreySettings {
  readonly name: string;
  readonly seed: number;
  readonly timeout: number;
  readonly grace: number;
  readonly retries: number;
  readonly concurrency: number;
}

/** A worker that is hunted. Each call rejects when it is gone. */
export interface Prey {
  readonly name: string;
  /** Resolves when it works. */
  readonly up: Promise<void>;
  /** Resolves when it is gone, with what it complained of if nobody had ended it. */
  readonly gone: Promise<string | undefined>;
  ask(what: string, ...args: unknown[]): Promise<unknown>;
  kill(): Promise<void>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  /** Tells it to stop, and to end. */
  stop(drain: number | boolean): Promise<void>;
  /** What it has written down, when it is gone. */
  facts(): readonly Fact[];
}

const program = join(import.meta.dirname, 'worker.mjs');

interface Answer {
  readonly up?: boolean;
  readonly id?: number;
  readonly value?: unknown;
  readonly error?: string;
}

/** A process of its own. */
export class ProcessPrey implements Prey {
  readonly name: string;
  readonly up: Promise<void>;
  readonly gone: Promise<string | undefined>;
  readonly #file: string;
  readonly #child: ChildProcess;
  readonly #asked = new Map<number, (answer: Answer) => void>();
  #last = 0;
  #ending = false;

  constructor(folder: string, store: unknown, settings: PreySettings) {
    this.name = settings.name;
    this.#file = join(folder, `${settings.name}.log`);
    closeSync(openSync(this.#file, 'a'));
    const all = JSON.stringify({ ...settings, store, file: this.#file });
    const child = spawn(process.execPath, [program, all], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      // What runs the tests has settings of its own.
      env: { PATH: process.env.PATH },
    });
    this.#child = child;
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-2_000);
    });
    const exit = once(child, 'close').then(([code, signal]: unknown[]) => {
      for (const answer of this.#asked.values()) answer({ error: `${this.name} is gone` });
      this.#asked.clear();
      if (this.#ending && (code === 0 || signal === 'SIGKILL')) return undefined;
      return `${this.name} ended by itself (${String(signal ?? code)}): ${said}`;
    });
    this.gone = exit;
    this.up = new Promise((resolve, reject) => {
      child.on('message', (answer: Answer) => {
        if (answer.up === true) resolve();
        this.#asked.get(answer.id ?? 0)?.(answer);
        this.#asked.delete(answer.id ?? 0);
      });
      void exit.then(() => reject(new Error(`${this.name} was never up: ${said}`)));
    });
    this.up.catch(() => {});
  }

  ask(what: string, ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (!this.#child.connected) {
        reject(new Error(`${this.name} is gone`));
        return;
      }
      const id = ++this.#last;
      this.#asked.set(id, ({ value, error }) => {
        if (error === undefined) resolve(value);
        else reject(new Error(error));
      });
      // Whether it went is seen by the answer.
      this.#child.send({ id, what, args }, () => {});
    });
  }

  async kill(): Promise<void> {
    this.#ending = true;
    this.#child.kill('SIGKILL');
    await this.gone;
  }

  async pause(): Promise<void> {
    this.#child.kill('SIGSTOP');
  }

  async resume(): Promise<void> {
    this.#child.kill('SIGCONT');
  }

  async stop(drain: number | boolean): Promise<void> {
    this.#ending = true;
    await this.ask('stop', drain);
    await this.gone;
  }

  facts(): readonly Fact[] {
    return readFacts(this.#file, this.name);
  }
}
