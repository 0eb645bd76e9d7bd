import type { AnyFunction } from './encode.js';
import {
  giveKeeper,
  type Gone,
  type HeldObject,
  type HolderOfFunctions,
  type Released,
} from './keeper.js';

// A registered symbol, as that of `exposed`.
/** Under this symbol an object that goes by reference has what is told when a session has let go of it. */
export const released: unique symbol = Symbol.for('dservice.released') as never;

/** An object that wants to be told. */
interface Told {
  [released]?(how: Released): unknown;
}

/** How many sessions hold an object. */
const holders = new WeakMap<object, number>();

/** A function of an object's, by which is counted who holds it where it wants to know. */
export function counted(instance: Told, fn: AnyFunction): AnyFunction {
  if (instance[released] === undefined) return fn;
  return giveKeeper(fn, { counts: (...counted) => count(instance, ...counted) });
}

/** Counts for a session, and tells of an object that it holds no more. */
function count(
  instance: Told,
  holder: HolderOfFunctions,
  functions: number,
  calls: number,
  gone?: Gone,
): void {
  const all = (holder.objects ??= begin(holder));
  let held = all.get(instance);
  if (held === undefined) {
    all.set(instance, (held = { functions: 0, calls: 0, had: false }));
    holders.set(instance, (holders.get(instance) ?? 0) + 1);
  }
  // What stands in our api is found by its name as well, until the session ends.
  if (gone?.method === undefined) held.functions += functions;
  held.calls += calls;
  if (gone?.culled === true) held.had = true;
  if (held.functions + held.calls > 0) return;
  all.delete(instance);
  const others = (holders.get(instance) ?? 1) - 1;
  holders.set(instance, others);
  if (!held.had) return;
  const { session } = holder;
  // Later, since what is going on is not to be disturbed by what comes of it.
  Promise.resolve()
    .then(() => instance[released]?.({ session, peer: session.peer, last: others === 0 }))
    .catch((error: unknown) => holder.onError(error));
}

/** What a session holds, which is nothing when it has ended. */
function begin(holder: HolderOfFunctions): Map<object, HeldObject> {
  const all = new Map<object, HeldObject>();
  holder.session.on('end', () => {
    for (const [instance, { functions }] of all) {
      count(instance, holder, -functions, 0, { culled: true });
    }
  });
  return all;
}
