import { systemClock } from '../src/clock.js';
import { DserviceError } from '../src/errors.js';
import { defaultLimits } from '../src/limits.js';
import { bridge } from '../src/rendezvous/bridge.js';
import { Hub } from '../src/rendezvous/hub.js';
import { rendezvousOf } from '../src/service/rendezvous.js';
import type { Logger } from '../src/service/runtime.js';
import type { RendezvousPlace } from '../src/service/service-options.js';
import { connections } from './connections.js';
import { browserRuntime } from './runtime.js';
import { matchHere, ownOrigin } from './service-runtime.js';

export interface ShareOptions {
  /** The rendezvous that all tabs share a connection to; their own origin's without it. False: none. */
  readonly rendezvous?: RendezvousPlace | false;
  readonly logger?: Logger;
}

/** A rendezvous within a SharedWorker. */
export interface Shared {
  close(): Promise<void>;
}

/**
 * Makes a SharedWorker the rendezvous of all tabs: they meet in it, and it holds one connection to the
 * rendezvous beyond for all of them. In the worker, before its first `await`: `shareRendezvous()`; in the
 * tabs: `dservice({ rendezvous: () => new SharedWorker(url, { type: 'module' }).port })`. Tabs of
 * it find direct channels to each other; what goes beyond is relayed, since workers know no WebRTC. Throws ERR_OPTION.
 */
export function shareRendezvous(options: ShareOptions = {}): Shared {
  const { rendezvous = ownOrigin(), logger = console } = options;
  const [beyond] =
    rendezvous === false ? [] : rendezvousOf(rendezvous, { logger }, browserRuntime, undefined);
  const hub = new Hub({
    clock: systemClock,
    logger,
    match: (range, versions) => beyond?.match?.(range, versions) ?? matchHere(range, versions),
  });
  const joined =
    beyond &&
    bridge(hub, beyond, {
      logger,
      // A tab has no address; beyond the bridge it is reached by way of this worker.
      endpointsOf: (record) => record.endpoints,
      async connect({ endpoints }) {
        const endpoint = endpoints.find((each) => beyond.reaches?.(each));
        if (endpoint === undefined || beyond.connect === undefined) {
          throw new DserviceError('ERR_NO_INSTANCE', 'the rendezvous beyond does not carry to it');
        }
        return await beyond.connect(endpoint, { timeout: 5_000 });
      },
    });
  const listening = connections().listenWith(
    { clock: systemClock, limits: defaultLimits, logger },
    (channel) => hub.accept(channel),
  );
  return {
    async close() {
      await (await listening).close();
      await joined?.close();
      await beyond?.close();
      await hub.close();
    },
  };
}
