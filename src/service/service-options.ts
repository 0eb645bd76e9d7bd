import type { Discovery } from '../discovery/discovery.js';
import type { Limits } from '../limits.js';
import type { Codec } from '../protocol/codecs.js';
import type { Authorize } from '../protocol/authorize.js';
import type { Intercept } from '../protocol/intercept.js';
import type { Authenticate } from '../protocol/session-options.js';
import {
  around,
  check,
  engines,
  flag,
  fn,
  isObject,
  json,
  limits,
  logger,
  object,
  observe,
  oneOf,
  port,
  type Rule,
  text,
  texts,
  time,
  whole,
  codecs,
} from './option-rules.js';
import { type Hedge, shareOf } from './hedge.js';
import type { Engine } from './engine.js';
import type { Observer } from './observer.js';
import type { Pick } from './pick.js';
import { rendezvousRule } from './rendezvous-rule.js';
import { webrtcRule } from './webrtc-rule.js';
import type { Logger } from './runtime.js';

/** How far a service is known: to this machine, or to its network. */
export type Reach = 'local' | 'lan';

/**
 * The URL of a rendezvous, with credentials where it asks for some; or, where it is not reached by one,
 * what gives a port to it (a SharedWorker's).
 */
export type RendezvousPlace =
  string | { readonly url: string; readonly auth?: unknown } | (() => object | Promise<object>);

export interface ServiceOptions {
  /** `local` (the default): loopback only. `lan`: the network, and one line in the log that says so. */
  readonly reach?: Reach;
  /** How instances are made known and found; without it, the runtime's own (in Node, multicast DNS). */
  readonly discovery?: Discovery | readonly Discovery[];
  /**
   * Rendezvous to be found and to find by: their URLs. In a page it is the page's own origin, unless it
   * says otherwise; in Node it comes beside multicast DNS. A list is used all at once.
   */
  readonly rendezvous?: RendezvousPlace | readonly RendezvousPlace[];
  /**
   * Direct channels between those who meet at a rendezvous: false for none. Without ICE servers, which
   * are nobody's unless you name some, they come about where the two reach each other's addresses.
   */
  readonly webrtc?: boolean | { readonly iceServers?: readonly object[] };
  /** TCP port; 0, any that is free. */
  readonly port?: number;
  /** Path of a unix socket to listen on as well. */
  readonly path?: string;
  /** Address to listen on, other than reach says. */
  readonly host?: string;
  /** What the runtime's TLS wants: in Node, key and certificate for serving, `ca` for calling. */
  readonly tls?: object;
  /** Origins of pages that may connect, exactly; without it, pages of this machine. */
  readonly origins?: readonly string[];
  readonly hosts?: readonly string[];
  readonly authenticate?: Authenticate;
  /** Decides of each call of this service whether it may run: true, or a promise of true. */
  readonly authorize?: Authorize;
  /** What stands around calls: of those to others, and of those of this service. docs/remotes.md */
  readonly intercept?: Intercept;
  /** Credentials that this program gives to the services it calls. */
  readonly auth?: unknown;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number;
  /** So often a chain of calls may come back to this service: one more is refused with ERR_CALL_CYCLE; 8. */
  readonly maxVisits?: number;
  readonly callbacks?: boolean;
  readonly stacks?: boolean;
  /** How instances of classes travel, where both sides have codecs of the same names: docs/values.md. */
  readonly codecs?: readonly Codec[];
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  /** Told of connections, calls, instances: docs/observability.md. */
  readonly observe?: Observer | readonly Observer[];
  /** Milliseconds to wait for an instance to call; 10,000. */
  readonly wait?: number;
  /** Milliseconds that `start` waits for what the service relies on; 30,000. */
  readonly startTimeout?: number;
  /**
   * The package.json whose `remoteDependencies` the service relies on: its path; the nearest one above the
   * program, without it; false for none.
   */
  readonly manifest?: string | false;
  /** Two at random and of them the one with less to do; or `round-robin`, `random`, your own function. */
  readonly pick?: Pick;
  readonly prefer?: 'highest';
  /** For calls that may run twice: a second attempt at another instance, once so many of a hundred are answered (`95p`), or after so many ms. Off. */
  readonly hedge?: Hedge;
  /** How it is spoken, and calls: names of the runtime's engines (all of them, without it), and your own. */
  readonly engines?: readonly (string | Engine)[];
}

export interface ConnectOptions {
  /** The id of the one instance that is to be called. */
  readonly instance?: string;
  /** Milliseconds to wait for an instance. */
  readonly wait?: number;
  /** Milliseconds that a call may take, where it does not say. */
  readonly deadline?: number;
  /** As the service's own option. */
  readonly hedge?: Hedge;
  /** What stands around the calls of this remote, within what the service says. */
  readonly intercept?: Omit<Intercept, 'serve'>;
}

/** What each option must be. */
const rules: Record<keyof ServiceOptions, Rule> = {
  reach: oneOf('local', 'lan'),
  discovery: {
    says: 'a discovery, or a list of them',
    ok: (value) =>
      Array.isArray(value) ? value.length > 0 && value.every(isDiscovery) : isDiscovery(value),
  },
  rendezvous: rendezvousRule,
  webrtc: webrtcRule,
  port,
  path: text,
  host: text,
  tls: object,
  origins: texts,
  hosts: texts,
  authenticate: fn,
  authorize: fn,
  intercept: around('call', 'serve'),
  auth: json,
  deadline: time,
  maxVisits: whole(0),
  callbacks: flag,
  stacks: flag,
  codecs,
  limits,
  logger,
  observe,
  wait: time,
  startTimeout: time,
  manifest: {
    says: 'the path of a package.json, or false',
    ok: (value) => value === false || text.ok(value),
  },
  pick: {
    says: "'round-robin', 'random' or a function",
    ok: (value) => typeof value === 'function' || value === 'round-robin' || value === 'random',
  },
  prefer: oneOf('highest'),
  hedge: {
    says: "a percentile such as '95p', or a positive number of milliseconds",
    ok: (value) => time.ok(value) || shareOf(value) !== undefined,
  },
  engines,
};

function isDiscovery(value: unknown): boolean {
  return isObject(value) && 'announce' in value && 'browse' in value;
}

/** Throws ERR_OPTION for what is no option, or of a wrong type. */
export function checkServiceOptions(options: ServiceOptions): void {
  check('a service', options, rules);
}

/** Those of `dnodeFor`, which makes no call. */
export type FindOptions = Omit<ConnectOptions, 'deadline' | 'hedge' | 'intercept'>;

/** As `checkServiceOptions`, for those of `dnodeFor`. */
export function checkFindOptions(options: FindOptions): void {
  check('dnodeFor', options, { wait: rules.wait, instance: text });
}

/** As `checkServiceOptions`, for those of `connect`. */
export function checkConnectOptions(options: ConnectOptions): void {
  const { wait, deadline, hedge } = rules;
  check('connect', options, {
    ...{ wait, deadline, hedge, instance: text, intercept: around('call') },
  });
}

/** What of a service's options is for whatever it is served by. */
export function served(options: ServiceOptions) {
  const { authenticate, authorize, deadline, callbacks, stacks, maxVisits, codecs } = options;
  return { authenticate, authorize, deadline, callbacks, stacks, maxVisits, codecs };
}
