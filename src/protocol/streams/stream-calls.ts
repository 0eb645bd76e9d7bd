import { DserviceError } from '../../errors.js';
import { type Owner, PendingCall, rejected } from '../calls.js';
import { HeldLines } from '../held.js';
import type { PendingCalls } from '../pending-calls.js';
import type { Reference } from '../references.js';
import type { Wire } from '../wire.js';

/**
 * Calls of the functions that stand for streams of the peer's. They have no deadline, and are no calls of users:
 * nobody counts them, and a full channel alone holds them back.
 */
export class StreamCalls {
  readonly #wire: Wire;
  readonly #pending: PendingCalls<PendingCall>;
  readonly #owner: Owner;
  readonly #held: HeldLines;
  #over: (() => DserviceError) | undefined;

  constructor(wire: Wire, pending: PendingCalls<PendingCall>, owner: Owner) {
    this.#wire = wire;
    this.#pending = pending;
    this.#owner = owner;
    this.#held = new HeldLines(wire);
  }

  /** Never throws. */
  call(target: Reference, args: unknown[]): Promise<unknown> {
    const over = this.#over?.();
    if (over !== undefined) return rejected(new DserviceError(over.code, over.message, over));
    const wire = this.#wire;
    if (target.released) return rejected(wire.references.error(target));
    const id = wire.nextId();
    let encoded: string;
    try {
      encoded = wire.encode(args);
    } catch (error) {
      return rejected(error);
    }
    const call = new PendingCall(this.#owner, id, 'stream', 0, false, undefined);
    call.apart = true;
    this.#pending.add(call);
    // Not `${id}` of numbers that do not come again: the engine would keep a string of each.
    const [to, reply] = [JSON.stringify(target.id), JSON.stringify(id)];
    const line = `{"method":${to},"arguments":${encoded},"reply":${reply}}`;
    if (wire.outbox.blocked) this.#held.add(line, undefined);
    else wire.write(line);
    return call.outcome;
  }

  /** There is room in the channel. */
  release(): void {
    const { outbox } = this.#wire;
    for (const held of this.#held) {
      if (outbox.blocked) return;
      this.#held.take(held);
      this.#wire.write(held.line, held.attached);
    }
  }

  end(why: () => DserviceError): void {
    this.#over = why;
    this.#held.clear();
  }
}
