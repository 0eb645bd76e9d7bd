/** What an emitter tells: names, each with the arguments its listeners get. */
export type EventMap = Record<string, unknown[]>;

/** Named events with typed arguments. What a listener throws is told to the listeners of `error`, and to nobody else. */
export class Emitter<Events extends EventMap> {
  readonly #listeners: { [K in keyof Events]?: Set<(...args: Events[K]) => void> } = {};

  /** Adds a listener, and returns what removes it. */
  on<K extends keyof Events>(event: K, listener: (...args: Events[K]) => void): () => void {
    const set = (this.#listeners[event] ??= new Set());
    set.add(listener);
    return () => void set.delete(listener);
  }

  listens(event: keyof Events): boolean {
    return (this.#listeners[event]?.size ?? 0) > 0;
  }

  emit<K extends keyof Events>(event: K, ...args: Events[K]): void {
    for (const listener of [...(this.#listeners[event] ?? [])]) {
      try {
        listener(...args);
      } catch (error) {
        // An emitter without an `error` event has no listeners for it either.
        if (event !== 'error') this.emit('error', ...([error] as unknown as Events['error']));
      }
    }
  }
}
