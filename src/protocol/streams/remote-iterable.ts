import { dispose } from '../options.js';
import type { Inlet } from './inlet.js';

/** `Symbol.asyncDispose`, also where the runtime has none yet. */
const asyncDispose: typeof Symbol.asyncDispose =
  Symbol.asyncDispose ?? (Symbol.for('Symbol.asyncDispose') as never);

/**
 * An async iterable of the peer's: `for await (const row of rows)`, once. Leaving the loop, `using` and
 * being collected end it at the peer, where `finally` blocks run. `next` and `throw` send no values.
 */
export class RemoteIterable implements AsyncIterableIterator<unknown>, AsyncDisposable, Disposable {
  readonly #inlet: Inlet;

  constructor(inlet: Inlet) {
    this.#inlet = inlet;
  }

  next(): Promise<IteratorResult<unknown>> {
    return this.#inlet.read(this);
  }

  async return(value?: unknown): Promise<IteratorResult<unknown>> {
    await this.#inlet.cancel();
    return { done: true, value };
  }

  async throw(error?: unknown): Promise<IteratorResult<unknown>> {
    await this.#inlet.cancel(error);
    throw error;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [asyncDispose](): Promise<void> {
    await this.#inlet.cancel();
  }

  [dispose](): void {
    this.#inlet.cancel().catch(() => {});
  }
}
