import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import { isRecord } from '../protocol/message.js';
import { sessionBehind } from './behind.js';

const statuses = ['up', 'degraded', 'failing'] as const;

/** How somebody is. `degraded`: it serves, but not as it should. */
export type HealthStatus = (typeof statuses)[number];

/** What one check found. */
export interface CheckResult {
  readonly status: HealthStatus;
  /** Why it is not up. */
  readonly message?: string;
  /** Milliseconds that it took. */
  readonly ms?: number;
}

export interface Health {
  /** The worst of the checks; `degraded` also while a service misses what it relies on. */
  readonly status: HealthStatus;
  readonly checks: Readonly<Record<string, CheckResult>>;
  /** Calls that it serves, and sessions that it has, where it is a service. */
  readonly calls?: number;
  readonly sessions?: number;
}

/**
 * Looks at something. `false`, and what it throws, is failing; `'degraded'` is that; anything else is up.
 * `signal` fires when its time is over.
 */
export type HealthCheck = (signal: AbortSignal) => unknown;

/** Milliseconds for a check, and that its result is good for: who asks more often gets the same. */
const usualTime = 5_000;
const fresh = 1_000;

/** Checks that a program has added to its service. */
export class HealthChecks {
  readonly #clock: Clock;
  readonly #checks = new Map<string, () => Promise<CheckResult>>();
  #running: Promise<Health> | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Adds a check; returns what takes it away. One of the same name is replaced. */
  add(name: string, check: HealthCheck, time = usualTime): () => void {
    const run = (): Promise<CheckResult> => this.#run(check, time);
    this.#checks.set(name, run);
    return () => {
      if (this.#checks.get(name) === run) this.#checks.delete(name);
    };
  }

  /** Runs all, at once, and seldom: peers may ask as often as they like. Never rejects. */
  run(): Promise<Health> {
    if (this.#running === undefined) {
      this.#running = this.#all();
      this.#clock.after(fresh, () => (this.#running = undefined), true);
    }
    return this.#running;
  }

  async #all(): Promise<Health> {
    const found = await Promise.all(
      [...this.#checks].map(async ([name, run]) => [name, await run()] as const),
    );
    return {
      status: worst(found.map(([, { status }]) => status)),
      checks: Object.fromEntries(found),
    };
  }

  async #run(check: HealthCheck, time: number): Promise<CheckResult> {
    const started = this.#clock.now();
    const abort = new AbortController();
    let stop = (): void => {};
    const late = new Promise<never>((_, reject) => {
      stop = this.#clock.after(time, () => {
        const error = new DserviceError('ERR_TIMEOUT', `no answer within ${time} ms`);
        reject(error);
        abort.abort(error);
      });
    });
    const ms = (): number => Math.round(this.#clock.now() - started);
    try {
      const found = await Promise.race([attempt(check, abort.signal), late]);
      if (found === 'degraded') return { status: found, ms: ms() };
      return { status: found === false ? 'failing' : 'up', ms: ms() };
    } catch (error) {
      return { status: 'failing', message: messageOf(error).slice(0, 500), ms: ms() };
    } finally {
      stop();
    }
  }
}

/** What a check comes to, also where it throws at once. */
async function attempt(check: HealthCheck, signal: AbortSignal): Promise<unknown> {
  return await check(signal);
}

/** The worst of all. */
export function worst(found: readonly HealthStatus[]): HealthStatus {
  return statuses.findLast((status) => found.includes(status)) ?? 'up';
}

/**
 * How who is behind a remote, a connection or a session is: for a service's remote, one of its instances.
 * Undefined where it cannot be asked, as a plain dnode peer. Rejects as a call does, and with ERR_STATE for
 * anything else.
 */
export async function health(
  target: object,
  { deadline = 10_000 }: { deadline?: number } = {},
): Promise<Health | undefined> {
  const session = await sessionBehind(target);
  return readHealth(await session.ask?.('health', { deadline }));
}

/** What a peer says, as far as it is what it should be. */
function readHealth(value: unknown): Health | undefined {
  if (!isRecord(value) || !isStatus(value.status)) return undefined;
  const { status, calls, sessions } = value;
  const checks = isRecord(value.checks) ? Object.entries(value.checks) : [];
  return {
    status,
    checks: Object.fromEntries(checks.flatMap(([name, result]) => readResult(name, result))),
    ...(typeof calls === 'number' ? { calls } : {}),
    ...(typeof sessions === 'number' ? { sessions } : {}),
  };
}

function readResult(name: string, value: unknown): [string, CheckResult][] {
  if (!isRecord(value) || !isStatus(value.status)) return [];
  const { status, message, ms } = value;
  const result = {
    status,
    ...(typeof message === 'string' ? { message } : {}),
    ...(typeof ms === 'number' ? { ms } : {}),
  };
  return [[name, result]];
}

function isStatus(value: unknown): value is HealthStatus {
  return statuses.some((status) => status === value);
}
