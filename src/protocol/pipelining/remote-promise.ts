import { type Ahead, beyond, hidden, type MapFunction } from './ahead.js';

const mostLearned = 64;
const nothing = { value: undefined, writable: true, configurable: true };

/**
 * The promise of a remote call. What its outcome will have is there at once: `user(token).orders().latest()`
 * is one round trip, where the peer can do that, and `map` runs where the list is.
 *
 * It is a promise like any other, made as fast: what is to come is found behind the end of its prototypes.
 */
export class RemotePromise<T = unknown> extends Promise<T> {
  static #learned = 0;
  readonly #ahead: Ahead;

  static {
    // Its own, so that what a promise has is not looked for behind them; also `constructor`: what is derived
    // from it is a plain promise, and `await` need not look twice.
    void Object.defineProperties(
      this.prototype,
      Object.getOwnPropertyDescriptors(Promise.prototype),
    );
    const rest = new Proxy(Object.create(Promise.prototype) as object, {
      get: (target, key, self: object): unknown => {
        if (key in target) return Reflect.get(target, key, self);
        if (typeof key === 'symbol') this.#learn(key);
        else return #ahead in self && !hidden.has(key) ? beyond(self.#ahead, [key]) : undefined;
      },
      set: (_target, key, value: unknown, self: object): boolean => {
        if (typeof key === 'symbol') this.#learn(key);
        return Reflect.defineProperty(self, key, { ...nothing, enumerable: true, value });
      },
    });
    Object.setPrototypeOf(this.prototype, rest);
  }

  /**
   * A symbol that is not there is looked for here once: a runtime that follows promises (async_hooks of Node)
   * puts some of its own on each, and a proxy is slow.
   */
  static #learn(key: symbol): void {
    if (this.#learned++ >= mostLearned) return;
    void Object.defineProperty(this.prototype, key, nothing);
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
