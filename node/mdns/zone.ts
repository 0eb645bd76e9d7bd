import type { InstanceRecord } from '../../src/discovery/record.js';
import { placeEndpoints, readEndpoints } from './endpoints.js';
import type { Interface } from './interfaces.js';
import { makeMessage, type Rr, type SrvRr, type TxtRr } from './message.js';
import { hash16, hostName, instanceName, metaType, serviceType, subtypeName } from './names.js';
import { decodeTxt, encodeTxt } from './txt.js';

/** Seconds that records are valid for (RFC 6762 §10). */
export interface Ttls {
  /** Records that hold a host's name or address. */
  readonly host: number;
  readonly other: number;
}

export const defaultTtls: Ttls = { host: 120, other: 4500 };

/** The records of one instance on one interface. */
export interface Zone {
  readonly instance: string;
  /** What is announced and, but for the meta PTR, taken back by a goodbye. */
  readonly rrs: readonly Rr[];
  /** Says which address types the host has no records of (RFC 6762 §6.1). */
  readonly nsec: Rr;
}

/**
 * The DNS-SD records of an instance (RFC 6763 §4 to §9) for an interface. Undefined when it cannot be reached
 * there, and so must not be told of there.
 */
export function zoneOf(record: InstanceRecord, iface: Interface, ttls: Ttls): Zone | undefined {
  const placed = placeEndpoints(record.endpoints, iface);
  if (placed === undefined) return undefined;
  const instance = instanceName(record.name, record.id);
  const host = hostName(record.id);
  const shared = { ttl: ttls.other, flush: false };
  const unique = { ttl: ttls.host, flush: true };
  const rrs: Rr[] = [
    { ...shared, name: serviceType, type: 'PTR', data: instance },
    { ...shared, name: subtypeName(record.name), type: 'PTR', data: instance },
    {
      ...unique,
      name: instance,
      type: 'SRV',
      data: { priority: 0, weight: 0, port: placed.port, target: host },
    },
    { name: instance, ttl: ttls.other, flush: true, type: 'TXT', data: encodeTxt(record, placed) },
    ...placed.addresses.map((address): Rr => {
      return { ...unique, name: host, type: address.includes(':') ? 'AAAA' : 'A', data: address };
    }),
    { ...shared, name: metaType, type: 'PTR', data: serviceType },
  ];
  const types = ['A', 'AAAA'].filter((type) => rrs.some((rr) => rr.type === type));
  return { instance, rrs, nsec: { ...unique, name: host, type: 'NSEC', data: types } };
}

/** The records that go along with an answer, so that the asker need not ask again (RFC 6763 §12). */
export function additionalsFor(zone: Zone, answer: Rr): readonly Rr[] {
  if (answer.type === 'PTR' && answer.data !== zone.instance) return [];
  const wanted = answer.type === 'PTR' ? ['SRV', 'TXT', 'A', 'AAAA'] : ['A', 'AAAA'];
  if (answer.type === 'TXT') return [];
  return [...zone.rrs.filter((rr) => wanted.includes(rr.type)), zone.nsec];
}

/** What is known of an instance on a link. */
export interface Heard {
  readonly instance: string;
  readonly srv: SrvRr;
  readonly txt: TxtRr;
  readonly addresses: readonly string[];
}

/** The instance that heard records tell of; undefined when they tell of none, or of one without an address yet. */
export function recordOf(heard: Heard, loopback: boolean): InstanceRecord | undefined {
  const txt = decodeTxt(heard.txt.data);
  if (txt === undefined) return undefined;
  const { port } = heard.srv.data;
  const endpoints = readEndpoints(
    { port, addresses: heard.addresses, e: txt.e, u: txt.u },
    loopback,
  );
  if (port !== 0 && endpoints.length === 0) return undefined;
  return {
    // Another stack's service has no id of ours: its instance name is as unique.
    id: txt.id ?? hash16(heard.instance),
    name: txt.name,
    version: txt.version,
    endpoints,
    state: txt.state,
    relies: txt.relies,
    ...(txt.degraded ? { degraded: true } : {}),
    ...(txt.partial ? { partial: true } : {}),
  };
}

/** What others make of our own records on that interface. */
export function ownRecord(zone: Zone, loopback: boolean): InstanceRecord | undefined {
  const srv = zone.rrs.find((rr) => rr.type === 'SRV');
  const txt = zone.rrs.find((rr) => rr.type === 'TXT');
  if (srv === undefined || txt === undefined) return undefined;
  const addresses = zone.rrs.flatMap((rr) =>
    rr.type === 'A' || rr.type === 'AAAA' ? [rr.data] : [],
  );
  return recordOf({ instance: zone.instance, srv, txt, addresses }, loopback);
}

/** An unsolicited or solicited response. */
export function response(answers: readonly Rr[], additionals: readonly Rr[] = []) {
  return makeMessage({ response: true, answers, additionals });
}
