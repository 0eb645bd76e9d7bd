import { givenTrace, traceOf } from '../protocol/meta.js';
import type { Attributes, CallEvent, Observed } from '../protocol/observer.js';
import type { CallOptions } from '../protocol/options.js';
import type { TraceContext } from '../protocol/trace-context.js';
import { errorType, ofMethod } from './attributes.js';
import type { Observers } from './observers.js';

/** A call of a service begins; undefined where nobody wants to know. `path`: of the method, in the api. */
export function observeCall(
  observers: Observers,
  service: string,
  path: readonly string[],
  given: CallOptions | undefined,
): Observed | undefined {
  if (!observers.wantsCalls) return undefined;
  return new ObservedCall(observers, service, path.join('.'), given).begin();
}

/** A call that somebody wants to know of. */
export class ObservedCall implements CallEvent, Observed {
  readonly service: string | undefined;
  readonly method: string;
  readonly attributes: Attributes;
  trace: TraceContext | undefined;
  readonly traceGiven: boolean;
  attempts = 0;
  duration: number | undefined;
  error: unknown;
  readonly #observers: Observers;
  readonly #given: CallOptions | undefined;
  readonly #started: number;
  /** The attempt of which was heard last: that it began, or how it failed. */
  #last: { readonly attributes: Attributes; readonly error?: unknown } = { attributes: {} };

  constructor(
    observers: Observers,
    service: string | undefined,
    method: string,
    given: CallOptions | undefined,
  ) {
    this.#observers = observers;
    this.#given = given;
    this.#started = observers.clock.now();
    this.service = service;
    this.method = method;
    this.attributes = ofMethod(service, method);
    const own = givenTrace(given);
    this.traceGiven = own !== undefined;
    this.trace = own ?? traceOf(observers.scope.get()?.meta);
  }

  begin(): this {
    this.#observers.tell('call:start', this);
    return this;
  }

  get options(): CallOptions {
    return { ...this.#given, ...this.trace, observed: this };
  }

  /** It is written to somebody, of whom the attributes tell. */
  attempt(attributes: Attributes): Observed {
    if (++this.attempts > 1) {
      const { attributes: before, error } = this.#last;
      const all = { ...ofMethod(this.service, this.method), ...before };
      this.#observers.tell('call:retry', { call: this, attributes: all, error });
    }
    this.#last = { attributes };
    Object.assign(this.attributes, attributes);
    const answered = (): void => void Object.assign(this.attributes, attributes);
    const failed = (error: unknown): void => {
      this.#last = { attributes: { ...attributes, 'error.type': errorType(error) }, error };
    };
    return {
      options: this.options,
      follow(outcome) {
        // Of two that are under way, the one that answers is the one that served.
        outcome.then(answered, failed);
        return outcome;
      },
    };
  }

  follow(outcome: Promise<unknown>): Promise<unknown> {
    outcome.then(
      () => this.#end(),
      (error: unknown) => {
        this.error = error;
        this.attributes['error.type'] = errorType(error);
        this.#end();
      },
    );
    return outcome;
  }

  #end(): void {
    this.duration = this.#observers.clock.now() - this.#started;
    this.#observers.tell('call:end', this);
  }
}
