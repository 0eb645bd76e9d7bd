import { changed } from '../channel/fixtures/changed.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { memoryPair } from '../channel/memory.js';
import { defaultLimits } from '../limits.js';
import { codeOf, methodsOf, ourHello, peer, sessionPair } from '../testing/fixtures/peer.js';
import { Recorder, turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Budget } from './budget.js';
import { syncScope } from './context.js';
import { Session } from './session.js';

const api = { echo: (...args: unknown[]) => args, size: ({ length }: Uint8Array) => length };
const big = (length: number): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => i * 7);
const encoder = new TextEncoder();

/** A call of `size` or `echo` with raw bytes behind it, as a peer may write it. */
const call = (reply: number, lengths: unknown, kinds: readonly string[] = ['Uint8Array']) =>
  JSON.stringify({
    ...{ method: 'echo', arguments: kinds.map(() => null), reply },
    types: { bytes: kinds.map((kind, i) => [kind, [String(i)]]) },
    bin: lengths,
  });

describe.each(['bytes', 'messages'] as const)('over %s', (framing) => {
  test('every kind of bytes comes back as it was', async () => {
    const { a } = await sessionPair({ b: { api }, memory: { framing, window: 1e7 } });
    const wide = big(4_800);
    const args = [
      ...[wide, new Uint8Array(0), wide.buffer, new DataView(wide.buffer, 8, 100)],
      ...[Int8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array].map(
        (Kind) => new Kind(wide.buffer, 8, 50),
      ),
      { deep: [new Float64Array([1, 2, Number.NaN]), new Float32Array([0.5])] },
      ...[new BigInt64Array([1n, -2n]), new BigUint64Array([3n]), new Map([['k', wide]])],
      wide,
    ];
    const got = (await a.call('echo', args)) as unknown[];
    expect(got).toEqual(args);
    expect(got.at(-1)).toBe(got[0]);
    // Each has a buffer of its own, of its own length.
    expect((got[0] as Uint8Array).buffer.byteLength).toBe(4_800);
  });

  test('among other messages, order is kept', async () => {
    const heard: unknown[] = [];
    const { a } = await sessionPair({
      b: { api: { tell: (n: number, data?: Uint8Array) => void heard.push(n, data?.length) } },
      memory: { framing, window: 1e8 },
    });
    const expected: unknown[] = [];
    for (let n = 0; n < 40; n++) {
      const data = n % 3 === 0 ? big(n * 1_000) : undefined;
      expected.push(n, data?.length);
      void a.call('tell', data === undefined ? [n] : [n, data]);
      if (n % 7 === 0) await turns(1);
    }
    await turns(5);
    expect(heard).toEqual(expected);
  });

  test('what is changed after the call does not change what is sent', async () => {
    const { a } = await sessionPair({ b: { api }, memory: { framing, window: 10 } });
    const data = big(100_000);
    const sent = data.slice();
    const outcomes = [1, 2, 3].map(() => a.call('echo', [data]));
    data.fill(0);
    for (const outcome of outcomes) expect(await outcome).toEqual([sent]);
  });

  test('a peer that does not know it gets base64', async () => {
    const features = ourHello.features.filter((it) => it !== 'bin');
    const them = await peer({ api, hello: { ...ourHello, features }, memory: { framing } });
    const type = { types: { bytes: [['Uint8Array', ['0']]] } };
    const bytes = btoa(String.fromCharCode(...big(2_000)));
    const [, value] = (await them.call('echo', [bytes], type)) ?? [];
    expect(value).toEqual([bytes]);
    expect(them.recorder.attached).toEqual([]);
  });
});

test('a channel that carries no bytes offers none', async () => {
  const clock = new VirtualClock();
  const [ours, theirs] = memoryPair({ clock });
  const recorder = new Recorder(theirs);
  const options = { clock, scope: syncScope(), limits: defaultLimits, api };
  new Session({ ...options, channel: changed(ours, { binary: false }) }).start();
  await turns(2);
  expect(recorder.lines[0]).not.toContain('"bin"');
});

test('few bytes stand in the line, more follow it', async () => {
  const them = await peer({ api: { give: (size: number) => new Uint8Array(size) } });
  const few = await them.call('give', [100]);
  expect(few?.[1]).toMatch(/^A+=*$/);
  const more = await them.call('give', [5_000]);
  expect(more).toEqual([null, null]);
  expect(them.last?.bin).toEqual([5_000]);
  expect(them.recorder.attached.map(({ length }) => length)).toEqual([5_000]);
});

test('a hello, and bytes after a line, in one piece', async () => {
  const them = await peer({ api, hello: undefined, memory: { framing: 'bytes' } });
  const bytes = big(700);
  them.recorder.channel.write(`${JSON.stringify(methodsOf(ourHello))}\n${call(1, [700])}\n`, [
    bytes,
  ]);
  await turns(2);
  expect(them.outcome(1)?.bin).toEqual([700]);
  expect(them.recorder.attached).toEqual([bytes]);
});

test('the same, wherever it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.nat(2_000), async (piece, size) => {
      const { a } = await sessionPair({
        b: { api },
        memory: { framing: 'bytes', piece, window: 1e7 },
      });
      const args = ['\n"bin":[3]\n', big(size + 600), 'x', new Uint16Array(big(size * 2).buffer)];
      const [one, two] = [a.call('echo', args), a.call('echo', ['"bin"', size])];
      expect(await one).toEqual(args);
      expect(await two).toEqual(['"bin"', size]);
    }),
    { numRuns: 50 },
  );
});

describe('limits', () => {
  test('what the peer would refuse is not sent', async () => {
    const { a } = await sessionPair({ b: { api, limits: { attachments: 5_000 } } });
    expect(await codeOf(a.call('size', [big(5_001)]))).toBe('ERR_LIMIT');
    expect(await a.call('size', [big(5_000)])).toBe(5_000);
  });

  test('an outcome that the caller would refuse is an error there', async () => {
    const { a } = await sessionPair({
      a: { limits: { attachments: 5_000 } },
      b: { api: { give: () => big(5_001) } },
    });
    expect(await codeOf(a.call('give', []))).toBe('ERR_LIMIT');
  });

  test('more than it may be is read past, and refused', async () => {
    for (const framing of ['bytes', 'messages'] as const) {
      const them = await peer({ api, limits: { attachments: 1_000 }, memory: { framing } });
      them.recorder.channel.write(`${call(1, [1_001])}\n`, [big(1_001)]);
      await turns(2);
      expect(them.failed).toEqual(['ERR_LIMIT']);
      expect(them.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_LIMIT' }]);
      expect(await them.call('size', [[1, 2]])).toEqual([null, 2]);
    }
  });

  test('what does not come costs nothing, and what comes counts', async () => {
    const budget = new Budget(10_000);
    const them = await peer({ api, budget, memory: { framing: 'bytes' } });
    them.recorder.channel.write(`${call(1, [16_000_000])}\n`, [big(4_000)]);
    await turns(2);
    expect(budget.used).toBe(4_000);
    them.recorder.channel.write('x'.repeat(7_000));
    await turns(2);
    expect(them.closed).toMatchObject({ code: 'ERR_LIMIT' });
    expect(budget.used).toBe(0);
  });

  test('a session that ends in the middle keeps nothing', async () => {
    const budget = new Budget(1e6);
    const them = await peer({ api, budget, memory: { framing: 'bytes' } });
    them.recorder.channel.write(`${call(1, [9_000])}\n`, [big(4_000)]);
    await turns(2);
    them.session.close();
    expect(budget.used).toBe(0);
  });
});

describe.each(['bytes', 'messages'] as const)('what is malformed, over %s', (framing) => {
  test.each<[string, unknown, readonly string[], number]>([
    ['fewer lengths than entries', [700], ['Uint8Array', 'Uint8Array'], 700],
    ['more lengths than entries', [700, 3], ['Uint8Array'], 703],
    ['bytes that do not fill their kind', [701], ['Float64Array'], 701],
    ['an unknown kind', [8], ['Float1Array'], 8],
    ['a kind that is no text', [8], [{ toString: 1 } as unknown as string], 8],
    ['a kind of the prototype', [8], ['constructor'], 8],
  ])('%s: the message is refused, and the rest goes on', async (_, lengths, kinds, size) => {
    const them = await peer({ api, memory: { framing } });
    them.recorder.channel.write(`${call(1, lengths, kinds)}\n`, [big(size)]);
    await turns(2);
    expect(them.failed).toEqual(['ERR_MALFORMED']);
    expect(them.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_MALFORMED' }]);
    expect(await them.call('size', [[1, 2]])).toEqual([null, 2]);
  });

  test.each([
    ['text', '700'],
    ['negative', [-1]],
    ['no integers', [1.5]],
    ['text in it', ['1']],
    ['beyond counting', [2 ** 52, 2 ** 52]],
    ['nothing', null],
  ])('`bin` is %s: there is no going on', async (_, lengths) => {
    const them = await peer({ api, memory: { framing } });
    await them.send(call(1, lengths));
    expect(them.closed).toMatchObject({ code: 'ERR_MALFORMED' });
    expect(them.closed?.message).toContain('`bin`');
  });

  test('bytes for what is not null', async () => {
    const them = await peer({ api, memory: { framing } });
    const line = call(1, [700]).replace('[null]', '["AAAA"]');
    them.recorder.channel.write(`${line}\n`, [big(700)]);
    await turns(2);
    expect(them.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_MALFORMED' }]);
  });

  test('lengths of nothing need nothing', async () => {
    const them = await peer({ api, memory: { framing } });
    await them.send(call(1, [0, 0], ['Uint8Array', 'ArrayBuffer']), call(2, [], []));
    expect(them.outcome(1)?.types).toEqual({
      bytes: [
        ['Uint8Array', ['1', '0']],
        ['ArrayBuffer', ['1', '1']],
      ],
    });
    expect(them.outcome(2)?.arguments).toEqual([null, []]);
  });

  test('a long line with too many values and bytes behind it ends the session', async () => {
    const them = await peer({ api, memory: { framing }, limits: { nodes: 1_000 } });
    const line = call(1, [700]).replace('[null]', JSON.stringify([null, ...Array(40_000).keys()]));
    await them.send(line);
    expect(them.closed).toMatchObject({ code: 'ERR_LIMIT' });
  });
});

test('text where bytes should follow: that message is refused, and the text is read', async () => {
  const them = await peer({ api });
  await them.send(call(1, [700]));
  await them.send({ method: 'size', arguments: [[1]], reply: 2 });
  expect(them.outcome(1)?.arguments).toMatchObject([{ code: 'ERR_MALFORMED' }]);
  expect(them.outcome(2)?.arguments).toEqual([null, 1]);
  // In the same message as well.
  await them.send(call(3, [700]), { method: 'size', arguments: [[1]], reply: 4 });
  expect(them.outcome(3)?.arguments).toMatchObject([{ code: 'ERR_MALFORMED' }]);
  expect(them.outcome(4)?.arguments).toEqual([null, 1]);
});

test('more bytes than were to follow are a line that is not JSON', async () => {
  for (const framing of ['bytes', 'messages'] as const) {
    const them = await peer({ api, memory: { framing } });
    const more = encoder.encode('rubbish\n');
    them.recorder.channel.write(`${call(1, [700])}\n`, [big(700), more]);
    await turns(2);
    expect(them.outcome(1)?.bin).toEqual([700]);
    expect(them.closed).toMatchObject({ code: 'ERR_MALFORMED' });
  }
});

test('a line that hides what follows it ends the session', async () => {
  const them = await peer({ api, memory: { framing: 'bytes', piece: 1e6 } });
  const line = call(1, [700]).replace('"bin"', '"\\u0062in"');
  await them.send(line, { method: 'size', arguments: [[1]], reply: 2 });
  expect(them.closed).toMatchObject({ code: 'ERR_MALFORMED' });
});

test('with a peer that did not agree on it, the key means nothing', async () => {
  const features = ourHello.features.filter((it) => it !== 'bin');
  const them = await peer({ api, hello: { ...ourHello, features }, memory: { framing: 'bytes' } });
  await them.send({ method: 'size', arguments: [[1]], reply: 2, bin: [1_000] });
  expect(them.outcome(2)?.arguments).toEqual([null, 1]);
});

test('bytes that come before it is known who is there are kept, up to a bound', async () => {
  let admit: (identity: unknown) => void = () => {};
  const authenticate = () => new Promise<unknown>((resolve) => (admit = resolve));
  const them = await peer({ api, authenticate });
  const bytes = big(700);
  them.recorder.channel.write(`${call(1, [700])}\n`, [bytes]);
  await turns(2);
  admit('ali');
  await turns(2);
  expect(them.outcome(1)?.bin).toEqual([700]);
  expect(them.recorder.attached).toEqual([bytes]);
});

test('what waits for room is sent as it was', async () => {
  const { a } = await sessionPair({
    b: { api, limits: { calls: 1 } },
    memory: { framing: 'bytes', window: 100 },
  });
  const data = big(50_000);
  const sent = data.slice();
  const outcomes = Array.from({ length: 5 }, (_, n) => a.call('echo', [n, data]));
  data.fill(1);
  expect(await Promise.all(outcomes)).toEqual([0, 1, 2, 3, 4].map((n) => [n, sent]));
});

test('bytes that take long keep both sides alive, and those that stop coming do not', async () => {
  const them = await peer({ api, memory: { framing: 'bytes', window: 1e6 } });
  const { channel } = them.recorder;
  channel.write(`${call(1, [10_000])}\n`, [big(1_000)]);
  for (let n = 0; n < 8; n++) {
    await them.clock.advance(10_000);
    channel.write('', [big(1_000)]);
    await turns(1);
  }
  const pings = them.got.filter(({ control }) => control === 'ping').length;
  expect(pings).toBeGreaterThan(4);
  expect(them.session.ended).toBe(false);
  await them.clock.advance(60_000);
  expect(them.closed).toMatchObject({ code: 'ERR_TIMEOUT' });
});

test('bytes in pipelined calls, and in those of a recorded function', async () => {
  const { a } = await sessionPair({
    b: {
      api: {
        all: () => ({ join: (...data: Uint8Array[]) => data }),
        many: () => [1, 2].map((n) => ({ take: ({ length }: Uint8Array) => n + length })),
        ...api,
      },
    },
  });
  const remote = a.remote as unknown as {
    all(): { join(...data: Uint8Array[]): Promise<Uint8Array[]> };
    many(): { map(fn: (it: { take(data: Uint8Array): number }) => unknown): Promise<unknown> };
    echo(...args: unknown[]): Promise<unknown>;
  };
  const [one, two] = [big(2_000), big(3_000)];
  const all = remote.all();
  expect(await all.join(one, two)).toEqual([one, two]);
  expect(await remote.many().map((it) => it.take(two))).toEqual([3_001, 3_002]);
  expect(await remote.echo(remote.echo(one), two)).toEqual([[one], two]);
});
