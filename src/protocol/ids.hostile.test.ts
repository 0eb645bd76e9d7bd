import { describe, expect, test } from 'vitest';
import { contextOf, syncScope } from './context.js';
import { type Peer, peer, type Wired } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

/** Ids that wrap, go backwards, come twice, or come by the million. */

const highest = Number.MAX_SAFE_INTEGER;
const free: (() => void)[] = [];
const api = {
  echo: (...values: unknown[]) => values,
  ask: async (fn: (n: number) => unknown) => [await fn(1)],
  later: (value: unknown) => new Promise((resolve) => free.push(() => resolve(value))),
};

async function isWell(them: Peer): Promise<void> {
  expect(await them.call('echo', [1])).toEqual([null, [1]]);
  expect(them.ends).toEqual([]);
}

describe('at the end of the numbers', () => {
  test('the highest id is one like any other', async () => {
    const them = await peer({ api });
    await them.send({ method: 'ask', arguments: ['f'], callbacks: { [highest]: ['0'] }, reply: 5 });
    expect(them.last).toMatchObject({ method: highest, arguments: [1] });
    await them.send({ method: 'echo', arguments: [3], reply: highest, keep: true });
    await them.send({ on: highest, method: [0], reply: highest - 1 });
    expect(them.outcome(highest - 1)?.arguments).toEqual([null, 3]);
    await isWell(them);
  });

  test.each([2 ** 53, 2 ** 64, 1e300])(
    '%d is none: nothing is answered under another',
    async (id) => {
      const them = await peer({ api });
      const before = them.got.length;
      await them.send({ method: 'echo', arguments: [2], reply: id });
      await them.send({ on: id, method: [0], reply: 7 });
      expect(them.outcome(7)?.arguments).toMatchObject([{ code: 'ERR_MALFORMED' }]);
      expect(them.got).toHaveLength(before + 1);
      expect(await them.refused('echo', ['f'], { callbacks: { [String(id)]: ['0'] } })).toBe(
        'ERR_MALFORMED',
      );
      await them.send({ method: id, arguments: [] });
      expect(them.failed).toContain('ERR_METHOD');
      await isWell(them);
    },
  );

  test('one that rounds to another is not taken for it', async () => {
    const them = await peer({ api });
    await them.send({ method: 'echo', arguments: [2], reply: 1, keep: true });
    await them.send('{"on":1.0000000000000000001,"method":[0],"reply":2}');
    // JSON has one number for both.
    expect(them.outcome(2)?.arguments).toEqual([null, 2]);
    await them.send('{"on":9007199254740993,"method":[0],"reply":3}');
    expect(them.outcome(3)?.arguments).toMatchObject([{ code: 'ERR_MALFORMED' }]);
  });
});

describe('that go backwards', () => {
  test('of functions and calls: of one of ours they may, and mean what they say', async () => {
    const them = await peer({ api });
    for (const id of [900, 500, 100, 0]) {
      await them.send({ method: 'ask', arguments: ['f'], callbacks: { [id]: ['0'] }, reply: id });
      expect(them.last).toMatchObject({ method: id, arguments: [1] });
    }
    expect(them.session.tables.references).toBe(4);
    await isWell(them);
  });

  test('of a plain peer: a function by an id below is dead, since it may have been let go', async () => {
    const them = await peer({ api, hello: null });
    await them.send({ method: 'echo', arguments: ['f'], callbacks: { 9: ['0'] } });
    await them.send({ method: 'ask', arguments: ['f'], callbacks: { 3: ['0'] } });
    expect(them.got.filter(({ method }) => method === 3)).toEqual([]);
    expect(them.ends).toEqual([]);
  });

  test('of ours: they never do, whatever the peer answers', async () => {
    const them = await peer({ api });
    const seen: number[] = [];
    for (let n = 0; n < 20; n++) {
      const call = them.session.call('x', [() => n]);
      await turns(1);
      const { reply = -1, callbacks = {} } = them.last ?? {};
      seen.push(...Object.keys(callbacks).map(Number), reply);
      await them.send({ control: 'cull', counts: Object.fromEntries(seen.map((id) => [id, 9])) });
      await them.send({ method: reply, arguments: [null, n] });
      expect(await call).toBe(n);
    }
    expect(seen).toEqual([...new Set(seen)]);
    expect(Math.max(...seen)).toBeLessThan(100);
  });
});

describe('that come twice', () => {
  test('the end reaches handlers of calls by the same id as well', async () => {
    const scope = syncScope();
    const signals: AbortSignal[] = [];
    const watching = {
      watch: () => {
        signals.push(contextOf(scope).signal);
        return new Promise(() => {});
      },
    };
    const them = await peer({ api: watching, scope });
    const call = { method: 'watch', arguments: [], reply: 1 };
    await them.send(call, call, call);
    them.recorder.channel.close();
    await turns(3);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, true]);
  });

  test('each gets its outcome, in the order in which they come, and places are free again', async () => {
    const them = await peer({ api, limits: { calls: 3 } });
    const call = (n: number): Wired => ({ method: 'later', arguments: [n], reply: 1 });
    await them.send(call(1), call(2), call(3));
    for (const go of free.splice(0).toReversed()) go();
    await turns(3);
    expect(them.got.filter(({ method }) => method === 1).map((it) => it.arguments?.[1])).toEqual([
      3, 2, 1,
    ]);
    expect(them.session.tables.serving).toBe(0);
    await isWell(them);
  });

  test('an outcome kept by the same id takes the place of the other, in bytes too', async () => {
    const text = { text: (n: number) => ({ n, text: 'x'.repeat(n) }) };
    const them = await peer({ api: text, limits: { held: 10_000 } });
    for (let n = 0; n < 20; n++)
      await them.send({ method: 'text', arguments: [4_000 + n], reply: 1, keep: true });
    await them.send({ on: 1, method: ['n'], reply: 2 });
    expect(them.outcome(2)?.arguments).toEqual([null, 4_019]);
  });

  test('of calls that wait for an outcome: both are served', async () => {
    const them = await peer({ api });
    await them.send({ method: 'later', arguments: [[7]], reply: 1, keep: true });
    await them.send({ on: 1, method: [0], reply: 2 }, { on: 1, method: [0], reply: 2 });
    for (const go of free.splice(0)) go();
    await turns(3);
    expect(them.got.filter(({ method }) => method === 2)).toHaveLength(2);
    expect(them.session.tables.serving).toBe(0);
  });
});

describe('by the million', () => {
  test('calls in one piece: as many as any channel of bytes can bring are done', async () => {
    let ran = 0;
    const them = await peer({ api: { ...api, note: () => void ran++ } });
    // A WebSocket's message has little more than a line may have.
    them.recorder.channel.write('{"method":"note"}\n'.repeat(240_000));
    while (ran < 240_000) await turns(1);
    expect(them.ends).toEqual([]);
    await isWell(them);
  });

  test('a million in one piece are more than may wait for their turn', async () => {
    let ran = 0;
    const them = await peer({ api: { note: () => void ran++ } });
    them.recorder.channel.write('{"method":"note"}\n'.repeat(1_000_000));
    await turns(3);
    expect(them.closed).toMatchObject({ code: 'ERR_LIMIT' });
    expect(ran).toBeLessThan(20_001);
  });

  test('calls that stand on one outcome: as many wait as may, and the rest is ERR_BUSY', async () => {
    const them = await peer({ api, limits: { calls: 100 } });
    await them.send({ method: 'later', arguments: [[7]], reply: 1, keep: true });
    const many = Array.from({ length: 20_000 }, (_, n) => `{"on":1,"method":[0],"reply":${n + 2}}`);
    await them.send(...many);
    expect(them.session.tables.serving).toBe(100);
    for (const go of free.splice(0)) go();
    await turns(5);
    const { got } = them;
    expect(got.filter((it) => it.arguments?.[1] === 7)).toHaveLength(99);
    const codes = got.map((it) => (it.arguments?.[0] as { code?: string } | null)?.code);
    expect(codes.filter((code) => code === 'ERR_BUSY')).toHaveLength(19_901);
    await isWell(them);
  });

  test('calls that are given up at once leave nothing behind at what they waited for', async () => {
    const them = await peer({ api, limits: { held: 100_000 } });
    await them.send({ method: 'later', arguments: [[7]], reply: 1, keep: true });
    const text = 'x'.repeat(20_000);
    for (let n = 0; n < 200; n++) {
      await them.send({ on: 1, method: ['at'], arguments: [text], reply: 2 });
      await them.send({ control: 'cancel', call: 2 });
    }
    expect(them.session.tables.serving).toBe(1);
    // What a call that was given up still held would make this one wait.
    await isWell(them);
    const answers = them.got.filter(({ method }) => method === 2);
    expect(answers).toHaveLength(200);
    for (const go of free.splice(0)) go();
    await turns(3);
    expect(them.got.filter(({ method }) => method === 2)).toHaveLength(200);
  });
});

describe('in recordings', () => {
  const end = { on: -1, method: [] };
  const mapped = async (them: Peer, map: unknown): Promise<unknown> => {
    await them.send({ method: 'echo', arguments: [[1], [2]], reply: 1, keep: true });
    await them.send({ on: 1, method: [], map, reply: 2 });
    const [error, value] = them.outcome(2)?.arguments ?? [];
    return (error as { code?: string } | null)?.code ?? value;
  };

  test.each<[string, unknown]>([
    ['an entry that stands on itself', [{ on: 0, method: [] }]],
    ['one that stands on the next', [{ on: 1, method: [] }, end]],
    [
      'arguments that are its own outcome',
      [{ method: 'echo', arguments: [0], results: { 0: ['0'] } }],
    ],
    ['arguments of a later one', [{ method: 'echo', arguments: [0], results: { 1: ['0'] } }, end]],
    ['a call of the session, which means nothing within', [{ on: 1, method: [] }]],
    [
      'an entry of the recording around it',
      [end, { on: -1, method: [], map: [{ on: 0, method: [] }] }],
    ],
    [
      'a circle of two',
      [
        { on: 1, method: [] },
        { on: 0, method: [] },
      ],
    ],
    ['the end of the numbers', [{ on: highest, method: [] }]],
    ['a fraction', [{ on: -0.5, method: [] }]],
  ])('%s is malformed, before anything runs', async (_, map) => {
    let ran = 0;
    const them = await peer({ api: { ...api, note: () => ran++ } });
    const first = { method: 'note', arguments: [] };
    expect(await mapped(them, [...(map as unknown[]), first])).toBe('ERR_MALFORMED');
    expect(ran).toBe(0);
    await isWell(them);
  });

  test('functions that are mentioned within are counted once, whatever the length of the list', async () => {
    const them = await peer({ api });
    const map = [{ method: 'echo', arguments: ['f'], callbacks: { 40: ['0'] } }];
    await them.send({
      method: 'echo',
      arguments: Array.from({ length: 50 }, () => 1),
      reply: 1,
      keep: true,
    });
    await them.send({ on: 1, method: [], map, reply: 2 });
    expect(them.session.tables.references).toBe(1);
    await isWell(them);
  });
});
