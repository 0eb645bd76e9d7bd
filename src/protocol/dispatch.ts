import { DserviceError } from '../errors.js';
import type { Calling } from './calling.js';
import type { Message } from './message.js';
import type { Serving } from './serving.js';
import type { Wire } from './wire.js';

/** Finds what a message with a method is for: a call of ours that waits, or a function of ours. */
export class Dispatch {
  readonly #wire: Wire;
  readonly #calling: Calling;
  readonly #serving: Serving;

  constructor(wire: Wire, calling: Calling, serving: Serving) {
    this.#wire = wire;
    this.#calling = calling;
    this.#serving = serving;
  }

  /** An outcome, or a call of a function that was passed. Throws ERR_METHOD, ERR_RELEASED. */
  number(id: number, message: Message): void {
    if (this.#calling.settle(id, message)) {
      // Called back by a peer that has said hello since: it asks for the outcome of its answer.
      const reply = this.#serving.replyOf(message);
      if (reply !== undefined) this.#serving.reply(reply, []);
      return;
    }
    const local = this.#wire.local.get(id);
    if (local !== undefined) {
      return this.#serving.serve(local.fn, message, local.name, local.method);
    }
    this.#calling.drop(message);
    const released = this.#wire.issued(id);
    if (released && message.reply === undefined) return;
    const text = released ? `function ${id} was released` : `there is no function ${id}`;
    throw new DserviceError(released ? 'ERR_RELEASED' : 'ERR_METHOD', text, { mayHaveRun: false });
  }

  /** A call of a method of the api. Throws ERR_METHOD. */
  name(name: string, api: object, message: Message): void {
    const fn = this.#wire.local.named(api, name);
    if (fn !== undefined) return this.#serving.serve(fn, message, name, name);
    this.#calling.drop(message);
    const method = name.slice(0, 64);
    const text = `there is no method "${method}"`;
    throw new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
  }
}
