import { DserviceError } from '../errors.js';

/** Whose requests pass. */
export interface GuardRules {
  /** Origins of pages that may connect, exactly; without it, pages of this machine (any port). */
  readonly origins?: readonly string[] | undefined;
  /** Further names this server is known by. */
  readonly hosts?: readonly string[] | undefined;
}

/** Why a request is refused: an HTTP status and a line of text. */
export interface Refusal {
  readonly status: number;
  readonly text: string;
}

/** What of a request the guard looks at. A header that came twice has a value that nothing is. */
export interface Asked {
  readonly method: string;
  readonly host: string | undefined;
  readonly origin: string | undefined;
  /** Content-Type. */
  readonly type: string | undefined;
  /** The address that its connection came to, where that is known. */
  readonly local?: string | undefined;
}

const loopback = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Makes the check that every HTTP request passes, upgrades included: a web page can reach loopback too. Origin: a page
 * of somebody else must not call services with the reach of this machine. Host: a name that a stranger points at this
 * address (DNS rebinding) makes his page the same origin as ours. Media type: anything a form could send is refused,
 * so that a browser asks first, and is not answered. Throws ERR_OPTION.
 */
export function createCheck(rules: GuardRules): (asked: Asked) => Refusal | undefined {
  const origins = rules.origins && new Set(rules.origins.map(checkOrigin));
  const hosts = new Set(rules.hosts?.map(checkHost));
  return ({ method, host, origin, type, local }) => {
    const name = host === undefined ? undefined : hostName(host);
    if (name === undefined || !(loopback.has(name) || hosts.has(name) || name === local)) {
      return { status: 421, text: 'This host is not served here. See the option `hosts`.' };
    }
    if (origin !== undefined && !allowed(origin, origins)) {
      return { status: 403, text: 'This origin may not connect. See the option `origins`.' };
    }
    // With a comma it came twice.
    const essence = /^([^;,]*)(;[^,]*)?$/
      .exec(type ?? '')?.[1]
      ?.trim()
      .toLowerCase();
    if (method === 'POST' && essence !== 'application/json') {
      return { status: 415, text: 'The media type has to be application/json.' };
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
