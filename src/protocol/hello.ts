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
export const bits = /* @__PURE__ */ Object.fromEntries(
  features.map((feature, i) => [feature, 1 << i]),
) as Record<Feature, number>;

export function bitsOf(named: readonly Feature[]): number {
  return named.reduce((all, feature) => all | bits[feature], 0);
}

/** Whether both sides named a feature. */
export function agreed(hello: Pick<Heard, 'agreed'> | undefined, feature: Feature): boolean {
  return hello !== undefined && (hello.agreed & bits[feature]) !== 0;
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
  readonly service?: Identity | undefined;
  /** The names of its codecs. */
  readonly codecs?: readonly string[] | undefined;
  /** A server that asks who is there: its api follows in a second `methods`. */
  readonly authenticate?: boolean;
  /** The secret by which the session goes on over another channel; the accepting side's to issue. */
  readonly session?: string | undefined;
  /** A dialer that comes back: which session it was, and how many messages it has got. */
  readonly resume?: Resume | undefined;
  /** The answer to it: how many were got here, and the next secret. */
  readonly resumed?: Resume | undefined;
}

/** What the other side said, as far as both can do it: each session keeps one, so all of a shape. */
export interface Heard extends Omit<Hello, 'features'> {
  /** A bit for each feature that both named: `bits`. */
  readonly agreed: number;
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
export function readHello(value: unknown, named: readonly Feature[]): Heard | undefined {
  const heard = readAgreed(value, named);
  if (!isRecord(value) || heard === undefined) return undefined;
  return {
    v: heard.v,
    agreed: heard.agreed,
    limits: heard.limits,
    auth: value.auth,
    authenticate: value.authenticate === true,
    service: readIdentity(value.service),
    session: typeof value.session === 'string' ? value.session : undefined,
    codecs: Array.isArray(value.codecs) ? value.codecs.filter(isText) : undefined,
    resume: readResume(value.resume),
    resumed: readResume(value.resumed),
  };
}

/** As `readHello`, of what all sessions need: what both can do, and the peer's limits. */
export function readAgreed(
  value: unknown,
  named: readonly Feature[],
): Pick<Heard, 'v' | 'agreed' | 'limits'> | undefined {
  if (!isRecord(value) || typeof value.v !== 'number' || !(value.v >= 1)) return undefined;
  if (!Array.isArray(value.features)) return undefined;
  const theirs = new Set<unknown>(value.features);
  // An outcome is what everything else of the extension stands on.
  if (!theirs.has('reply') || !named.includes('reply')) return undefined;
  const limits = isRecord(value.limits) ? value.limits : {};
  const bound = (key: string): number => {
    const limit = limits[key];
    return typeof limit === 'number' && limit > 0 ? limit : Infinity;
  };
  return {
    v: Math.min(1, value.v),
    agreed: bitsOf(named.filter((feature) => theirs.has(feature))),
    limits: {
      line: bound('line'),
      attachments: bound('attachments'),
      calls: bound('calls'),
      functions: bound('functions'),
      streams: bound('streams'),
    },
  };
}

function readIdentity(value: unknown): Identity | undefined {
  if (!isRecord(value)) return undefined;
  const { id, name, version } = value;
  if (typeof id !== 'string' || typeof name !== 'string' || typeof version !== 'string') {
    return undefined;
  }
  return { id, name, version };
}

function readResume(value: unknown): Resume | undefined {
  if (!isRecord(value) || typeof value.session !== 'string') return undefined;
  const got = readId(value.got);
  return got === undefined ? undefined : { session: value.session, got };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
