import type { Clock } from '../clock.js';
import { check, isObject, type Rule } from '../rules.js';
import { type Duration, finiteMsOf, msOf } from './duration.js';
import type { Logger } from './logger.js';
import type { StoreFactory } from './store.js';

export interface PipelineOptions {
  /**
   * Where it is kept: `redis(…)`, `lmdb(…)`, `indexedDb(…)`, `memory()`, or a URL for one of them. Without it, what
   * the runtime has: a folder in Node, IndexedDB in a browser.
   */
  readonly store?: StoreFactory | string;
  /** `console` if there is none: warnings and errors alone, and what steps write. */
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Commands that this program works on at once, of all steps together. */
  readonly concurrency?: number;
  /** Bytes of a command's data; 256 KiB. */
  readonly maxData?: number;
  /** How long `push` waits for a store that is away; 30 s. */
  readonly pushTimeout?: Duration;
  /**
   * How much longer a lease lasts than its step's timeout, so that an answer at the last moment still counts; 5 s. What
   * a program had in hand that was killed is back in its queue so much after the timeout.
   */
  readonly grace?: Duration;
  /** How long ids that callers gave are remembered after the end; 24 h. */
  readonly dedupe?: Duration;
  /** How many of them, oldest out first; 1,000,000. */
  readonly dedupeMax?: number;
  /** How long dead letters are kept; 30 d. */
  readonly deadAge?: Duration;
  /** How many of them, oldest out first; 10,000. */
  readonly deadMax?: number;
}

const number: Rule = {
  says: 'a number over 0',
  ok: (value) => typeof value === 'number' && value > 0,
};
const whole: Rule = {
  says: 'a whole number from 1',
  ok: (value) => number.ok(value) && (value === Infinity || Number.isInteger(value)),
};
const time: Rule = {
  says: "a time: milliseconds, or text as '24h'",
  ok: (value) => msOf(value) !== undefined,
};

const rules: Readonly<Record<keyof PipelineOptions, Rule>> = {
  store: {
    says: "a URL as 'redis://…', or what redis(), lmdb(), indexedDb(), memory() return",
    ok: (value) => typeof value === 'string' || (isObject(value) && 'open' in value),
  },
  logger: {
    says: 'an object with functions info, warn and error',
    ok: (value) => {
      return isObject(value) && ['info', 'warn', 'error'].every((name) => name in value);
    },
  },
  clock: { says: 'a clock', ok: (value) => isObject(value) && 'after' in value },
  concurrency: whole,
  maxData: number,
  pushTimeout: time,
  grace: {
    says: "a time over 0: milliseconds, or text as '5s'",
    ok: (value) => (finiteMsOf(value) ?? 0) > 0,
  },
  dedupe: time,
  dedupeMax: whole,
  deadAge: time,
  deadMax: whole,
};

const day = 86_400_000;

/** Throws ERR_OPTION. */
export function settingsOf(name: string, options: PipelineOptions) {
  check(`the pipeline ${name}`, options, rules);
  return {
    concurrency: options.concurrency ?? Infinity,
    maxData: options.maxData ?? 256 * 1024,
    pushTimeout: msOf(options.pushTimeout) ?? 30_000,
    grace: msOf(options.grace) ?? 5_000,
    dedupe: msOf(options.dedupe) ?? day,
    dedupeMax: options.dedupeMax ?? 1_000_000,
    deadAge: msOf(options.deadAge) ?? 30 * day,
    deadMax: options.deadMax ?? 10_000,
  };
}
