import { readFileSync } from 'node:fs';

/** Who takes a command that is in a queue. */
export interface Place {
  readonly queue: string;
  readonly id: string;
}

/** What a worker, or the hunter, has written down. */
export type Told =
  /** Before commands are pushed, and when that was answered for. */
  | { readonly kind: 'pushing'; readonly batch: number }
  | {
      readonly kind: 'pushed';
      readonly batch: number;
      readonly ids: readonly string[];
      readonly states: readonly string[];
    }
  | { readonly kind: 'refused'; readonly batch: number; readonly code: string }
  /** A step began, and had its effect. `n`: the command's number in the plan, as its data says. */
  | (Place & {
      readonly kind: 'start';
      readonly key?: string | undefined;
      readonly attempt: number;
      readonly n: number;
    })
  | (Place & { readonly kind: 'effect'; readonly attempt: number })
  | (Place & { readonly kind: 'delayed'; readonly attempt: number })
  /** What the store has taken of a run: told after it. `reaped`: its lease was over. */
  | (Place & { readonly kind: 'moved' | 'finished' | 'lost'; readonly attempt: number })
  | (Place & {
      readonly kind: 'retried' | 'dead';
      readonly attempt: number;
      readonly reaped: boolean;
    })
  /** Something that must not be. */
  | { readonly kind: 'wrong'; readonly text: string }
  /** What the hunter did to the worker; `over`: it has ended after it was told to. */
  | { readonly kind: 'up' | 'killed' | 'paused' | 'resumed' | 'stopping' | 'over' }
  | { readonly kind: 'server killed' | 'server up' | 'server cut' };

/** `at`: ms on a clock that all of them share. `by`: the worker; empty for what concerns none. */
export type Fact = Told & { readonly at: number; readonly by: string };

/** Milliseconds since this machine is up: the same for all its processes. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** The facts in a worker's file. The last line of one that was killed may be half a line. */
export function readFacts(file: string, by: string): Fact[] {
  const lines = readFileSync(file, 'utf8').split('\n');
  const last = lines.pop();
  const facts = lines.map((line) => ({ ...(JSON.parse(line) as Told & { at: number }), by }));
  if (last === undefined || last === '') return facts;
  return [...facts, ...whole(last).map((told) => ({ ...told, by }))];
}

function whole(line: string): (Told & { at: number })[] {
  try {
    return [JSON.parse(line) as Told & { at: number }];
  } catch {
    return [];
  }
}
