import type { Channel } from '../channel/channel.js';
import type { PortLike } from '../channel/message-port.js';
import type { WebSocketLike } from '../channel/websocket.js';
import { defaultLimits, type Limits } from '../limits.js';
import type { Codec } from '../protocol/codecs.js';
import type { Api } from '../protocol/api.js';
import type { Authorize } from '../protocol/authorize.js';
import type { Session } from '../protocol/session.js';
import type { Authenticate } from '../protocol/session-options.js';
import { type Intercept, interceptorsOf } from '../protocol/intercept.js';
import { ObservedSession, type SessionEnds } from './observed-session.js';
import type { Observer } from './observer.js';
import { Observers } from './observers.js';
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
  type Rule,
  signal,
  time,
  codecs,
} from './option-rules.js';
import type { Listenable, Logger, Runtime } from './runtime.js';
import { dnodeEngine } from './dnode-engine.js';
import { chooseEngines, type Engine, type Exchange } from './engine.js';
import { Served } from './served.js';

export interface ServeOptions {
  /**
   * Lets a peer in or not, by the `auth` it dialled with (undefined from plain dnode peers); what it
   * returns is `context().peer.identity`. Until then no call runs. False, null, undefined or a throw refuse.
   */
  readonly authenticate?: Authenticate;
  /** Decides of each call whether it may run: true, or a promise of true. Anything else, and a throw, refuse. */
  readonly authorize?: Authorize;
  /** What stands around calls, of those made here and of those served: docs/remotes.md. */
  readonly intercept?: Intercept;
  /** Milliseconds that a call to a callback of the peer's may take, where it does not say; 30,000. */
  readonly deadline?: number;
  /** True: every handler takes a callback last. False: none does. Without it, each tells by its form. */
  readonly callbacks?: boolean;
  /** Whether errors carry their stack to the caller; false. */
  readonly stacks?: boolean;
  /** How instances of classes travel, where both sides have codecs of the same names: docs/values.md. */
  readonly codecs?: readonly Codec[];
  readonly limits?: Partial<Limits>;
  /** Gets a line for what fails with nobody to tell; the console, without it. */
  readonly logger?: Logger;
  readonly onSession?: (session: Session) => void;
  /** How it is spoken: names of this runtime's (all of them, without it), and your own. */
  readonly engines?: readonly (string | Engine)[];
  /** Told of connections and calls: docs/observability.md. */
  readonly observe?: Observer | readonly Observer[];
}

const rules = {
  ...{ authenticate: fn, authorize: fn, deadline: time, callbacks: flag, stacks: flag },
  ...{ limits, logger, observe, intercept: around('call', 'serve'), codecs },
};
const serveRules: Readonly<Record<string, Rule>> = { ...rules, onSession: fn, engines };
export const dialRules: Readonly<Record<string, Rule>> = {
  ...{ deadline: time, callbacks: flag, stacks: flag, limits, logger, auth: json, signal },
  ...{ authorize: fn, intercept: around('call', 'serve'), codecs },
  ...{ engines, observe, timeout: time, tls: object, api: { says: 'an api', ok: () => true } },
};

/** What `serve` takes in place of somewhere to listen: whatever a channel can be made over. */
export type Adoptable =
  Channel | PortLike | WebSocketLike | { readonly readable: unknown; readonly writable: unknown };

export interface Serve<At> {
  (api: Api, at: At & ServeOptions): Promise<Served>;
  (api: Api, at: Adoptable | Listenable, options?: ServeOptions): Promise<Served>;
}

/**
 * Serves an api: at a place to listen (`at` of the runtime, or one that brings its own way along), or over
 * a channel, port, socket or stream that is there already. Resolves when it can be reached. Rejects with ERR_API, ERR_NAME, ERR_OPTION,
 * ERR_LISTEN.
 */
export function makeServe<At extends object>(runtime: Runtime<At>): Serve<At> {
  return async function serve(
    api: Api,
    at: (At & ServeOptions) | Adoptable | Listenable,
    options?: ServeOptions,
  ): Promise<Served> {
    const channel = runtime.adopt(at);
    const listenable = channel === undefined && isListenable(at) ? at : undefined;
    const own = channel === undefined && listenable === undefined;
    const given: ServeOptions = options ?? (own ? (at as ServeOptions) : {});
    check('serve', given, own ? { ...serveRules, ...runtime.atRules } : serveRules);
    const bounds = { ...defaultLimits, ...given.limits };
    const { clock, scope, decodeText } = runtime;
    const { authenticate, authorize, deadline, callbacks, stacks, onSession } = given;
    const { logger: log = console } = given;
    const spoken = chooseEngines(given.engines, [dnodeEngine, ...runtime.engines]);
    const observers = new Observers(runtime, given);
    const ends: SessionEnds = { side: 'server' };
    const server = new Served(api, spoken, {
      ...{ clock, scope, decodeText, limits: bounds },
      observe: (session) => new ObservedSession(observers, session, ends),
      ...{ authenticate, authorize, deadline, callbacks, stacks, logger: log, onSession },
      ...{ intercept: interceptorsOf(scope, given.intercept), codecs: given.codecs },
    });
    const accept = (it: Channel): void => server.accept(it);
    if (channel !== undefined) accept(channel);
    else if (listenable !== undefined) {
      const context = { clock, limits: bounds, logger: log };
      await server.attach(await listenable.listenWith(context, accept));
    } else {
      // What is no channel is a place to listen, and was checked.
      const place = without(at as At, Object.keys(serveRules));
      const answer = (it: Exchange) => server.answer(it);
      await server.attach(await runtime.listen(place, bounds, accept, answer));
    }
    return server;
  };
}

function isListenable(at: unknown): at is Listenable {
  return (isObject(at) || typeof at === 'function') && 'listenWith' in at;
}

function without<T extends object>(object: T, keys: readonly string[]): T {
  // The keys taken out are ours, not of the runtime's part of the type.
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key))) as T;
}
