import { DserviceError } from '../errors.js';
import {
  callable,
  type Callable,
  type CallOptions,
  checkCallOptions,
  viewed,
  withOptions,
} from '../protocol/options.js';
import type { SessionHandle } from '../protocol/session-handle.js';
import type { Remote } from './remote.js';

/** Under this symbol a service's remote has what calls each of its instances. */
export const each: unique symbol = Symbol.for('dservice.each') as never;

/** Calls that are made at once: who is called, and how it ended. */
export type Each = (
  path: readonly string[],
  args: unknown[],
  given: CallOptions | undefined,
) => Promise<readonly Asked[]>;

/** One call of many. */
export interface Asked {
  /** The id of the instance; undefined of a session that is none's. */
  readonly instance: string | undefined;
  readonly session?: SessionHandle | undefined;
  readonly outcome: Promise<unknown>;
}

/** How one of them answered. */
export type Outcome<T> = Omit<Asked, 'outcome'> &
  (
    | { readonly status: 'fulfilled'; readonly value: T; readonly reason?: undefined }
    | { readonly status: 'rejected'; readonly value?: undefined; readonly reason: unknown }
  );

/** The outcomes as they come, of `for await`; all of them, in the order in which they came, of `await`. */
export interface Outcomes<T> extends AsyncIterable<Outcome<T>>, PromiseLike<Outcome<T>[]> {}

/** As a remote, but each of its functions calls everyone. Of `any` it is `any`. */
// oxlint-disable-next-line no-explicit-any
export type Everyone<T> = 0 extends 1 & T ? any : EveryoneKnown<T>;

type EveryoneKnown<T> = T extends (...args: infer A) => PromiseLike<infer V>
  ? (...args: A) => Outcomes<V>
  : T extends object
    ? { readonly [K in keyof T]: Everyone<T[K]> }
    : never;

/**
 * Each function calls every instance of a service that is in range, or every session, where it is given some:
 * `for await (const { instance, status, value } of everyone(remote).reload())`. One that fails, or goes meanwhile, is an
 * outcome of its own. Where a service has no instance, the outcomes reject with ERR_NO_INSTANCE after its `wait`.
 * `options` are those of each call, beside those of a view. Throws ERR_OPTION; ERR_STATE for what is neither a remote of `connect`
 * nor sessions.
 */
// oxlint-disable-next-line no-explicit-any
export function everyone<T extends object = any>(
  sessions: Iterable<SessionHandle>,
  options?: CallOptions,
): Everyone<Remote<T>>;
export function everyone<T extends object>(
  remote: Remote<T>,
  options?: CallOptions,
): Everyone<Remote<T>>;
export function everyone(target: object, options: CallOptions = {}): object {
  checkCallOptions(options);
  const found: unknown = Reflect.get(target, each);
  const ask = typeof found === 'function' ? (found as Each) : ofSessions(target);
  // Only views have the symbol, and their options there.
  const own = Reflect.get(target, viewed) as CallOptions | undefined;
  return level(ask, [], withOptions({ ...own }, options));
}

function ofSessions(target: object): Each {
  if (!(Symbol.iterator in target)) {
    throw new DserviceError('ERR_STATE', 'this is no remote of a service, and no list of sessions');
  }
  const sessions = target as Iterable<SessionHandle>;
  return (path, args, given) =>
    Promise.resolve(
      Array.from(sessions, (session) => ({
        instance: undefined,
        session,
        outcome: callAt(session.remote, path, args, given),
      })),
    );
}

async function callAt(
  remote: unknown,
  path: readonly string[],
  args: unknown[],
  given: CallOptions | undefined,
): Promise<unknown> {
  let at: unknown = remote;
  for (const key of path) {
    const level = Object(at) as Record<string, unknown>;
    at = Object.hasOwn(level, key) && level[key];
  }
  const target = typeof at === 'function' ? (at as { [callable]?: Callable })[callable] : undefined;
  if (target !== undefined) return await target.call(args, given);
  const method = path.join('.');
  const text = `there is no method "${method}"`;
  throw new DserviceError('ERR_METHOD', text, { method, mayHaveRun: false });
}

function level(ask: Each, path: readonly string[], given: CallOptions | undefined): object {
  return new Proxy(() => {}, {
    apply: (_target, _self, args: unknown[]) => outcomes(ask(path, args, given)),
    get: (_target, key) =>
      typeof key === 'symbol' || key === 'then' || key === 'toJSON'
        ? undefined
        : level(ask, [...path, key], given),
  });
}

function outcomes(asked: Promise<readonly Asked[]>): Outcomes<unknown> {
  // Nobody may look.
  asked.catch(() => {});
  const all = async (): Promise<Outcome<unknown>[]> => {
    const found: Outcome<unknown>[] = [];
    for await (const outcome of iterate(asked)) found.push(outcome);
    return found;
  };
  return {
    [Symbol.asyncIterator]: () => iterate(asked),
    // oxlint-disable-next-line no-thenable
    then: (fulfilled, rejected) => all().then(fulfilled, rejected),
  };
}

/** Hands over each outcome when it is there. */
async function* iterate(asked: Promise<readonly Asked[]>): AsyncGenerator<Outcome<unknown>> {
  const came: Outcome<unknown>[] = [];
  let wake = (): void => {};
  const all = await asked;
  for (const { outcome, ...who } of all) {
    void Promise.allSettled([outcome]).then(([settled]) => {
      came.push({ ...who, ...settled });
      wake();
    });
  }
  for (const _ of all) {
    if (came.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    yield* came.splice(0, 1);
  }
}
