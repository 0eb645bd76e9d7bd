import { spawn, type SpawnOptions } from 'node:child_process';
import { inject, onTestFinished } from 'vitest';
import type { Network } from '../scripts/netns.mjs';

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
  /** Writes a line to its standard input, which is there with the option `input`. */
  tell(line: string): void;
  /** Its standard output is read no more. */
  hangUp(): void;
}

/** Starts a program in the project that has the package installed, or in another folder; or in a network of the test's. */
export function start(
  file: string,
  args: readonly string[] = [],
  {
    cwd = inject('installed'),
    network,
    input = false,
    env = {},
  }: {
    cwd?: string;
    network?: Network;
    input?: boolean;
    env?: Readonly<Record<string, string>>;
  } = {},
): Child {
  const options: SpawnOptions = {
    ...{ cwd, env: { ...process.env, ...env } },
    stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'],
  };
  const child =
    network === undefined ? spawn(file, args, options) : network.start([file, ...args], options);
  if (child.stdout === null || child.stderr === null) throw new Error('it has no output');
  const { stdout } = child;
  let out = '';
  let err = '';
  const listeners = new Set<() => void>();
  stdout.setEncoding('utf8').on('data', (text: string) => {
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
  // A network ends what runs in it.
  if (network === undefined) onTestFinished(() => void child.kill('SIGKILL'));
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
    tell: (line) => void child.stdin?.write(`${line}\n`),
    hangUp: () => void stdout.destroy(),
  };
}

/** Programs of other tests, and of this machine, are on the same air: names of a test are its own. */
export function ownName(name: string): string {
  return `${name}-${crypto.randomUUID().slice(0, 8)}`;
}
