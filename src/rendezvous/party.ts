import type { Clock } from '../clock.js';
import type { InstanceRecord } from '../discovery/record.js';
import type { FarSide } from '../discovery/rendezvous/remote-side.js';
import type { DialInfo, RelaySide, Stamp } from '../discovery/rendezvous/wire.js';
import { Bucket } from './bucket.js';
import type { HubLimits } from './hub-limits.js';
import { refusal } from './refusal.js';

/** Asks who announced an instance to answer a dial. Rejects where it does not. */
export type Accept = (info: DialInfo, near: RelaySide) => Promise<FarSide>;

/** A record that is announced, and by whom. */
export interface Entry {
  record: InstanceRecord;
  /** Characters of the record, about. */
  size: number;
  readonly owner: Party;
  readonly key: string;
  readonly accept: Accept | undefined;
}

/** Something that ends when one who takes part is gone. */
export interface Shared {
  lose(party: Party): void;
}

export interface PartyOptions {
  readonly id: string;
  readonly clock: Clock;
  readonly limits: HubLimits;
  /** A part of the hub's own program: no stranger, so it has no bounds. */
  readonly local: boolean;
  readonly origin?: string | undefined;
  readonly address?: string | undefined;
}

/** One who takes part in a hub: a client, or a part of the hub's own program. */
export class Party {
  readonly id: string;
  /** It is a page, of that origin. */
  readonly origin: string | undefined;
  readonly address: string | undefined;
  readonly local: boolean;
  readonly entries = new Set<Entry>();
  readonly dials = new Map<string, Shared>();
  subscriptions = 0;
  /** Relayed characters that it was sent and has not taken. */
  outstanding = 0;
  readonly #bucket: Bucket;
  readonly #waiting = new Set<() => void>();

  constructor({ id, clock, limits, local, origin, address }: PartyOptions) {
    this.id = id;
    this.local = local;
    this.origin = origin;
    this.address = address;
    this.#bucket = new Bucket(clock, limits.calls, limits.burst);
  }

  /** What others are told of it. */
  get stamp(): { client: string } & Partial<Stamp> {
    const { id, origin, address } = this;
    return {
      client: id,
      ...(origin === undefined ? {} : { origin }),
      ...(address === undefined ? {} : { address }),
    };
  }

  /** One more call of its. Throws ERR_BUSY for too many. */
  spend(): void {
    if (this.local || this.#bucket.take()) return;
    throw refusal('ERR_BUSY', 'these are more calls than one client may make');
  }

  removeDial(id: string): void {
    this.dials.delete(id);
    if (this.dials.size === 0) this.#tell();
  }

  /** Resolves when it has no dial any more. */
  quiet(): Promise<void> {
    if (this.dials.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  /** It is gone, and so is what it shared with others. */
  leave(): void {
    for (const shared of [...this.dials.values()]) shared.lose(this);
    this.#tell();
  }

  #tell(): void {
    for (const tell of this.#waiting) tell();
    this.#waiting.clear();
  }
}
