import type { Limits } from '../limits.js';
import { isRecord } from './message.js';

/** What this build can do beyond plain dnode (protocol page, section 2). */
export const features = [
  'reply',
  'types',
  'links',
  'own',
  'cull',
  'cancel',
  'meta',
  'ping',
  'bye',
] as const;

export type Feature = (typeof features)[number];

/** What each side says of itself in its first `methods` message. */
export interface Hello {
  readonly v: number;
  readonly features: readonly Feature[];
  readonly limits: Partial<Pick<Limits, 'line' | 'calls' | 'functions'>>;
  /** Credentials of a dialer. */
  readonly auth?: unknown;
  /** A server that asks who is there: its api follows in a second `methods`. */
  readonly authenticate?: boolean;
}

export function makeHello(limits: Limits, auth: unknown, authenticate: boolean): Hello {
  const { line, calls, functions } = limits;
  return {
    v: 1,
    features,
    limits: { line, calls, functions },
    ...(auth === undefined ? {} : { auth }),
    ...(authenticate ? { authenticate } : {}),
  };
}

/** The peer's hello, or undefined where there is none that we understand: then the session is plain. */
export function readHello(value: unknown): Hello | undefined {
  if (!isRecord(value) || typeof value.v !== 'number' || !(value.v >= 1)) return undefined;
  if (!Array.isArray(value.features)) return undefined;
  const named = new Set<unknown>(value.features);
  const agreed = features.filter((feature) => named.has(feature));
  // An outcome is what everything else of the extension stands on.
  if (!agreed.includes('reply')) return undefined;
  const limits = isRecord(value.limits) ? value.limits : {};
  const bound = (key: string): number => {
    const limit = limits[key];
    return typeof limit === 'number' && limit > 0 ? limit : Infinity;
  };
  return {
    v: Math.min(1, value.v),
    features: agreed,
    limits: { line: bound('line'), calls: bound('calls'), functions: bound('functions') },
    ...('auth' in value ? { auth: value.auth } : {}),
    authenticate: value.authenticate === true,
  };
}
