import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import type { Limits } from '../limits.js';
import type { Api } from './api.js';
import type { Authorize } from './authorize.js';
import type { Codec } from './codecs.js';
import type { Subscribe } from './controls.js';
import type { ContextScope } from './context.js';
import type { Resumable } from './continuity.js';
import type { Gates } from './gates.js';
import type { Identity } from './hello.js';
import type { HeartbeatTimes } from './heartbeat.js';
import type { Interceptors } from './intercept.js';
import type { Budget } from './budget.js';
import type { Once } from './once.js';
import type { SessionObserver } from './observer.js';
import type { Peer, SessionHandle } from './session-handle.js';

/** Decides who is let in, and returns an identity. False, undefined, null or a throw refuses. */
export type Authenticate = (auth: unknown, peer: Peer) => unknown;

export interface SessionOptions {
  readonly channel: Channel;
  readonly clock: Clock;
  readonly scope: ContextScope;
  readonly limits: Limits;
  /** Milliseconds for the first word of the peer; as `limits` has it. */
  readonly handshake?: number | undefined;
  readonly api?: Api | undefined;
  /** Credentials for the peer: any JSON. */
  readonly auth?: unknown;
  readonly authenticate?: Authenticate | undefined;
  /** Decides of each call of the peer's whether it may run; without it, all may. */
  readonly authorize?: Authorize | undefined;
  /** What stands around calls: of ours, and of the peer's. */
  readonly intercept?: Interceptors | undefined;
  /** Which instance of which service this side is. */
  readonly service?: Identity | undefined;
  /** So often a chain of calls may come back to that service; 8. */
  readonly maxVisits?: number | undefined;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number | undefined;
  /** Whether all handlers take callbacks, or none does, where it is not to be told from each. */
  readonly callbacks?: boolean | undefined;
  /** Whether errors carry their stack to the peer; false. */
  readonly stacks?: boolean | undefined;
  /** The channel is one request and its answer. */
  readonly once?: Once | undefined;
  /** How instances of classes travel, where the peer has codecs of the same names. */
  readonly codecs?: readonly Codec[] | undefined;
  /** The session may go on over another channel, if the peer takes part: `resumable()` of continuity.ts. */
  readonly resume?: Resumable | undefined;
  /** How this side is, for peers that ask; without it, up. May be a promise. */
  readonly health?: (() => unknown) | undefined;
  /** What this side relies on, for peers that ask; without it, nothing. */
  readonly relies?: (() => unknown) | undefined;
  /** Adds a listener of the peer's to an event of this side; without it, there are none. */
  readonly subscribe?:
    ((session: SessionHandle, ...args: Parameters<Subscribe>) => unknown) | undefined;
  /** Gates of methods, where they are those of several sessions. */
  readonly gates?: Gates | undefined;
  /** Makes who watches the session: its calls, and by its events the rest. */
  readonly observe?: ((session: SessionHandle) => SessionObserver) | undefined;
  /** What was said of methods last, to sessions that were made with it: the same text is kept once. */
  readonly said?: { last: string } | undefined;
  readonly heartbeat?: HeartbeatTimes | undefined;
  /** Decodes UTF-8, where the runtime has something faster than TextDecoder. */
  readonly decodeText?: ((bytes: Uint8Array) => string) | undefined;
  /** What the sessions of one server may keep of unfinished lines. */
  readonly budget?: Budget | undefined;
}
