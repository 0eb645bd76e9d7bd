import type { Clock } from '../../src/clock.js';

/** ms between two looks where nobody can tell of anything. */
const glance = 2_000;

/** Takes a lock that is held as long as this tab, or worker, lives: its name; empty where there are no locks. */
export async function liveLock(prefix: string): Promise<string> {
  const { locks } = navigator as { locks?: LockManager };
  if (locks === undefined) return '';
  const bytes = crypto.getRandomValues(new Uint8Array(8));
  const name = `${prefix}:${[...bytes].map((byte) => byte.toString(36)).join('')}`;
  return new Promise((resolve) => {
    const held = locks.request(name, () => {
      resolve(name);
      return new Promise(() => {});
    });
    held.catch(() => resolve(''));
  });
}

/** The other tabs and workers that have the same pipeline open: they wake one another, and see one another go. */
export class Tabs {
  /** The lock of this one. */
  readonly own: string;
  /** The locks of those that are known to be gone. A lock has one owner, ever. */
  readonly gone = new Set<string>();
  readonly #clock: Clock;
  readonly #channel: BroadcastChannel | undefined;
  readonly #met = new Set<string>();
  readonly #watching = new Set<{ readonly wake: () => void }>();
  readonly #onGone: () => void;
  readonly #ended = new AbortController();
  #stop: (() => void) | undefined;

  /** `onGone` is called when one is gone that was there when it was met. */
  constructor(name: string, own: string, clock: Clock, onGone: () => void) {
    this.own = own;
    this.#onGone = onGone;
    this.#clock = clock;
    this.#met.add(own).add('');
    if (typeof BroadcastChannel === 'function') {
      this.#channel = new BroadcastChannel(name);
      this.#channel.onmessage = ({ data }: MessageEvent<string>) => {
        void this.meet([data]);
        this.wake();
      };
      // Whoever is there knows from now on that we are.
      this.tell();
    } else this.#glance();
  }

  /** There is something to do for others. */
  tell(): void {
    this.#channel?.postMessage(this.own);
  }

  /** There may be something to do here. */
  wake(): void {
    for (const { wake } of this.#watching) wake();
  }

  watch(wake: () => void): () => void {
    const watcher = { wake };
    this.#watching.add(watcher);
    return () => this.#watching.delete(watcher);
  }

  /** From now on it is known when they go; resolves when it is known who is gone already: whether anybody is. */
  async meet(names: Iterable<string>): Promise<boolean> {
    const fresh = [...new Set(names)].filter((name) => !this.#met.has(name));
    const gone = await Promise.all(fresh.map((name) => this.#meet(name)));
    return gone.includes(true);
  }

  close(): void {
    this.#watching.clear();
    this.#stop?.();
    this.#channel?.close();
    this.#ended.abort();
  }

  async #meet(name: string): Promise<boolean> {
    this.#met.add(name);
    const { locks } = navigator as { locks?: LockManager };
    const gone = await locks
      ?.request(name, { ifAvailable: true }, async (lock) => lock !== null)
      .catch(() => false);
    if (gone === true) this.gone.add(name);
    if (gone !== false || this.#ended.signal.aborted) return gone === true;
    const left = locks?.request(name, { signal: this.#ended.signal }, async () => {
      this.gone.add(name);
      this.#onGone();
    });
    left?.catch(() => {});
    return false;
  }

  #glance(): void {
    this.#stop = this.#clock.after(glance, () => {
      this.wake();
      this.#glance();
    });
  }
}
