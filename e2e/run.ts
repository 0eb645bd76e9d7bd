import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inject } from 'vitest';

export interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Writes a program into the project that has the package installed, and gives its path. */
export async function program(name: string, text: string): Promise<string> {
  const path = join(inject('installed'), name);
  await writeFile(path, text);
  return path;
}

/** Runs a program in the project that has the package installed, until it ends or a minute has passed. */
export function run(file: string, ...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const options = { cwd: inject('installed'), timeout: 60_000 };
    execFile(file, args, options, (error, out, err) => {
      const code = error === null ? 0 : Number(error.code ?? 1);
      resolve({ code: Number.isNaN(code) ? 1 : code, out, err });
    });
  });
}

/** Writes and runs a program for Node. */
export async function node(name: string, text: string): Promise<Outcome> {
  return run(process.execPath, await program(name, text));
}
