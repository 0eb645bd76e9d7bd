import { Dice } from './dice.js';

/**
 * What happens to a command: `plain`: nothing. `shaky`: fails twice. `throws`: fails always. `fails`: gives itself up.
 * `late`: waits in the middle. `later`: waits between two queues. `split`: becomes three. `slow`: does not answer in
 * time, once. `long`: needs longer than its time, and says so.
 */
export type Fate =
  'plain' | 'shaky' | 'throws' | 'fails' | 'late' | 'later' | 'split' | 'slow' | 'long';

const fates: Readonly<Record<Fate, number>> = {
  plain: 737,
  shaky: 60,
  throws: 10,
  fails: 20,
  late: 50,
  later: 50,
  split: 70,
  slow: 1.5,
  long: 1.5,
};

export const firstQueue = 'take';

/** A command as it is planned. */
export interface Command {
  readonly n: number;
  /** Without one, the pipeline makes one. */
  readonly id?: string;
  readonly key?: string;
  readonly delay?: number;
  readonly fate: Fate;
}

/** Commands that are pushed at once. */
export interface Batch {
  readonly number: number;
  readonly commands: readonly Command[];
  /** By two workers at the same time. */
  readonly twice: boolean;
}

/** A stay of a command in a queue. */
export interface Stay {
  readonly id: string;
  readonly queue: string;
  /** It dies there. */
  readonly dies: boolean;
  /** It comes there in the order of its key. */
  readonly ordered: boolean;
}

export const children = 3;

/** Where a command comes to be, under the id that it has. */
export function routeOf({ fate, delay }: Command, id: string): Stay[] {
  const ordered = delay === undefined;
  const take = { id, queue: 'take', dies: fate === 'throws', ordered };
  if (fate === 'throws') return [take];
  const make = { id, queue: 'make', dies: fate === 'fails', ordered };
  if (fate === 'fails') return [take, make];
  const ids = fate === 'split' ? childrenOf(id) : [id];
  const ships = ids.map((each) => ({
    id: each,
    queue: 'ship',
    dies: false,
    ordered: ordered && fate !== 'later',
  }));
  return [take, make, ...ships];
}

export function childrenOf(id: string): string[] {
  return Array.from({ length: children }, (_, i) => `${id}/${i + 1}`);
}

export function isFatal({ fate }: Command): boolean {
  return fate === 'throws' || fate === 'fails';
}

/** Commands that are pushed one batch after the other: those of a key are in one lane. */
export interface Lane {
  readonly named: boolean;
  readonly batches: readonly Batch[];
}

const laneCount = 8;
const unnamedLanes = 2;
const batchSize = 20;
const keysOfLane = 6;

/** All lanes of so many commands. The last ones' have no ids, and are pushed once: it may be that they never arrive. */
export function planOf(count: number, seed: number): Lane[] {
  const dice = new Dice(seed);
  const lists: Batch[][] = Array.from({ length: laneCount }, () => []);
  let number = 0;
  for (let n = 0; n < count; n += batchSize) {
    const lane = number % laneCount;
    const named = isNamed(lane);
    const commands = Array.from({ length: Math.min(batchSize, count - n) }, (_, i) =>
      commandOf(n + i, lane, named, dice),
    );
    lists[lane]?.push({ number, commands, twice: named && dice.next() < 0.1 });
    number++;
  }
  return lists.map((batches, lane) => ({ named: isNamed(lane), batches }));
}

function isNamed(lane: number): boolean {
  return lane < laneCount - unnamedLanes;
}

function commandOf(n: number, lane: number, named: boolean, dice: Dice): Command {
  const keyed = dice.next() < 0.4;
  const key = `key-${lane}-${dice.below(keysOfLane)}`;
  const delayed = dice.next() < 0.03;
  const delay = 1 + dice.below(200);
  return {
    n,
    ...(named ? { id: `c-${n}` } : {}),
    ...(keyed ? { key } : {}),
    ...(delayed ? { delay } : {}),
    fate: dice.weighted(fates),
  };
}
