import { DserviceError } from '../../src/errors.js';
import type { AnyFunction } from '../../src/protocol/encode.js';

/** The functions of the peer's, as they stand here. */
export interface StandIns {
  /** The one for an id: the same as long as it is held. Throws ERR_LIMIT. */
  get(id: number): AnyFunction;
  /** Forgets an id. */
  drop(id: number): void;
}

interface Entry {
  readonly id: number;
  readonly weak: WeakRef<AnyFunction>;
}

/**
 * Holds no function longer than the program does. `onDrop` is told of each id that nobody holds any
 * more: dnode then tells the peer by a `cull`, after which that id is not given again.
 */
export class WeakStandIns implements StandIns {
  readonly #make: (id: number) => AnyFunction;
  readonly #limit: number;
  readonly #byId = new Map<number, Entry>();
  readonly #registry: FinalizationRegistry<Entry>;

  constructor(make: (id: number) => AnyFunction, limit: number, onDrop: (id: number) => void) {
    this.#make = make;
    this.#limit = limit;
    this.#registry = new FinalizationRegistry((entry) => {
      // Given again since it was collected, an id belongs to a newer stand-in.
      if (this.#byId.get(entry.id) !== entry) return;
      this.#byId.delete(entry.id);
      onDrop(entry.id);
    });
  }

  get(id: number): AnyFunction {
    const known = this.#byId.get(id);
    const alive = known?.weak.deref();
    if (alive !== undefined) return alive;
    if (known === undefined && this.#byId.size >= this.#limit) {
      throw new DserviceError(
        'ERR_LIMIT',
        `more than ${this.#limit} functions of the peer are held`,
      );
    }
    const made = this.#make(id);
    const entry: Entry = { id, weak: new WeakRef(made) };
    this.#byId.set(id, entry);
    this.#registry.register(made, entry);
    return made;
  }

  drop(id: number): void {
    this.#byId.delete(id);
  }
}

/** What a program's own `wrap` and `unwrap` (`opts.proto`) make of them. */
export class WrappedStandIns implements StandIns {
  readonly #make: (id: number) => AnyFunction;
  readonly #wrap: (fn: AnyFunction, id: number) => unknown;
  readonly #unwrap: (held: unknown, id: number) => unknown;
  readonly #held = new Map<number, unknown>();

  constructor(
    make: (id: number) => AnyFunction,
    wrap: (fn: AnyFunction, id: number) => unknown,
    unwrap: (held: unknown, id: number) => unknown,
  ) {
    this.#make = make;
    this.#wrap = wrap;
    this.#unwrap = unwrap;
  }

  get(id: number): AnyFunction {
    // What a program unwraps goes into the arguments as it is: dnode does not look at it either.
    if (this.#held.has(id)) return this.#unwrap(this.#held.get(id), id) as AnyFunction;
    const made = this.#make(id);
    this.#held.set(id, this.#wrap(made, id));
    return made;
  }

  drop(id: number): void {
    this.#held.delete(id);
  }
}
