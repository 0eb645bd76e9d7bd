import type { Channel } from '../../channel/channel.js';
import type { Clock } from '../../clock.js';
import { DserviceError } from '../../errors.js';
import type { AnyFunction } from '../../protocol/encode.js';
import { options } from '../../protocol/options.js';
import { type InstanceRecord, sameRecord } from '../record.js';
import type { Link } from './link.js';
import { functionOf, releaseFunction } from './remote-side.js';
import { Upkeep } from './upkeep.js';

export interface AnnouncedOptions {
  readonly clock: Clock;
  readonly logger: { warn(message: string): void };
  readonly key: string;
  readonly accept: ((channel: Channel) => void) | undefined;
  /** Answers one dial, over this link. */
  answer(link: Link, info: unknown, near: unknown): unknown;
}

/** Milliseconds that a goodbye may take. */
const patience = 2_000;

/** What the rendezvous gave for a record. */
interface Handle {
  readonly update: AnyFunction;
  readonly withdraw: AnyFunction;
}

/** One record that this side announces: at each link anew, and told of when it changes. */
export class Announced {
  readonly accept: ((channel: Channel) => void) | undefined;
  record: InstanceRecord;
  readonly #options: AnnouncedOptions;
  readonly #upkeep: Upkeep;
  #link: Link | undefined;
  #handle: Handle | undefined;
  #told: InstanceRecord | undefined;
  #withdrawn = false;

  constructor(record: InstanceRecord, options: AnnouncedOptions) {
    const { clock, logger } = options;
    this.record = record;
    this.accept = options.accept;
    this.#options = options;
    const what = `the record of ${record.name} (${record.id})`;
    this.#upkeep = new Upkeep({ clock, logger, what, step: (link) => this.#step(link) });
  }

  use(link: Link | undefined): void {
    this.#link = link;
    this.#handle = undefined;
    this.#told = undefined;
    this.#upkeep.use(link);
  }

  update(record: InstanceRecord): void {
    this.record = record;
    this.#upkeep.look();
  }

  async #step(link: Link): Promise<boolean> {
    const { record } = this;
    const handle = this.#handle;
    if (handle !== undefined) {
      if (this.#told !== undefined && sameRecord(record, this.#told)) return false;
      await handle.update(record);
      if (this.#link === link) this.#told = record;
      return true;
    }
    const { key, answer } = this.#options;
    const accept = (info: unknown, near: unknown): unknown => answer(link, info, near);
    const given = await link.call('announce', [record, key, this.accept && accept]);
    const [update, withdraw] = [functionOf(given, 'update'), functionOf(given, 'withdraw')];
    if (update === undefined || withdraw === undefined) {
      throw new DserviceError('ERR_MALFORMED', 'it answered with something else');
    }
    if (this.#withdrawn) {
      await withdraw();
      return false;
    }
    if (this.#link !== link) return false;
    this.#handle = { update, withdraw };
    this.#told = record;
    return true;
  }

  /** Resolves when the goodbye was heard, or there is nobody to hear it. */
  async withdraw(): Promise<void> {
    const handle = this.#handle;
    this.#withdrawn = true;
    this.#upkeep.stop();
    this.#handle = undefined;
    if (handle === undefined) return;
    try {
      await options(handle.withdraw, { deadline: patience })();
      releaseFunction(handle.update);
      releaseFunction(handle.withdraw);
    } catch {
      // It is gone then: with the link, if not before.
    }
  }
}
