import { isIPv4, isIPv6 } from 'node:net';
import { belongsOn, canonicalAddress, isLoopback, type Interface } from './interfaces.js';

/**
 * Endpoints as they go into DNS records, and back.
 *
 * The port of the first network endpoint is the SRV record's, the addresses are A and AAAA records
 * of the interface. What they do not say is in two TXT keys: `u`, a unix socket's path, told on
 * loopback only; and `e`, the network endpoints without their host, separated by spaces, best
 * first: `scheme:[port][/path]`. A port that is the SRV record's is left out. An endpoint whose host is a name that
 * we cannot place is there as the whole URL. Without `e` there is one endpoint, `tcp:`.
 */
export interface PlacedEndpoints {
  /** 0 when there is nothing to connect to. */
  readonly port: number;
  readonly addresses: readonly string[];
  /** The value of `e`; undefined when it is the default. */
  readonly e: string | undefined;
  /** The value of `u`. */
  readonly u: string | undefined;
}

const defaultPorts: Readonly<Record<string, string>> = { ws: '80', wss: '443' };

interface Parsed {
  readonly scheme: string;
  readonly host: string;
  readonly port: number;
  readonly path: string;
}

/** Undefined for what is no URL of a host and a port. */
function parse(endpoint: string): Parsed | undefined {
  let url: URL;
  try {
    url = new URL(endpoint);
  } catch {
    return undefined;
  }
  const scheme = url.protocol.slice(0, -1);
  const port = Number(url.port || defaultPorts[scheme]);
  if (!(port >= 1 && port <= 65535)) return undefined;
  const path = `${url.pathname === '/' ? '' : url.pathname}${url.search}`;
  return { scheme, host: url.hostname.replace(/^\[|\]$/g, ''), port, path };
}

/**
 * What is told on one interface of an instance's endpoints: only addresses that the interface has
 * and the instance listens on. Undefined when it has endpoints but none of them is reached there.
 */
export function placeEndpoints(
  endpoints: readonly string[],
  iface: Interface,
): PlacedEndpoints | undefined {
  const unix = endpoints.find((endpoint) => endpoint.startsWith('unix:'));
  const u = iface.loopback ? unix?.slice('unix:'.length) : undefined;
  const addresses = new Set<string>();
  const placed: Parsed[] = [];
  const whole: string[] = [];
  for (const endpoint of endpoints) {
    const parsed = endpoint.startsWith('unix:') ? undefined : parse(endpoint);
    if (parsed === undefined) continue;
    const here = addressesOf(parsed.host, iface);
    if (here === undefined) {
      if (!iface.loopback) whole.push(endpoint);
    } else if (here.length > 0) {
      for (const address of here) addresses.add(address);
      placed.push(parsed);
    }
  }
  const nothing = placed.length === 0 && whole.length === 0 && u === undefined;
  if (nothing && endpoints.length > 0) return undefined;
  const port = placed[0]?.port ?? 0;
  // Nobody connects there, but resolvers want an address, and these are of this host.
  if (addresses.size === 0) for (const address of iface.v4) addresses.add(address);
  const items = placed.map(
    ({ scheme, port: own, path }) => `${scheme}:${own === port ? '' : own}${path}`,
  );
  const e = [...new Set(items), ...whole].join(' ');
  return { port, addresses: [...addresses], e: e === 'tcp:' || e === '' ? undefined : e, u };
}

/** The addresses of the interface that a host stands for; undefined for a name that we cannot place. */
function addressesOf(host: string, iface: Interface): readonly string[] | undefined {
  if (host === '0.0.0.0') return iface.v4;
  if (host === '::' || host === '') return [...iface.v4, ...iface.v6];
  if (host === 'localhost') return iface.loopback ? iface.v4 : [];
  if (isIPv4(host)) {
    // All of 127/8 is the loopback interface's, though it names but one address.
    const own = iface.loopback ? isLoopback(host) : iface.v4.includes(host);
    return own ? [host] : [];
  }
  if (isIPv6(host)) return iface.v6.filter((address) => address === canonicalAddress(host));
  return undefined;
}

/** The other way: endpoints as URLs, those of the first entry of `e` first. */
export function readEndpoints(
  { port, addresses, e = 'tcp:', u }: PlacedEndpoints,
  loopback: boolean,
): string[] {
  const endpoints = new Set<string>();
  if (u !== undefined && loopback && u.startsWith('/')) endpoints.add(`unix:${u}`);
  const hosts = addresses
    .filter((address) => belongsOn(address, loopback))
    .map((address) => (address.includes(':') ? `[${address}]` : address));
  for (const item of e.split(' ').slice(0, maxItems)) {
    const short = /^([a-z][a-z0-9+.-]*):(\d{0,5})((?:[/?].*)?)$/.exec(item);
    if (short !== null && !item.includes('://')) {
      const [, scheme = '', own = '', path = ''] = short;
      const actual = own === '' ? port : Number(own);
      if (actual < 1 || actual > 65535) continue;
      for (const host of hosts) endpoints.add(`${scheme}://${host}:${actual}${path}`);
      continue;
    }
    const parsed = parse(item);
    if (parsed === undefined || !item.includes('://') || loopback) continue;
    const literal = isIPv4(parsed.host) || isIPv6(parsed.host);
    // A name may stand for anything; a literal address must be one for this link.
    if (literal ? belongsOn(parsed.host, false) : !isLocalName(parsed.host)) endpoints.add(item);
  }
  return [...endpoints];
}

const maxItems = 16;

function isLocalName(host: string): boolean {
  return host === '' || host === 'localhost' || host.endsWith('.localhost');
}
