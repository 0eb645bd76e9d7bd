import type { InstanceRecord, Rely } from '../discovery/record.js';
import type { Cycle, Watching, WatchOptions } from './cycle.js';
import { cycleOf, stuckInstances } from './cycles.js';
import type { Instances } from './instances.js';

/** Milliseconds for which it must be so. */
const patience = 500;
/** Milliseconds in which changes are gathered. */
const gathering = 50;

/** Completes records that a discovery had to cut; `onWhole` is told when another one is whole. */
interface Completing {
  /** A record as whole as it is known. */
  whole(record: InstanceRecord): InstanceRecord;
  stop(): void;
}

/**
 * Finds out whether an instance that waits does so in a circle. Where one that it relies on waits for others
 * itself, it listens to all instances: name after name would take an answer for each step of the circle.
 * As exact as the records that come; those that are cut are completed where that can be done.
 */
export class CycleWatch implements Watching {
  readonly #options: WatchOptions;
  readonly #completing: Completing | undefined;
  #all: Instances | undefined;
  #stopGathering: (() => void) | undefined;
  #stopPatience: (() => void) | undefined;
  /** It has been so for long enough. */
  #sure = false;
  #cycle: Cycle | undefined;

  constructor(options: WatchOptions, completing?: (onWhole: () => void) => Completing) {
    this.#options = options;
    this.#completing = completing?.(() => this.touch());
    this.touch();
  }

  get cycle(): Cycle | undefined {
    return this.#cycle;
  }

  touch(): void {
    if (this.#all === undefined && this.#isLong()) {
      this.#all = this.#options.browse();
      this.#all.follow(() => this.touch());
    }
    this.#stopGathering ??= this.#options.clock.after(
      gathering,
      () => {
        this.#stopGathering = undefined;
        this.#look();
      },
      true,
    );
  }

  /** One that it relies on waits for others. */
  #isLong(): boolean {
    const { self, instances } = this.#options;
    return self().relies.some(
      (rely) => isHard(rely) && [...instances(rely.name).records].some(isWaiting),
    );
  }

  #look(): void {
    const { clock, inRange, self } = this.#options;
    const own = self();
    const records = reached(own, this.#all?.records ?? [], this.#completing);
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

  stop(): void {
    this.#stopGathering?.();
    this.#startOver();
    this.#all?.stop();
    this.#completing?.stop();
  }
}

/** Of all instances, those of the names that one waits for, and those that these wait for, and so on; itself first. */
function reached(
  own: InstanceRecord,
  all: Iterable<InstanceRecord>,
  completing: Completing | undefined,
): InstanceRecord[] {
  const byName = new Map<string, InstanceRecord[]>();
  for (const record of all) {
    // It knows best of itself.
    if (record.id === own.id) continue;
    const others = byName.get(record.name);
    if (others === undefined) byName.set(record.name, [record]);
    else others.push(record);
  }
  const found = [own];
  const names = new Set<string>();
  for (const record of found) {
    if (!isWaiting(record)) continue;
    for (const { name } of record.relies.filter(isHard)) {
      if (names.has(name)) continue;
      names.add(name);
      for (const other of byName.get(name) ?? []) {
        found.push(isWaiting(other) ? (completing?.whole(other) ?? other) : other);
      }
    }
  }
  return found;
}

function isHard({ optional }: Rely): boolean {
  return optional !== true;
}

/** It waits for others, or has given up to. */
function isWaiting({ state, relies, partial }: InstanceRecord): boolean {
  const waits = partial === true || relies.some(isHard);
  return waits && state !== 'up' && state !== 'draining';
}
