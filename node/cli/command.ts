import type { World } from './world.js';

/** What can be done from the command line. */
export interface Command {
  readonly name: string;
  /** How it is called, without the program's name. */
  readonly usage: string;
  /** One line. */
  readonly summary: string;
  /** What `dservice help <name>` adds to usage and summary. */
  readonly help: string;
  /** Resolves with the exit code. Rejects with a UsageError, or with what went wrong: exit code 1. */
  run(args: readonly string[], world: World): Promise<number>;
}

/** Told to the shell. */
export const exit = { done: 0, failed: 1, usage: 2 } as const;
