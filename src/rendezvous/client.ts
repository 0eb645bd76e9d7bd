import { checkId, checkName, checkRecord } from '../discovery/check-record.js';
import type { InstanceRecord } from '../discovery/record.js';
import {
  functionOf,
  isFunction,
  releaseFunction,
  remoteSide,
} from '../discovery/rendezvous/remote-side.js';
import type { Far } from '../discovery/rendezvous/wire.js';
import { type ContextScope, contextOf } from '../protocol/context.js';
import type { AnyFunction } from '../protocol/encode.js';
import { options } from '../protocol/options.js';
import { type HubLimits, hubTimes } from './hub-limits.js';
import { messageOf } from '../protocol/encode.js';
import type { Accept, Entry, Party } from './party.js';
import { refusal } from './refusal.js';
import type { Registry } from './registry.js';
import type { Tell } from './topic.js';
import type { Dials } from './dials.js';

/** Whether each of these versions is in a range. Throws, or rejects with, ERR_RANGE. */
export type Match = (
  range: string,
  versions: readonly string[],
) => readonly boolean[] | Promise<readonly boolean[]>;

export interface ClientOptions {
  readonly party: Party;
  readonly limits: HubLimits;
  readonly registry: Registry;
  readonly dials: Dials;
  readonly match: Match;
  readonly scope: ContextScope;
  /** Where clients are asked who they are: a ticket to an instance, for a connection of its own. */
  readonly ticket?: ((id: string) => string) | undefined;
  /** Whether the hub takes on nothing new. */
  leaving(): boolean;
}

/** What one client calls (wire.ts says what): everything that it gives is looked at. */
export class Client {
  readonly #options: ClientOptions;
  readonly #stops = new Set<() => void>();
  #gone = false;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** The functions that the client gets; `this` is nothing to them. */
  get api(): Record<string, AnyFunction> {
    const { ticket } = this.#options;
    return {
      ...(ticket && { ticket: (id: unknown) => this.#ticket(ticket, id) }),
      announce: (record, key, accept) => this.#announce(record, key, accept),
      browse: (name, listener, form) => this.#browse(name, listener, form),
      dial: (id, near) => this.#dial(id, near),
      signal: (dial, data) => this.#options.dials.signal(this.#options.party, dial, data),
      match: (range, versions) => this.#match(range, versions),
      stay: () => this.#options.party.quiet(),
    };
  }

  #announce(given: unknown, key: unknown, accept: unknown): object {
    this.#begin();
    const { party, limits, registry } = this.#options;
    const record = checkRecord(given);
    const size = this.#sizeOf(record);
    if (typeof key !== 'string' || key.length < 16 || key.length > 128) {
      throw refusal('ERR_DATA', 'a key has 16 to 128 characters');
    }
    const known = registry.get(record.id);
    if (known?.owner !== party && party.entries.size >= limits.records) {
      throw refusal('ERR_LIMIT', `a client announces at most ${limits.records} records`);
    }
    const answer = isFunction(accept) ? acceptOf(accept) : undefined;
    const entry: Entry = registry.announce(party, { record, size, key, accept: answer });
    return {
      update: (next: unknown) => {
        party.spend();
        const checked = checkRecord(next);
        registry.update(entry, checked, this.#sizeOf(checked));
      },
      withdraw: () => {
        registry.withdraw(entry);
        if (isFunction(accept)) releaseFunction(accept);
      },
    };
  }

  #sizeOf(record: InstanceRecord): number {
    const { record: most } = this.#options.limits;
    const size = JSON.stringify(record).length;
    if (size > most) throw refusal('ERR_LIMIT', `a record has at most ${most} characters`);
    return size;
  }

  #browse(given: unknown, listener: unknown, form: unknown): () => void {
    this.#begin();
    const { party, limits, registry } = this.#options;
    const name = given === null || given === undefined ? undefined : checkName(given);
    if (!isFunction(listener)) throw refusal('ERR_DATA', 'a listener is a function');
    if (party.subscriptions >= limits.subscriptions) {
      throw refusal('ERR_LIMIT', `a client browses for at most ${limits.subscriptions} names`);
    }
    party.subscriptions++;
    // Who is slow is told less; it is not given up.
    const patient = options(listener, { deadline: Infinity });
    const tell: Tell = (batch, about) =>
      Promise.resolve(patient(form === 'text' ? batch.text : batch.events, about));
    const end = registry.browse(name, tell);
    const stop = (): void => {
      if (!this.#stops.delete(stop)) return;
      party.subscriptions--;
      end();
      releaseFunction(listener);
    };
    this.#stops.add(stop);
    return stop;
  }

  async #dial(id: unknown, near: unknown): Promise<Far> {
    this.#begin();
    const { dials, party, scope } = this.#options;
    const { signal } = contextOf(scope);
    return await dials.open(party, checkId(id), remoteSide(near), signal);
  }

  #ticket(give: (id: string) => string, id: unknown): string {
    this.#begin();
    return give(checkId(id));
  }

  async #match(range: unknown, given: unknown): Promise<readonly boolean[]> {
    this.#options.party.spend();
    const { limits, match } = this.#options;
    const versions: unknown[] | undefined = Array.isArray(given) ? given : undefined;
    if (typeof range !== 'string' || versions === undefined || !versions.every(isText)) {
      throw refusal('ERR_DATA', 'a range is a string, and the versions are a list of strings');
    }
    const long = [range, ...versions].some((text) => text.length > limits.version);
    if (versions.length > limits.versions || long) {
      throw refusal('ERR_LIMIT', 'these are too many versions, or they are too long');
    }
    return await match(range, versions);
  }

  /** One more call that asks for something new. */
  #begin(): void {
    if (this.#gone || this.#options.leaving()) {
      throw refusal('ERR_STATE', 'this rendezvous is leaving');
    }
    this.#options.party.spend();
  }

  /** Its session is over, and so is all that it had here. */
  end(): void {
    this.#gone = true;
    const { party, registry } = this.#options;
    for (const entry of [...party.entries]) registry.withdraw(entry);
    for (const stop of [...this.#stops]) stop();
    party.leave();
  }
}

function acceptOf(accept: AnyFunction): Accept {
  // Longer than it is waited for, so that who answers late is told that it is over.
  const ask = options(accept, { deadline: 2 * hubTimes.answer });
  return async (info, near) => {
    const answer = await ask(info, near);
    try {
      return remoteSide(answer);
    } catch (error) {
      // What it gave is of no use, and nobody holds it.
      for (const name of ['receive', 'end', 'signal']) {
        const fn = functionOf(answer, name);
        if (fn !== undefined) releaseFunction(fn);
      }
      throw refusal('ERR_CONNECT', `it answered with something else: ${messageOf(error)}`, error);
    }
  };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
