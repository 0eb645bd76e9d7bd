import type { ServerResponse, IncomingMessage } from 'node:http';
import type { Discovery } from '../../src/discovery/discovery.js';
import { defaultHubLimits, sessionLimits } from '../../src/rendezvous/hub-limits.js';
import { Hub, type HubStats } from '../../src/rendezvous/hub.js';
import { semverMatcher } from '../../src/service/range.js';
import { rendezvousPath } from '../../src/service/rendezvous.js';
import type { Reach } from '../../src/service/service-options.js';
import { nodeClock } from '../clock.js';
import type { Refusal } from '../listen/guard.js';
import type { Entrance } from '../listen/upgrades.js';
import { mdns } from '../mdns/mdns.js';
import { nodeRuntime } from '../runtime.js';
import { doorsBelow, instanceAt, ownDoors } from './doors.js';
import { asked } from '../listen/asked.js';
import { answerHealth, answerMissing } from './health.js';
import { type Multicast, multicast } from './multicast.js';
import { checkRendezvousOptions, type RendezvousOptions } from './options.js';
import { ownPlace, placeOn, type Visitors } from './place.js';
import { refusalLog } from './refusals.js';
import { relays } from './relays.js';

export interface RendezvousStats extends HubStats {
  readonly status: 'up' | 'draining';
  /** Of what it says to its clients. */
  readonly version: string;
  /** Joined with multicast DNS: `off`, `up`, or `degraded: ` and why. */
  readonly mdns: string;
  /** Seconds. */
  readonly uptime: number;
}

/** A rendezvous that runs: pages and programs find each other there, and are carried to each other. */
export interface Rendezvous {
  /** What clients are given. Empty as long as a server that was given does not listen. */
  readonly url: string;
  /** The same for each address, those of loopback first. */
  readonly urls: readonly string[];
  /** Where it is reached, without WebSockets too. */
  readonly endpoints: readonly string[];
  readonly port: number | undefined;
  /** What `GET /rendezvous` answers. */
  stats(): RendezvousStats;
  /**
   * Leaves without failing anybody: takes on nobody, asks its clients to go elsewhere, carries what it
   * carries until that has moved (`time` ms at most; 10,000), and closes. Never rejects.
   */
  stop(time?: number): Promise<void>;
  /** Closes at once. Never rejects. */
  close(): Promise<void>;
  /** Resolves when it is closed. */
  readonly closed: Promise<void>;
  /** As `stop`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Of what clients call (src/discovery/rendezvous/wire.ts). */
const version = '1.0.0';

/**
 * Makes a rendezvous: on a port of its own, or on a server that is there already. It is stopped when the
 * program is told to end, as services are. Rejects with ERR_OPTION, ERR_LISTEN.
 */
export function rendezvous(options: RendezvousOptions = {}): Promise<Rendezvous> {
  return openRendezvous(options, (reach) => mdns({ reach }));
}

/** As `rendezvous`, with the multicast DNS that it is given. */
export async function openRendezvous(
  options: RendezvousOptions,
  discover: (reach: Reach) => Discovery,
): Promise<Rendezvous> {
  checkRendezvousOptions(options);
  const { reach = nodeRuntime.reach, server, path = rendezvousPath, logger = console } = options;
  const { host = reach === 'lan' ? '0.0.0.0' : '127.0.0.1', port, tls, authenticate } = options;
  const { origins, hosts } = options;
  const limits = { ...defaultHubLimits, ...options.limits };
  const { clock, scope, decodeText } = nodeRuntime;
  const hub = new Hub({
    ...{ clock, scope, decodeText, limits, logger, authenticate },
    matcher: semverMatcher,
  });
  const doors = server === undefined ? ownDoors(path) : doorsBelow(path);
  const relay = relays(hub, limits.clients, options.mdns === true);
  const began = nodeClock.now();
  let status: RendezvousStats['status'] = 'up';
  let air: Multicast | undefined;
  let stopping: Promise<void> | undefined;
  let closing: Promise<void> | undefined;
  let tellClosed = (): void => {};
  const closed = new Promise<void>((resolve) => (tellClosed = resolve));

  const stats = (): RendezvousStats => ({
    ...{ status, version, ...hub.stats(), mdns: air?.state ?? 'off' },
    uptime: Math.floor((nodeClock.now() - began) / 1_000),
  });
  const visitors: Visitors = {
    limits: sessionLimits(limits),
    onChannel: (channel) => hub.accept(channel),
    route(request): Entrance | Refusal | Promise<Entrance | Refusal> {
      if (status === 'draining') return { status: 503, text: 'This rendezvous is leaving.' };
      const { path } = asked(request);
      if (doors.clients.includes(path)) return { take: (channel) => hub.accept(channel) };
      const id = instanceAt(path, doors);
      return id === undefined ? { status: 404, text: 'Nobody is here.' } : relay(id, request);
    },
    request(request: IncomingMessage, response: ServerResponse) {
      if (doors.health.includes(asked(request).path)) answerHealth(request, response, stats());
      else answerMissing(response);
    },
  };
  const guard = { origins, hosts, onRefused: refusalLog(logger) };
  const place =
    server === undefined
      ? await ownPlace({ ...guard, host, port, tls }, visitors)
      : placeOn(server, path, guard, visitors);

  const urls = (): string[] => place.addresses.map((address) => address + doors.clients[0]);
  const endpoints = (): string[] => [...place.endpoints, ...urls()];
  const begin = (): void => {
    if (status === 'draining' || options.mdns !== true) return;
    air = multicast({
      ...{ hub, discovery: discover(reach), reach, logger, version, endpoints: endpoints() },
      tls: tls?.ca === undefined ? {} : { ca: tls.ca },
      endpointsOf: (id) => place.addresses.map((address) => `${address}${doors.instances[0]}${id}`),
    });
  };
  if (server === undefined || server.listening) begin();
  else server.once('listening', begin);
  if (server === undefined && reach === 'lan') {
    const open = authenticate === undefined ? ', and any program there may use it' : '';
    logger.warn(
      `dservice: the rendezvous can be reached from the network at ${urls().join(' ')}${open}`,
    );
  }

  /** It is left without a way in. */
  const shut = async (): Promise<void> => {
    status = 'draining';
    forgetShutdown();
    server?.off('listening', begin);
    // Its port is for another one to take, to which the clients go; somebody's server stays, and tells.
    if (server === undefined) await place.close();
  };
  const close = async (): Promise<void> => {
    await shut();
    await place.close();
    await hub.close();
    await air?.retire();
    await air?.close();
    tellClosed();
  };
  const stop = (time?: number): Promise<void> => {
    stopping ??= (async () => {
      await shut();
      await Promise.all([air?.retire(), hub.drain(time)]);
      await (closing ??= close());
    })();
    return stopping;
  };
  const forgetShutdown = nodeRuntime.onShutdown(stop);

  return {
    get url() {
      return urls()[0] ?? '';
    },
    get urls() {
      return urls();
    },
    get endpoints() {
      return endpoints();
    },
    get port() {
      return place.port;
    },
    stats,
    stop,
    close: () => (closing ??= close()),
    closed,
    [Symbol.asyncDispose]: () => stop(),
  };
}
