import type { Clock } from '../../../src/clock.js';
import type { Clients, Listener } from './clients.js';

/** ms after a wake until anything at all is waited for again; what is known to be wanted is waited for at once. */
const rest = 100;
/** ms until it is said again where Redis did not hear it. */
const retryRest = 500;
const firstPause = 50;
const longestPause = 1_000;

/**
 * Hears that somebody else has put something into a partition, or ended something: for as long as it takes, over a
 * Redis that is away. Messages are published once for whoever has said that he waits, so after each one it is said
 * again, a little later, and watchers are woken then too: something may have come in between.
 */
export class Wakes {
  readonly #clients: Clients;
  readonly #clock: Clock;
  readonly #handle: string;
  readonly #channels: readonly string[];
  /** Says, in every partition, that anything is waited for. */
  readonly #await: () => Promise<unknown>;
  readonly #watchers = new Set<{ readonly wake: () => void }>();
  #listener: Listener | undefined;
  #pause = firstPause;
  #stopPause: (() => void) | undefined;
  #stopRest: (() => void) | undefined;
  #ended = false;

  constructor(
    clients: Clients,
    clock: Clock,
    handle: string,
    channels: readonly string[],
    waits: () => Promise<unknown>,
  ) {
    this.#clients = clients;
    this.#clock = clock;
    this.#handle = handle;
    this.#channels = channels;
    this.#await = waits;
  }

  /** Whether anybody watches. */
  get wanted(): boolean {
    return this.#watchers.size > 0;
  }

  watch(wake: () => void): () => void {
    if (this.#ended) return () => {};
    const watcher = { wake };
    this.#watchers.add(watcher);
    if (this.#listener === undefined && this.#stopPause === undefined) this.#listen();
    else this.#ask();
    return () => {
      this.#watchers.delete(watcher);
      if (!this.wanted) this.#rest();
    };
  }

  end(): void {
    this.#ended = true;
    this.#watchers.clear();
    this.#rest();
  }

  #listen(): void {
    const listener = this.#clients.listener();
    this.#listener = listener;
    const lost = (): void => {
      if (this.#listener !== listener) return;
      this.#listener = undefined;
      listener.destroy();
      this.#stopPause = this.#clock.after(
        this.#pause,
        () => {
          this.#stopPause = undefined;
          this.#listen();
        },
        true,
      );
      this.#pause = Math.min(longestPause, this.#pause * 2);
    };
    listener.onLost(lost);
    listener
      .connect()
      .then(() => listener.subscribe(this.#channels, (who) => this.#heard(who)))
      .then(() => {
        if (this.#listener !== listener) return;
        this.#pause = firstPause;
        this.#ask();
      })
      .catch(lost);
  }

  #heard(who: string): void {
    if (who !== this.#handle) this.#wake();
    this.#askLater(rest);
  }

  #askLater(ms: number): void {
    if (!this.wanted) return;
    this.#stopRest ??= this.#clock.after(
      ms,
      () => {
        this.#stopRest = undefined;
        this.#ask();
      },
      true,
    );
  }

  /** Waits for anything; what happened before that may have been missed. */
  #ask(): void {
    this.#await().then(
      () => this.#wake(),
      () => this.#askLater(retryRest),
    );
  }

  #wake(): void {
    for (const { wake } of this.#watchers) wake();
  }

  #rest(): void {
    this.#stopPause?.();
    this.#stopPause = undefined;
    this.#stopRest?.();
    this.#stopRest = undefined;
    const listener = this.#listener;
    this.#listener = undefined;
    listener?.destroy();
  }
}
