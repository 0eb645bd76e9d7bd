import { type FSWatcher, watch } from 'node:fs';

/** Rings when a file was written, by this process or another; not always: some file systems do not tell. */
export class Bell {
  readonly #watcher: FSWatcher | undefined;
  #rung = false;

  constructor(path: string, ring: () => void) {
    const rings = (): void => {
      if (this.#rung) return;
      this.#rung = true;
      // A transaction writes many pages: one ring is enough.
      setImmediate(() => {
        this.#rung = false;
        ring();
      });
    };
    try {
      this.#watcher = watch(path, { persistent: false }, rings);
      // A watch that ends tells nothing any more; who polls goes on.
      this.#watcher.on('error', () => this.stop());
    } catch {
      // The system has no watches left.
    }
  }

  stop(): void {
    this.#watcher?.close();
  }
}
