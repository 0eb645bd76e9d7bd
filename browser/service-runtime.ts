import { lazyDirect } from '../src/channel/lazy-direct.js';
import { systemClock } from '../src/clock.js';
import type { Discovery } from '../src/discovery/discovery.js';
import { mergeDiscoveries } from '../src/discovery/merge.js';
import { DserviceError } from '../src/errors.js';
import { AskingMatcher } from '../src/service/asking-matcher.js';
import { lazyWatch } from '../src/service/lazy-watch.js';
import { noRange } from '../src/service/name.js';
import { rendezvousOf, webrtcOptions } from '../src/service/rendezvous.js';
import type { ServiceOptions } from '../src/service/service-options.js';
import type { ServiceRuntime } from '../src/service/service-runtime.js';
import { asWebSocket, reachable } from './reachable.js';
import { browserRuntime } from './runtime.js';

/** What a page needs to find services, and to be found. */
export function browserServiceRuntime(): ServiceRuntime<object> {
  return {
    ...browserRuntime,
    matcher: (discovery) =>
      new AskingMatcher(
        (range, versions) => discovery().match?.(range, versions) ?? matchHere(range, versions),
        systemClock,
      ),
    reach: 'lan',
    discover: (_, options) => discover(options),
    merge: (discoveries) => mergeDiscoveries({ discoveries, clock: systemClock }),
    // One port of a service takes dnode and WebSockets, so what a page cannot dial it asks for as one.
    connect: (endpoint, options) => browserRuntime.connect(asWebSocket(endpoint), options),
    reachable,
    // It has no address: it is reached by those who carry to it.
    listen: () => Promise.resolve({ endpoints: [], close: () => Promise.resolve() }),
    place: (options) => options,
    watchCycle: (options) =>
      lazyWatch(options, async () => (await import('../src/service/cycle-watch.js')).CycleWatch),
    onShutdown,
  };
}

/** By the rendezvous that are named, or the one of the page's own origin. */
function discover(options: ServiceOptions): Discovery {
  const direct =
    options.webrtc === false || typeof RTCPeerConnection === 'undefined'
      ? undefined
      : lazyDirect(async () => (await import('./webrtc.js')).webrtc(webrtcOptions(options)));
  const places = options.rendezvous ?? ownOrigin();
  const all = rendezvousOf(places, options, browserRuntime, direct);
  const [only] = all;
  return all.length === 1 && only !== undefined
    ? only
    : mergeDiscoveries({ discoveries: all, clock: systemClock });
}

/** Throws ERR_OPTION for a page that has none: one of a file, or in a sandbox. */
export function ownOrigin(): string {
  // Not `location.origin`, which is that of the address also where the page is in a sandbox.
  const { origin } = globalThis;
  if (/^https?:/.test(origin)) return origin;
  const text = `this page has the origin ${origin}, where no rendezvous is: name one, as { rendezvous: 'wss://…' }`;
  throw new DserviceError('ERR_OPTION', text);
}

/** Where nobody can be asked, semver is loaded after all. */
export async function matchHere(range: string, versions: readonly string[]): Promise<boolean[]> {
  const { semverMatcher } = await import('../src/service/range.js');
  if (!semverMatcher.isRange(range)) throw noRange(range);
  return versions.map((version) => semverMatcher.satisfies(version, range));
}

/** When the page goes, unless it may come back as it was. */
function onShutdown(stop: (time?: number) => Promise<void>): () => void {
  const leave = ({ persisted }: PageTransitionEvent): void => {
    // There is time for what happens at once.
    if (!persisted) void stop(0);
  };
  addEventListener('pagehide', leave);
  return () => removeEventListener('pagehide', leave);
}
