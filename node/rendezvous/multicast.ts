import { randomBytes } from 'node:crypto';
import type { ConnectionOptions } from 'node:tls';
import type { Announcement, Discovery } from '../../src/discovery/discovery.js';
import type { InstanceRecord } from '../../src/discovery/record.js';
import { bridge, type Bridge } from '../../src/rendezvous/bridge.js';
import type { Hub } from '../../src/rendezvous/hub.js';
import type { Logger } from '../../src/service/runtime.js';
import type { Reach } from '../../src/service/service-options.js';
import { nodeClock } from '../clock.js';
import { beyond } from './beyond.js';
import { dialHeard } from './dial-heard.js';

export interface MulticastOptions {
  readonly hub: Hub;
  readonly discovery: Discovery;
  readonly reach: Reach;
  readonly tls?: ConnectionOptions | undefined;
  readonly logger: Logger;
  /** Where the rendezvous itself is reached. */
  readonly endpoints: readonly string[];
  readonly version: string;
  /** Where an instance of a client is reached. */
  endpointsOf(id: string): readonly string[];
}

/** A rendezvous on the air. */
export interface Multicast {
  /** `up`, or `degraded` and why. */
  readonly state: string;
  /** Says goodbye, for itself and its clients. What goes over the bridge goes on. */
  retire(): Promise<void>;
  close(): Promise<void>;
}

/** Announces a rendezvous by multicast DNS, and joins its clients and what is heard there. */
export function multicast(options: MulticastOptions): Multicast {
  const { hub, discovery, reach, tls, logger, endpoints, version, endpointsOf } = options;
  const outside = beyond(discovery, nodeClock);
  const joined: Bridge = bridge(hub, outside, {
    logger,
    // Who has an address announces it. Pages have none, nor has who listens nowhere.
    endpointsOf({ id, endpoints: own }) {
      const ways = own.length > 0 ? [] : endpointsOf(id);
      return ways.length === 0 ? undefined : ways;
    },
    // Never what a client announced: only what was heard.
    connect: ({ id }, from) => dialHeard(outside.heard(id), from, { reach, tls }),
  });
  const record: InstanceRecord = {
    ...{ id: randomBytes(8).toString('hex'), name: 'rendezvous', version, endpoints },
    ...{ state: 'up', relies: [] },
  };
  const announcement: Announcement = discovery.announce(record);
  return {
    get state() {
      const { degraded } = discovery;
      return degraded === undefined ? 'up' : `degraded: ${degraded.message}`;
    },
    async retire() {
      await Promise.all([announcement.withdraw(), outside.retire()]);
    },
    async close() {
      await joined.close();
      await discovery.close();
    },
  };
}
