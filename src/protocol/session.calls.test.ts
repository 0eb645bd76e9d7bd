import { describe, expect, test, vi } from 'vitest';
import type { ServedCall } from './context.js';
import { codeOf, methodsOf, ourHello, Peer, peer, sessionPair } from '../testing/fixtures/peer.js';
import { noTables } from './session-handle.js';
import { turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { contextOf, syncScope } from './context.js';
import { options } from './options.js';

type Fn = (...args: unknown[]) => Promise<unknown>;
/** A method of a remote, by its path. */
function at(remote: Record<string, unknown>, ...path: string[]): Fn {
  return path.reduce<unknown>((it, key) => (it as Record<string, unknown>)[key], remote) as Fn;
}

describe('calls', () => {
  test('values, nested methods, callbacks and functions in outcomes', async () => {
    const api = {
      add: (x: number, y: number) => x + y,
      deep: { er: { echo: async (value: unknown) => value } },
      each: async (list: number[], fn: (n: number) => Promise<unknown>) =>
        Promise.all(list.map(fn)),
      counter: () => {
        let n = 0;
        return { next: () => ++n };
      },
    };
    const { a } = await sessionPair({ b: { api } });
    expect(await at(a.remote, 'add')(1, 2)).toBe(3);
    const value = { when: new Date(5), map: new Map([[1, new Set([2n])]]) };
    expect(await at(a.remote, 'deep', 'er', 'echo')(value)).toEqual(value);
    expect(await at(a.remote, 'each')([1, 2, 3], (n: number) => n * 2)).toEqual([2, 4, 6]);
    const counter = (await at(a.remote, 'counter')()) as { next: Fn };
    expect([await counter.next(), await counter.next()]).toEqual([1, 2]);
  });

  test('both sides call, and a function that comes home is itself', async () => {
    const fn = (): void => {};
    const api = { same: (it: unknown) => it === fn, give: () => fn, echo: (it: unknown) => it };
    const { a, b } = await sessionPair({ a: { api: { ping: () => 'a' } }, b: { api } });
    expect(await at(b.remote, 'ping')()).toBe('a');
    const given = await at(a.remote, 'give')();
    expect(await at(a.remote, 'same')(given)).toBe(true);
    expect(await at(a.remote, 'echo')(given)).toBe(given);
    const mine = (): void => {};
    expect(await at(a.remote, 'echo')(mine)).toBe(mine);
  });

  test('start in the order they were sent, and leave in one write', async () => {
    const order: unknown[] = [];
    const them = await peer({ api: { run: (n: unknown) => void order.push(n) } });
    let pieces = 0;
    them.recorder.onReceive = () => void pieces++;
    const calls = [1, 2, 3].map((n) => codeOf(them.session.call('x', [n])));
    await turns(1);
    expect(pieces).toBe(1);
    expect(them.got.slice(-3).map((it) => it.arguments)).toEqual([[1], [2], [3]]);
    await them.send(...[1, 2, 3].map((n) => ({ method: 'run', arguments: [n] })));
    expect(order).toEqual([1, 2, 3]);
    them.session.close();
    await Promise.all(calls);
  });

  test('what cannot be sent rejects, and did not run', async () => {
    const { a } = await sessionPair({ b: { api: { echo: (it: unknown) => it } } });
    const error = { code: 'ERR_DATA', mayHaveRun: false, method: 'echo' };
    await expect(at(a.remote, 'echo')(Symbol('x'))).rejects.toMatchObject(error);
    expect(a.outstanding).toBe(0);
  });

  test('a method that is not there', async () => {
    const { a } = await sessionPair({ b: { api: {} } });
    await expect(a.call('nothing', [])).rejects.toMatchObject({
      code: 'ERR_METHOD',
      message: expect.stringContaining('nothing'),
    });
  });

  test('an api announced anew fills the same remote', async () => {
    const { a, b } = await sessionPair({ b: { api: { old: () => 1 } } });
    const { remote } = a;
    const seen: string[][] = [];
    a.on('remote', (it) => seen.push(Object.keys(it)));
    b.announce({ young: () => 2 });
    await turns(1);
    expect(a.remote).toBe(remote);
    expect(seen).toEqual([['young']]);
    expect(await at(remote, 'young')()).toBe(2);
    await expect(a.call('old', [])).rejects.toMatchObject({ code: 'ERR_METHOD' });
    expect(() => b.announce({ cull() {} })).toThrow(expect.objectContaining({ code: 'ERR_NAME' }));
  });
});

describe('deadlines', () => {
  test('the caller rejects, and the signal of the handler fires', async () => {
    const scope = syncScope();
    const contexts: ServedCall[] = [];
    const reasons: unknown[] = [];
    const wait = (): Promise<void> => {
      const context = contextOf(scope) as ServedCall;
      contexts.push(context);
      context.signal.addEventListener('abort', () => reasons.push(context.signal.reason));
      return new Promise(() => {});
    };
    const { a, clock } = await sessionPair({ b: { api: { wait }, scope } });
    const call = codeOf(options({ wait: at(a.remote, 'wait') }, { deadline: 500 }).wait());
    await turns(1);
    expect(contexts[0]?.deadline).toBe(500);
    await clock.advance(499);
    expect([a.outstanding, reasons.length]).toEqual([1, 0]);
    await clock.advance(1);
    expect(await call).toBe('ERR_DEADLINE');
    // By its own clock, or told by the caller: whichever is first.
    expect(reasons).toMatchObject([{ code: expect.stringMatching(/^ERR_(DEADLINE|CANCELLED)$/) }]);
  });

  test('the usual one is 30 s, which is told to nobody', async () => {
    const them = await peer();
    const call = expect(them.session.call('x', [])).rejects.toMatchObject({
      code: 'ERR_DEADLINE',
      mayHaveRun: true,
      method: 'x',
    });
    await turns(1);
    expect(them.last).not.toHaveProperty('meta');
    const id = them.last?.reply;
    for (let second = 0; second < 30; second++) {
      expect(them.session.outstanding).toBe(1);
      await them.send({ control: 'pong' });
      await them.clock.advance(1_000);
    }
    await call;
    expect(them.last).toEqual({ control: 'cancel', call: id });
  });

  test('each call in its own time; Infinity waits', async () => {
    const them = await peer({ deadline: 100 });
    const done: string[] = [];
    const wait = (name: string, deadline?: number): void =>
      void codeOf(
        them.session.call(name, [], deadline === undefined ? undefined : { deadline }),
      ).then((code) => done.push(`${name} ${String(code)}`));
    wait('usual');
    wait('short', 10);
    wait('long', 200);
    wait('never', Infinity);
    await them.clock.advance(50);
    wait('later');
    await them.clock.advance(50);
    expect(done).toEqual(['short ERR_DEADLINE', 'usual ERR_DEADLINE']);
    await them.clock.advance(50);
    await them.clock.advance(50);
    expect(done.slice(2)).toEqual(['later ERR_DEADLINE', 'long ERR_DEADLINE']);
    await them.send({ control: 'pong' });
    await them.clock.advance(14_000);
    expect(them.session.outstanding).toBe(1);
  });

  test('a call made while serving another has no more time than that one', async () => {
    const scope = syncScope();
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const them = await peer({ scope, api: { relay: () => codeOf(them.session.call('next', [])) } });
    await them.send({
      method: 'relay',
      arguments: [],
      reply: 1,
      meta: { deadline: 300, traceparent, path: ['a'] },
    });
    const next = them.got.find((it) => it.method === 'next');
    expect(next?.meta).toEqual({ deadline: 300, traceparent, path: ['a'] });
    await them.clock.advance(300);
    expect(them.outcome(1)?.arguments).toEqual([null, 'ERR_DEADLINE']);
  });

  test.each([Number.MAX_VALUE, 2 ** 31, 0, -5, '5', null, Infinity])(
    'a deadline from the peer of %s',
    async (deadline) => {
      const scope = syncScope();
      const aborted = vi.fn();
      const api = {
        wait: () => {
          contextOf(scope).signal.addEventListener('abort', aborted);
          return new Promise(() => {});
        },
      };
      const them = await peer({ scope, api });
      const text = deadline === Infinity ? '1e999' : JSON.stringify(deadline);
      await them.send(`{"method":"wait","arguments":[],"reply":1,"meta":{"deadline":${text}}}`);
      await them.clock.advance(1);
      expect(aborted).toHaveBeenCalledTimes(deadline === 0 ? 1 : 0);
      expect(them.session.ended).toBe(false);
    },
  );
});

describe('cancel', () => {
  test('rejects at once, and the handler learns it', async () => {
    const scope = syncScope();
    const reasons: unknown[] = [];
    const wait = (): Promise<void> => {
      const { signal } = contextOf(scope);
      signal.addEventListener('abort', () => reasons.push(signal.reason));
      return new Promise(() => {});
    };
    const { a, b } = await sessionPair({ b: { api: { wait }, scope } });
    const controller = new AbortController();
    const call = options({ wait: at(a.remote, 'wait') }, { signal: controller.signal }).wait();
    await turns(1);
    controller.abort(new Error('enough'));
    await expect(call).rejects.toMatchObject({
      code: 'ERR_CANCELLED',
      mayHaveRun: true,
      cause: { message: 'enough' },
    });
    await turns(1);
    expect(reasons).toMatchObject([{ code: 'ERR_CANCELLED' }]);
    // It still runs, and may answer; nobody waits for it.
    expect([a.outstanding, b.tables.serving]).toEqual([0, 1]);
  });

  test('before it was sent, it never leaves', async () => {
    const them = await peer();
    const sent = them.got.length;
    await expect(them.session.call('x', [], { signal: AbortSignal.abort() })).rejects.toMatchObject(
      {
        code: 'ERR_CANCELLED',
        mayHaveRun: false,
      },
    );
    await turns(1);
    expect(them.got).toHaveLength(sent);
  });

  test('after the outcome it is nothing', async () => {
    const them = await peer();
    const controller = new AbortController();
    const call = them.session.call('x', [], { signal: controller.signal });
    await turns(1);
    await them.send({ method: them.last?.reply ?? -1, arguments: [null, 5] });
    controller.abort();
    expect(await call).toBe(5);
    await turns(1);
    expect(them.got.some((it) => it.control === 'cancel')).toBe(false);
  });
});

describe('the end of a session', () => {
  test('says of each call whether it may have run', async () => {
    const them = await peer({ hello: { ...ourHello, limits: { calls: 1 } } });
    const sent = them.session.call('sent', []);
    const held = them.session.call('held', []);
    await turns(1);
    const last = them.session.call('last', []);
    them.recorder.channel.destroy();
    await expect(sent).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      mayHaveRun: true,
      method: 'sent',
    });
    await expect(held).rejects.toMatchObject({ mayHaveRun: false });
    await expect(last).rejects.toMatchObject({ mayHaveRun: false });
    await expect(them.session.call('more', [])).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      mayHaveRun: false,
    });
    expect(them.session.tables).toEqual(noTables);
  });

  test('closing on this side is ERR_CLOSED here, and an end without error there', async () => {
    const { a, b } = await sessionPair({ b: { api: { wait: () => new Promise(() => {}) } } });
    const ends: unknown[] = [];
    b.on('end', (error) => ends.push(error));
    const call = codeOf(a.call('wait', []));
    await turns(1);
    a.close();
    a.close();
    expect(await call).toBe('ERR_CLOSED');
    await turns(2);
    expect(ends).toEqual([undefined]);
  });

  test('handlers learn it by their signal, and what they answer then goes nowhere', async () => {
    const scope = syncScope();
    let finish: (value: unknown) => void = () => {};
    const reasons: unknown[] = [];
    const api = {
      wait: () => {
        const { signal } = contextOf(scope);
        signal.addEventListener('abort', () => reasons.push(signal.reason));
        return new Promise((resolve) => (finish = resolve));
      },
    };
    const them = await peer({ api, scope });
    await them.send({ method: 'wait', arguments: [], reply: 1 });
    them.recorder.channel.destroy();
    await turns(2);
    expect(reasons).toMatchObject([{ code: 'ERR_CONNECTION_LOST' }]);
    finish({ fn: () => {} });
    await turns(1);
    expect(them.session.tables).toEqual(noTables);
  });

  test('promises that nobody waits for raise nothing', async () => {
    const { a } = await sessionPair({ b: { api: { boom: () => Promise.reject(new Error('x')) } } });
    // vitest fails on an unhandled rejection.
    void a.call('boom', []);
    void a.call('nothing', []);
    void at(a.remote, 'boom')(Symbol('x'));
    void a.call('boom', [], { signal: AbortSignal.abort() });
    await turns(2);
    void a.call('boom', []);
    a.close();
    void a.call('boom', []);
    await turns(2);
  });

  test('events: a listener that throws is told to `error`, and nothing else stops', async () => {
    const them = new Peer({ api: { echo: (it: unknown) => it } });
    const reasons: unknown[] = [];
    them.session.on('remote', () => {
      throw new Error('a listener');
    });
    them.session.on('error', (error) => reasons.push(error));
    them.session.on('error', () => {
      throw new Error('and another');
    });
    await them.send(methodsOf(ourHello));
    expect(reasons).toMatchObject([{ message: 'a listener' }]);
    expect(await them.call('echo', [1])).toEqual([null, 1]);
  });
});

describe('drain', () => {
  test('serves what crosses it, finishes what runs, and ends without failing anybody', async () => {
    const finish: ((value: string) => void)[] = [];
    const api = { wait: () => new Promise<string>((resolve) => finish.push(resolve)) };
    const { a, b } = await sessionPair({ b: { api } });
    const byes: string[] = [];
    a.on('bye', () => byes.push('bye'));
    const early = a.call('wait', []);
    await turns(1);
    const drained = b.drain();
    const crossing = a.call('wait', []);
    await turns(1);
    expect([byes, a.leaving, finish.length]).toEqual([['bye'], true, 2]);
    expect(b.drain()).toBe(drained);
    finish[0]?.('early');
    expect(await early).toBe('early');
    expect(b.ended).toBe(false);
    finish[1]?.('crossing');
    expect(await crossing).toBe('crossing');
    await drained;
    await turns(2);
    expect([a.ended, b.ended]).toEqual([true, true]);
  });

  test('has no more than its time', async () => {
    const { a, b, clock } = await sessionPair({
      b: { api: { wait: () => new Promise(() => {}) } },
    });
    const call = codeOf(a.call('wait', []));
    await turns(1);
    const drained = b.drain(500);
    await clock.advance(499);
    expect(b.ended).toBe(false);
    await clock.advance(1);
    await drained;
    expect(b.ended).toBe(true);
    expect(await call).toBe('ERR_CONNECTION_LOST');
  });

  test('a plain peer gets a second of quiet', async () => {
    const them = await peer({ hello: null, api: { echo: (it: unknown) => it } });
    const drained = them.session.drain();
    await them.clock.advance(999);
    expect(them.session.ended).toBe(false);
    await them.clock.advance(1);
    await drained;
    expect(them.session.ended).toBe(true);
  });

  test('of what has ended is done', async () => {
    const { a } = await sessionPair();
    a.close();
    await a.drain();
  });
});

describe('heartbeat', () => {
  const times = { busy: 1_000, idle: 15_000 };

  test('a peer that is silent while calls are out is suspect after two seconds, until it is heard', async () => {
    const them = await peer({ heartbeat: times });
    const marks: boolean[] = [];
    them.session.on('suspect', (suspect) => marks.push(suspect));
    const call = codeOf(them.session.call('x', []));
    await them.clock.advance(1_000);
    expect(them.last).toEqual({ control: 'ping', n: 0 });
    await them.clock.advance(1_000);
    expect([marks, them.session.suspect]).toEqual([[true], true]);
    await them.send({ control: 'pong', n: 0 });
    await them.clock.advance(1_000);
    expect([marks, them.session.suspect]).toEqual([[true, false], false]);
    them.session.close();
    await call;
  });

  test('an idle one pings every 15 s, and ends after two that were missed', async () => {
    const them = await peer({ heartbeat: times });
    const pings = (): number => them.got.filter((it) => it.control === 'ping').length;
    await them.clock.advance(15_000);
    await them.clock.advance(15_000);
    expect([pings(), them.session.ended]).toEqual([2, false]);
    await them.clock.advance(15_000);
    expect(them.closed).toMatchObject({ code: 'ERR_HEARTBEAT' });
    expect(them.ends).toMatchObject([{ code: 'ERR_HEARTBEAT' }]);
  });

  test('two of ours keep each other alive for a day', async () => {
    const clock = new VirtualClock();
    const { a, b } = await sessionPair({ clock });
    for (let i = 0; i < 240; i++) await clock.advance(6_000 * 60);
    expect([a.ended, b.ended]).toEqual([false, false]);
  });

  test('a plain peer is never asked', async () => {
    const them = await peer({ hello: null });
    const sent = them.got.length;
    await them.clock.advance(1_000_000);
    expect([them.session.ended, them.got.length]).toEqual([false, sent]);
  });
});
