import { DserviceError } from '../errors.js';
import type { Calling } from './calling.js';
import type { Message } from './message.js';
import type { Wire } from './wire.js';

/**
 * While the peer is away: gives up the calls that somebody else will take, if they were not written or
 * may run twice: as their caller says, or else the peer of the method. They reject with ERR_CONNECTION_LOST, and do not leave when the peer is back.
 */
export function yieldCalls(
  calling: Calling,
  { outbox, local }: Pick<Wire, 'outbox' | 'local'>,
  mayRunTwice: (method: string) => boolean,
): void {
  const fresh = new Set<number>();
  const given: (() => void)[] = [];
  for (const { id, line, method, streamed, given: options } of calling.pending.inOrder()) {
    if (options?.elsewhere === undefined) continue;
    const { elsewhere, idempotent = mayRunTwice(method) } = options;
    const written = line <= outbox.written;
    if ((written && (!idempotent || streamed)) || !elsewhere(written)) continue;
    if (!written && line !== Infinity) fresh.add(id);
    const text = `the connection was lost before the outcome of ${method}: it may go elsewhere`;
    given.push(() =>
      calling.drop(id, new DserviceError('ERR_CONNECTION_LOST', text, { method }), written),
    );
  }
  if (fresh.size > 0) outbox.withdraw((line) => isCallOf(fresh, line, local));
  for (const drop of given) drop();
}

/** Whether a line makes one of these calls. Then nobody will hear of the functions in it, nor let them go. */
function isCallOf(
  ids: ReadonlySet<number>,
  line: string,
  local: { unmention(id: number): void },
): boolean {
  // Our own line, of the turn in which the connection was lost: there are few.
  const { reply, callbacks } = JSON.parse(line) as Message;
  if (typeof reply !== 'number' || !ids.has(reply)) return false;
  for (const key of Object.keys(callbacks ?? {})) local.unmention(Number(key));
  return true;
}
