import type { CallRequest } from './authorize.js';
import type { Sink } from './checked.js';
import { type CallOptions, checkCallOptions, withOptions } from './options.js';
import type { ContextScope, ServedCall } from './context.js';
import type { GivenMeta } from './message.js';
import { rejected } from './calls.js';
import type { MapFunction } from './pipelining/ahead.js';
import { OuterCall } from './pipelining/outer-call.js';

/** A call that is about to be made. */
export interface OutgoingCall {
  /** The service that is called; undefined of what has no name. */
  readonly service: string | undefined;
  /** `shout`, `admin.stop`; `user().orders` of what is asked of an outcome; `callback` of a function that was handed over. */
  readonly method: string;
  readonly args: readonly unknown[];
  /** What was said of it by `options(remote, …)`, and by interceptors before. */
  readonly options: CallOptions;
}

/** What is to be different of a call that is made. `options` are added to those it has, and `meta` to its meta. */
export interface CallChange {
  readonly args?: readonly unknown[];
  readonly options?: CallOptions;
}

/**
 * Stands around calls that are made. `next` makes the call, as it is or with what is to be different, and resolves
 * with its outcome; it may be called later, more than once, or never. What is returned is the outcome.
 */
export type CallInterceptor = (
  call: OutgoingCall,
  next: (change?: CallChange) => Promise<unknown>,
) => unknown;

/**
 * Stands around calls that are served, within their `context()`. `next` runs the handler, with the arguments as they
 * are or with others, and with other meta in place of what the caller handed along, and resolves with its outcome.
 * What is returned is the outcome, and what is thrown the error.
 */
export type ServeInterceptor = (
  call: CallRequest,
  next: (change?: ServeChange) => Promise<unknown>,
) => unknown;

/** What is to be different of a call that is served. */
export interface ServeChange {
  readonly args?: readonly unknown[];
  /** In place of what the caller handed along. */
  readonly meta?: GivenMeta;
}

/** Code that stands around calls; of a list, the first is the outermost. */
export interface Intercept {
  /** Around the calls that are made here. */
  readonly call?: CallInterceptor | readonly CallInterceptor[];
  /** Around the calls that are served here. */
  readonly serve?: ServeInterceptor | readonly ServeInterceptor[];
}

/** Makes a call. Never throws. */
export type MakeCall = (args: unknown[], given: CallOptions | undefined) => Promise<unknown>;

/** Makes a call by way of interceptors. Never throws. */
export type InterceptCalls = (
  method: string,
  args: readonly unknown[],
  given: CallOptions | undefined,
  make: MakeCall,
) => Promise<unknown>;

/** Runs a handler by way of interceptors. Never throws. */
export type InterceptServing = (
  call: ServedCall & Sink,
  request: CallRequest,
  handle: (args: unknown[], sink: Sink) => void,
) => void;

/** The interceptors of a session, where there are some. */
export interface Interceptors {
  readonly call: InterceptCalls | undefined;
  readonly serve: InterceptServing | undefined;
}

const forgotten = (): void => {};

/** The interceptors of calls to a service (undefined: it has no name), or undefined where there are none. */
export function interceptCalls(
  service: string | undefined,
  ...given: (Intercept | undefined)[]
): InterceptCalls | undefined {
  const all = given.flatMap((it) => it?.call ?? []);
  return all.length === 0
    ? undefined
    : (method, args, options, make) => {
        const call = new InterceptedCall(service, all, method);
        call.make(args, options, make);
        return call.outcome;
      };
}

/** A call with interceptors around it, and around what is asked of its outcome. */
class InterceptedCall extends OuterCall {
  readonly #service: string | undefined;
  readonly #all: readonly CallInterceptor[];
  readonly #method: string;

  constructor(service: string | undefined, all: readonly CallInterceptor[], method: string) {
    super();
    this.#service = service;
    this.#all = all;
    this.#method = method;
  }

  make(args: readonly unknown[], given: CallOptions | undefined, make: MakeCall): void {
    const [service, method] = [this.#service, this.#method];
    // That is no option of users.
    const { construct = false, ...own } = given ?? {};
    const step = (at: number, args: readonly unknown[], options: CallOptions): Promise<unknown> => {
      const interceptor = this.#all[at];
      if (interceptor === undefined) {
        const outcome = make([...args], { ...options, construct, intercepted: true });
        this.made(outcome, undefined);
        return outcome;
      }
      return promised(() =>
        interceptor({ service, method, args, options }, (change = {}) => {
          const { args: next = args, options: more } = change;
          if (more !== undefined) checkCallOptions(more);
          return step(at + 1, next, withOptions(options, more));
        }),
      );
    };
    step(0, args, own).then(
      (value) => this.fulfil(value),
      (error: unknown) => this.reject(error),
    );
  }

  #within(path: readonly string[]): InterceptedCall {
    const method = [`${this.#method}()`, ...path].join('.');
    return new InterceptedCall(this.#service, this.#all, method);
  }

  override reach(
    path: readonly string[],
    args: unknown[] | undefined,
    given?: CallOptions,
  ): Promise<unknown> {
    // What is read is no call.
    if (args === undefined) return super.reach(path, args, given);
    const call = this.#within(path);
    call.make(args, given, (args, given) => super.reach(path, args, given));
    return call.outcome;
  }

  override map(path: readonly string[], fn: MapFunction, given?: CallOptions): Promise<unknown> {
    const call = this.#within([...path, 'map']);
    call.make([], given, (_, given) => super.map(path, fn, given));
    return call.outcome;
  }
}

/** The interceptors of calls that are served, or undefined where there are none. */
function interceptServing(
  scope: ContextScope,
  { serve = [] }: Intercept,
): InterceptServing | undefined {
  const all = [serve].flat();
  return all.length === 0
    ? undefined
    : (call, request, handle) => {
        /** How the handler ended, where that is passed on as it was. */
        let ended:
          { readonly ok: boolean; readonly value: unknown; readonly pass: () => void } | undefined;
        const run = (args: readonly unknown[]): Promise<unknown> =>
          new Promise((resolve, reject) => {
            const fulfil = (value: unknown, promised?: boolean): void => {
              ended = { ok: true, value, pass: () => call.fulfil(value, promised) };
              resolve(value);
            };
            const fail = (error: unknown, pass: () => void): void => {
              ended = { ok: false, value: error, pass };
              // A handler may throw anything.
              // oxlint-disable-next-line prefer-promise-reject-errors
              reject(error);
            };
            handle([...args], {
              fulfil,
              reject: (error) => fail(error, () => call.reject(error)),
              refuse: (told) => fail(told, () => call.refuse(told)),
              fault: (told, detail) => fail(told, () => call.fault(told, detail)),
            });
          });
        const step = (at: number, args: readonly unknown[]): Promise<unknown> => {
          const interceptor = all[at];
          if (interceptor === undefined) return handled(run(args));
          return promised(() => {
            let made: unknown;
            scope.run(call, () => {
              const { meta } = call;
              made = interceptor({ ...request, args, meta }, ({ args: next = args, meta } = {}) => {
                if (meta !== undefined) call.give(meta);
                return step(at + 1, next);
              });
            });
            return made;
          });
        };
        // An error that is caught and returned is a value, and a value that is thrown an error.
        const told = (ok: boolean, value: unknown, otherwise: () => void): void =>
          ended?.ok === ok && ended.value === value ? ended.pass() : otherwise();
        step(0, request.args).then(
          (value) => told(true, value, () => call.fulfil(value, true)),
          (error: unknown) => told(false, error, () => call.reject(error)),
        );
      };
}

/** The interceptors of a session whose peer is called by that name, if it has one. */
export function interceptorsOf(
  scope: ContextScope,
  given: Intercept | undefined,
  service?: string,
): Interceptors | undefined {
  return given && { call: interceptCalls(service, given), serve: interceptServing(scope, given) };
}

/** The promise of what a function returns, or throws. It may be forgotten. */
function promised(run: () => unknown): Promise<unknown> {
  try {
    return handled(Promise.resolve(run()));
  } catch (error) {
    return rejected(error);
  }
}

/** Who is given it may leave it alone: that must not end a Node process. */
function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(forgotten);
  return promise;
}
