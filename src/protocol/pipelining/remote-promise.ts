import { type Ahead, beyond, hidden, type MapFunction } from './ahead.js';

/**
 * The promise of a remote call. What its outcome will have is there at once: `user(token).orders().latest()`
 * is one round trip, where the peer can do that, and `map` runs where the list is.
 *
 * It is a promise like any other, made as fast: what is to come is found behind the end of its prototypes.
 */
export class RemotePromise<T = unknown> extends Promise<T> {
  readonly #ahead: Ahead;

  static {
    // What is derived from it is a plain promise, and `await` need not look twice.
    Object.defineProperty(this.prototype, 'constructor', { value: Promise });
    const rest = new Proxy(Object.create(Promise.prototype) as object, {
      get(target, key, self: object): unknown {
        if (typeof key === 'symbol' || key in target) return Reflect.get(target, key, self);
        return #ahead in self && !hidden.has(key) ? beyond(self.#ahead, [key]) : undefined;
      },
    });
    Object.setPrototypeOf(this.prototype, rest);
  }

  constructor(
    executor: (fulfil: (value: T) => void, reject: (error: unknown) => void) => void,
    ahead: Ahead,
  ) {
    super(executor);
    this.#ahead = ahead;
  }

  /** What can be asked of the outcome, if that is a promise of a remote call. */
  static aheadOf(promise: object): Ahead | undefined {
    return #ahead in promise ? promise.#ahead : undefined;
  }

  /** Does to each element of the outcome, where that is, what `fn` does: it is called once, and recorded. */
  map(fn: MapFunction): Promise<unknown> {
    return this.#ahead.map([], fn);
  }
}
