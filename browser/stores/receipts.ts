import { DserviceError } from '../../src/errors.js';
import { type Claims, type Op, tokenOf } from '../../src/pipeline/store.js';
import { claimOf } from './change.js';
import type { Command, Receipt, Receipts } from './records.js';
import type { Work } from './work.js';

/** How many operations of a worker are remembered. */
const ofWorker = 8;
/** ms after which a worker that was not seen is forgotten. */
const age = 24 * 60 * 60 * 1_000;

/** What was answered to an operation, if it was carried out, and to the others of its worker. */
export async function receiptOf(
  work: Work,
  { worker, seq }: Op,
): Promise<{ known?: Receipt; receipts?: Receipts }> {
  const receipts = await work.get<Receipts>(work.key('', 'worker', worker));
  if (receipts === undefined || receipts.seen + age <= work.now) return {};
  const known = receipts.slots[seq % ofWorker];
  if (known === undefined || known.seq < seq) return { receipts };
  if (known.seq === seq) return { known, receipts };
  throw new DserviceError('ERR_STATE', `operation ${seq} of ${worker} is over`);
}

export function remember(
  work: Work,
  { worker, seq }: Op,
  receipts: Receipts | undefined,
  answer: Omit<Receipt, 'seq'>,
): void {
  const slots = [...(receipts?.slots ?? [])];
  slots[seq % ofWorker] = { seq, ...answer };
  work.write(work.key('', 'worker', worker), { seen: work.now, slots } satisfies Receipts);
}

/** Of what an operation claimed when it was carried out, what it still has. */
export async function still(work: Work, op: Op, known: Receipt | undefined): Promise<Claims> {
  const token = tokenOf(op);
  const found = await work.named(work.name('', '', token));
  // Some may have been extended: they are in the order of their deadlines.
  const commands = found.flatMap(([, kept]) => kept.commands).sort(byPlace);
  const claims = commands.map((command) => claimOf(command, token));
  return { claims, due: known?.due };
}

/** Lets go of the receipts of those that were not seen for long, once a day. */
export async function forgetWorkers(work: Work): Promise<void> {
  const { meta, now } = work;
  if (Math.abs(now - meta.swept) < age) return;
  meta.swept = now;
  for (const [key, found] of await work.all(work.range('', 'worker'))) {
    // What stands there was written by `remember`.
    if ((found as unknown as Receipts).seen + age <= now) work.delete(key);
  }
}

function byPlace(a: Command, b: Command): number {
  return (a.place ?? 0) - (b.place ?? 0);
}
