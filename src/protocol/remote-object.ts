import { malformed, type Placement, type Types } from './decode.js';
import type { AnyFunction } from './encode.js';
import { isRecord } from './message.js';
import { type Callable, callable, dispose } from './options.js';
import { share } from './shared.js';

// A registered symbol, since what another copy of this package exposes is served here as well.
/** Of a function that stands for an object: the object. Of what stands here for an object of the peer's: that function. */
const itself: unique symbol = Symbol.for('dservice.itself') as never;

/** What goes by reference has one function more than its methods, which stands for it, by this name. */
export const self = '';

/** An object of the peer's: its methods, as they stand for them here. The same object is the same here, while it is held. */
class RemoteObject {
  /** Lets go of it, and of its methods. */
  [dispose](): void {
    // Those of what it shares are not enumerable.
    const all = Object.values(Object.getOwnPropertyDescriptors(this));
    for (const fn of [itselfOf(this), ...all.map(({ value }): unknown => value)]) {
      (fn as { [callable]?: Callable } | undefined)?.[callable]?.release();
    }
  }
}

/** The function that stands for an object of the peer's; undefined for any other object. */
export function itselfOf(value: object): AnyFunction | undefined {
  // Only what is made below has it.
  return value instanceof RemoteObject ? (value as { [itself]?: AnyFunction })[itself] : undefined;
}

/** What a function of ours stands for: an object that went by reference, or itself. */
export function standsForObject(fn: AnyFunction): unknown {
  return (fn as { [itself]?: object })[itself] ?? fn;
}

/** A function that stands for an object. */
export function standInFor(instance: object): AnyFunction {
  return standFor(
    () => undefined,
    () => instance,
  );
}

/** Lets a function stand for an object. */
export function standFor(fn: AnyFunction, get: () => object): AnyFunction {
  return Object.defineProperty(fn, itself, { get });
}

/** Puts the peer's objects in the place of their methods. `isTheirs`: whether a function is the peer's. Throws ERR_MALFORMED. */
export function readObjects(
  place: Placement,
  types: Types,
  isTheirs: (fn: AnyFunction) => boolean,
  untold?: (error: unknown) => void,
): void {
  place.each(types, 'object', (methods) => {
    const fn = isRecord(methods) ? methods[self] : undefined;
    if (!isRecord(methods) || typeof fn !== 'function' || !isTheirs(fn as AnyFunction)) {
      throw malformed('nothing stands for an object itself');
    }
    const known = (fn as { [itself]?: object })[itself];
    return known ?? remoteObject(methods, fn as AnyFunction, untold);
  });
}

function remoteObject(
  methods: Record<string, unknown>,
  fn: AnyFunction,
  untold: ((error: unknown) => void) | undefined,
): object {
  delete methods[self];
  Object.setPrototypeOf(methods, RemoteObject.prototype);
  if (untold !== undefined) share(methods, untold);
  Object.defineProperty(methods, itself, { value: fn });
  return Object.assign(fn, { [itself]: methods })[itself];
}
