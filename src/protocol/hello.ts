import type { Channel } from '../channel/channel.js';
import type { Limits } from '../limits.js';
import { isRecord, readId } from './message.js';

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
  'pipeline',
  'map',
  'health',
  'on',
  'relies',
  'bin',
  'resume',
  'stream',
  'object',
  'signal',
  'new',
  'share',
  'clone',
] as const;

export type Feature = (typeof features)[number];

/** A bit for each: asked for at each call, of each session. */
// Every feature is among the keys.
export const bits = Object.fromEntries(features.map((feature, i) => [feature, 1 << i])) as Record<
  Feature,
  number
>;

export function bitsOf(named: readonly Feature[]): number {
  return named.reduce((all, feature) => all | bits[feature], 0);
}

/** What has to be agreed for a control. */
export const featuresOfControls = {
  ping: 'ping',
  pong: 'ping',
  cancel: 'cancel',
  release: 'pipeline',
  bye: 'bye',
} as const;

/** What each side says of itself in its first `methods` message. */
export interface Hello {
  readonly v: number;
  readonly features: readonly Feature[];
  readonly limits: Partial<
    Pick<Limits, 'line' | 'attachments' | 'calls' | 'functions' | 'streams'>
  >;
  /** Credentials of a dialer. */
  readonly auth?: unknown;
  /** Which instance of which service this is: a record of it may be wrong. */
  readonly service?: Identity;
  /** The names of its codecs. */
  readonly codecs?: readonly string[];
  /** A server that asks who is there: its api follows in a second `methods`. */
  readonly authenticate?: boolean;
  /** The secret by which the session goes on over another channel; the accepting side's to issue. */
  readonly session?: string;
  /** A dialer that comes back: which session it was, and how many messages it has got. */
  readonly resume?: Resume;
  /** The answer to it: how many were got here, and the next secret. */
  readonly resumed?: Resume;
}

/** How far a session was read, by its secret. */
export interface Resume {
  readonly session: string;
  readonly got: number;
}

/** Which instance of which service a side is. */
export interface Identity {
  readonly id: string;
  readonly name: string;
  readonly version: string;
}

/** What differs from one hello to another. */
export interface HelloOptions {
  readonly limits: Limits;
  readonly auth?: unknown;
  readonly authenticate?: unknown;
  readonly service?: Identity | undefined;
  /** Whether the session may go on over another channel, and at the accepting side by which secret. */
  readonly resume?: { readonly token?: string | undefined } | true | undefined;
  readonly codecs?: readonly { readonly name: string }[] | undefined;
  /** What it is said over. */
  readonly channel: Pick<Channel, 'binary' | 'moves'>;
}

export function makeHello(options: HelloOptions): Hello {
  const { limits, auth, authenticate, service, resume, channel, codecs } = options;
  const token = resume === true ? undefined : resume?.token;
  const { line, attachments, calls, functions, streams } = limits;
  return {
    v: 1,
    features: featuresOf(channel, resume),
    limits: { line, attachments, calls, functions, streams },
    ...(auth === undefined ? {} : { auth }),
    ...(authenticate === undefined ? {} : { authenticate: true }),
    ...(service === undefined ? {} : { service }),
    ...(token === undefined ? {} : { session: token }),
    ...(codecs === undefined ? {} : { codecs: codecs.map(({ name }) => name) }),
  };
}

/** What a side names: all but `resume` where it does not, and `bin` and `clone` where the channel cannot. */
export function featuresOf(
  { binary = false, moves }: Pick<Channel, 'binary' | 'moves'>,
  resume: object | true | undefined,
): readonly Feature[] {
  const can: Partial<Record<Feature, boolean>> = {
    bin: binary,
    resume: resume !== undefined,
    clone: moves !== undefined,
  };
  return features.filter((feature) => can[feature] !== false);
}

/** The peer's hello, or undefined where there is none that we understand: then the session is plain. `named`: what we named. */
export function readHello(value: unknown, named: readonly Feature[]): Hello | undefined {
  const agreed = readAgreed(value, named);
  if (!isRecord(value) || agreed === undefined) return undefined;
  return {
    ...agreed,
    ...('auth' in value ? { auth: value.auth } : {}),
    authenticate: value.authenticate === true,
    ...readIdentity(value.service),
    ...(typeof value.session === 'string' ? { session: value.session } : {}),
    ...(Array.isArray(value.codecs) ? { codecs: value.codecs.filter(isText) } : {}),
    ...readResume('resume', value),
    ...readResume('resumed', value),
  };
}

/** As `readHello`, of what all sessions need: what both can do, and the peer's limits. */
export function readAgreed(
  value: unknown,
  named: readonly Feature[],
): Pick<Hello, 'v' | 'features' | 'limits'> | undefined {
  if (!isRecord(value) || typeof value.v !== 'number' || !(value.v >= 1)) return undefined;
  if (!Array.isArray(value.features)) return undefined;
  const theirs = new Set<unknown>(value.features);
  const agreed = named.filter((feature) => theirs.has(feature));
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
    limits: {
      line: bound('line'),
      attachments: bound('attachments'),
      calls: bound('calls'),
      functions: bound('functions'),
      streams: bound('streams'),
    },
  };
}

function readIdentity(value: unknown): { readonly service?: Identity } {
  if (!isRecord(value)) return {};
  const { id, name, version } = value;
  if (typeof id !== 'string' || typeof name !== 'string' || typeof version !== 'string') return {};
  return { service: { id, name, version } };
}

function readResume(key: 'resume' | 'resumed', hello: Record<string, unknown>): object {
  const value = hello[key];
  if (!isRecord(value) || typeof value.session !== 'string') return {};
  const got = readId(value.got);
  return got === undefined ? {} : { [key]: { session: value.session, got } };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
