import type { Channel } from '../channel/channel.js';
import { pipe } from '../channel/pipe.js';
import type { Announcement, Discovery, DiscoveryEvent } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';
import type { HubEvent } from '../discovery/rendezvous/wire.js';
import { DserviceError } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import type { Logger } from '../service/runtime.js';
import type { Hub } from './hub.js';
import type { From } from './hub-local.js';

export interface BridgeOptions {
  /** Where a client's instance is reached by those beyond the bridge; undefined: it is not shown to them. */
  endpointsOf(record: InstanceRecord): readonly string[] | undefined;
  /** A channel to an instance that was heard of beyond the bridge, for a client of the hub. */
  connect(record: InstanceRecord, from: From): Promise<Channel>;
  readonly logger?: Logger;
}

export interface Bridge {
  /** Withdraws what it announced on both sides. The discovery is not closed. */
  close(): Promise<void>;
}

/** A client's record, as it is announced beyond the bridge. */
interface Shown {
  readonly announcement: Announcement;
  readonly dial: boolean;
  /** It was withdrawn: what is still heard of it is old. */
  gone: boolean;
}

/**
 * Joins a hub and a discovery. What clients of the hub announce is announced in the discovery, and who
 * connects there is piped to a dial; what the discovery hears is announced in the hub, and who dials it
 * is piped to `connect`. What came over the bridge does not go back: an id is announced on one side of
 * it by others, or by the bridge, and never by both.
 */
export function bridge(hub: Hub, discovery: Discovery, options: BridgeOptions): Bridge {
  const { endpointsOf, connect, logger = console } = options;
  const local = hub.local();
  const shown = new Map<string, Shown>();
  const heard = new Map<string, InstanceRecord>();
  const offered = new Map<string, Announcement>();

  function join(near: Channel, far: Promise<Channel>): void {
    far.then(
      (channel) => pipe(near, channel),
      (error: unknown) => {
        logger.warn(`dservice: nobody was reached over the bridge: ${messageOf(error)}`);
        near.destroy();
      },
    );
  }

  /** A client of the hub says so. */
  function show(event: HubEvent): void {
    const { record, dial } = event;
    const { id } = record;
    const known = shown.get(id);
    const endpoints = endpointsOf(record);
    if (endpoints === undefined || heard.has(id)) return hide(id);
    const there = { ...record, endpoints };
    if (known !== undefined && !known.gone && known.dial === dial) {
      return known.announcement.update(there);
    }
    if (known !== undefined && !known.gone) void known.announcement.withdraw();
    const accept = (channel: Channel): void => join(channel, hub.connect(id, channel.peer));
    const announcement = dial ? discovery.announce(there, accept) : discovery.announce(there);
    shown.set(id, { announcement, dial, gone: false });
  }

  function hide(id: string): void {
    const known = shown.get(id);
    if (known === undefined || known.gone) return;
    known.gone = true;
    void known.announcement.withdraw();
  }

  /** The discovery says so. */
  function hear({ type, record }: DiscoveryEvent): void {
    const { id } = record;
    const mine = shown.get(id);
    if (mine !== undefined) {
      if (mine.gone && type === 'down') shown.delete(id);
      return;
    }
    if (type !== 'down') {
      heard.set(id, record);
      return offer(record);
    }
    heard.delete(id);
    void offered.get(id)?.withdraw();
    offered.delete(id);
  }

  function offer(record: InstanceRecord): void {
    const { id } = record;
    const known = offered.get(id);
    if (known !== undefined) return known.update(record);
    try {
      // Who dials is told why nobody was reached.
      const announcement = local.announce(record, async (channel, from) =>
        pipe(channel, await connect(heard.get(id) ?? record, from)),
      );
      offered.set(id, announcement);
    } catch (error) {
      // A client of the hub announces it too: offered when that one is gone.
      if (!DserviceError.is(error)) throw error;
    }
  }

  /** A client of the hub says so no more. */
  function gone(id: string): void {
    hide(id);
    const elsewhere = heard.get(id);
    if (elsewhere !== undefined && !offered.has(id)) offer(elsewhere);
  }

  let told = new Set<string>();
  const stopHub = local.browse(undefined, (events, { snapshot, first, more }) => {
    if (first === true) told = new Set();
    for (const event of events) {
      const { type, record, bridged } = event;
      if (bridged === true) continue;
      if (snapshot === true) told.add(record.id);
      if (type === 'down') gone(record.id);
      else show(event);
    }
    if (snapshot !== true || more === true) return;
    for (const id of [...shown.keys()]) if (!told.has(id)) gone(id);
  });
  const stopDiscovery = discovery.browse(undefined, hear);

  return {
    async close() {
      stopHub();
      stopDiscovery();
      local.close();
      const leaving = [...shown.values()].filter(({ gone }) => !gone);
      await Promise.all(leaving.map(({ announcement }) => announcement.withdraw()));
    },
  };
}
