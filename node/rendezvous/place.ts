import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Channel } from '../../src/channel/channel.js';
import type { Limits } from '../../src/limits.js';
import { nodeClock } from '../clock.js';
import { listen, type ListenOptions } from '../listen.js';
import { webSocketAddresses } from '../listen/addresses.js';
import { createGuard, type GuardOptions } from '../listen/guard.js';
import { intercept } from '../listen/intercept.js';
import { refuseRequest } from '../listen/refuse.js';
import { createUpgrades, type Route } from '../listen/upgrades.js';

/** Where a rendezvous listens. */
export interface Place {
  /** Its addresses as `ws://host:port`, those of loopback first; none, as long as a server does not listen. */
  readonly addresses: readonly string[];
  /** Where it speaks dnode without WebSockets. */
  readonly endpoints: readonly string[];
  readonly port: number | undefined;
  /** Nothing new comes from here on. */
  close(): Promise<void>;
}

/** What comes to it. */
export interface Visitors {
  readonly limits: Limits;
  readonly route: Route;
  request(request: IncomingMessage, response: ServerResponse): void;
  onChannel(channel: Channel): void;
}

/** A server of its own. Rejects with ERR_LISTEN, ERR_OPTION. */
export async function ownPlace(
  at: Pick<ListenOptions, 'host' | 'port' | 'tls' | keyof GuardOptions>,
  { limits, route, request, onChannel }: Visitors,
): Promise<Place> {
  const listener = await listen({ ...at, clock: nodeClock, limits, route, request }, onChannel);
  const { endpoints, port } = listener;
  return {
    endpoints,
    port,
    addresses: endpoints.map((endpoint) =>
      endpoint.replace(/^tcp:/, 'ws:').replace(/^tls:/, 'wss:'),
    ),
    close: () => listener.close(),
  };
}

/** Somebody's server, below a path. Throws ERR_OPTION. */
export function placeOn(
  server: Server,
  path: string,
  guardOptions: GuardOptions,
  { limits, route, request }: Visitors,
): Place {
  const guard = createGuard(guardOptions);
  const detach = intercept(server, {
    path,
    request(incoming, response) {
      const refusal = guard(incoming);
      if (refusal === undefined) return request(incoming, response);
      refuseRequest(response, refusal.status, refusal.text);
    },
    upgrade: createUpgrades({ clock: nodeClock, limits, guard, route }),
  });
  return {
    endpoints: [],
    get port() {
      const address = server.address();
      return typeof address === 'object' ? address?.port : undefined;
    },
    get addresses() {
      return webSocketAddresses(server);
    },
    close() {
      detach();
      return Promise.resolve();
    },
  };
}
