import type { InstanceRecord } from '../discovery/record.js';
import type { Attributes } from '../protocol/observer.js';
import type { Peer } from '../protocol/session-handle.js';

/** https://opentelemetry.io/docs/specs/semconv/rpc/rpc-spans/ */
export function ofMethod(service: string | undefined, method: string): Attributes {
  return {
    'rpc.system.name': 'dservice',
    'rpc.method': service === undefined ? method : `${service}/${method}`,
  };
}

/** An instance, for which there are no conventions. */
export function ofInstance({ id, name, version }: InstanceRecord): Attributes {
  return {
    'dservice.service.name': name,
    'dservice.service.version': version,
    'dservice.instance.id': id,
  };
}

/** The other end of a connection: `server` where it was dialled, else `client`. */
export function ofPeer({ transport, address }: Peer, is: 'server' | 'client'): Attributes {
  const attributes: Attributes = { 'network.transport': transport };
  if (address === undefined) return attributes;
  // `host:port`, `[host]:port`, a URL; or the path of a socket.
  const [, host, port] = /^(?:\w+:\/\/)?\[?([^/]*?)\]?(?::(\d+))?(?:\/.*)?$/.exec(address) ?? [];
  attributes[`${is}.address`] = host || address;
  if (host && port !== undefined) attributes[`${is}.port`] = Number(port);
  return attributes;
}

/** What kind of error it is: its code, or else its name. Some are the peer's, so it is no longer than any of ours. */
export function errorType(error: unknown): string {
  try {
    const { code, name } = Object(error) as { code?: unknown; name?: unknown };
    const type = typeof code === 'string' && code !== '' ? code : name;
    return (typeof type === 'string' && type !== '' ? type : typeof error).slice(0, 64);
  } catch {
    // A getter of what was thrown has thrown.
    return typeof error;
  }
}
