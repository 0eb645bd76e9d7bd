import type { Claimed, Op, Want } from '../../../src/pipeline/store.js';
import type { Did, Partition } from './partition.js';

/** One partition's part of an operation. */
export interface Ask {
  readonly partition: Partition;
  /** Of its entries or outcomes, their places in the whole list. */
  readonly places: readonly number[];
  /** Does its part, and claims. */
  first(wants: readonly Want[]): Promise<Did>;
}

export interface Spread {
  readonly marks: string;
  readonly claims: readonly Claimed[];
  readonly due: number | undefined;
}

/**
 * Does an operation in several partitions. What is wanted is shared out among them, those that come first getting the
 * rest; where some had less than their share, those that may have more are asked again, one after the other: so claims
 * do not exceed what is wanted, and nobody starves, the order beginning with another partition each time.
 *
 * All follows from the operation and from what partitions answer. Each partition remembers its part, so an operation that
 * is repeated after it was done in some ends as the first would have.
 */
export async function spread(
  asks: readonly Ask[],
  wants: readonly Want[],
  op: Op,
): Promise<Spread> {
  const shares = asks.map((_, i) =>
    wants.map((want) => ({ ...want, max: shareOf(want.max, asks.length, i) })),
  );
  const concerned = asks.map(
    ({ places }, i) => places.length > 0 || (shares[i] ?? []).some(({ max }) => max > 0),
  );
  const dids = await Promise.all(
    asks.map((ask, i) =>
      concerned[i] === true ? ask.first(shares[i] ?? []) : Promise.resolve(undefined),
    ),
  );
  const marks: string[] = [];
  const claims = new Map<string, Claimed>();
  const counts = wants.map(() => 0);
  let due = Infinity;
  const take = (did: Did): void => {
    due = Math.min(due, did.due ?? Infinity);
    for (const claim of did.claims.flat()) {
      const known = claims.has(claim.ref);
      // What was taken back since it was claimed first may have been claimed again: the later lease counts.
      claims.set(claim.ref, claim);
      if (known) continue;
      const w = wants.findIndex(({ queue }) => queue === claim.queue);
      counts[w] = (counts[w] ?? 0) + 1;
    }
  };
  for (const [i, did] of dids.entries()) {
    if (did === undefined) continue;
    for (const [n, place] of (asks[i]?.places ?? []).entries()) marks[place] = did.marks[n] ?? '';
    take(did);
  }
  for (const [i, { partition }] of asks.entries()) {
    const did = dids[i];
    const rest = wants.map((want, w) => {
      const filled =
        did === undefined || (did.claims[w]?.length ?? 0) >= (shares[i]?.[w]?.max ?? 0);
      return { ...want, max: filled || did.repeated ? want.max - (counts[w] ?? 0) : 0 };
    });
    if (rest.some(({ max }) => max > 0))
      take(await partition.turn([], rest.map(atLeastNone), op, true));
  }
  return {
    marks: marks.join(''),
    claims: [...claims.values()],
    due: due === Infinity ? undefined : due,
  };
}

function shareOf(max: number, partitions: number, place: number): number {
  return Math.floor(max / partitions) + (place < max % partitions ? 1 : 0);
}

function atLeastNone(want: Want): Want {
  return { ...want, max: Math.max(0, want.max) };
}
