import { type FSWatcher, watch } from 'node:fs';

/** ms after which it rings once more: the file may be written a moment before readers are told of the transaction. */
const echo = 5;

/** Rings when a file was written, by this process or another; not always: some file systems do not tell. */
export class Bell {
  readonly #watcher: FSWatcher | undefined;
  readonly #ring: () => void;
  #rung = false;
  #echo: NodeJS.Timeout | undefined;

  constructor(path: string, ring: () => void) {
    this.#ring = ring;
    try {
      this.#watcher = watch(path, { persistent: false }, () => this.#written());
      // A watch that ends tells nothing any more; who polls goes on.
      this.#watcher.on('error', () => this.stop());
    } catch {
      // The system has no watches left.
    }
  }

  stop(): void {
    this.#watcher?.close();
    clearTimeout(this.#echo);
  }

  #written(): void {
    if (this.#rung) return;
    this.#rung = true;
    // A transaction writes many pages: one ring is enough.
    setImmediate(() => {
      this.#rung = false;
      this.#ring();
    });
    clearTimeout(this.#echo);
    this.#echo = setTimeout(this.#ring, echo).unref();
  }
}
