import { BlockList, isIPv4 } from 'node:net';

/** One network interface that has an IPv4 address; mDNS runs once on each. */
export interface Interface {
  readonly name: string;
  readonly loopback: boolean;
  /** Hardware address: tells an interface from another that came back under its name. */
  readonly mac: string;
  /** At least one. The first is the one that packets leave by. */
  readonly v4: readonly string[];
  /** Without link-local ones, which need a zone to be of use. */
  readonly v6: readonly string[];
  /** `address/prefix` of all, link-local ones too: what is on the link. */
  readonly subnets: readonly string[];
}

/** What `os.networkInterfaces()` of Node gives, as far as it is read here. */
export type OsInterfaces = Readonly<
  Record<
    string,
    | readonly {
        readonly address: string;
        readonly family: string;
        readonly internal: boolean;
        readonly mac: string;
        readonly cidr: string | null;
      }[]
    | undefined
  >
>;

export type Reach = 'local' | 'lan';

/**
 * The interfaces to use: loopback alone for `local`, all for `lan`; of these the ones named in
 * `only`, if that is given. Loopback first, then in order of names.
 */
export function selectInterfaces(
  all: OsInterfaces,
  reach: Reach,
  only?: readonly string[],
): Interface[] {
  const byDevice = new Map<string, NonNullable<OsInterfaces[string]>>();
  for (const [name, addresses = []] of Object.entries(all)) {
    // `eth0:1` is a second address of eth0, not another link.
    const device = name.replace(/:.*$/, '');
    byDevice.set(device, [...(byDevice.get(device) ?? []), ...addresses]);
  }
  const found: Interface[] = [];
  for (const [name, addresses] of byDevice) {
    const first = addresses[0];
    const v4 = addresses.filter(({ family }) => family === 'IPv4').map(({ address }) => address);
    if (first === undefined || v4.length === 0) continue;
    if (reach === 'local' && !first.internal) continue;
    if (only !== undefined && !only.includes(name)) continue;
    found.push({
      name,
      loopback: first.internal,
      mac: first.mac,
      v4,
      v6: addresses
        .filter(({ family, address }) => family === 'IPv6' && !/^fe[89ab]/i.test(address))
        .map(({ address }) => canonicalAddress(address)),
      subnets: addresses.flatMap(({ cidr }) => cidr ?? []),
    });
  }
  return found.sort(
    (a, b) => Number(b.loopback) - Number(a.loopback) || (a.name < b.name ? -1 : 1),
  );
}

/** Whether two readings are of one interface with the same addresses. */
export function sameInterface(a: Interface, b: Interface): boolean {
  return describe(a) === describe(b);
}

function describe(iface: Interface): string {
  return [iface.name, iface.mac, iface.v4, iface.v6, iface.subnets].join('|');
}

/**
 * Tells addresses on the link from others. A packet from elsewhere is not link-local multicast,
 * and is ignored (RFC 6762 §11); Node does not show a packet's TTL, so the source has to do.
 */
export function onLinkTest(iface: Interface): (address: string) => boolean {
  const list = new BlockList();
  for (const subnet of iface.subnets) {
    const [address = '', prefix = ''] = subnet.split('/');
    list.addSubnet(address, Number(prefix), isIPv4(address) ? 'ipv4' : 'ipv6');
  }
  return (address) => list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/** The one way to write an IPv6 address (RFC 5952); others as they are. */
export function canonicalAddress(address: string): string {
  if (!address.includes(':')) return address;
  try {
    return new URL(`http://[${address}]`).hostname.slice(1, -1);
  } catch {
    return address;
  }
}

export function isLoopback(address: string): boolean {
  return /^127\./.test(address) || address === '::1';
}

/** Whether an address heard on a link can be reached there: loopback only on loopback, and nothing but that. */
export function belongsOn(address: string, loopback: boolean): boolean {
  if (loopback || isLoopback(address)) return loopback && isLoopback(address);
  // Unspecified, multicast and reserved; IPv6 link-local, which needs a zone.
  return !/^(0\.|22[4-9]\.|2[345]\d\.|::$|ff|fe[89ab])/i.test(address);
}
