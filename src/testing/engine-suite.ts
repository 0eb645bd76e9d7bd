import type { DserviceError } from '../errors.js';
import type { Api } from '../protocol/api.js';
import { type CallContext, type ContextScope, contextOf } from '../protocol/context.js';
import { Exposed } from '../protocol/exposed.js';
import { options } from '../protocol/options.js';
import type { Authenticate } from '../protocol/session-options.js';

/** What a suite asks of a pair. */
export interface EngineSetup {
  readonly authenticate?: Authenticate;
  /** What the caller gives for it. */
  readonly auth?: unknown;
  /** Calls that may run at once. */
  readonly calls?: number;
}

/** An api that is served, and a remote of it. */
export interface EnginePair {
  /** Its functions are those of the api, at any depth. */
  // What the suite calls is its own api.
  // oxlint-disable-next-line no-explicit-any
  readonly remote: any;
  /** Calls a method by its name, whether or not the remote shows it. */
  call(name: string): Promise<unknown>;
  /** The serving side leaves: what runs has `ms`. */
  drain(ms: number): Promise<void>;
  /** The serving side ends at once. */
  close(): Promise<void>;
  /** The caller lets go. */
  leave(): void;
  /** Called after each test. */
  teardown(): Promise<void> | void;
}

export interface EngineSuite {
  /** The runner's: `test`, `it`. */
  test(name: string, fn: () => Promise<void>): void;
  /** How the serving side finds the context of a call. */
  readonly scope: ContextScope;
  /** Serves an api, and dials it. Rejects as `dial` does. */
  setup(api: Api, setup: EngineSetup): Promise<EnginePair>;
}

/** A promise, and what settles it. */
function gate<T = void>() {
  let open: (value: T) => void = () => {};
  const passed = new Promise<T>((resolve) => (open = resolve));
  return { open, passed };
}

/** What every engine has to do, whatever it puts on the wire and whatever runs the tests. Nothing here sleeps. */
export function engineSuite({ test, scope, setup }: EngineSuite): void {
  const on = (
    name: string,
    api: Api,
    fn: (pair: EnginePair) => Promise<void>,
    given: EngineSetup = {},
  ): void =>
    test(name, async () => {
      const pair = await setup(api, given);
      try {
        await fn(pair);
      } finally {
        pair.leave();
        await pair.teardown();
      }
    });
  const here = (): CallContext => contextOf(scope);

  test('two pairs are isolated', async () => {
    const [one, two] = [await setup({ who: () => 1 }, {}), await setup({ who: () => 2 }, {})];
    try {
      same([await one.remote.who(), await two.remote.who()], [1, 2], 'of both');
      await one.close();
      same(await two.remote.who(), 2, 'of the second, when the first has ended');
    } finally {
      for (const pair of [one, two]) {
        pair.leave();
        await pair.teardown();
      }
    }
  });

  const echo = { echo: (...args: unknown[]) => args };
  on('data arrives as it was', echo, async ({ remote }) => {
    const data = [0, -1.5, true, null, 'ä 🙂 \u2028 "', [], {}, { a: [{ b: 1 }] }];
    same(await remote.echo(...data), data, 'outcome');
    same(await remote.echo(), [], 'outcome without arguments');
    const answers = await Promise.all(Array.from({ length: 100 }, (_, n) => remote.echo(n)));
    same(
      answers,
      Array.from({ length: 100 }, (_, n) => [n]),
      'outcomes of many at once',
    );
  });

  class Counter extends Exposed {
    #count = 0;
    next(): number {
      return ++this.#count;
    }
    _hidden(): void {}
  }
  const nested = { admin: { deep: { reset: () => 'ok' } }, counter: new Counter(), data: 5 };
  on('methods lie at any depth', nested, async ({ remote }) => {
    same(await remote.admin.deep.reset(), 'ok', 'of a group');
    same([await remote.counter.next(), await remote.counter.next()], [1, 2], 'of an instance');
  });

  on('what is no method is ERR_METHOD, and did not run', nested, async ({ call }) => {
    for (const name of ['missing', 'constructor', '__proto__', 'toString', 'data', '0', '']) {
      const error = await failure(() => call(name));
      same([error?.code, error?.mayHaveRun], ['ERR_METHOD', false], `error of ${name}`);
    }
  });

  // A classic function: its last parameter is the callback.
  function back(n: number, cb: (value: number) => void): void {
    cb(n + 2);
  }
  on(
    'handlers answer in either style',
    {
      later: (n: number) => Promise.resolve(n + 1),
      back,
      nothing: () => null,
    },
    async ({ remote }) => {
      const all = [await remote.later(1), await remote.back(1), await remote.nothing()];
      same(all, [2, 3, null], 'outcomes');
    },
  );

  on(
    'what a handler throws is told, with its own data',
    {
      fail() {
        throw Object.assign(new RangeError('too far'), { code: 'E_FAR', limit: 7 });
      },
      data: () => Promise.reject({ left: 3 }),
    },
    async ({ remote }) => {
      const error = await failure(() => remote.fail());
      same(error instanceof RangeError, true, 'class');
      const { name, message, code, limit } = error as unknown as Record<string, unknown>;
      same(
        { name, message, code, limit },
        { name: 'RangeError', message: 'too far', code: 'E_FAR', limit: 7 },
        'error',
      );
      same(String((error as Error).stack).includes('engine-suite'), false, 'a stack of the server');
      same(await failure(() => remote.data()), { left: 3 }, 'data that is thrown');
    },
  );

  on('what cannot be sent is refused, and nothing runs', echo, async ({ remote }) => {
    const unreadable = {
      get it(): never {
        throw new Error('no');
      },
    };
    const error = await failure(() => remote.echo(unreadable));
    same([error?.code, error?.mayHaveRun], ['ERR_DATA', false], 'error');
  });

  const signalled = () => {
    const running = gate();
    const fired = gate<unknown>();
    const api = {
      hang() {
        const { signal } = here();
        signal.addEventListener('abort', () => fired.open(signal.reason));
        running.open();
        return new Promise(() => {});
      },
    };
    return { api, running, fired };
  };

  test('a deadline ends the call here, and fires the signal there', async () => {
    const { api, fired } = signalled();
    await using(await setup(api, {}), async ({ remote }) => {
      const error = await failure(() => options(remote, { deadline: 100 }).hang());
      same([error?.code, error?.mayHaveRun], ['ERR_DEADLINE', true], 'error');
      await fired.passed;
    });
  });

  test('a cancelled call ends here, and fires the signal there', async () => {
    const { api, running, fired } = signalled();
    await using(await setup(api, {}), async ({ remote }) => {
      const controller = new AbortController();
      const call = failure(() => options(remote, { signal: controller.signal }).hang());
      await running.passed;
      controller.abort(new Error('enough'));
      const error = await call;
      same([error?.code, error?.mayHaveRun], ['ERR_CANCELLED', true], 'error');
      await fired.passed;
      const never = await failure(() => options(remote, { signal: controller.signal }).hang());
      same(
        [never?.code, never?.mayHaveRun],
        ['ERR_CANCELLED', false],
        'of one that was cancelled before',
      );
    });
  });

  test('a caller that leaves fires the signals of what runs for it', async () => {
    const { api, running, fired } = signalled();
    await using(await setup(api, {}), async ({ remote, leave }) => {
      const call = failure(() => remote.hang());
      await running.passed;
      leave();
      same((await call)?.code, 'ERR_CLOSED', 'code');
      await fired.passed;
    });
  });

  test('an end at once tells calls that they may have run', async () => {
    const { api, running, fired } = signalled();
    await using(await setup(api, {}), async ({ remote, close }) => {
      const call = failure(() => remote.hang());
      await running.passed;
      await close();
      const error = await call;
      same([error?.code, error?.mayHaveRun], ['ERR_CONNECTION_LOST', true], 'error');
      await fired.passed;
    });
  });

  test('an end without hurry lets finish what runs', async () => {
    const [running, go] = [gate(), gate()];
    const api = {
      async slow() {
        running.open();
        await go.passed;
        return 'done';
      },
    };
    await using(await setup(api, {}), async ({ remote, drain }) => {
      const call: Promise<unknown> = remote.slow();
      await running.passed;
      const drained = drain(10_000);
      go.open();
      same(await call, 'done', 'outcome');
      await drained;
    });
  });

  test('as many calls run as may: more wait or are refused, and none is lost', async () => {
    const go = gate();
    let most = 0;
    let now = 0;
    const api = {
      async work() {
        most = Math.max(most, ++now);
        // As many as may are here: in that time one more would be.
        if (now === 2) setTimeout(go.open, 100);
        await go.passed;
        now--;
        return 'done';
      },
      peek: () => now,
    };
    await using(await setup(api, { calls: 2 }), async ({ remote }) => {
      const calls = Array.from({ length: 5 }, () => failure(() => remote.work()));
      for (const error of await Promise.all(calls)) {
        if (error === undefined) continue;
        same([error.code, error.mayHaveRun], ['ERR_BUSY', false], 'one too many');
      }
      same(most, 2, 'calls at once');
    });
  });

  const whoAmI = { me: () => [here().peer.identity ?? null, typeof here().peer.transport] };
  on('a handler knows who calls, and how', whoAmI, async ({ remote }) => {
    same(await remote.me(), [null, 'string'], 'peer');
  });
  const authenticate: Authenticate = (auth) => (auth === 'secret' ? { user: 'ada' } : undefined);
  on(
    'credentials let in',
    whoAmI,
    async ({ remote }) => same(await remote.me(), [{ user: 'ada' }, 'string'], 'peer'),
    { authenticate, auth: 'secret' },
  );
  test('wrong credentials do not', async () => {
    const error = await failure(async () => {
      const pair = await setup(whoAmI, { authenticate, auth: 'guess' });
      await using(pair, async ({ remote }) => void (await remote.me()));
    });
    same(error?.code, 'ERR_AUTH', 'code');
  });

  on(
    'a call carries its key, its trace and its deadline',
    {
      meta() {
        const { meta, deadline } = here();
        return [
          meta.key,
          meta.traceparent,
          meta.tracestate,
          deadline !== undefined && deadline > 0,
        ];
      },
    },
    async ({ remote }) => {
      const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
      const given = { key: 'k1', traceparent, tracestate: 'a=b', deadline: 5_000 };
      same(await options(remote, given).meta(), ['k1', traceparent, 'a=b', true], 'meta');
    },
  );
}

async function using(pair: EnginePair, fn: (pair: EnginePair) => Promise<void>): Promise<void> {
  try {
    await fn(pair);
  } finally {
    pair.leave();
    await pair.teardown();
  }
}

/** What a call failed with, or undefined. */
async function failure(call: () => unknown): Promise<DserviceError | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    // Looked at as far as it is asked for, whatever it is.
    return error as DserviceError;
  }
}

function same(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}
