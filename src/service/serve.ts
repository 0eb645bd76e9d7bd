import { DserviceError } from '../errors.js';
import { defaultLimits, type Limits } from '../limits.js';
import type { Api } from '../protocol/api.js';
import type { Session } from '../protocol/session.js';
import type { Authenticate } from '../protocol/session-options.js';
import type { Logger, Runtime } from './runtime.js';
import { Server } from './server.js';

export interface ServeOptions {
  /**
   * Lets a peer in or not, by the `auth` it dialled with (undefined from plain dnode peers); what it
   * returns is `context().peer.identity`. Until then no call runs. False, null, undefined or a throw refuse.
   */
  readonly authenticate?: Authenticate;
  /** Milliseconds that a call to a callback of the peer's may take, where it does not say; 30,000. */
  readonly deadline?: number;
  /** True: every handler takes a callback last. False: none does. Without it, each tells by its form. */
  readonly callbacks?: boolean;
  /** Whether errors carry their stack to the caller; false. */
  readonly stacks?: boolean;
  readonly limits?: Partial<Limits>;
  /** Gets a line for what fails with nobody to tell; the console, without it. */
  readonly logger?: Logger;
  readonly onSession?: (session: Session) => void;
}

const known = ['authenticate', 'deadline', 'callbacks', 'stacks', 'limits', 'logger', 'onSession'];

/** Throws ERR_OPTION for an option of a wrong type. */
export function checkServeOptions(options: ServeOptions): void {
  const { authenticate, limits } = options;
  if (authenticate !== undefined && typeof authenticate !== 'function') {
    throw new DserviceError('ERR_OPTION', '`authenticate` is a function (auth, peer) => identity');
  }
  for (const [key, value] of Object.entries(limits ?? {})) {
    if (!(key in defaultLimits) || typeof value !== 'number' || !(value > 0)) {
      const names = Object.keys(defaultLimits).join(', ');
      throw new DserviceError(
        'ERR_OPTION',
        `limit "${key}": limits are positive numbers: ${names}`,
      );
    }
  }
}

/**
 * Serves an api: at a place to listen (`at` of the runtime), or over a channel, port, socket or stream
 * that is there already. Resolves when it can be reached. Rejects with ERR_API, ERR_NAME, ERR_OPTION,
 * ERR_LISTEN.
 */
export function makeServe<At extends object>(runtime: Runtime<At>) {
  return async function serve(
    api: Api,
    at: At & ServeOptions,
    options?: ServeOptions,
  ): Promise<Server> {
    const channel = runtime.adopt(at);
    const given = options ?? (channel === undefined ? at : {});
    checkServeOptions(given);
    const limits = { ...defaultLimits, ...given.limits };
    const { clock, scope, decodeText } = runtime;
    const { authenticate, deadline, callbacks, stacks, logger = console, onSession } = given;
    const server = new Server(api, {
      ...{ clock, scope, decodeText, limits },
      ...{ authenticate, deadline, callbacks, stacks, logger, onSession },
    });
    if (channel !== undefined) server.accept(channel);
    else server.attach(await runtime.listen(without(at, known), limits, (it) => server.accept(it)));
    return server;
  };
}

function without<T extends object>(object: T, keys: readonly string[]): T {
  // The keys taken out are ours, not of the runtime's part of the type.
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key))) as T;
}
