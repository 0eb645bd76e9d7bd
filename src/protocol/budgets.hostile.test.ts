import { describe, expect, test } from 'vitest';
import { memoryPair } from '../channel/memory.js';
import { codeOf, peer, sessionPair, type Wired } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

/** What one session may have of us, and what becomes of who wants more. */

describe('messages', () => {
  const counting = () => {
    let ran = 0;
    return { api: { note: () => void ran++, echo: (it: unknown) => it }, ran: () => ran };
  };
  const note = '{"method":"note","arguments":[]}';

  test('beyond so many a second they wait, and run when there is room again, in order', async () => {
    const seen: unknown[] = [];
    const api = { note: (n: unknown) => void seen.push(n) };
    const them = await peer({ api, limits: { messages: 100 } });
    await them.send(...Array.from({ length: 250 }, (_, n) => ({ method: 'note', arguments: [n] })));
    // The first `methods` was one.
    expect(seen).toHaveLength(99);
    await them.clock.advance(1_000);
    expect(seen.length).toBeGreaterThan(190);
    expect(seen.length).toBeLessThan(202);
    await them.clock.advance(1_000);
    expect(seen).toEqual(Array.from({ length: 250 }, (_, n) => n));
    expect(them.ends).toEqual([]);
  });

  test('the channel waits meanwhile', async () => {
    const { api } = counting();
    const them = await peer({ api, limits: { messages: 10 }, memory: { window: 100 } });
    const { channel } = them.recorder;
    await them.send(...Array.from({ length: 20 }, () => note));
    await them.send(note);
    await them.send(note);
    const waits = channel.buffered;
    expect(waits).toBeGreaterThan(0);
    await them.clock.advance(10_000);
    expect(channel.buffered).toBe(0);
    expect(them.ends).toEqual([]);
  });

  test('who cannot be told to wait and goes on is told why it ends', async () => {
    const { api, ran } = counting();
    const limits = { messages: 10, unsentMax: 20_000 };
    const [ours, theirs] = memoryPair();
    // A page's WebSocket, say.
    const channel = Object.assign(ours, { pause() {} });
    const them = await peer({ api, limits, channel });
    const got: string[] = [];
    theirs.open({ receive: (data) => got.push(String(data)), drain() {}, close() {} });
    theirs.write('{"method":"methods","arguments":[{}],"callbacks":{},"links":[]}\n');
    for (let n = 0; n < 200 && !them.session.ended; n++) {
      theirs.write(`${note}\n`);
      await turns(1);
    }
    expect(them.ends).toMatchObject([{ code: 'ERR_LIMIT' }]);
    expect(ran()).toBe(9);
  });

  test('a long quiet saves up no more than a second', async () => {
    const { api, ran } = counting();
    const them = await peer({ api, limits: { messages: 100 } });
    await them.clock.advance(60_000);
    await them.send(...Array.from({ length: 1_000 }, () => note));
    expect(ran()).toBeLessThan(202);
  });

  test('a rate below one a second is one', async () => {
    const { api, ran } = counting();
    const them = await peer({ api, limits: { messages: 0.5 } });
    await them.send(note, note);
    expect(ran()).toBe(0);
    await them.clock.advance(2_000);
    expect(ran()).toBe(1);
    await them.clock.advance(2_000);
    expect(ran()).toBe(2);
  });

  test('outcomes that we asked for do not count', async () => {
    const { api } = counting();
    const them = await peer({ api, limits: { messages: 5 } });
    for (let n = 0; n < 50; n++) {
      const call = them.session.call('x', []);
      await turns(1);
      await them.send({ method: Number(them.last?.reply), arguments: [null, n] });
      expect(await call).toBe(n);
    }
    expect(await them.call('echo', [1])).toEqual([null, 1]);
  });

  test('thousands in one piece leave others their turn', async () => {
    const { api, ran } = counting();
    const turnsTaken: (() => void)[] = [];
    const them = await peer({ api });
    const { clock } = them;
    clock.defer = (fn) => void turnsTaken.push(fn);
    them.recorder.channel.write(`${note}\n`.repeat(100_000));
    await turns(2);
    const steps: number[] = [];
    for (let next = turnsTaken.shift(); next !== undefined; next = turnsTaken.shift()) {
      steps.push(ran());
      next();
    }
    expect(ran()).toBe(100_000);
    const widest = Math.max(...steps.map((at, i) => at - (steps[i - 1] ?? 0)));
    expect(widest).toBeLessThanOrEqual(20_000);
    expect(steps.length).toBeGreaterThan(5);
  });
});

describe('held', () => {
  const open = () => {
    const free: (() => void)[] = [];
    const api = {
      wait: () => new Promise<void>((resolve) => free.push(resolve)),
      echo: (it: unknown) => it,
    };
    return { api, free };
  };
  const big = (reply: number): Wired => ({ method: 'wait', arguments: ['x'.repeat(2_000)], reply });

  test('large arguments of calls that run: what comes next waits until some have ended', async () => {
    const { api, free } = open();
    const them = await peer({ api, limits: { held: 20_000 } });
    await them.send(...[1, 2, 3, 4].map(big));
    expect(free).toHaveLength(3);
    expect(await them.call('echo', [1])).toBeUndefined();
    free[0]?.();
    await turns(3);
    // The fourth, and so again no more.
    expect(free).toHaveLength(4);
    for (const go of free) go();
    await turns(3);
    expect(them.outcome(4)?.arguments).toEqual([]);
    expect(await them.call('echo', [1])).toEqual([null, 1]);
    expect(them.ends).toEqual([]);
  });

  test('calls that want no outcome are no way around it, nor those of a plain peer', async () => {
    for (const hello of [undefined, null]) {
      const { api, free } = open();
      const them = await peer({ api, limits: { held: 20_000 }, ...(hello === null && { hello }) });
      const { reply: _, ...oneWay } = big(0);
      await them.send(...Array.from({ length: 9 }, () => oneWay));
      expect(free).toHaveLength(3);
      them.session.close();
    }
  });

  test('a key of that name in a message weighs nothing', async () => {
    const { api, free } = open();
    const them = await peer({ api, limits: { held: 20_000 } });
    await them.send(
      ...Array.from({ length: 9 }, (_, n) => ({ ...big(n), arguments: [], weight: 1e9 })),
    );
    expect(free).toHaveLength(9);
  });

  test('small ones cost nothing, and are bounded by their number', async () => {
    const { api, free } = open();
    const them = await peer({ api, limits: { held: 1_000, calls: 50 } });
    await them.send(
      ...Array.from({ length: 60 }, (_, n) => ({ method: 'wait', arguments: [], reply: n })),
    );
    expect(free).toHaveLength(50);
    expect(await them.refused('echo', [1])).toBe('ERR_BUSY');
  });

  test('calls that wait for an outcome of another', async () => {
    const { api, free } = open();
    const them = await peer({ api, limits: { held: 20_000 } });
    await them.send({ method: 'wait', arguments: [], reply: 1, keep: true });
    const ahead = (reply: number): Wired => ({
      ...{ on: 1, method: [], arguments: ['x'.repeat(2_000)], reply },
    });
    await them.send(...[2, 3, 4, 5].map(ahead));
    expect(them.session.tables.serving).toBe(4);
    free[0]?.();
    await turns(3);
    expect(them.outcome(5)?.arguments).toMatchObject([{ code: 'ERR_METHOD' }]);
    expect(await them.call('echo', [1])).toEqual([null, 1]);
  });

  test('outcomes that are kept: beyond it they are sent, and not kept', async () => {
    const api = { text: (n: number) => ({ text: 'x'.repeat(n), n }) };
    const them = await peer({ api, limits: { held: 10_000 } });
    for (const reply of [1, 2, 3]) {
      await them.send({ method: 'text', arguments: [4_000], reply, keep: true });
      expect(them.outcome(reply)?.arguments).toMatchObject([null, { n: 4_000 }]);
    }
    await them.send({ on: 1, method: ['n'], reply: 4 }, { on: 3, method: ['n'], reply: 5 });
    expect(them.outcome(4)?.arguments).toEqual([null, 4_000]);
    expect(them.outcome(5)?.arguments).toMatchObject([{ code: 'ERR_LIMIT', mayHaveRun: false }]);
    await them.send({ control: 'release', call: 1 }, { control: 'release', call: 3 });
    await them.send({ method: 'text', arguments: [4_000], reply: 6, keep: true });
    await them.send({ on: 6, method: ['n'], reply: 7 });
    expect(them.outcome(7)?.arguments).toEqual([null, 4_000]);
  });

  test('outcomes that cannot be sent count as the longest line', async () => {
    const api = { bad: () => ({ symbol: Symbol('x'), n: 1 }) };
    const them = await peer({ api, limits: { held: 10_000, line: 6_000 } });
    await them.send(
      ...[1, 2].map((reply) => ({ method: 'bad', arguments: [], reply, keep: true })),
    );
    await them.send({ on: 1, method: ['n'], reply: 3 }, { on: 2, method: ['n'], reply: 4 });
    expect(them.outcome(3)?.arguments).toEqual([null, 1]);
    expect(them.outcome(4)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
  });

  test('two of ours get everything done, however little each may hold', async () => {
    const api = {
      later: async (text: string) => {
        await turns(1);
        return text.length;
      },
    };
    const { a } = await sessionPair({ b: { api, limits: { held: 5_000 } } });
    const calls = Array.from({ length: 20 }, () => a.call('later', ['x'.repeat(2_000)]));
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 20 }, () => 2_000));
    expect(await codeOf(a.call('nothing', []))).toBe('ERR_METHOD');
  });
});
