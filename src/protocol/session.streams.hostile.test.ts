import { describe, expect, test } from 'vitest';
import { codeOf, ourHello, peer, type PeerOptions, type Wired } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';

type Rows = AsyncIterableIterator<unknown>;

/** The functions of a stream, as a peer gives them in the outcome of a call. */
const readable = { next: 900_001, return: 900_002 };
const writable = { write: 900_003, close: 900_004, abort: 900_005 };

/** A peer whose method `get` has an outcome with a stream in it, and that stream. */
async function giver(
  kind: string,
  ids: Record<string, number>,
  more: { info?: unknown; tags?: unknown; options?: PeerOptions } = {},
) {
  const them = await peer(more.options);
  const got = codeOf(them.session.call('get', []));
  await turns(1);
  const names = Object.keys(ids);
  await them.send({
    method: them.last?.reply ?? -1,
    arguments: [null, Object.fromEntries(names.map((name) => [name, '[Function]']))],
    callbacks: Object.fromEntries(names.map((name) => [String(ids[name]), ['1', name]])),
    types: { stream: more.tags ?? [[kind, ['1'], more.info]] },
  });
  /** What the session called of it, and was not answered yet. */
  let answered = 0;
  const asked = (id: number): Wired[] => them.got.filter(({ method }) => method === id);
  const answer = async (id: number, ...outcome: unknown[]): Promise<void> => {
    await turns(1);
    const ask = asked(id)[answered++];
    await them.send({ method: ask?.reply ?? -1, arguments: outcome });
  };
  return { them, got, asked, answer };
}

async function stream<T>(got: Promise<unknown>): Promise<T> {
  return ((await got) as { resolved: T }).resolved;
}

test('what was asked of a stream before the channel was full comes when there is room', async () => {
  let go = (): void => {};
  const gate = new Promise<void>((resolve) => (go = resolve));
  const api = {
    async *rows() {
      await gate;
      yield 'row';
    },
    text: (length: number) => 'x'.repeat(length),
  };
  const memory = { framing: 'bytes', window: 1_000 } as const;
  const them = await peer({ api, limits: { unsent: 10_000 }, memory });
  await them.call('rows');
  const { session, recorder } = them;
  await them.send({ method: them.idOf('1', 'next'), arguments: [8, 1_000], reply: 800 });
  recorder.channel.pause();
  await them.send({ method: 'text', arguments: [50_000], reply: 900 });
  go();
  await turns(4);
  recorder.channel.resume();
  await turns(20);
  expect(them.outcome(900)?.arguments?.[1]).toHaveLength(50_000);
  expect(them.outcome(800)?.arguments).toEqual([null, { values: ['row'], done: true }]);
  expect(session.ended).toBe(false);
});

describe('a peer that lies about what is read', () => {
  test.each<[string, unknown]>([
    ['no object', 5],
    ['no values', {}],
    ['values that are no array', { values: 'abc' }],
    ['more values than were asked for', { values: Array.from({ length: 65 }, () => 1) }],
    ['nothing, without an end', { values: [], done: false }],
  ])('a next answered with %s', async (_, value) => {
    const { them, got, asked, answer } = await giver('iterable', readable);
    const rows = await stream<Rows>(got);
    const next = codeOf(rows.next());
    await answer(readable.next, null, value);
    expect(await next).toBe('ERR_MALFORMED');
    expect(await rows.next()).toEqual({ done: true, value: undefined });
    expect(asked(readable.return)).toHaveLength(1);
    // The other `next` and the `return` may be answered, or never.
    await answer(readable.next, null, { values: [2], done: false });
    expect([them.session.ended, them.failed]).toEqual([false, []]);
  });

  test('done twice, and values after it', async () => {
    const { them, got, answer } = await giver('iterable', readable);
    const rows = await stream<Rows>(got);
    const next = rows.next();
    await answer(readable.next, null, { values: [1], done: true });
    await answer(readable.next, null, { values: [2, 3], done: true });
    expect(await next).toEqual({ done: false, value: 1 });
    expect(await rows.next()).toEqual({ done: true, value: undefined });
    expect(them.session.tables).toMatchObject({ references: 0, pending: 0 });
  });

  test('values of another kind in a stream of bytes', async () => {
    const { got, answer } = await giver('bytes', readable);
    const reader = (await stream<ReadableStream>(got)).getReader();
    const read = codeOf(reader.read());
    await turns(1);
    await answer(readable.next, null, { values: ['text'], done: false });
    expect(await read).toBe('ERR_MALFORMED');
  });

  test('no more is asked for than is read, whatever comes', async () => {
    const other = await giver('iterable', readable);
    const slow = await stream<Rows>(other.got);
    void slow.next();
    await turns(1);
    for (let i = 0; i < 20; i++) {
      await other.answer(readable.next, null, { values: ['x'.repeat(60_000)], done: false });
    }
    expect(other.asked(readable.next).length).toBeLessThan(8);
  });

  test.each<[string, string, Record<string, number>, unknown]>([
    ['an unknown kind', 'river', readable, undefined],
    ['a function that is missing', 'iterable', { next: 900_001 }, undefined],
    ['tags that are none', 'iterable', readable, 5],
    ['a tag that is none', 'iterable', readable, [5]],
    ['a path to nothing', 'iterable', readable, [['iterable', ['7']]]],
    ['a path to a function', 'iterable', readable, [['iterable', ['1', 'next']]]],
    [
      'a tag twice',
      'iterable',
      readable,
      [
        ['iterable', ['1']],
        ['iterable', ['1']],
      ],
    ],
  ])('%s is malformed', async (_, kind, ids, tags) => {
    const { them, got } = await giver(kind, ids, { tags });
    expect(await got).toBe('ERR_MALFORMED');
    expect(them.session.ended).toBe(false);
  });

  test('functions of ours as those of a stream', async () => {
    const them = await peer({ api: { echo: (it: unknown) => it, fn: () => 1 } });
    const more = {
      own: { [String(them.idOf('0', 'fn'))]: ['0', 'next'] },
      callbacks: { '900002': ['0', 'return'] },
      types: { stream: [['iterable', ['0']]] },
    };
    expect(await them.refused('echo', [{ next: 0, return: 0 }], more)).toBe('ERR_MALFORMED');
  });

  test('more streams than the limit', async () => {
    const them = await peer({ api: { take: () => 1 }, limits: { streams: 2 } });
    const args = [0, 1, 2].map(() => ({ next: 0, return: 0 }));
    const more = {
      callbacks: Object.fromEntries(
        args.flatMap((__, i) => [
          [String(800_000 + 2 * i), [String(i), 'next']],
          [String(800_001 + 2 * i), [String(i), 'return']],
        ]),
      ),
      types: { stream: args.map((__, i) => ['iterable', [String(i)]]) },
    };
    expect(await them.refused('take', args, more)).toBe('ERR_LIMIT');
  });

  test.each<[string, object, unknown]>([
    ['less than it says', { size: 10, type: '' }, 'ERR_MALFORMED'],
    ['more than it says', { size: -1, type: '' }, 'ERR_MALFORMED'],
    ['more than may be', { size: 1e99, type: '' }, 'ERR_LIMIT'],
  ])('a blob has %s', async (_, info, code) => {
    const { got, answer } = await giver('blob', readable, { info });
    const bytes = { values: ['AAAA'], done: true };
    if (code === 'ERR_MALFORMED') {
      await answer(readable.next, null, bytes);
    }
    expect(await got).toBe(code);
  });
});

describe('a peer that reads what it should not', () => {
  const endless = () => {
    const seen = { made: 0, ended: 0 };
    const rows = async function* () {
      try {
        for (;;) yield seen.made++;
      } finally {
        seen.ended++;
      }
    };
    const never = async function* () {
      await new Promise(() => {});
      yield 1;
    };
    return { seen, api: { rows, never, other: () => 'other' } };
  };

  test.each<[unknown, unknown]>([
    [1e9, 1e12],
    [Infinity, 'x'],
    [-1, 0],
    [{}, null],
  ])('next(%o, %o) gets no more than our own bounds', async (items, bytes) => {
    const { api, seen } = endless();
    const them = await peer({ api });
    await them.call('rows');
    const answer = (await them.call(them.idOf('1', 'next'), [items, bytes])) as [
      null,
      { values: unknown[] },
    ];
    expect(answer[1].values.length).toBe(64);
    expect(seen.made).toBeLessThanOrEqual(64);
  });

  test('thousands of nexts: those beyond the bound are refused, and the rest goes on', async () => {
    const { api } = endless();
    const them = await peer({ api });
    await them.call('never');
    const method = them.idOf('1', 'next');
    const asks = Array.from({ length: 1_000 }, (_, i) => ({
      method,
      arguments: [],
      reply: 5_000 + i,
    }));
    await them.send(...asks);
    const refused = them.got.filter(
      (it) => typeof it.method === 'number' && it.method >= 5_000 && it.method < 6_000,
    );
    expect(refused).toHaveLength(1_000 - 64);
    for (const it of refused) expect(it.arguments?.[0]).toMatchObject({ code: 'ERR_LIMIT' });
    expect(await them.call('other')).toEqual([null, 'other']);
    expect(them.session.tables.serving).toBe(0);
  });

  test('return in the middle; next and return after it', async () => {
    const { api, seen } = endless();
    const them = await peer({ api });
    await them.call('rows');
    const [next, end] = [them.idOf('1', 'next'), them.idOf('1', 'return')];
    await them.call(next, [1, 1]);
    expect(await them.call(end)).toEqual([]);
    expect(seen.ended).toBe(1);
    expect(await them.call(next)).toEqual([null, { values: [], done: true }]);
    expect(await them.call(end)).toEqual([]);
    expect(seen.ended).toBe(1);
  });

  test.each([
    ['both', ['next', 'return']],
    ['next alone', ['next']],
  ])('culled, %s: the generator ends', async (_, names) => {
    const { api, seen } = endless();
    const them = await peer({ api });
    await them.call('rows');
    await them.call(them.idOf('1', 'next'), [1, 1]);
    const counts = Object.fromEntries(names.map((name) => [String(them.idOf('1', name)), 1]));
    await them.send({ control: 'cull', counts });
    expect(seen.ended).toBe(1);
    expect(them.session.tables.local).toBe(3 + 2 - names.length);
  });
});

describe('a peer that lies about what is written', () => {
  test.each<[string, unknown, unknown]>([
    ['NaN', null, { number: [['1']] }],
    ['-1', -1, undefined],
    ['text', 'x', undefined],
    ['nothing', null, undefined],
  ])('a write answered with %s', async (what, value, types) => {
    const { them, got, asked } = await giver('writable', writable);
    const writer = (await stream<WritableStream>(got)).getWriter();
    await writer.write(1);
    await turns(1);
    const reply = asked(writable.write)[0]?.reply ?? -1;
    const sent = what === 'NaN' ? 'NaN' : value;
    await them.send({ method: reply, arguments: [null, sent], ...(types ? { types } : {}) });
    expect(await codeOf(writer.closed)).toBe('ERR_MALFORMED');
    expect(asked(writable.abort)).toHaveLength(1);
    expect(them.session.ended).toBe(false);
  });

  test('a credit without end is bounded here', async () => {
    const { got, asked, answer } = await giver('writable', writable);
    const writer = (await stream<WritableStream>(got)).getWriter();
    await writer.write(1);
    await turns(1);
    await answer(writable.write, null, 1e99);
    let taken = 0;
    for (let i = 0; i < 100; i++) {
      writer.write('x'.repeat(64 * 1024)).then(
        () => taken++,
        () => {},
      );
    }
    await turns(5);
    expect(taken).toBeLessThan(20);
    expect(asked(writable.write).length).toBeLessThan(20);
  });

  test('who takes nothing is asked one at a time', async () => {
    const { got, asked, answer } = await giver('writable', writable);
    const writer = (await stream<WritableStream>(got)).getWriter();
    for (let i = 0; i < 5; i++) {
      void writer.write(i);
      await turns(2);
      expect(asked(writable.write)).toHaveLength(i + 1);
      await answer(writable.write, null, 0);
    }
    const closed = writer.close();
    await turns(2);
    expect(asked(writable.close)).toHaveLength(1);
    const [close] = asked(writable.close);
    expect(close?.reply).toBeTypeOf('number');
    void closed;
  });

  test('writes beyond what the sink takes; writes that are none', async () => {
    const told: unknown[] = [];
    const open = () =>
      new WritableStream({
        write(_, { signal }) {
          signal.onabort = () => void told.push((signal.reason as { code: string }).code);
          return new Promise(() => {});
        },
        abort: (reason: { code: string }) => void told.push(reason.code),
      });
    const floods: [unknown[][], string][] = [
      [Array.from({ length: 40 }, () => [['x'.repeat(64 * 1024)]]), 'ERR_LIMIT'],
      [[[5]], 'ERR_MALFORMED'],
    ];
    for (const [flood, code] of floods) {
      const them = await peer({ api: { open } });
      await them.call('open');
      const method = them.idOf('1', 'write');
      await them.send(...flood.map((args, i) => ({ method, arguments: args, reply: 7_000 + i })));
      const last = them.outcome(7_000 + flood.length - 1);
      expect(last?.arguments?.[0]).toMatchObject({ code });
      expect(them.session.ended).toBe(false);
      expect(told.pop()).toBe(code);
    }
  });

  test('let go without a close: aborted', async () => {
    const told: unknown[] = [];
    const open = () =>
      new WritableStream({ abort: (e: { code: string }) => void told.push(e.code) });
    const them = await peer({ api: { open } });
    await them.call('open');
    const ids = ['write', 'close', 'abort'].map((name) => [String(them.idOf('1', name)), 1]);
    await them.send({ control: 'cull', counts: Object.fromEntries(ids) as Record<string, number> });
    expect(told).toEqual(['ERR_CANCELLED']);
  });
});

describe('a peer that makes no streams of them', () => {
  const rows = async function* () {
    yield* [1, 2, 3];
    throw Object.assign(new Error('over'), { code: 'E_OVER' });
  };

  test('one of ours from before: an object of functions, that are called as any', async () => {
    const hello = { ...ourHello, features: ourHello.features.filter((it) => it !== 'stream') };
    const them = await peer({ hello, api: { rows } });
    expect(await them.call('rows')).toEqual([null, { next: '[Function]', return: '[Function]' }]);
    expect(them.last).not.toHaveProperty('types');
    const next = them.idOf('1', 'next');
    expect(await them.call(next, [2])).toEqual([null, { values: [1, 2], done: false }]);
    expect(await them.call(next, [2])).toEqual([null, { values: [3], done: false }]);
    expect(await them.refused(next)).toBe('E_OVER');
    expect(await them.call(next)).toEqual([null, { values: [], done: true }]);
  });

  test('a plain one: driven with callbacks', async () => {
    const them = await peer({ hello: null, api: { rows } });
    await them.send({ method: 'rows', arguments: ['cb'], callbacks: { '5': ['0'] } });
    const next = them.idOf('0', 'next');
    const ask = { method: next, arguments: [64, 65_536, 'cb'], callbacks: { '6': ['2'] } };
    await them.send(ask);
    await them.send(ask);
    await them.send(ask);
    expect(them.got.filter(({ method }) => method === 6).map((it) => it.arguments)).toEqual([
      [{ values: [1, 2, 3], done: false }],
      [{ values: [], done: true, error: { name: 'Error', message: 'over', code: 'E_OVER' } }],
      [{ values: [], done: true }],
    ]);
  });
});
