import type { Server } from 'node:http';
import type { Server as SecureServer } from 'node:https';
import type { TlsOptions } from 'node:tls';
import { DserviceError } from '../../src/errors.js';
import type { Authenticate } from '../../src/protocol/session-options.js';
import { defaultHubLimits, type HubLimits } from '../../src/rendezvous/hub-limits.js';
import {
  check,
  flag,
  fn,
  isObject,
  logger,
  object,
  oneOf,
  port,
  type Rule,
  text,
  texts,
} from '../../src/service/option-rules.js';
import type { Logger } from '../../src/service/runtime.js';
import type { Reach } from '../../src/service/service-options.js';

export interface RendezvousOptions {
  /** TCP port; 0, any that is free, as of a service. The command takes 4004. */
  readonly port?: number;
  /** Address to listen on, other than reach says. */
  readonly host?: string;
  /** `local` (the default): loopback only. `lan`: the network, and one line in the log that says so. */
  readonly reach?: Reach;
  /**
   * A server that listens, or will, in place of one of its own. It goes on as it was, but for the path of
   * the rendezvous and what lies below it.
   */
  readonly server?: Server | SecureServer;
  /** Path of the rendezvous: `/rendezvous`. On a server of its own it is also at `/`. */
  readonly path?: string;
  /** Origins of pages that may connect, exactly; without it, pages of this machine. */
  readonly origins?: readonly string[];
  /** Further names that it is known by, as a Host header says them. */
  readonly hosts?: readonly string[];
  /** Key and certificate, as for `tls.createServer`; `ca` for services that it dials for its clients. */
  readonly tls?: TlsOptions;
  /** Joins it with multicast DNS: its clients and the services heard there find each other. */
  readonly mdns?: boolean;
  /** Lets a client in or not, by the `auth` it came with. */
  readonly authenticate?: Authenticate;
  readonly limits?: Partial<HubLimits>;
  readonly logger?: Logger;
}

const rules: Record<keyof RendezvousOptions, Rule> = {
  ...{ port, host: text, reach: oneOf('local', 'lan'), origins: texts, hosts: texts, tls: object },
  server: {
    says: 'an http or https server',
    ok: (value) => isObject(value) && 'emit' in value && 'address' in value,
  },
  path: {
    says: 'a path, as /rendezvous',
    ok: (value) => typeof value === 'string' && /^\/([^\s?#]*[^\s?#/])?$/.test(value),
  },
  ...{ mdns: flag, authenticate: fn, logger },
  limits: {
    says: `an object of positive numbers: ${Object.keys(defaultHubLimits).join(', ')}`,
    ok: (value) =>
      isObject(value) &&
      Object.entries(value).every(
        ([key, limit]) =>
          Object.hasOwn(defaultHubLimits, key) && typeof limit === 'number' && limit > 0,
      ),
  },
};

/** Throws ERR_OPTION for what is no option, of a wrong type, or not for a server that is there already. */
export function checkRendezvousOptions(options: RendezvousOptions): void {
  check('a rendezvous', options, rules);
  if (options.server === undefined) return;
  for (const key of ['port', 'host', 'tls'] as const) {
    if (options[key] === undefined) continue;
    throw new DserviceError('ERR_OPTION', `\`${key}\` is the server's, which is given`);
  }
}
