import type { CallContext } from '../context.js';
import { DserviceError } from '../../errors.js';

/** The context of a call that was served, as the stream that it returned has it: no deadline, and a signal of its own. */
export class StreamContext implements CallContext {
  readonly #call: CallContext;
  readonly #controller = new AbortController();

  constructor(call: CallContext) {
    this.#call = call;
  }

  /** Fires when the stream is not read any more. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get deadline(): undefined {
    return undefined;
  }

  get session() {
    return this.#call.session;
  }

  get peer() {
    return this.#call.peer;
  }

  get meta() {
    return this.#call.meta;
  }

  get passed() {
    return this.#call.passed;
  }

  abort(reason: unknown): void {
    this.#controller.abort(
      reason ?? new DserviceError('ERR_CANCELLED', 'the stream is not read any more'),
    );
  }
}
