import { DserviceError } from '../errors.js';
import { check, isObject, type Rule } from '../rules.js';
import { packed } from './data.js';
import { type Duration, finiteMsOf, msOf } from './duration.js';
import type { Ids } from './ids.js';
import { checkName } from './name.js';
import { refOf } from './ref.js';
import type { Steps } from './steps.js';
import type { Entry, Packed, Store } from './store.js';

export interface PushOptions {
  /** A command that is known by its id already is not pushed again. Without one, we make one. */
  readonly id?: string;
  /** Those with the same key are worked on one at a time, in order. */
  readonly key?: string;
  /** How long it waits before it takes its place. */
  readonly delay?: Duration;
}

export interface PushItem extends PushOptions {
  readonly queue: string;
  readonly data?: unknown;
}

export interface Taken {
  readonly id: string;
  readonly entry: Entry;
}

const anything: Rule = { says: '', ok: () => true };
const rules: Readonly<Record<keyof PushItem, Rule>> = {
  queue: anything,
  data: anything,
  id: anything,
  key: anything,
  delay: anything,
};

/** Looks at what is pushed before anything is stored, and makes entries of it. */
export class Intake {
  readonly #ids: Ids;
  readonly #steps: Steps;
  readonly #maxData: number;

  constructor(ids: Ids, steps: Steps, maxData: number) {
    this.#ids = ids;
    this.#steps = steps;
    this.#maxData = maxData;
  }

  /** Throws ERR_OPTION for what cannot be pushed, its data aside. `at`: where in a list it is, or nothing. */
  check(item: unknown, at: string): asserts item is PushItem {
    if (!isObject(item)) throw new DserviceError('ERR_OPTION', `${at || 'it'} is no object`);
    check(at === '' ? 'push' : at, item, rules);
    const { queue, id, key, delay } = item as Partial<PushItem>;
    const dot = at === '' ? '' : `${at}.`;
    checkName(queue, `${dot}queue`);
    if (id !== undefined) checkName(id, `${dot}id`);
    if (key !== undefined) checkName(key, `${dot}key`);
    if (delay === undefined || finiteMsOf(delay) !== undefined) return;
    throw new DserviceError('ERR_OPTION', `${dot}delay is a time: milliseconds, or text as '30s'`);
  }

  /** With a copy of the data that its giver cannot change. Throws ERR_DATA. */
  copy(item: PushItem, at: string): PushItem {
    return { ...item, data: within(at, () => packed(item.data, (it) => structuredClone(it))) };
  }

  /** Throws ERR_DATA, or what the step's `key` throws. */
  take(store: Store, item: PushItem, at: string): Taken {
    const { queue, data, delay } = item;
    const key = item.key ?? this.#steps.keyFor(queue, data);
    const body = within(at, () => this.pack(store, data));
    const id = item.id ?? this.#ids.next();
    const given = item.id !== undefined;
    const entry = { ref: refOf(id, key), given, queue, key, body, delay: msOf(delay) };
    return { id, entry };
  }

  /** Throws ERR_DATA for what cannot be stored, or is too large. */
  pack(store: Store, data: unknown): Packed {
    const { body, size } = store.pack(data);
    if (size <= this.#maxData) return body;
    const text = `data has ${size} bytes, over ${this.#maxData}: store it elsewhere, push where it is`;
    throw new DserviceError('ERR_DATA', text);
  }
}

/** Errors about data say where in a list it is. */
function within<T>(at: string, fn: () => T): T {
  try {
    return fn();
  } catch (error) {
    if (at === '' || !DserviceError.is(error) || error.code !== 'ERR_DATA') throw error;
    throw new DserviceError('ERR_DATA', `${at}.${error.message}`, { cause: error.cause ?? error });
  }
}
