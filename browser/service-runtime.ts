import { mergeDiscoveries } from '../src/discovery/merge.js';
import { systemClock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';
import { semverMatcher } from '../src/service/range.js';
import type { ServiceRuntime } from '../src/service/service-runtime.js';
import { browserRuntime } from './runtime.js';

/** What a page needs to find services. Kept apart, so that a page that only dials carries no semver. */
export function browserServiceRuntime(): ServiceRuntime<object> {
  return {
    ...browserRuntime,
    matcher: semverMatcher,
    reach: 'lan',
    discover() {
      const text =
        'a page finds nothing by itself: give `discovery`, as staticDiscovery({ instances })';
      throw new DserviceError('ERR_OPTION', text);
    },
    merge: (discoveries) => mergeDiscoveries({ discoveries, clock: systemClock }),
    // One port of a service takes dnode and WebSockets, so what a page cannot dial it asks for as one.
    connect: (endpoint, options) =>
      browserRuntime.connect(endpoint.replace(/^tcp:/, 'ws:').replace(/^tls:/, 'wss:'), options),
    reachable: (endpoint) => /^(tcp|tls|wss?):/.test(endpoint),
    place: (options) => options,
    onShutdown: () => () => {},
  };
}
