import { msOf } from '../../src/pipeline/duration.js';
import type { Filter } from '../../src/pipeline/letters.js';
import type { State } from '../../src/pipeline/store.js';
import { UsageError } from './usage-error.js';

/** The options that choose commands. */
export const filterOptions = {
  id: { type: 'string', multiple: true },
  queue: { type: 'string' },
  key: { type: 'string' },
  code: { type: 'string' },
  older: { type: 'string' },
} as const;

interface FilterValues {
  readonly id?: readonly string[] | undefined;
  readonly queue?: string | undefined;
  readonly key?: string | undefined;
  readonly code?: string | undefined;
  readonly older?: string | undefined;
}

/** What those options say; empty if they say nothing. Throws a UsageError. */
export function readFilter({ id, queue, key, code, older }: FilterValues): Filter {
  const age = msOf(older);
  if (older !== undefined && age === undefined) {
    throw new UsageError(`--older takes a time, as --older 24h, not "${older}"`);
  }
  return {
    ...(id === undefined ? {} : { id }),
    ...(queue === undefined ? {} : { queue }),
    ...(key === undefined ? {} : { key }),
    ...(code === undefined ? {} : { code }),
    ...(age === undefined ? {} : { age }),
  };
}

const states = ['input', 'held', 'working', 'waiting', 'dead'] as const;

/** The value of `--state`. Throws a UsageError. */
export function readState(text: string | undefined, standard: State): State {
  if (text === undefined) return standard;
  const state = states.find((each) => each === text);
  if (state !== undefined) return state;
  throw new UsageError(`--state is ${states.join(', ')}, not "${text}"`);
}

/** The value of `--limit`. Throws a UsageError. */
export function readLimit(text: string | undefined): number {
  if (text === undefined) return 20;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0 && value <= 10_000) return value;
  throw new UsageError(`--limit takes a whole number from 1 to 10000, not "${text}"`);
}
