import { DserviceError } from '../errors.js';
import { callbackIndex, invoke } from '../protocol/bridge.js';
import type { AnyFunction } from '../protocol/encode.js';
import { passedOn } from '../protocol/error-value.js';
import { callable } from '../protocol/options.js';
import type { RemoteFunctions } from '../protocol/references.js';

const ignore = (): void => {};

/** The functions of ours that the peer calls back. */
export class Callbacks {
  readonly #references: RemoteFunctions;
  readonly #most: number;
  readonly #reply: (id: number, answer: readonly unknown[]) => void;
  readonly #onError: (error: unknown) => void;
  #running = 0;

  /** `most`: so many may run whose outcome the peer wants, which it is told by `reply`; others fail to `onError`. */
  constructor(
    references: RemoteFunctions,
    most: number,
    reply: (id: number, answer: readonly unknown[]) => void,
    onError: (error: unknown) => void,
  ) {
    this.#onError = onError;
    this.#references = references;
    this.#most = most;
    this.#reply = reply;
  }

  /** Calls one, in either style. Throws ERR_BUSY. */
  serve(fn: AnyFunction, args: unknown[], reply: number | undefined): void {
    if (reply !== undefined && this.#running >= this.#most) {
      const text = `${this.#most} calls are running already`;
      throw new DserviceError('ERR_BUSY', text, { mayHaveRun: false });
    }
    const last = args.at(-1);
    const answer =
      typeof last === 'function' ? this.#references.alive(last as AnyFunction) : undefined;
    if (answer !== undefined) answer.answer = true;
    // One that declares less than it got, the last being a function, may answer by returning.
    const back = args.length > fn.length && !(callable in fn) ? answer : undefined;
    const before = back?.calls;
    const declared = answer !== undefined && args.length === fn.length;
    const at =
      reply === undefined || declared ? undefined : callbackIndex(fn, args.length, undefined);
    let over = false;
    const end = (outcome: readonly unknown[]): void => {
      if (over) return;
      over = true;
      this.#running--;
      if (reply !== undefined) this.#reply(reply, outcome);
    };
    const onError = this.#onError;
    this.#running++;
    invoke(fn, args, at, {
      fulfil(value, promised) {
        if ((value !== undefined || promised === true) && back?.calls === before) {
          back?.call([value]).catch(ignore);
        }
        end(value === undefined ? [] : [null, value]);
      },
      reject(error) {
        if (reply === undefined) onError(error);
        // Null would say that all went well.
        end([passedOn(error) ?? new Error(`${String(error)} was thrown`)]);
      },
    });
  }
}
