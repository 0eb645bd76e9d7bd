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

/** Lets a function stand for an object. */
export function standFor(fn: AnyFunction, get: () => object): AnyFunction {
  return Object.defineProperty(fn, itself, { get });
}

/** The wire by which objects come. */
interface ReadingWire {
  /** Those of the peer's functions that it gave here. */
  readonly references: { find(fn: AnyFunction): object | undefined };
  /** A property could not be written, and nobody waits for that. */
  untold(error: unknown): void;
}

/** Puts the peer's objects in the place of their methods. Throws ERR_MALFORMED. */
export function readObjects(place: Placement, types: Types, wire: ReadingWire): void {
  place.each(types, 'object', (methods) => {
    const fn = isRecord(methods) ? methods[self] : undefined;
    if (
      !isRecord(methods) ||
      typeof fn !== 'function' ||
      wire.references.find(fn as AnyFunction) === undefined
    ) {
      throw malformed('nothing stands for an object itself');
    }
    const known = (fn as { [itself]?: object })[itself];
    return known ?? remoteObject(methods, fn as AnyFunction, wire);
  });
}

function remoteObject(
  methods: Record<string, unknown>,
  fn: AnyFunction,
  wire: ReadingWire,
): object {
  delete methods[self];
  Object.setPrototypeOf(methods, RemoteObject.prototype);
  share(methods, (error) => wire.untold(error));
  Object.defineProperty(methods, itself, { value: fn });
  return Object.assign(fn, { [itself]: methods })[itself];
}
