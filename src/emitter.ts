/** What an emitter tells: names, each with the arguments its listeners get. */
export type EventMap = Record<string, unknown[]>;

/** Named events with typed arguments. What a listener throws is told to the listeners of `error`, and to nobody else. */
export class Emitter<Events extends EventMap> {
  readonly #listeners: {
    [K in keyof Events]?: readonly ((...args: Events[K]) => void)[];
  } = {};

  /** Adds a listener, and returns what removes it. */
  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): () => void {
    const before = this.#listeners[event] ?? [];
    if (!before.includes(listener)) this.#listeners[event] = [...before, listener];
    return () => {
      this.#listeners[event] = this.#listeners[event]?.filter((it) => it !== listener);
    };
  }

  listens(event: keyof Events): boolean {
    return (this.#listeners[event]?.length ?? 0) > 0;
  }

  emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    // A list is replaced, never changed.
    for (const listener of this.#listeners[event] ?? []) {
      try {
        listener(...args);
      } catch (error) {
        // An emitter without an `error` event has no listeners for it either.
        if (event !== 'error') this.emit('error', ...([error] as unknown as Events['error']));
      }
    }
  }
}
