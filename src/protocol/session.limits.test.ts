import { describe, expect, test, vi } from 'vitest';
import { codeOf, methodsOf, ourHello, Peer, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { Budget } from './budget.js';

const echo = { echo: (value: unknown) => value };
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
/** A call of `echo` with its argument as text, answered under 7. */
const echoText = (text: string): string => `{"method":"echo","arguments":[${text}],"reply":7}`;
const padded = (line: string, length: number): string => line + ' '.repeat(length - line.length);

test('line: one of the limit is read, one byte more ends the session with the reason', async () => {
  for (const framing of ['messages', 'bytes'] as const) {
    const them = await peer({ api: echo, limits: { line: 2_000 }, memory: { framing } });
    await them.send(padded(echoText('1'), 2_000));
    expect(them.outcome(7)?.arguments).toEqual([null, 1]);
    await them.send(padded(echoText('1'), 2_001));
    expect(them.closed).toMatchObject({
      code: 'ERR_LIMIT',
      message: expect.stringContaining('2000'),
    });
    expect(them.recorder.closes).toEqual([undefined]);
    expect(them.ends).toMatchObject([{ code: 'ERR_LIMIT' }]);
  }
});

test('line: what has no end is not kept beyond the limit', async () => {
  const them = await peer({ limits: { line: 2_000 }, memory: { framing: 'bytes' } });
  for (let i = 0; i < 3; i++) {
    them.recorder.channel.write('x'.repeat(999));
    await turns(1);
    expect(them.session.ended).toBe(i === 2);
  }
  expect(them.closed).toMatchObject({ code: 'ERR_LIMIT' });
});

test('firstLine: what comes before the peer is known has a limit of its own', async () => {
  const limits = { firstLine: 500, line: 2_000 };
  const first = JSON.stringify(methodsOf(ourHello));
  const inside = new Peer({ api: echo, limits });
  await inside.send(padded(first, 500), padded(echoText('1'), 2_000));
  expect(inside.outcome(7)?.arguments).toEqual([null, 1]);
  const outside = new Peer({ api: echo, limits });
  await outside.send(padded(first, 501));
  expect(outside.closed).toMatchObject({ code: 'ERR_LIMIT' });
});

describe.each([64, 5])('depth %i', (depth) => {
  test.each(['short', 'long', 'very long'])('in a line that is %s', async (length) => {
    const them = await peer({ api: echo, limits: { depth } });
    const fill =
      { short: '', long: ' '.repeat(500), 'very long': ' '.repeat(70_000) }[length] ?? '';
    await them.send(echoText(`${nested(depth)}${fill}`));
    expect(them.outcome(7)?.arguments?.[0]).toBeNull();
    const refused = `{"method":"echo","arguments":[${nested(depth + 1)}${fill}],"reply":8}`;
    await them.send(refused);
    expect(them.outcome(8)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
    expect(them.failed).toEqual(['ERR_LIMIT']);
    expect(them.session.ended).toBe(false);
  });
});

test('depth: the deepest nesting is no harm, and what is no JSON at all is refused as such', async () => {
  const them = await peer({ api: echo });
  await them.send(echoText(nested(2_000_000)));
  expect(them.outcome(7)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
  await them.send('['.repeat(3_000_000));
  expect(them.session.ended || them.failed.length === 2).toBe(true);
});

test('depth: a sender is held to it as well', async () => {
  const { a, b } = await sessionPair({
    a: { limits: { depth: 5 } },
    b: { api: echo, limits: { depth: 5 } },
  });
  const value = (depth: number): unknown => JSON.parse(nested(depth));
  expect(await a.call('echo', [value(5)])).toEqual(value(5));
  await expect(a.call('echo', [value(6)])).rejects.toMatchObject({
    code: 'ERR_LIMIT',
    mayHaveRun: false,
  });
  expect(b.ended).toBe(false);
});

test('nodes: more values than that are refused, in one message and not in the next', async () => {
  const them = await peer({ api: { count: (list: unknown[]) => list.length } });
  const list = (n: number): string => `[${Array.from({ length: n }, () => '1').join(',')}]`;
  const line = (n: number): string => `{"method":"count","arguments":[${list(n)}],"reply":${n}}`;
  await them.send(line(99_900));
  expect(them.outcome(99_900)?.arguments).toEqual([null, 99_900]);
  await them.send(line(100_001));
  expect(them.outcome(100_001)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
  await them.send(line(3));
  expect(them.outcome(3)?.arguments).toEqual([null, 3]);
});

test('nodes: what our encoder lets out, our reader lets in', async () => {
  const limits = { nodes: 1_000 };
  const { a } = await sessionPair({
    a: { limits },
    b: { api: { n: (l: unknown[]) => l.length }, limits },
  });
  const shared = {};
  const kinds: ((i: number) => unknown)[] = [
    (i) => i,
    () => new Date(0),
    () => new Uint8Array(1),
    () => shared,
    () => () => {},
    () => new Map([[1, 2]]),
    (i) => ({ [`k${i}`]: undefined }),
    () => new Error('x'),
  ];
  for (const make of kinds) {
    let inside = 0;
    for (let n = 10; n < 1_000; n += 10) {
      const outcome = await codeOf(a.call('n', [Array.from({ length: n }, (_, i) => make(i))]));
      if (outcome === 'ERR_LIMIT') break;
      expect(outcome).toEqual({ resolved: n });
      inside = n;
    }
    expect(inside).toBeGreaterThan(50);
    const refused = a.call('n', [Array.from({ length: 1_000 }, (_, i) => make(i))]);
    await expect(refused).rejects.toMatchObject({ code: 'ERR_LIMIT', mayHaveRun: false });
  }
});

describe('entries', () => {
  const limits = { entries: 4 };
  const dates = (n: number) => ({
    arguments: [Array.from({ length: n }, () => new Date(0).toISOString())],
    types: { date: Array.from({ length: n }, (_, i) => [0, i]) },
  });
  const functions = (n: number) => ({
    arguments: [Array.from({ length: n }, () => '')],
    callbacks: Object.fromEntries(Array.from({ length: n }, (_, i) => [i, ['0', String(i)]])),
  });
  const links = (n: number) => ({
    arguments: [Array.from({ length: n }, () => '')],
    links: Array.from({ length: n }, (_, i) => ({ from: [0], to: [0, i] })),
  });
  test.each([
    ['types', dates],
    ['callbacks', functions],
    ['links', links],
  ] as const)('in %s', async (_, make) => {
    const them = await peer({ api: { n: (list: unknown[]) => list.length }, limits });
    expect(await them.call('n', [], make(4) as never)).toEqual([null, 4]);
    expect(await them.refused('n', [], make(5) as never)).toBe('ERR_LIMIT');
    expect(await them.call('n', [], make(3) as never)).toEqual([null, 3]);
  });
});

test('bigintDigits', async () => {
  const them = await peer({ api: { digits: (n: bigint) => String(n).replace('-', '').length } });
  const types = { bigint: [['0']] };
  expect(await them.call('digits', ['9'.repeat(4_096)], { types })).toEqual([null, 4_096]);
  expect(await them.call('digits', [`-${'9'.repeat(4_096)}`], { types })).toEqual([null, 4_096]);
  expect(await them.refused('digits', ['9'.repeat(4_097)], { types })).toBe('ERR_LIMIT');
});

test('regexp: patterns are bounded over a whole message, and slow ones sooner', async () => {
  const them = await peer({
    api: { n: (...list: RegExp[]) => list.filter((it) => it instanceof RegExp).length },
  });
  const send = (...list: string[]): Promise<unknown> =>
    them.refused('n', list, { types: { regexp: list.map((_, i) => [i]) } });
  const outcome = await them.call('n', [`/${'a'.repeat(4_094)}/`], { types: { regexp: [['0']] } });
  expect(outcome).toEqual([null, 1]);
  expect(await send(`/${'a'.repeat(4_095)}/`)).toBe('ERR_LIMIT');
  expect(await send(`/${'a'.repeat(3_000)}/`, `/${'a'.repeat(3_000)}/`)).toBe('ERR_LIMIT');
  expect(await send(`/${String.raw`\p{RGI_Emoji}`.repeat(8)}/iv`)).toBe('ERR_LIMIT');
  const slow = performance.now();
  for (let i = 0; i < 7; i++) await send(String.raw`/[\W\W\W\W\W\W\W\W]/iu`);
  expect(await send(`/[${String.raw`\p{L}`.repeat(100_000)}]/u`)).toBe('ERR_LIMIT');
  // It would take most of a minute to compile.
  expect(performance.now() - slow).toBeLessThan(10_000);
});

test('functions: of the peer, what is held at once', async () => {
  const held: unknown[] = [];
  const them = await peer({
    api: { hold: (fn: unknown) => void held.push(fn) },
    limits: { functions: 3 },
  });
  for (let id = 0; id < 3; id++) {
    expect(await them.call('hold', ['f'], { callbacks: { [id]: ['0'] } })).toEqual([]);
  }
  expect(await them.refused('hold', ['f'], { callbacks: { 3: ['0'] } })).toBe('ERR_LIMIT');
  expect(await them.call('hold', ['f'], { callbacks: { 2: ['0'] } })).toEqual([]);
  expect(held).toHaveLength(4);
  // The peer is told that the refused mention is not held.
  expect(them.got.filter((it) => it.control === 'cull')).toEqual([
    { control: 'cull', counts: { 3: 1 } },
  ]);
});

test('functions: of ours, what the peer is willing to hold', async () => {
  const api = { make: () => () => {}, many: () => [1, 2, 3, 4].map((n) => () => n) };
  const them = await peer({ api, hello: { ...ourHello, limits: { functions: 4 } } });
  expect(them.session.tables.local).toBe(2);
  expect(await them.refused('many')).toBe('ERR_LIMIT');
  // What was not sent is not held either.
  expect(them.session.tables.local).toBe(2);
  expect(await them.call('make')).toEqual([null, '[Function]']);
  expect(await them.call('make')).toEqual([null, '[Function]']);
  expect(await them.refused('make')).toBe('ERR_LIMIT');
  await them.send({ control: 'cull', counts: { [them.idOf('1')]: 1 } });
  expect(await them.call('make')).toEqual([null, '[Function]']);
});

describe('calls', () => {
  const slow = (): { api: object; finish: (() => void)[] } => {
    const finish: (() => void)[] = [];
    return {
      finish,
      api: { slow: () => new Promise<void>((resolve) => finish.push(resolve)), echo: echo.echo },
    };
  };

  test('beyond the limit the peer gets ERR_BUSY, and is served again after', async () => {
    const { api, finish } = slow();
    const them = await peer({ api, limits: { calls: 2 } });
    for (const reply of [1, 2, 3]) await them.send({ method: 'slow', arguments: [], reply });
    expect(finish).toHaveLength(2);
    expect(them.outcome(3)?.arguments).toMatchObject([{ code: 'ERR_BUSY', mayHaveRun: false }]);
    // Calls that want no outcome count as well.
    await them.send({ method: 'slow', arguments: [] });
    expect(finish).toHaveLength(2);
    expect(them.failed).toEqual(['ERR_BUSY', 'ERR_BUSY']);
    finish[0]?.();
    expect(await them.call('echo', [1])).toEqual([null, 1]);
  });

  test('a full session still reads outcomes, cancels and pings', async () => {
    const signals: string[] = [];
    const api = { ask: async (question: () => Promise<unknown>) => [await question()] };
    const them = await peer({ api, limits: { calls: 1 } });
    const asked = { method: 'ask', arguments: ['f'], callbacks: { 0: ['0'] }, reply: 1 };
    await them.send(asked, { control: 'ping', n: 5 });
    expect(them.last).toEqual({ control: 'pong', n: 5 });
    const question = them.got.find((it) => it.method === 0);
    await them.send({ method: question?.reply ?? -1, arguments: [null, 42] });
    expect(them.outcome(1)?.arguments).toEqual([null, [42]]);
    expect(signals).toEqual([]);
  });

  test('a flood of calls to slow handlers starts no more than the limit', async () => {
    const { api, finish } = slow();
    const them = await peer({ api, limits: { calls: 100 } });
    const flood = Array.from({ length: 5_000 }, (_, reply) => ({
      method: 'slow',
      arguments: [],
      reply,
    }));
    await them.send(...flood);
    await turns(3);
    expect(finish).toHaveLength(100);
    expect(them.session.tables.serving).toBe(100);
    for (const resolve of finish) resolve();
    await turns(2);
    expect(them.session.tables.serving).toBe(0);
    expect(await them.call('echo', [1])).toEqual([null, 1]);
  });

  test('a plain peer, which cannot be told, is not read from while it is full', async () => {
    const { api, finish } = slow();
    const them = await peer({ api, limits: { calls: 2 }, hello: null });
    for (let i = 0; i < 5; i++) await them.send({ method: 'slow', arguments: [] });
    expect(finish).toHaveLength(2);
    finish[0]?.();
    await turns(2);
    expect(finish).toHaveLength(3);
    expect(them.failed).toEqual([]);
  });

  test("a sender holds back beyond the peer's limit, and goes on in order", async () => {
    const them = await peer({ hello: { ...ourHello, limits: { calls: 2 } } });
    const calls = [1, 2, 3, 4].map((n) => them.session.call('x', [n]));
    await turns(1);
    const sent = (): unknown[] =>
      them.got.filter((it) => it.method === 'x').map((it) => it.arguments?.[0]);
    expect(sent()).toEqual([1, 2]);
    await them.send({ method: them.last?.reply ?? -1, arguments: [null, 'b'] });
    expect(sent()).toEqual([1, 2, 3]);
    expect(await calls[1]).toBe('b');
    // One that is given up leaves room as well, and one that is held back did not run.
    them.session.close();
    await expect(calls[0]).rejects.toMatchObject({ code: 'ERR_CLOSED', mayHaveRun: true });
    await expect(calls[3]).rejects.toMatchObject({ code: 'ERR_CLOSED', mayHaveRun: false });
  });

  test('two sessions of ours with a limit of one get every call done', async () => {
    const limits = { calls: 1 };
    const { a, b } = await sessionPair({ a: { api: echo, limits }, b: { api: echo, limits } });
    const both = [1, 2, 3, 4, 5].flatMap((n) => [a.call('echo', [n]), b.call('echo', [-n])]);
    expect(await Promise.all(both)).toEqual([1, -1, 2, -2, 3, -3, 4, -4, 5, -5]);
  });
});

describe('unsent', () => {
  const big = 'x'.repeat(10_000);

  test('who does not read our answers gets no more of its questions read', async () => {
    const run = vi.fn(() => big);
    const them = await peer({
      api: { run },
      limits: { unsent: 50_000 },
      memory: { window: 40_000 },
    });
    them.recorder.channel.pause();
    for (let i = 0; i < 50; i++) await them.send({ method: 'run', arguments: [], reply: i });
    const ran = run.mock.calls.length;
    expect(ran).toBeGreaterThan(4);
    expect(ran).toBeLessThan(15);
    them.recorder.channel.resume();
    await turns(5);
    expect(run).toHaveBeenCalledTimes(50);
    expect(them.outcome(49)?.arguments).toEqual([null, big]);
  });

  test('calls wait for the channel to have room', async () => {
    const them = await peer({ limits: { unsent: 50_000 }, memory: { window: 40_000 } });
    them.recorder.channel.pause();
    const calls = Array.from({ length: 30 }, () => codeOf(them.session.call('x', [big])));
    await turns(1);
    expect(them.recorder.channel.buffered).toBe(0);
    them.recorder.channel.resume();
    await turns(3);
    expect(them.got.filter((it) => it.method === 'x')).toHaveLength(30);
    them.session.close();
    await Promise.all(calls);
  });

  test('unsentMax: an answer too many for somebody who does not read ends the session', async () => {
    const limits = { unsent: 50_000, unsentMax: 100_000 };
    const api = { big: () => 'x'.repeat(99_000), huge: () => 'x'.repeat(101_000) };
    const them = await peer({ api, limits, memory: { window: 40_000 } });
    them.recorder.channel.pause();
    await them.send({ method: 'big', arguments: [], reply: 1 });
    expect(them.session.ended).toBe(false);
    const others = await peer({ api, limits, memory: { window: 40_000 } });
    others.recorder.channel.pause();
    await others.send({ method: 'huge', arguments: [], reply: 1 });
    expect(others.ends).toMatchObject([{ code: 'ERR_LIMIT' }]);
  });

  test('two sides that flood each other do not wait for each other for ever', async () => {
    const limits = { unsent: 20_000 };
    const memory = { window: 10_000 };
    const api = { big: (n: number) => `${n}${big}` };
    const { a, b, clock } = await sessionPair({ a: { api, limits }, b: { api, limits }, memory });
    let done = 0;
    const count = (): void => void done++;
    for (let i = 0; i < 100; i++) {
      void a.call('big', [i, big], { deadline: Infinity }).then(count);
      void b.call('big', [i, big], { deadline: Infinity }).then(count);
    }
    for (let second = 0; second < 300 && done < 200; second++) await clock.advance(1_000);
    expect(done).toBe(200);
  });

  test('a flood of pings from somebody who does not read is held back too', async () => {
    const them = await peer({ limits: { unsent: 20_000 }, memory: { window: 10_000 } });
    them.recorder.channel.pause();
    const pings = Array.from({ length: 500 }, (_, n) => ({ control: 'ping', n }));
    for (let i = 0; i < 40; i++) await them.send(...pings);
    them.recorder.channel.resume();
    await turns(10);
    expect(them.got.filter((it) => it.control === 'pong')).toHaveLength(20_000);
    expect(them.session.ended).toBe(false);
  });
});

test('handshake: who says no `methods` in time is told so, and let go', async () => {
  const them = new Peer({ api: echo });
  await them.send('null', '{}', echoText('1'), '');
  await them.clock.advance(9_999);
  expect(them.session.ended).toBe(false);
  await them.clock.advance(1);
  expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
  const others = new Peer({ api: echo });
  await others.clock.advance(9_999);
  await others.send(methodsOf(null));
  await others.clock.advance(100_000);
  expect(others.session.ended).toBe(false);
});

test('handshake: a first `methods` that cannot be read does not count', async () => {
  const them = new Peer({ api: echo });
  await them.send({ ...methodsOf(ourHello), callbacks: { '1abc': ['0'] } });
  expect(them.failed).toEqual(['ERR_MALFORMED']);
  expect(them.session.extended).toBe(false);
  await them.clock.advance(10_000);
  expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
});

test('buffered: what all sessions of a server keep of unfinished lines', async () => {
  const budget = new Budget(1_000);
  const memory = { framing: 'bytes' as const };
  const one = await peer({ api: echo, budget, memory });
  const two = await peer({ api: echo, budget, memory });
  one.recorder.channel.write('x'.repeat(600));
  two.recorder.channel.write('x'.repeat(400));
  await turns(1);
  expect(budget.used).toBe(1_000);
  two.recorder.channel.write('x');
  await turns(1);
  expect(one.closed).toMatchObject({ code: 'ERR_LIMIT' });
  expect(budget.used).toBe(401);
  expect(two.closed).toBeUndefined();
  two.session.close();
  expect(budget.used).toBe(0);
});

test("an outcome larger than the peer's line is an error there, in bytes and not in characters", async () => {
  const api = { text: (n: number) => '語'.repeat(n) };
  const them = await peer({ api, hello: { ...ourHello, limits: { line: 10_000 } } });
  expect(await them.call('text', [2_900])).toEqual([null, '語'.repeat(2_900)]);
  expect(await them.refused('text', [3_400])).toBe('ERR_LIMIT');
});

test('an outcome that breaks a limit rejects its call at once', async () => {
  for (const [limits, json] of [
    [{ depth: 5 }, nested(6)],
    [{ nodes: 50 }, `[${'1,'.repeat(100)}1]`],
  ] as const) {
    const them = await peer({ limits });
    const call = codeOf(them.session.call('x', []));
    await turns(1);
    const { reply } = them.last ?? {};
    await them.send(`{"method":${reply},"arguments":[null,${json}]}`);
    expect(them.session.outstanding).toBe(0);
    expect(await call).toBe('ERR_LIMIT');
  }
});
