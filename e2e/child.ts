import { spawn } from 'node:child_process';
import { inject, onTestFinished } from 'vitest';

export interface Ended {
  /** Null where it was ended by a signal. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

/** A program that runs beside the test, and is ended with it. */
export interface Child {
  readonly ended: Promise<Ended>;
  /** Resolves once that is in its standard output, with what matched; rejects if it ends before. */
  says(what: string | RegExp): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Its standard output is read no more. */
  hangUp(): void;
}

/** Starts a program in the project that has the package installed, or in another folder. */
export function start(
  file: string,
  args: readonly string[] = [],
  { cwd = inject('installed') }: { cwd?: string } = {},
): Child {
  const child = spawn(file, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let err = '';
  const listeners = new Set<() => void>();
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    for (const listener of [...listeners]) listener();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = new Promise<Ended>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, out, err }));
  });
  // Whoever waits for it hears of it there.
  ended.catch(() => {});
  onTestFinished(() => void child.kill('SIGKILL'));
  return {
    ended,
    says: (what) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const match = typeof what === 'string' ? out.includes(what) && what : what.exec(out)?.[0];
          if (typeof match !== 'string') return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        look();
        void ended.then(() => reject(new Error(`it ended and never said ${what}: ${out}${err}`)));
      }),
    kill: (signal) => void child.kill(signal),
    hangUp: () => void child.stdout.destroy(),
  };
}

/** Programs of other tests, and of this machine, are on the same air: names of a test are its own. */
export function ownName(name: string): string {
  return `${name}-${crypto.randomUUID().slice(0, 8)}`;
}
