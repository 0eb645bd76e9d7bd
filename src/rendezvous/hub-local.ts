import type { Channel } from '../channel/channel.js';
import type { Clock } from '../clock.js';
import type { Announcement } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';
import { type Relayed, relayedChannel } from '../discovery/rendezvous/relayed-channel.js';
import type { FarSide } from '../discovery/rendezvous/remote-side.js';
import type { About, DialInfo, HubEvent, RelaySide, Stamp } from '../discovery/rendezvous/wire.js';
import { DserviceError } from '../errors.js';
import { defaultLimits } from '../limits.js';
import type { Dials } from './dials.js';
import type { Accept, Entry, Party } from './party.js';
import type { Registry } from './registry.js';

/** For whom a channel is made. */
export type From = Partial<Stamp>;

export interface HubLocalOptions {
  readonly clock: Clock;
  readonly party: Party;
  readonly registry: Registry;
  readonly dials: Dials;
  /** Another one who takes part, for whom something is dialled. */
  partyFor(from: From): Party;
}

/**
 * How a part of the hub's own program takes part, without a connection: a bridge to another discovery.
 * What it announces is marked `bridged`.
 */
export class HubLocal {
  readonly #options: HubLocalOptions;
  readonly #stops = new Set<() => void>();
  #keys = 0;

  constructor(options: HubLocalOptions) {
    this.#options = options;
  }

  /**
   * Announces a record; `accept` gets a channel for each dial, and who dials. The dial is answered when it
   * has done with it, and refused with what it throws. Throws ERR_AUTH for an id that somebody else
   * announces.
   */
  announce(
    first: InstanceRecord,
    accept?: (channel: Channel, from: DialInfo) => void | Promise<void>,
  ): Announcement {
    const { registry, party } = this.#options;
    const entry: Entry = registry.announce(party, {
      record: first,
      size: sizeOf(first),
      // Within the program nobody lies: it is told apart, not kept.
      key: `${party.id}.${++this.#keys}`,
      accept: accept && this.#acceptOf(accept),
    });
    return {
      update: (record) => registry.update(entry, record, sizeOf(record)),
      withdraw() {
        registry.withdraw(entry);
        return Promise.resolve();
      },
    };
  }

  /** Tells of a name, or of all, the beginning at once: as clients are told, but synchronously. */
  browse(
    name: string | undefined,
    listener: (events: readonly HubEvent[], about: About) => void,
  ): () => void {
    // One that throws is told on, as clients are.
    const end = this.#options.registry.browse(name, async ({ events }, about) =>
      listener(events, about),
    );
    const stop = (): void => {
      this.#stops.delete(stop);
      end();
    };
    this.#stops.add(stop);
    return stop;
  }

  /** A channel to an instance of a client, for somebody. Rejects as `Dials.open` does. */
  async connect(instance: string, from: From = {}): Promise<Channel> {
    const { dials, partyFor } = this.#options;
    const relayed = this.#channel();
    const {
      dial: _dial,
      client: _client,
      ...far
    } = await dials.open(partyFor(from), instance, sideOf(relayed.near));
    relayed.attach(sideOf(far), far);
    return relayed.channel;
  }

  #acceptOf(accept: (channel: Channel, from: DialInfo) => void | Promise<void>): Accept {
    return async (info, near) => {
      const relayed = this.#channel();
      relayed.attach(sideOf(near), info);
      await accept(relayed.channel, info);
      return sideOf(relayed.near);
    };
  }

  #channel(): Relayed {
    return relayedChannel({ clock: this.#options.clock, limit: defaultLimits.line + 64 * 1024 });
  }

  /** Withdraws and ends all that it has. */
  close(): void {
    const { party, registry } = this.#options;
    for (const entry of [...party.entries]) registry.withdraw(entry);
    for (const stop of [...this.#stops]) stop();
    party.leave();
  }
}

/** What is in this program, as something that may be far. */
function sideOf(side: RelaySide): FarSide {
  const attempt = async (act: () => unknown): Promise<unknown> => act();
  const quiet = (act: () => unknown): Promise<unknown> =>
    attempt(act).catch((error: unknown) => {
      if (!DserviceError.is(error)) throw error;
    });
  return {
    direct: false,
    receive: (text, more) => attempt(() => side.receive(text, more)),
    end: () => quiet(() => side.end()),
    signal: (data) => void quiet(() => side.signal(data)),
    release() {},
    drop(reason) {
      if (reason !== undefined) void quiet(() => side.end(reason));
    },
  };
}

function sizeOf(record: InstanceRecord): number {
  return JSON.stringify(record).length;
}
