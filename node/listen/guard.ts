import type { IncomingMessage } from 'node:http';
import { DserviceError } from '../../src/errors.js';

/** A web page can reach loopback too: what it may not. */
export interface GuardOptions {
  /** Origins of pages that may connect, exactly; without it, pages of this machine (any port). */
  readonly origins?: readonly string[] | undefined;
  /** Further names this listener is known by. */
  readonly hosts?: readonly string[] | undefined;
  /** Told of each request that is refused. */
  readonly onRefused?: ((refusal: Refusal, request: IncomingMessage) => void) | undefined;
}

/** Why a request is refused: an HTTP status and a line of text. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

export type Guard = (request: IncomingMessage) => Refusal | undefined;

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Makes the check that every HTTP request passes, upgrades included. Origin: a page of somebody else
 * must not call services with the reach of this machine. Host: a name that a stranger points at this
 * address (DNS rebinding) makes his page the same origin as ours. Media type: anything a form could
 * send is refused, so that a browser asks first, and is not answered.
 */
export function createGuard(options: GuardOptions): Guard {
  const check = createCheck(options);
  return (request) => {
    const refusal = check(request);
    if (refusal !== undefined) options.onRefused?.(refusal, request);
    return refusal;
  };
}

function createCheck(options: GuardOptions): Guard {
  const origins = options.origins && new Set(options.origins.map(checkOrigin));
  const hosts = new Set(options.hosts?.map(checkHost));
  return (request) => {
    const { host, origin, 'content-type': types } = request.headersDistinct;
    const name = host?.length === 1 && host[0] !== undefined ? hostName(host[0]) : undefined;
    if (
      name === undefined ||
      !(loopback.has(name) || hosts.has(name) || name === localName(request))
    ) {
      return { status: 421, text: 'This host is not served here. See the option `hosts`.' };
    }
    if (origin && !(origin.length === 1 && allowed(origin[0] ?? '', origins))) {
      return { status: 403, text: 'This origin may not connect. See the option `origins`.' };
    }
    if (request.method === 'POST') {
      const essence = types?.length === 1 ? types[0]?.split(';')[0]?.trim().toLowerCase() : '';
      if (essence !== 'application/json') {
        return { status: 415, text: 'The media type has to be application/json.' };
      }
    }
    return undefined;
  };
}

function allowed(origin: string, origins: ReadonlySet<string> | undefined): boolean {
  if (origins) return origins.has(origin);
  const name = /^https?:\/\/([^/]+)$/.exec(origin)?.[1];
  return name !== undefined && loopback.has(hostName(name) ?? '');
}

/** The name of a Host header, lower-case and without the port. */
function hostName(host: string): string | undefined {
  return /^(\[[\da-f:.]+\]|[^:\s[\]/@]+)(:\d*)?$/.exec(host.toLowerCase())?.[1];
}

/** The address that this connection came to. */
function localName(request: IncomingMessage): string | undefined {
  const address = request.socket.localAddress?.replace(/^::ffff:/, '');
  return address?.includes(':') ? `[${address}]` : address;
}

function checkHost(host: string): string {
  const name = hostName(host);
  if (name !== undefined && name === host.toLowerCase()) return name;
  throw new DserviceError(
    'ERR_OPTION',
    `hosts: '${host}' is no name of a host; each is a name or an address, without scheme and port`,
  );
}

function checkOrigin(origin: string): string {
  let parsed: string | undefined;
  try {
    const url = new URL(origin);
    // Schemes without an origin of their own (an extension's page) are compared as they are.
    parsed = url.origin === 'null' ? `${url.protocol}//${url.host}` : url.origin;
  } catch {
    // told below
  }
  if (parsed !== origin || origin.includes('*')) {
    throw new DserviceError(
      'ERR_OPTION',
      `origins: '${origin}' is no origin; each is scheme://host or scheme://host:port, in full`,
    );
  }
  return origin;
}
