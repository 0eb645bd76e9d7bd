import type { Clock } from '../clock.js';
import type { FarSide } from '../discovery/rendezvous/remote-side.js';
import type { DialInfo, Far } from '../discovery/rendezvous/wire.js';
import { DserviceError, type ErrorCode } from '../errors.js';
import { messageOf } from '../protocol/encode.js';
import { Dial } from './dial.js';
import { hubTimes, type HubLimits } from './hub-limits.js';
import type { Entry, Party } from './party.js';
import { refusal } from './refusal.js';
import type { Registry } from './registry.js';

export interface DialsOptions {
  readonly clock: Clock;
  readonly limits: HubLimits;
  readonly registry: Registry;
}

/** Why an instance did not answer that its caller is told as it is. */
const told: readonly ErrorCode[] = ['ERR_BUSY', 'ERR_LIMIT', 'ERR_NO_INSTANCE', 'ERR_TIMEOUT'];

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
   * meanwhile), ERR_TIMEOUT, ERR_LIMIT, ERR_BUSY. `signal`: who dials has given up.
   */
  async open(from: Party, instance: string, near: FarSide, signal?: AbortSignal): Promise<Far> {
    const { clock, registry } = this.#options;
    const entry = registry.get(instance);
    let giveUp: (why: DserviceError) => void = () => {};
    const over = new Promise<never>((_, reject) => (giveUp = reject));
    // It may come when nobody waits any more.
    over.catch(() => {});
    let dial: Dial;
    try {
      dial = this.#begin(from, entry, instance, near, giveUp);
    } catch (error) {
      near.release();
      throw error;
    }
    signal?.addEventListener('abort', () => dial.finish('who dialled gave up'));
    const late = refusal('ERR_TIMEOUT', `no answer within ${hubTimes.answer} ms`);
    const stopTimer = clock.after(hubTimes.answer, () => giveUp(late), true);
    try {
      const info = { dial: dial.id, instance, ...from.stamp };
      const owner = await Promise.race([over, ask(dial, entry, info)]);
      return { dial: dial.id, ...owner.stamp, ...dial.ofCaller };
    } catch (error) {
      dial.finish(messageOf(error));
      throw notAnswered(instance, error);
    } finally {
      stopTimer();
    }
  }

  #begin(
    from: Party,
    entry: Entry | undefined,
    instance: string,
    near: FarSide,
    onOver: (why: DserviceError) => void,
  ): Dial {
    const { clock, limits, registry } = this.#options;
    if (entry === undefined) {
      const error = refusal('ERR_NO_INSTANCE', `${instance} is not announced here`);
      const settling = registry.settling(instance);
      throw settling > 0 ? Object.assign(error, { settling }) : error;
    }
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
      onOver: (why) => {
        this.#open.delete(id);
        onOver(why);
      },
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

/** The dial with its answer, and who gave it. One that comes too late is told so. */
async function ask(dial: Dial, entry: Entry | undefined, info: DialInfo): Promise<Party> {
  // Beyond the call of who dials: its deadline is not that of the answer.
  await Promise.resolve();
  if (entry?.accept === undefined) throw refusal('ERR_CONNECT', 'it is gone');
  dial.attach(await entry.accept(info, dial.ofAnswerer));
  return entry.owner;
}

function notAnswered(instance: string, cause: unknown): DserviceError {
  const code = DserviceError.is(cause) ? cause.code : undefined;
  const text = `${instance} did not answer: ${messageOf(cause)}`;
  if (code === 'ERR_DEADLINE') return refusal('ERR_TIMEOUT', text, cause);
  return refusal(code !== undefined && told.includes(code) ? code : 'ERR_CONNECT', text, cause);
}
