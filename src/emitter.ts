/** What an emitter tells: names, each with the arguments its listeners get. */
export type EventMap = Record<string, unknown[]>;

/** Named events with typed arguments. What a listener throws is told to the listeners of `error`, and to nobody else. */
export class Emitter<Events extends EventMap> {
  /** Each name, and its listener: many have few listeners, and a list for each name takes more than they do. */
  #listeners: readonly Listener<Events>[] = [];

  /** Adds a listener, and returns what removes it. */
  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): () => void {
    const is = (it: Listener<Events>): boolean => it.event === event && it.told === listener;
    if (!this.#listeners.some(is)) {
      this.#listeners = this.#listeners.concat([{ event, told: listener }]);
    }
    return () => {
      // A filtered list has room for more; its copy has none.
      this.#listeners = this.#listeners.filter((it) => !is(it)).slice();
    };
  }

  listens(event: keyof Events): boolean {
    return this.#listeners.some((it) => it.event === event);
  }

  emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    // A list is replaced, never changed.
    for (const listener of this.#listeners) {
      if (listener.event !== event) continue;
      try {
        listener.told(...args);
      } catch (error) {
        // An emitter without an `error` event has no listeners for it either.
        if (event !== 'error') this.emit('error', ...([error] as unknown as Events['error']));
      }
    }
  }
}

interface Listener<Events extends EventMap> {
  readonly event: keyof Events;
  told(...args: Events[keyof Events]): void;
}
