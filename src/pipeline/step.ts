import { DserviceError } from '../errors.js';
import { check, fn, isObject, type Rule } from '../rules.js';
import type { Backoff } from './backoff.js';
import { type Duration, finiteMsOf, msOf } from './duration.js';
import type { StepContext } from './step-context.js';

/** Takes a command on. What it returns does not matter: the command goes where `step.next` said, or is finished. */
// oxlint-disable-next-line typescript/no-explicit-any -- what a step is given is what its user pushes
export type StepFunction<Data = any> = (data: Data, step: StepContext) => unknown;

export interface StepOptions {
  /** Commands that this program works on at once; 16. */
  readonly concurrency?: number;
  /** How long a run may take; 30 s. `step.heartbeat()` begins it anew. */
  readonly timeout?: Duration;
  /** How often a run that failed is tried again; 5. */
  readonly retries?: number;
  /** Pauses before that: from 1 s, doubled up to 5 min, each by chance between nothing and that. Or your own, in ms. */
  readonly backoff?:
    { readonly first?: Duration; readonly longest?: Duration } | ((tries: number) => Duration);
  /** The key of a command that comes without one. */
  // oxlint-disable-next-line typescript/no-explicit-any -- what it is given is what its user pushes
  readonly key?: (data: any) => string | undefined;
  /** At most `n` starts each `per`, by all programs together. */
  readonly rate?: { readonly n: number; readonly per: Duration };
}

/** A step as workers have it: times in ms. */
export interface Step {
  readonly queue: string;
  readonly run: (data: unknown, context: StepContext) => unknown;
  readonly concurrency: number;
  readonly timeout: number;
  readonly retries: number;
  readonly backoff: Backoff | ((tries: number) => Duration);
  readonly key: ((data: unknown) => unknown) | undefined;
  readonly rate: { readonly n: number; readonly per: number } | undefined;
}

const count = (least: number, says: string): Rule => ({
  says,
  ok: (value) => (Number.isInteger(value) || value === Infinity) && Number(value) >= least,
});
const duration: Rule = {
  says: "a time: milliseconds, or text as '30s'",
  ok: (value) => (finiteMsOf(value) ?? 0) > 0,
};

export const stepRules: Readonly<Record<keyof StepOptions, Rule>> = {
  concurrency: count(1, 'a whole number from 1'),
  timeout: duration,
  retries: count(0, 'a whole number from 0'),
  backoff: {
    says: "a function, or { first, longest } as '1s', '5m'",
    ok: (value) =>
      typeof value === 'function' ||
      (isObject(value) &&
        Object.entries(value).every(
          ([name, each]) => (name === 'first' || name === 'longest') && duration.ok(each),
        )),
  },
  key: fn,
  rate: {
    says: "{ n, per }: a whole number, and a time as '1s'",
    ok: (value) =>
      isObject(value) &&
      'n' in value &&
      Number.isInteger(value.n) &&
      Number(value.n) > 0 &&
      'per' in value &&
      duration.ok(value.per),
  },
};

/** Throws ERR_OPTION. */
export function stepOf(queue: string, run: Step['run'], options: StepOptions = {}): Step {
  if (typeof run !== 'function') {
    throw new DserviceError('ERR_OPTION', `the step ${queue} is a function`);
  }
  check(`the step ${queue}`, options, stepRules);
  const { backoff = {}, rate } = options;
  return {
    queue,
    run,
    concurrency: options.concurrency ?? 16,
    timeout: msOf(options.timeout) ?? 30_000,
    retries: options.retries ?? 5,
    backoff:
      typeof backoff === 'function'
        ? backoff
        : { first: msOf(backoff.first) ?? 1_000, longest: msOf(backoff.longest) ?? 300_000 },
    key: options.key,
    rate: rate && { n: rate.n, per: msOf(rate.per) ?? 0 },
  };
}
