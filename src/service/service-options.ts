import type { Discovery } from '../discovery/discovery.js';
import { DserviceError } from '../errors.js';
import type { Limits } from '../limits.js';
import type { Authenticate } from '../protocol/session.js';
import type { Pick } from './pick.js';
import type { Logger } from './runtime.js';

/** How far a service is known: to this machine, or to its network. */
export type Reach = 'local' | 'lan';

export interface ServiceOptions {
  /** `local` (the default): loopback only. `lan`: the network, and one line in the log that says so. */
  readonly reach?: Reach;
  /** How instances are made known and found; without it, the runtime's own (in Node, multicast DNS). */
  readonly discovery?: Discovery | readonly Discovery[];
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
  /** Credentials that this program gives to the services it calls. */
  readonly auth?: unknown;
  /** Milliseconds that a call may take, where it does not say; 30,000. */
  readonly deadline?: number;
  readonly callbacks?: boolean;
  readonly stacks?: boolean;
  readonly limits?: Partial<Limits>;
  readonly logger?: Logger;
  /** Milliseconds to wait for an instance to call; 10,000. */
  readonly wait?: number;
  /** Milliseconds that `start` waits for what the service relies on; 30,000. */
  readonly startTimeout?: number;
  /** Two at random and of them the one with less to do; or `round-robin`, `random`, your own function. */
  readonly pick?: Pick;
  readonly prefer?: 'highest';
}

export interface ConnectOptions {
  /** Milliseconds to wait for an instance. */
  readonly wait?: number;
  /** Milliseconds that a call may take, where it does not say. */
  readonly deadline?: number;
}

const known = new Set<keyof ServiceOptions>([
  ...([
    'reach',
    'discovery',
    'port',
    'path',
    'host',
    'tls',
    'origins',
    'hosts',
    'authenticate',
  ] as const),
  ...([
    'auth',
    'deadline',
    'callbacks',
    'stacks',
    'limits',
    'logger',
    'wait',
    'startTimeout',
  ] as const),
  ...(['pick', 'prefer'] as const),
]);

/** Throws ERR_OPTION for what is no option, or of a wrong type. */
export function checkServiceOptions(options: ServiceOptions): void {
  for (const key of Object.keys(options)) {
    // A name that a user made up is just what is looked for here.
    if (known.has(key as keyof ServiceOptions)) continue;
    throw new DserviceError(
      'ERR_OPTION',
      `"${key}" is no option of a service: ${[...known].join(', ')} are`,
    );
  }
  const { reach, wait, deadline, startTimeout, pick, prefer } = options;
  if (reach !== undefined && reach !== 'local' && reach !== 'lan') {
    throw new DserviceError(
      'ERR_OPTION',
      `reach is 'local' or 'lan', not ${JSON.stringify(reach)}`,
    );
  }
  if (prefer !== undefined && prefer !== 'highest') {
    throw new DserviceError('ERR_OPTION', `prefer is 'highest', not ${JSON.stringify(prefer)}`);
  }
  if (
    pick !== undefined &&
    typeof pick !== 'function' &&
    pick !== 'random' &&
    pick !== 'round-robin'
  ) {
    throw new DserviceError('ERR_OPTION', "pick is 'round-robin', 'random' or a function");
  }
  for (const [key, value] of Object.entries({ wait, deadline, startTimeout })) {
    if (value === undefined || (typeof value === 'number' && value > 0)) continue;
    throw new DserviceError('ERR_OPTION', `\`${key}\` is a positive number of milliseconds`);
  }
}
