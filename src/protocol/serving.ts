import type { Clock } from '../clock.js';
import { DserviceError } from '../errors.js';
import { callbackIndex, invoke } from './bridge.js';
import { type ContextScope, ServedCall } from './context.js';
import type { AnyFunction, Encoded } from './encode.js';
import { type Message, readId } from './message.js';
import { noMeta, readMeta } from './meta.js';
import type { Session } from './session.js';
import type { Wire } from './wire.js';

export interface ServingOptions {
  readonly session: Session;
  readonly wire: Wire;
  readonly clock: Clock;
  readonly scope: ContextScope;
  /** The style of all handlers, where it is not to be told from each. */
  readonly callbacks: boolean | undefined;
  /** A handler failed, and the caller does not want to know. */
  onError(error: unknown): void;
  /** A handler has ended. */
  onDone(): void;
}

const ignore = (): void => {};

/** The serving half of a session: what the peer asks of us, and gets. */
export class Serving {
  readonly #options: ServingOptions;
  readonly #wire: Wire;
  readonly #running = new Map<number, ServedCall>();
  #count = 0;

  constructor(options: ServingOptions) {
    this.#options = options;
    this.#wire = options.wire;
  }

  /** Handlers that run. */
  get count(): number {
    return this.#count;
  }

  /** Whether as many run as may. */
  get full(): boolean {
    return this.#count >= this.#wire.limits.calls;
  }

  /** Runs a handler for a message, and replies. Throws what the decoder throws, and ERR_BUSY. */
  serve(fn: AnyFunction, message: Message): void {
    const { session, clock, scope, callbacks } = this.#options;
    const reply = this.replyOf(message);
    const args = this.#wire.decode(message);
    if (reply !== undefined && this.full) {
      const text = `${this.#wire.limits.calls} calls are running already`;
      throw new DserviceError('ERR_BUSY', text, { mayHaveRun: false });
    }
    const meta = message.meta === undefined || this.#wire.plain ? noMeta : readMeta(message.meta);
    const call = new ServedCall(session, meta, clock);
    // A handler that declares less than it got, the last being a function, may answer by returning.
    const last = args.length > fn.length ? args.at(-1) : undefined;
    const callback =
      typeof last === 'function' ? this.#wire.references.find(last as AnyFunction) : undefined;
    const before = callback?.calls;
    const at = reply === undefined ? undefined : callbackIndex(fn, args.length, callbacks);
    this.#count++;
    let ended = false;
    const end = (answer: unknown[]): void => {
      ended = true;
      this.#count--;
      call.done();
      if (reply !== undefined) {
        this.#running.delete(reply);
        this.reply(reply, answer);
      }
      this.#options.onDone();
    };
    scope.run(call, () =>
      invoke(fn, args, at, {
        fulfil: (value) => {
          if (value === undefined) return end([]);
          if (callback !== undefined && callback.calls === before) {
            callback.call([value]).catch(ignore);
          }
          end([null, value]);
        },
        reject: (error) => {
          if (reply === undefined) this.#options.onError(error);
          // Null would say that all went well.
          end([error ?? new Error(`${String(error)} was thrown`)]);
        },
      }),
    );
    if (!ended && reply !== undefined) this.#running.set(reply, call);
  }

  /** The id under which a message wants its outcome. */
  replyOf(message: Message): number | undefined {
    if (this.#wire.plain || typeof message.reply !== 'number') return undefined;
    return readId(message.reply);
  }

  /** Sends an outcome: `[]`, `[null, value]` or `[error]`. */
  reply(id: number, answer: unknown[]): void {
    let encoded: Encoded;
    try {
      encoded = this.#wire.encode(answer);
    } catch (error) {
      try {
        encoded = this.#wire.encode([error]);
      } catch {
        const text = 'neither the outcome nor the error can be sent';
        encoded = this.#wire.encode([new DserviceError('ERR_DATA', text)]);
      }
    }
    this.#wire.write(`{"method":${id},"arguments":${encoded.json}${encoded.extras}}`);
  }

  cancel(id: unknown): void {
    const call = typeof id === 'number' ? this.#running.get(id) : undefined;
    call?.abort(new DserviceError('ERR_CANCELLED', 'the caller gave up'));
  }

  /** The session is over: handlers that still run learn it by their signal. */
  end(reason: DserviceError): void {
    for (const call of this.#running.values()) call.abort(reason);
    this.#running.clear();
  }
}
