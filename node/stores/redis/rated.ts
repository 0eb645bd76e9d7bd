import type { Op, Want } from '../../../src/pipeline/store.js';
import type { Partition } from './partition.js';
import { type Ask, spread, type Spread } from './spread.js';

/**
 * As `spread`, where some wants have a rate: what may be claimed is taken of the windows first, in one partition for all,
 * and what was not claimed is given back. What an operation has taken that ends in between is lost to its window.
 */
export async function spreadRated(
  windows: Partition,
  asks: readonly Ask[],
  wants: readonly Want[],
  op: Op,
): Promise<Spread> {
  const rated = wants.flatMap(({ queue, max, rate }) =>
    rate ? [{ queue, ...rate, count: max }] : [],
  );
  const taken = await windows.rate('take', rated, op);
  let next = 0;
  const allowed = wants.map(({ rate, ...want }) =>
    rate === undefined ? want : { ...want, max: Math.min(want.max, taken[next++]?.count ?? 0) },
  );
  const did = await spread(asks, allowed, op);
  const claimed = rated.map((each) => ({
    ...each,
    count: did.claims.filter(({ queue }) => queue === each.queue).length,
  }));
  const given = await windows.rate('give', claimed, op);
  const due = Math.min(did.due ?? Infinity, ...given.map((each) => each.due ?? Infinity));
  return { ...did, due: due === Infinity ? undefined : due };
}
