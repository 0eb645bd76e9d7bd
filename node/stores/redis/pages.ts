import type { Listed, Page, State } from '../../../src/pipeline/store.js';
import type { Item, Partition } from './partition.js';

/** Reads pages over all partitions: what each has in order, put together by moment. */
export class Pages {
  readonly #partitions: readonly Partition[];

  constructor(partitions: readonly Partition[]) {
    this.#partitions = partitions;
  }

  async read(queue: string | undefined, state: State, { limit, after }: Page): Promise<Listed> {
    const queues = queue === undefined && state !== 'dead' ? await this.#queues() : [queue ?? ''];
    // Which queue, and of each partition where in it.
    const [at = 0, ...from] = (after ?? '').split(' ').filter(Boolean).map(Number);
    const commands: Listed['commands'][number][] = [];
    for (let i = at; i < queues.length; i++) {
      const places = this.#partitions.map((_, p) => (i === at ? (from[p] ?? 0) : 0));
      const name = queues[i] ?? '';
      const left = limit - commands.length;
      const lists = await Promise.all(
        this.#partitions.map((partition, p) =>
          partition.range(name, state, places[p] ?? 0, left + 1),
        ),
      );
      const merged = lists
        .flatMap((items, p) => items.map((item) => ({ ...item, p })))
        .sort((a, b) => (lists.length === 1 ? 0 : momentOf(a) - momentOf(b)));
      for (const { command, next, p } of merged.slice(0, left)) {
        commands.push(command);
        places[p] = next;
      }
      if (merged.length > left) return { commands, next: [i, ...places].join(' ') };
    }
    return { commands };
  }

  async #queues(): Promise<string[]> {
    const all = await Promise.all(this.#partitions.map((partition) => partition.counts()));
    return [...new Set(all.flatMap(({ queues }) => [...queues.keys()]))].sort();
  }
}

function momentOf({ command }: Item): number {
  return command.at ?? command.pushed;
}
