import type { Channel } from '../channel/channel.js';
import { readFirstLine } from '../channel/first-line.js';
import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import { Admission, tooLate } from '../protocol/admission.js';
import {
  agreed,
  features,
  type Heard,
  type Hello,
  makeHello,
  readHello,
  type Resume,
} from '../protocol/hello.js';
import { type Resumable, resumable } from '../protocol/continuity.js';
import { isRecord } from '../protocol/message.js';
import type { Session } from '../protocol/session.js';
import type { Authenticate } from '../protocol/session-options.js';
import type { Returning } from './server.js';

/** The two messages of a resume (protocol page): a hello that touches no table, with one key more. */
export function writeResume(
  hello: Hello,
  key: 'resume' | 'resumed',
  { session, got }: Resume,
): string {
  const dservice = { ...hello, [key]: { session, got } };
  return `${JSON.stringify({ method: 'methods', arguments: [{}], dservice })}\n`;
}

/** The hello of a first line, if it is one. */
export function readGreeting(line: string | undefined): Heard | undefined {
  // By far the most ask for nothing of the kind, and are not parsed twice.
  if (line?.includes('"resume') !== true) return undefined;
  try {
    const message: unknown = JSON.parse(line);
    return isRecord(message) ? readHello(message.dservice, features) : undefined;
  } catch {
    return undefined;
  }
}

/** Whether what was agreed on can go on over that channel, and so the other side says too. */
function carries({ hello }: Session, { binary }: Channel, said: Heard | undefined): boolean {
  return !agreed(hello, 'bin') || (binary === true && agreed(said, 'bin'));
}

/** 128 random bits, as 32 hex digits. */
function newToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export interface ResumablesOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly authenticate: Authenticate | undefined;
}

/**
 * Where dnode clients of old may come, some of which wait for our first word. Whoever listens there has
 * waited for the beginning of theirs before it hands over a channel: if there is none by now (ms), none comes.
 */
const silence = 1;
const oldWays = new Set(['tcp', 'tls', 'unix']);

/** The sessions of a server that may go on over another channel, by their secrets. */
export class Resumables implements Returning {
  readonly #options: ResumablesOptions;
  readonly #sessions = new Map<string, Session>();
  /** The secrets by which a session is known. */
  readonly #tokens = new Map<Session, readonly string[]>();

  constructor(options: ResumablesOptions) {
    this.#options = options;
  }

  offer(): Resumable {
    return resumable(newToken());
  }

  add(session: Session): void {
    const { continuity } = session;
    if (continuity?.possible !== true || continuity.token === undefined) return;
    // Told again when the peer's api changes.
    if (this.#tokens.has(session)) return;
    this.#know(session, [continuity.token]);
    session.on('end', () => {
      this.#know(session, []);
      this.#tokens.delete(session);
    });
  }

  /** As `Returning` says; at once where nobody can come back. Never rejects. */
  async meet(channel: Channel, then: (channel: Channel | undefined) => void): Promise<void> {
    if (this.#sessions.size === 0) return then(channel);
    then(await this.#recognise(channel));
  }

  async #recognise(channel: Channel): Promise<Channel | undefined> {
    const { clock, limits } = this.#options;
    const first = await readFirstLine(channel, {
      ...{ clock, limit: limits.firstLine, time: limits.handshake },
      ...(oldWays.has(channel.peer.transport) ? { quiet: silence } : {}),
    });
    const { whole, rest } = first;
    const hello = readGreeting(first.line);
    const session = await this.#find(hello, channel);
    const request = hello?.resume;
    if (session?.continuity === undefined || request === undefined) return whole;
    if (!carries(session, channel, hello)) return whole;
    // Asked long ago: by now it may be here over another channel.
    if (first.ended) return whole;
    if (!session.continuity.acknowledged(request.got)) return whole;
    const got = session.continuity.leave(undefined);
    const token = newToken();
    // The one before is good as well, until the dialer is known to have the next.
    this.#know(session, [request.session, token]);
    const greeting = writeResume(makeHello({ limits, channel, resume: true }), 'resumed', {
      session: token,
      got,
    });
    session.continuity.take(rest, token, greeting);
    return undefined;
  }

  /** The session that is asked for, if whoever asks may have it. */
  async #find(hello: Heard | undefined, channel: Channel): Promise<Session | undefined> {
    const session =
      hello?.resume === undefined ? undefined : this.#sessions.get(hello.resume.session);
    if (hello === undefined || session === undefined) return undefined;
    if (session.peer.origin !== channel.peer.origin) return undefined;
    const { authenticate } = this.#options;
    if (authenticate !== undefined) {
      try {
        // Who it was, it must be again; and whether it may still come in is asked anew.
        if (JSON.stringify(hello.auth) !== JSON.stringify(session.hello?.auth)) return undefined;
        const { clock, limits } = this.#options;
        const admission = new Admission(authenticate, clock, limits.handshake);
        const identity = await admission.decide(hello.auth, channel.peer);
        if (identity === undefined || identity === tooLate) return undefined;
      } catch {
        // Credentials may be nested so deep that they cannot be compared.
        return undefined;
      }
    }
    // It may have ended meanwhile, or have come back twice over others.
    return this.#sessions.get(hello.resume?.session ?? '') === session ? session : undefined;
  }

  /** By these secrets it is known from now on, and by no others. */
  #know(session: Session, tokens: readonly string[]): void {
    for (const token of this.#tokens.get(session) ?? []) this.#sessions.delete(token);
    this.#tokens.set(session, tokens);
    for (const token of tokens) this.#sessions.set(token, session);
  }
}

export interface ReturnOptions {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly auth?: unknown;
  /** Milliseconds until it gives up. */
  readonly time: number;
}

/**
 * The dialing side: goes on with a session over another channel. False where the other side refused:
 * then the session has ended. Rejects with ERR_TIMEOUT, ERR_CONNECTION_LOST where this channel does not
 * do; the session then still waits for another.
 */
export async function returnOver(
  session: Session,
  channel: Channel,
  { clock, limits, auth, time }: ReturnOptions,
): Promise<boolean> {
  const { continuity } = session;
  if (continuity?.token === undefined || session.ended) {
    channel.close();
    return false;
  }
  const got = continuity.leave(undefined);
  const hello = makeHello({ limits, auth, channel, resume: true });
  channel.write(writeResume(hello, 'resume', { session: continuity.token, got }));
  const { line, rest } = await readFirstLine(channel, { clock, limit: limits.firstLine, time });
  if (session.ended || !continuity.away) {
    channel.close();
    return !session.ended;
  }
  if (line === undefined) {
    channel.destroy();
    const error = new DserviceError('ERR_TIMEOUT', `no answer to a resume within ${time} ms`);
    continuity.leave(error);
    throw error;
  }
  const answer = readGreeting(line);
  const resumed = carries(session, channel, answer) ? answer?.resumed : undefined;
  if (resumed === undefined || !continuity.acknowledged(resumed.got)) {
    channel.close();
    session.abandon(
      new DserviceError('ERR_CONNECTION_LOST', 'the other side does not know the session any more'),
    );
    return false;
  }
  continuity.take(rest, resumed.session, '');
  return true;
}
