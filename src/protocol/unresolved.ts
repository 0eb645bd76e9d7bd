import { DserviceError } from '../errors.js';

/** A promise stands where its outcome has to: who can wait for it, waits. */
export class Unresolved extends DserviceError {
  // No data of the error's own: that goes to peers, and a promise cannot.
  readonly #promise: object;

  constructor(promise: object, where: string) {
    super('ERR_DATA', `${where} cannot be sent: await the promise first`);
    this.#promise = promise;
  }

  get promise(): object {
    return this.#promise;
  }
}
