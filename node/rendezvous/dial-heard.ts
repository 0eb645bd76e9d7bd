import { isIPv4 } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import type { Channel } from '../../src/channel/channel.js';
import { DserviceError } from '../../src/errors.js';
import type { From } from '../../src/rendezvous/hub-local.js';
import type { Reach } from '../../src/service/service-options.js';
import { nodeClock } from '../clock.js';
import { connectChannel } from '../connect.js';
import { nodeRuntime } from '../runtime.js';

export interface DialHeardOptions {
  readonly reach: Reach;
  readonly tls?: ConnectionOptions | undefined;
}

/** Milliseconds for one endpoint: less than who dials waits. */
const timeout = 2_000;

/**
 * A channel to an instance that was heard of by multicast DNS, for a client of the rendezvous. It is a WebSocket
 * with the client's Origin, if it is a page, so that the service's own guard looks at it. Who is on
 * another machine is not brought to what listens on this one's loopback only. Rejects with ERR_CONNECT,
 * ERR_TIMEOUT.
 */
export async function dialHeard(
  endpoints: readonly string[],
  { origin, address }: From,
  { reach, tls }: DialHeardOptions,
): Promise<Channel> {
  const usable = webSocketsOf(endpoints).filter((url) => nodeRuntime.reachable(url, reach));
  const near = address !== undefined && isLoopbackAddress(address);
  const fit = near ? usable : usable.filter((url) => !nodeRuntime.reachable(url, 'local'));
  if (fit.length === 0) {
    const why =
      usable.length > 0
        ? 'it is for its own machine only'
        : 'it has no endpoint that takes a WebSocket';
    throw new DserviceError('ERR_CONNECT', why, { mayHaveRun: false });
  }
  let last: unknown;
  for (const url of fit) {
    try {
      return await connectChannel(url, { origin, tls, timeout, clock: nodeClock });
    } catch (error) {
      last = refused(error, origin);
    }
  }
  throw last;
}

/** One port takes dnode and WebSockets. A unix socket is left out: mostly there is a port beside it. */
function webSocketsOf(endpoints: readonly string[]): string[] {
  const urls = endpoints.flatMap((endpoint) => {
    if (/^wss?:/.test(endpoint)) return [endpoint];
    const [, scheme, place] = /^(tcp|tls):\/\/(.+?)\/?$/.exec(endpoint) ?? [];
    return place === undefined ? [] : [`${scheme === 'tls' ? 'wss' : 'ws'}://${place}/`];
  });
  return [...new Set(urls)];
}

function refused(error: unknown, origin: string | undefined): unknown {
  if (origin === undefined || !(error instanceof Error) || !/response: 403$/.test(error.message)) {
    return error;
  }
  const text = `the service refuses pages of ${origin}: see its option \`origins\``;
  return new DserviceError('ERR_CONNECT', text, { cause: error, mayHaveRun: false });
}

/** Of `host:port`. */
function isLoopbackAddress(address: string): boolean {
  const host = address.replace(/:\d+$/, '');
  return host === '[::1]' || (isIPv4(host) && host.startsWith('127.'));
}
