const signals = ['SIGTERM', 'SIGINT'] as const;

/**
 * Stops what was registered when the process is told to end, then lets it end as if it had not been
 * caught. Where the program listens for such a signal itself, it decides, and nothing happens here.
 */
export class Shutdown {
  readonly #stops = new Set<() => Promise<void>>();

  /** Registers what is to be stopped; returns what takes it back. */
  add(stop: () => Promise<void>): () => void {
    if (this.#stops.size === 0) for (const signal of signals) process.on(signal, this.#onSignal);
    this.#stops.add(stop);
    return () => {
      this.#stops.delete(stop);
      if (this.#stops.size === 0) for (const signal of signals) process.off(signal, this.#onSignal);
    };
  }

  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (process.listenerCount(signal) > 1) return;
    const stops = [...this.#stops];
    // From here on a second signal ends the process at once.
    this.#stops.clear();
    for (const each of signals) process.off(each, this.#onSignal);
    void Promise.allSettled(stops.map((stop) => stop())).then(() =>
      process.kill(process.pid, signal),
    );
  };
}
