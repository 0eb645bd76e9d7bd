import { describe, expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { contextOf } from '../protocol/context.js';
import { method } from '../protocol/method.js';
import { options } from '../protocol/options.js';
import type { Session } from '../protocol/session.js';
import { codeOf, makeHost, silent, tally } from '../testing/fixtures/instances.js';
import type { Service } from './service.js';

/** Ends all sessions of a service, for good. */
function ender(service: Service<object>): () => void {
  const sessions: Session[] = [];
  service.on('session', (session) => sessions.push(session));
  return () => {
    for (const session of sessions) session.close();
  };
}

/** Instances of `a` whose handler does what `act` says, by the number of the instance. */
async function makeMany(count: number, act: (i: number) => unknown) {
  const made = makeHost();
  const calls: number[] = [];
  for (let i = 0; i < count; i++) {
    calls[i] = 0;
    const api = {
      do() {
        calls[i] = (calls[i] ?? 0) + 1;
        return act(i);
      },
    };
    await made.make('a@1.0.0', api, { logger: silent }).start();
  }
  return { ...made, calls };
}

const never = (): Promise<never> => new Promise(() => {});

describe('an instance that answers no more', () => {
  test('rests, is tried once, and comes back when it answers', async () => {
    let frozen = true;
    const { host, dservice, calls } = await makeMany(2, (i) => (i === 0 && frozen ? never() : i));
    const remote = options(await dservice().connect('a'), { deadline: 100 });
    const burst = async (count: number): Promise<number> => {
      let lost = 0;
      for (let i = 0; i < count; i++) {
        const call = codeOf(remote.do());
        await host.clock.advance(100);
        if ((await call) === 'ERR_DEADLINE') lost++;
      }
      return lost;
    };
    // It rests after five; two at random may have to find that out in more than five calls.
    expect(await burst(30)).toBe(5);
    const before = calls[0];
    // 2.5 seconds or so of the rest have passed.
    expect(await burst(20)).toBe(0);
    expect(calls[0]).toBe(before);
    // One trial when the rest is over.
    expect(await burst(20)).toBe(1);
    frozen = false;
    await host.clock.advance(10_000);
    expect(await burst(40)).toBe(0);
    expect(calls[0]).toBeGreaterThan(10);
  });

  test('is still called where there is no other', async () => {
    const { host, dservice, calls } = await makeMany(1, never);
    const remote = options(await dservice().connect('a'), { deadline: 100 });
    for (let i = 0; i < 20; i++) {
      const call = codeOf(remote.do());
      await host.clock.advance(100);
      expect(await call).toBe('ERR_DEADLINE');
    }
    expect(calls).toEqual([20]);
  });
});

test('the faster ones get more of the calls', async () => {
  const { host, dservice, calls } = await makeMany(3, (i) => {
    return new Promise<void>((resolve) => host.clock.after(i === 0 ? 40 : 10, resolve));
  });
  const remote = await dservice().connect('a');
  for (let i = 0; i < 600; i++) {
    void remote.do();
    await host.clock.advance(2);
  }
  const [slow = 0, b = 0, c = 0] = calls;
  expect(slow).toBeLessThan(Math.min(b, c) / 1.8);
  expect(slow).toBeGreaterThan(10);
});

test('equal ones get equally many', async () => {
  const made = makeHost();
  for (let i = 0; i < 5; i++) await made.instance('a');
  const remote = await made.dservice().connect('a');
  const counts = [...(await tally(2_000, () => remote.who())).values()];
  expect(counts).toHaveLength(5);
  expect(Math.min(...counts)).toBeGreaterThan(400 * 0.8);
  expect(Math.max(...counts)).toBeLessThan(400 * 1.2);
});

describe('a call is not made again', () => {
  test('since what its handler called was lost', async () => {
    const { dservice, calls } = await makeMany(3, () => {
      throw new DserviceError('ERR_CONNECTION_LOST', 'behind me', {
        ...{ method: 'other', mayHaveRun: false },
      });
    });
    const remote = await dservice().connect('a');
    const call = remote.do();
    await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true });
    expect(calls.reduce((sum, n) => sum + n)).toBe(1);
    const idempotent = options(remote, { idempotent: true });
    expect(await codeOf(idempotent.do())).toBe('ERR_CONNECTION_LOST');
    expect(calls.reduce((sum, n) => sum + n)).toBe(2);
  });

  test('beyond the budget, when everything fails', async () => {
    const { host, dservice, make } = makeHost();
    let calls = 0;
    for (let i = 0; i < 4; i++) {
      const service = make(
        'a',
        {
          do() {
            calls++;
            end();
          },
        },
        { logger: silent },
      );
      const end = ender(service);
      await service.start();
    }
    const remote = options(await dservice().connect('a'), { idempotent: true });
    for (let i = 0; i < 1_000; i++) {
      const call = codeOf(remote.do());
      await host.clock.advance(10);
      expect(await call).toBe('ERR_CONNECTION_LOST');
    }
    // A thousand, one in ten of them again, and a reserve of a hundred.
    expect(calls).toBeGreaterThan(1_000);
    expect(calls).toBeLessThanOrEqual(1_000 + 100 + 100);
  });
});

test('a method may say that it is idempotent: its calls are made again where their connection was lost', async () => {
  const { host, make, dservice } = makeHost();
  for (let i = 0; i < 2; i++) {
    const once = (): string => {
      if (i > 0) return 'done';
      end();
      return 'lost';
    };
    const read = method({ idempotent: true }, () => once());
    const service = make('a', { write: () => once(), deep: { read } }, { logger: silent });
    const end = ender(service);
    await service.start();
  }
  const remote = await dservice({ pick: 'round-robin' }).connect('a');
  const seen = async (call: () => Promise<unknown>): Promise<unknown[]> => {
    const outcomes: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      const outcome = codeOf(call());
      await host.clock.advance(1_000);
      outcomes.push(await outcome);
    }
    return outcomes;
  };
  expect(await seen(() => remote.deep.read())).toEqual(['none', 'none', 'none', 'none']);
  expect(await seen(() => remote.write())).toContain('ERR_CONNECTION_LOST');
  // Who calls knows better.
  const not = options(remote, { idempotent: false });
  expect(await seen(() => not.deep.read())).toContain('ERR_CONNECTION_LOST');
});

test('a call that was lost once may have run, whatever became of the attempts after', async () => {
  const { host, make, dservice } = makeHost();
  const a = make('a', { stuck: () => new Promise(() => {}) }, { logger: silent });
  await a.start();
  const remote = await dservice().connect('a');
  const calls = [{ deadline: 30_000 }, { deadline: 5_000 }].map((given) =>
    options(remote, { idempotent: true, ...given })
      .stuck()
      .catch((error: unknown) => error),
  );
  await host.clock.advance(1);
  host.kill(String(a.endpoints[0]));
  await host.clock.advance(60_000);
  const [late, due] = await Promise.all(calls);
  expect(late).toMatchObject({ code: 'ERR_CONNECT', mayHaveRun: true });
  expect(due).toMatchObject({ code: 'ERR_DEADLINE', mayHaveRun: true });
});

describe('a hedged call', () => {
  async function makeHedged(hedge: number | `${number}p`) {
    const cancelled: string[] = [];
    const made = makeHost();
    const ids: string[] = [];
    let slow: string | undefined;
    for (let i = 0; i < 2; i++) {
      const service = made.make(
        'a',
        {
          who() {
            ids.push(service.id);
            slow ??= service.id;
            if (slow !== service.id) return service.id;
            contextOf(made.host.runtime.scope).signal.addEventListener('abort', () =>
              cancelled.push(service.id),
            );
            return new Promise((resolve) => made.host.clock.after(1_000, () => resolve('slow')));
          },
        },
        { logger: silent },
      );
      await service.start();
    }
    const remote = await made.dservice({ hedge }).connect('a');
    return { ...made, remote, ids, cancelled };
  }

  test('is made a second time elsewhere when it is slow, and the slow one is cancelled', async () => {
    const { host, remote, ids, cancelled } = await makeHedged(50);
    const call = options(remote, { idempotent: true }).who();
    await host.clock.advance(49);
    expect(ids).toHaveLength(1);
    await host.clock.advance(1);
    expect(await call).toBe(ids[1]);
    await host.clock.advance(1);
    expect(cancelled).toEqual([ids[0]]);
  });

  test('is made once where it may not run twice', async () => {
    const { host, remote, ids } = await makeHedged(50);
    const call = remote.who();
    await host.clock.advance(1_000);
    expect(await call).toBe('slow');
    expect(ids).toHaveLength(1);
  });

  test('is made once while it is not known what is slow', async () => {
    const { host, remote, ids } = await makeHedged('95p');
    const call = options(remote, { idempotent: true }).who();
    await host.clock.advance(1_000);
    expect(await call).toBe('slow');
    expect(ids).toHaveLength(1);
  });

  test('does not take longer than its deadline, the second time included', async () => {
    const { host, make, dservice } = makeHost();
    const stuck = () => new Promise(() => {});
    for (let i = 0; i < 2; i++) await make('a', { stuck }, { logger: silent }).start();
    const remote = await dservice({ hedge: 500 }).connect('a');
    const call = options(remote, { idempotent: true, deadline: 1_000 }).stuck();
    let code: unknown;
    void codeOf(call).then((found) => (code = found));
    await host.clock.advance(999);
    expect(code).toBeUndefined();
    await host.clock.advance(2);
    expect(code).toBe('ERR_DEADLINE');
  });

  test('is cancelled at both', async () => {
    const { host, remote } = await makeHedged(50);
    const cancel = new AbortController();
    const call = codeOf(
      options(remote, { idempotent: true, signal: cancel.signal, deadline: 5_000 }).who(),
    );
    await host.clock.advance(10);
    cancel.abort();
    expect(await call).toBe('ERR_CANCELLED');
    await host.clock.advance(100);
  });
});

describe('an instance that is lost', () => {
  /** Three instances whose calls take 30 ms, a remote that takes turns, and what is told of rests. */
  async function makeBusy() {
    const { host, make, dservice } = makeHost();
    const calls = [0, 0, 0];
    const endpoints: string[] = [];
    const ids: string[] = [];
    for (const i of calls.keys()) {
      const api = {
        async do() {
          calls[i] = (calls[i] ?? 0) + 1;
          await new Promise<void>((resolve) => host.clock.after(30, resolve));
        },
      };
      const service = make('a@1.0.0', api, { logger: silent });
      await service.start();
      endpoints.push(...service.endpoints);
      ids.push(service.id);
    }
    const told: string[] = [];
    const caller = dservice({
      pick: 'round-robin',
      observe: {
        'instance:ejected': ({ record, reason }) =>
          void told.push(`${ids.indexOf(record.id)} ${reason}`),
      },
    });
    const remote = await caller.connect('a');
    /** Makes calls, of which two in three may run twice, at each instance as many. */
    const load = (count: number) =>
      Array.from({ length: count }, (_, i) =>
        codeOf(options(remote, { idempotent: i % 9 < 6 }).do()),
      );
    /** What of 30 calls each instance gets. */
    const shares = async (): Promise<number[]> => {
      const before = [...calls];
      const made = load(30);
      await host.clock.advance(100);
      expect(new Set(await Promise.all(made))).toEqual(new Set(['none']));
      return calls.map((count, i) => count - (before[i] ?? 0));
    };
    for (let i = 0; i < 5; i++) await shares();
    /** With 90 calls in flight, the first one cannot be reached for so many ms. Their outcomes. */
    const cut = async (ms: number): Promise<unknown[]> => {
      const made = load(90);
      await host.clock.advance(20);
      const [endpoint = ''] = endpoints;
      host.cut(endpoint);
      host.freeze(endpoint);
      await host.clock.advance(ms);
      host.freeze(endpoint, false);
      await host.clock.advance(100);
      return await Promise.all(made);
    };
    return { host, endpoints, told, load, shares, cut };
  }

  test.each([0, 500, 4_000])(
    'for %i ms has its share at once when it is back, however many calls were in flight',
    async (ms) => {
      const { told, cut, shares } = await makeBusy();
      expect(new Set(await cut(ms))).toEqual(new Set(['none']));
      expect(told).toEqual([]);
      expect(await shares()).toEqual([10, 10, 10]);
    },
  );

  test('for good rests', async () => {
    const { host, endpoints, told, load } = await makeBusy();
    const made = load(90);
    await host.clock.advance(20);
    host.kill(String(endpoints[0]));
    await host.clock.advance(1_000);
    expect(told).toEqual(['0 failures']);
    const lost = (await Promise.all(made)).filter((code) => code !== 'none');
    expect(lost).toEqual(Array(10).fill('ERR_CONNECTION_LOST'));
  });

  test('again and again rests the third time, though it answers in between', async () => {
    const { host, told, cut, shares } = await makeBusy();
    for (const rests of [0, 0, 1]) {
      await cut(100);
      expect(told).toEqual(Array(rests).fill('0 failures'));
    }
    expect(await shares()).toEqual([0, 15, 15]);
    await host.clock.advance(5_000);
    // A trial, and its share.
    await shares();
    expect(await shares()).toEqual([10, 10, 10]);
  });

  test('seldom does not', async () => {
    const { host, told, cut } = await makeBusy();
    for (let i = 0; i < 5; i++) {
      await cut(100);
      await host.clock.advance(15_000);
    }
    expect(told).toEqual([]);
  });
});
