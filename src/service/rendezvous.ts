import type { Channel } from '../channel/channel.js';
import type { Direct } from '../channel/direct.js';
import { parseEndpoint } from '../channel/endpoint.js';
import type { IceServer } from '../channel/webrtc.js';
import type { Discovery } from '../discovery/discovery.js';
import { rendezvousDiscovery } from '../discovery/rendezvous.js';
import { DserviceError } from '../errors.js';
import { defaultLimits } from '../limits.js';
import type { Runtime } from './runtime.js';
import type { RendezvousPlace, ServiceOptions } from './service-options.js';

/** Where a rendezvous is reached on its server, unless its URL has a path. */
export const rendezvousPath = '/rendezvous';

/** Discovery by each of those rendezvous. Throws ERR_OPTION. */
export function rendezvousOf<At>(
  places: RendezvousPlace | readonly RendezvousPlace[],
  options: Pick<ServiceOptions, 'limits' | 'logger' | 'tls'>,
  runtime: Runtime<At>,
  direct: Direct | undefined,
): Discovery[] {
  const { clock, scope, decodeText } = runtime;
  const limits = { ...defaultLimits, ...options.limits };
  // A list is the only array there can be.
  const list = Array.isArray(places) ? (places as readonly RendezvousPlace[]) : [places];
  return list.map((place, at) => {
    const { url, connect, auth } = reach(place as RendezvousPlace, at);
    return rendezvousDiscovery({
      ...{ url, clock, scope, limits, direct, decodeText, auth },
      ...(options.logger === undefined ? {} : { logger: options.logger }),
      connect,
    });
  });

  function reach(
    place: RendezvousPlace,
    at: number,
  ): { url: string; connect: () => Promise<Channel>; auth?: unknown } {
    if (typeof place !== 'function') {
      const given = typeof place === 'string' ? { url: place } : place;
      const url = rendezvousUrl(given.url);
      const connect = (): Promise<Channel> => runtime.connect(url, { limits, tls: options.tls });
      return { url, connect, auth: given.auth };
    }
    const connect = async (): Promise<Channel> => {
      const channel = runtime.adopt(await place());
      if (channel !== undefined) return channel;
      throw new DserviceError(
        'ERR_OPTION',
        'a function for `rendezvous` gives a port or a channel',
      );
    };
    return { url: `port:${at}`, connect };
  }
}

/** `http:` is read as `ws:`, and no path as the usual one. Throws ERR_OPTION. */
export function rendezvousUrl(text: string): string {
  try {
    const url = new URL(text.replace(/^http(s?):/, 'ws$1:'));
    const web = url.protocol === 'ws:' || url.protocol === 'wss:';
    if (web && url.pathname === '/') url.pathname = rendezvousPath;
    const whole = web ? url.href : text;
    parseEndpoint(whole);
    return whole;
  } catch (cause) {
    const message = `\`rendezvous\`: '${text}' is no URL of one; as wss://example.org`;
    throw new DserviceError('ERR_OPTION', message, { cause });
  }
}

/** What the option `webrtc` says of ICE servers. */
export function webrtcOptions({ webrtc }: ServiceOptions): { iceServers?: readonly IceServer[] } {
  if (typeof webrtc !== 'object' || webrtc.iceServers === undefined) return {};
  // The option's rule has seen to their form.
  return { iceServers: webrtc.iceServers as readonly IceServer[] };
}
