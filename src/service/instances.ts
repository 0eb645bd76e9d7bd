import type { Discovery } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';

/** The instances of one name, or of all, as a discovery tells of them, for as long as somebody follows. */
export class Instances {
  readonly name: string | undefined;
  readonly #records = new Map<string, InstanceRecord>();
  readonly #listeners = new Set<() => void>();
  readonly #stop: () => void;

  constructor(name: string | undefined, discovery: Discovery) {
    this.name = name;
    this.#stop = discovery.browse(name, ({ type, record }) => {
      if (type === 'down') this.#records.delete(record.id);
      else this.#records.set(record.id, record);
      this.touch();
    });
  }

  /** Has everybody look again. */
  touch(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  get records(): Iterable<InstanceRecord> {
    return this.#records.values();
  }

  /** Tells of each change, until the returned function is called. */
  follow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  stop(): void {
    this.#stop();
    this.#records.clear();
  }
}
