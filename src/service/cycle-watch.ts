import type { Clock } from '../clock.js';
import type { InstanceRecord } from '../discovery/record.js';
import { type Cycle, cycleOf, type InRange, stuckInstances } from './cycles.js';
import type { Instances } from './instances.js';

export interface CycleWatchOptions {
  readonly clock: Clock;
  readonly inRange: InRange;
  /** Told once, when the instance will not come up: `start` is to fail. */
  readonly tell: (cycle: Cycle) => void;
  /** The instance that waits. */
  self(): InstanceRecord;
  /** The instances of a name, until they are stopped. */
  browse(name: string): Instances;
}

/** Milliseconds for which it must be so. */
const patience = 500;
/** Milliseconds in which changes are gathered. */
const gathering = 50;
/** Names that are followed: strangers may rely on as many as they like. */
export const mostNames = 256;

/**
 * Finds out whether an instance that waits does so in a circle: it follows the names that it relies on,
 * and those that waiting instances of these rely on, and so on. As exact as the records that come.
 */
export class CycleWatch {
  readonly #options: CycleWatchOptions;
  readonly #followed = new Map<string, Instances>();
  #stopGathering: (() => void) | undefined;
  #stopPatience: (() => void) | undefined;
  /** It has been so for long enough. */
  #sure = false;
  #cycle: Cycle | undefined;

  constructor(options: CycleWatchOptions) {
    this.#options = options;
    this.#look();
  }

  /** The circle as it looks at the moment, if there is one. */
  get cycle(): Cycle | undefined {
    return this.#cycle;
  }

  /** Has it look again, soon. */
  touch(): void {
    this.#stopGathering ??= this.#options.clock.after(
      gathering,
      () => {
        this.#stopGathering = undefined;
        this.#look();
      },
      true,
    );
  }

  #look(): void {
    const { clock, inRange, self } = this.#options;
    const own = self();
    // Others may not have told us of ourselves yet.
    const records = [own, ...this.#follow(own).filter(({ id }) => id !== own.id)];
    this.#cycle = cycleOf(own.id, stuckInstances(records, inRange));
    if (this.#cycle === undefined) return this.#startOver();
    if (this.#sure) return this.#judge(this.#cycle);
    this.#stopPatience ??= clock.after(
      patience,
      () => {
        this.#sure = true;
        this.#look();
      },
      true,
    );
  }

  #startOver(): void {
    this.#stopPatience?.();
    this.#stopPatience = undefined;
    this.#sure = false;
  }

  /** Who only waits for a circle gives up when somebody on it has: those may know better. */
  #judge(cycle: Cycle): void {
    if (!cycle.on && !cycle.members.some(({ state }) => state === 'stuck')) return;
    this.stop();
    this.#options.tell(cycle);
  }

  /** All instances of names that lead on from an instance; others are let go. */
  #follow(own: InstanceRecord): InstanceRecord[] {
    const names = new Set(hardNames(own));
    const records: InstanceRecord[] = [];
    for (const name of names) {
      for (const record of this.#instances(name)?.records ?? []) {
        records.push(record);
        if (!isUp(record)) for (const next of hardNames(record)) names.add(next);
      }
    }
    for (const [name, instances] of this.#followed) {
      if (names.has(name)) continue;
      instances.stop();
      this.#followed.delete(name);
    }
    return records;
  }

  /** The instances of a name, followed from now on. Undefined where that would be one too many. */
  #instances(name: string): Instances | undefined {
    const known = this.#followed.get(name);
    if (known !== undefined || this.#followed.size >= mostNames) return known;
    const instances = this.#options.browse(name);
    this.#followed.set(name, instances);
    instances.follow(() => {
      // What they rely on is asked for at once: a long circle is seen as fast as answers come.
      for (const record of instances.records) {
        if (!isUp(record)) for (const next of hardNames(record)) this.#instances(next);
      }
      this.touch();
    });
    return instances;
  }

  stop(): void {
    this.#stopGathering?.();
    this.#startOver();
    for (const instances of this.#followed.values()) instances.stop();
    this.#followed.clear();
  }
}

/** Or was: it waits for nobody. */
function isUp({ state }: InstanceRecord): boolean {
  return state === 'up' || state === 'draining';
}

function hardNames({ relies }: InstanceRecord): string[] {
  return relies.filter(({ optional }) => optional !== true).map(({ name }) => name);
}
