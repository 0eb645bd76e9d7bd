import type { Clock } from '../clock.js';
import type { FarSide } from '../discovery/rendezvous/remote-side.js';
import type { Far } from '../discovery/rendezvous/wire.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import { Dial } from './dial.js';
import type { HubLimits } from './hub-limits.js';
import type { Entry, Party } from './party.js';
import { refusal } from './refusal.js';
import type { Registry } from './registry.js';

export interface DialsOptions {
  readonly clock: Clock;
  readonly limits: HubLimits;
  readonly registry: Registry;
}

/** Why an instance did not answer that its caller is told as it is. */
const told: readonly ErrorCode[] = ['ERR_BUSY', 'ERR_LIMIT', 'ERR_NO_INSTANCE'];

/** The dials that go through a hub. */
export class Dials {
  readonly #options: DialsOptions;
  readonly #open = new Map<string, Dial>();
  #last = 0;
  /** Characters that were relayed since the hub began. */
  relayed = 0;

  constructor(options: DialsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#open.size;
  }

  /**
   * Dials an instance. Rejects with ERR_NO_INSTANCE, ERR_CONNECT (it cannot be dialled, or went
   * meanwhile), ERR_TIMEOUT, ERR_LIMIT, ERR_BUSY, and what it answered with.
   */
  async open(from: Party, instance: string, near: FarSide): Promise<Far> {
    const entry = this.#options.registry.get(instance);
    let dial: Dial;
    try {
      dial = this.#begin(from, entry, instance, near);
    } catch (error) {
      near.release();
      throw error;
    }
    const { owner, accept } = entry ?? {};
    try {
      const info = { dial: dial.id, instance, ...from.stamp };
      const far = await accept?.(info, dial.ofAnswerer);
      if (owner === undefined || far === undefined) throw refusal('ERR_CONNECT', 'it is gone');
      dial.attach(far);
      return { dial: dial.id, ...owner.stamp, ...dial.ofCaller };
    } catch (error) {
      dial.finish(messageOf(error), { party: from });
      throw notAnswered(instance, error);
    }
  }

  #begin(from: Party, entry: Entry | undefined, instance: string, near: FarSide): Dial {
    const { clock, limits } = this.#options;
    if (entry === undefined) throw refusal('ERR_NO_INSTANCE', `${instance} is not announced here`);
    if (entry.accept === undefined) {
      throw refusal('ERR_CONNECT', `${instance} cannot be dialled by way of the rendezvous`);
    }
    const { owner } = entry;
    const full = (party: Party): boolean => !party.local && party.dials.size >= limits.dials;
    if (full(from)) throw refusal('ERR_LIMIT', `a client has at most ${limits.dials} dials`);
    if (full(owner)) throw refusal('ERR_BUSY', `${instance} has ${limits.dials} dials already`);
    const id = `d${++this.#last}`;
    const dial = new Dial(from, near, owner, {
      ...{ id, clock, limits },
      onRelayed: (characters) => (this.relayed += characters),
      onOver: () => this.#open.delete(id),
    });
    this.#open.set(id, dial);
    return dial;
  }

  /** Hands on a signal of one of the two whose dial it is. Throws ERR_REFERENCE for anybody else. */
  signal(by: Party, id: unknown, data: unknown): void {
    const dial = typeof id === 'string' && by.dials.has(id) ? this.#open.get(id) : undefined;
    if (dial !== undefined) return dial.signal(by, data);
    // Counted as well: who guesses is not let guess for nothing.
    by.spend();
    throw refusal('ERR_REFERENCE', 'there is no such dial of yours');
  }
}

function notAnswered(instance: string, cause: unknown): DserviceError {
  const code = DserviceError.is(cause) ? cause.code : undefined;
  const text = `${instance} did not answer: ${messageOf(cause)}`;
  if (code === 'ERR_DEADLINE') return refusal('ERR_TIMEOUT', text, cause);
  return refusal(code !== undefined && told.includes(code) ? code : 'ERR_CONNECT', text, cause);
}
