import type { BlowKind } from './blow.js';

/** What a caller wrote down of a call. All times are ms since 1970. */
export interface CallFact {
  readonly id: string;
  readonly caller: string;
  /** May run once, or again. */
  readonly kind: 'once' | 'again';
  readonly from: number;
  /** ms that it may take. */
  readonly deadline: number;
  /** By how many ms the caller's own process was late meanwhile, at most. */
  readonly lag: number;
  /** It gave a callback along, and was asked back so often. */
  readonly back?: boolean;
  readonly asked: number;
  /** Without it, it was pending when all was over. */
  readonly to?: number;
  readonly done?: boolean;
  /** Who answered. */
  readonly instance?: string;
  readonly version?: string;
  /** How it failed. */
  readonly code?: string;
  readonly mayHaveRun?: boolean;
  readonly message?: string;
}

/** What an instance wrote down when a call began to run. */
export interface RunFact {
  readonly call: string;
  readonly instance: string;
  readonly version: string;
  readonly at: number;
}

/** What was done, from when until when. */
export interface BlowFact {
  readonly kind: BlowKind;
  readonly target: string;
  readonly other?: string;
  readonly from: number;
  readonly to: number;
}

export interface History {
  readonly calls: readonly CallFact[];
  readonly runs: readonly RunFact[];
  readonly blows: readonly BlowFact[];
  /** What programs said that they should not: how they ended, what they complained of. */
  readonly wrong: readonly string[];
  /** When there were no more blows, and how many ms later each caller said that all is well; Infinity: never. */
  readonly over: number;
  readonly well: Readonly<Record<string, number>>;
}

/** Who is where. */
export interface Places {
  /** Hosts of the instances that are in range of each caller. */
  readonly instances: Readonly<Record<string, readonly string[]>>;
  /** Hosts that each caller depends on, its own among them. */
  readonly ways: Readonly<Record<string, readonly string[]>>;
  readonly isInRange: (version: string) => boolean;
  /** ms after which everything is to be as before. */
  readonly recovery: number;
}
