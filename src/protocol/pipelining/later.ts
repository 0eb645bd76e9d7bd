import { callable, type Callable, type CallOptions } from '../options.js';
import type { Ahead, MapFunction } from './ahead.js';
import { RemotePromise } from './remote-promise.js';
import { functionAt, type Has, type Methods, stepTo } from './steps.js';

const forgotten = (): void => {};

// What arrives holds no exposed instances: those are objects of functions here.
const noMethod: Methods = { named: () => undefined };

/** What a peer shares is not enumerable. */
const has: Has = (object, name) =>
  Object.hasOwn(object, name) && (name !== 'length' || !Array.isArray(object));

/** What is asked of an outcome when it is there: for peers that keep none, and where it is too late to ask them. */
export class Later implements Ahead {
  readonly #outcome: Promise<unknown>;

  constructor(outcome: Promise<unknown>) {
    this.#outcome = outcome;
  }

  reach(
    path: readonly string[],
    args: unknown[] | undefined,
    given?: CallOptions,
  ): Promise<unknown> {
    return after(this.#outcome, (value) => {
      if (args === undefined) return stepTo(value, path, noMethod, has);
      const fn = functionAt(value, path, noMethod, has);
      const remote = (fn as { [callable]?: Callable })[callable];
      return remote === undefined ? fn(...args) : remote.call(args, given);
    });
  }

  map(path: readonly string[], fn: MapFunction): Promise<unknown> {
    return after(this.#outcome, (value) => {
      const list = stepTo(value, path, noMethod, has);
      const each = fn as (item: unknown) => unknown;
      if (list === undefined || list === null) return list;
      return Array.isArray(list)
        ? Promise.all(list.map((item: unknown) => settled(each(item))))
        : settled(each(list));
    });
  }
}

/** The promise of what is made of an outcome once it is there. It may be forgotten. */
export function after(outcome: Promise<unknown>, use: (value: unknown) => unknown): RemotePromise {
  return derived(outcome.then(use));
}

/** A promise whose outcome can be reached as that of a call. It may be forgotten. */
export function derived<T>(outcome: Promise<T>): RemotePromise<T> {
  const promise = new RemotePromise<T>((fulfil, reject) => {
    outcome.then(fulfil, reject);
  }, new Later(outcome));
  promise.catch(forgotten);
  return promise;
}

/** A value in which no promise is left: `({ id: item.id, name: item.name() })` awaits what it holds. */
async function settled(value: unknown, met = new Set<object>()): Promise<unknown> {
  const awaited: unknown = await value;
  if (typeof awaited !== 'object' || awaited === null || met.has(awaited)) return awaited;
  met.add(awaited);
  if (Array.isArray(awaited)) return Promise.all(awaited.map((item) => settled(item, met)));
  if (Object.getPrototypeOf(awaited) !== Object.prototype) return awaited;
  const entries = Object.entries(awaited).map(async ([key, item]): Promise<[string, unknown]> => [
    key,
    await settled(item, met),
  ]);
  return Object.fromEntries(await Promise.all(entries));
}
