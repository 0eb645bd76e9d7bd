import type { Discovery } from '../discovery/discovery.js';
import type { InstanceRecord } from '../discovery/record.js';
import { observeInstance } from './observe-instance.js';
import type { Observers } from './observers.js';

/** The instances of one name, or of all, as a discovery tells of them, for as long as somebody follows. */
export class Instances {
  readonly name: string | undefined;
  readonly #records = new Map<string, InstanceRecord>();
  readonly #listeners = new Set<() => void>();
  readonly #stop: () => void;

  constructor(name: string | undefined, discovery: Discovery, observers?: Observers) {
    this.name = name;
    this.#stop = discovery.browse(name, ({ type, record }) => {
      const was = this.#records.get(record.id)?.state === 'up';
      const is = type !== 'down' && record.state === 'up';
      if (is && !was) observeInstance(observers, 'instance:up', record);
      if (was && !is) observeInstance(observers, 'instance:down', record);
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
