import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../limits.js';
import { codeOf, peer, sessionPair, type PairOptions } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import type { Session } from './session.js';

type Rows = AsyncIterableIterator<unknown> & Disposable & AsyncDisposable;

/** What a call resolves with, as the test knows it to be. */
const call = async <T>(session: Session, name: string, ...args: unknown[]): Promise<T> =>
  (await session.call(name, args)) as T;

/** A producer that counts how far it went, and tells how it ended. */
function counter(most = Infinity) {
  const seen = { made: 0, ended: false, reason: undefined as unknown };
  const api = {
    async *rows() {
      try {
        while (seen.made < most) {
          yield seen.made++;
          await Promise.resolve();
        }
      } finally {
        seen.ended = true;
      }
    },
    readable: () =>
      new ReadableStream<number>({
        pull(controller) {
          if (seen.made < most) controller.enqueue(seen.made++);
          else controller.close();
        },
        cancel(reason) {
          seen.ended = true;
          seen.reason = reason;
        },
      }),
    echo: (it: unknown) => it,
  };
  return { seen, api };
}

async function all(values: AsyncIterable<unknown>): Promise<unknown[]> {
  const got: unknown[] = [];
  for await (const value of values) got.push(value);
  return got;
}

async function drain(stream: ReadableStream<unknown>): Promise<unknown[]> {
  const got: unknown[] = [];
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return got;
    got.push(value);
  }
}

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);

/** A pair whose tables are looked at again when all streams have ended. */
async function pair(options: PairOptions) {
  const made = await sessionPair(options);
  const tables = () => [made.a.tables, made.b.tables];
  const before = tables();
  return {
    ...made,
    async settled() {
      await turns(4);
      expect(tables()).toEqual(before);
    },
  };
}

describe('what is read', () => {
  test('an async generator, with for await', async () => {
    const { api, seen } = counter(1_000);
    const { a, settled } = await pair({ b: { api } });
    expect(await all(await call<Rows>(a, 'rows'))).toEqual(numbers(1_000));
    expect(seen.ended).toBe(true);
    await settled();
  });

  test('a ReadableStream is one again', async () => {
    const { a, settled } = await pair({ b: { api: counter(300).api } });
    const stream = await call<ReadableStream<unknown>>(a, 'readable');
    expect(stream).toBeInstanceOf(ReadableStream);
    expect(await drain(stream)).toEqual(numbers(300));
    await settled();
  });

  test('a stream of bytes: whole, in chunks of 64 KiB, read into a buffer too', async () => {
    const bytes = Uint8Array.from({ length: 300_000 }, (_, n) => n % 251);
    const api = {
      read: () =>
        new ReadableStream({
          type: 'bytes',
          start(controller) {
            controller.enqueue(bytes.slice());
            controller.close();
          },
        }),
    };
    const { a, settled } = await pair({ b: { api } });
    const chunks = (await drain(await call(a, 'read'))) as Uint8Array[];
    expect(Math.max(...chunks.map(({ length }) => length))).toBe(64 * 1024);
    expect(new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer())).toEqual(bytes);
    const reader = (await call<ReadableStream>(a, 'read')).getReader({ mode: 'byob' });
    let got = 0;
    for (let buffer = new ArrayBuffer(1_000); ;) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (value !== undefined) buffer = value.buffer;
      if (done) break;
      expect(value[0]).toBe(bytes[got]);
      got += value.length;
    }
    expect(got).toBe(bytes.length);
    await settled();
  });

  test('an iterable that is a plain object; values of any kind; streams in streams', async () => {
    const values = [{ at: new Date(5) }, [1n], undefined, null, new Map([[1, new Set([2])]])];
    const api = {
      async *[Symbol.asyncIterator]() {
        yield* values;
        yield (async function* () {
          yield 'inner';
        })();
      },
    };
    const { a, settled } = await pair({ b: { api: { get: () => ({ deep: [api] }) } } });
    const { deep } = await call<{ deep: [Rows] }>(a, 'get');
    const got = await all(deep[0]);
    expect(got.slice(0, -1)).toEqual(values);
    expect(await all(got.at(-1) as Rows)).toEqual(['inner']);
    await settled();
  });

  test('in a Map, and twice in one message: the same stream', async () => {
    const { api } = counter(3);
    const get = () => {
      const rows = api.rows();
      return new Map<string, unknown>([
        ['x', rows],
        ['y', { rows }],
      ]);
    };
    const { a, settled } = await pair({ b: { api: { get } } });
    const map = await call<Map<string, Rows & { rows: Rows }>>(a, 'get');
    expect(map.get('y')?.rows).toBe(map.get('x'));
    expect(await all(map.get('x')!)).toEqual([0, 1, 2]);
    await settled();
  });

  test('as an argument', async () => {
    const api = {
      sum: async (rows: Rows) => ((await all(rows)) as number[]).reduce((x, y) => x + y),
    };
    const { a, settled } = await pair({ b: { api } });
    expect(await a.call('sum', [counter(100).api.rows()])).toBe(4950);
    expect(await a.call('sum', [counter(100).api.readable()])).toBe(4950);
    await settled();
  });

  test('handed on: from one peer to the next and back', async () => {
    const { a, settled } = await pair({ b: { api: { echo: (it: unknown) => it } } });
    expect(await all(await call<Rows>(a, 'echo', counter(200).api.rows()))).toEqual(numbers(200));
    await settled();
  });

  test('a value leaves at once, and those that are ready leave together', async () => {
    let give: (text: string) => void = () => {};
    const api = {
      async *slow() {
        for (;;) yield await new Promise<string>((resolve) => (give = resolve));
      },
    };
    const { a } = await pair({ b: { api } });
    const rows = await call<Rows>(a, 'slow');
    for (const text of ['one', 'two', 'three']) {
      const next = rows.next();
      await turns(2);
      give(text);
      expect(await next).toEqual({ done: false, value: text });
    }
    const them = await peer({ api: counter(100).api });
    const [, functions] = (await them.call('rows')) as [null, { next: unknown }];
    expect(functions).toEqual({ next: '[Function]', return: '[Function]' });
    const [, first] = (await them.call(them.idOf('1', 'next'), [64, 65_536])) as [null, object];
    expect(first).toEqual({ values: numbers(64), done: false });
  });
});

describe('no more is made than is asked for', () => {
  test('nothing before it is read, and then what fits', async () => {
    const { api, seen } = counter();
    const { a, settled } = await pair({ b: { api } });
    const rows = await call<Rows>(a, 'rows');
    await turns(3);
    expect(seen.made).toBe(0);
    await rows.next();
    await turns(10);
    expect(seen.made).toBeGreaterThan(64);
    expect(seen.made).toBeLessThanOrEqual(64 * 4);
    const far = seen.made;
    await turns(10);
    expect(seen.made).toBe(far);
    // The others go on.
    expect(await a.call('echo', ['hello'])).toBe('hello');
    await rows.return?.();
    await settled();
  });

  test('of a ReadableStream, and of large values by their size', async () => {
    let made = 0;
    const pull = (controller: ReadableStreamDefaultController) => {
      made++;
      controller.enqueue('x'.repeat(20_000));
    };
    const api = { big: () => new ReadableStream({ pull }, { highWaterMark: 0 }) };
    const { a, settled } = await pair({ b: { api } });
    const reader = (await call<ReadableStream>(a, 'big')).getReader();
    await turns(3);
    expect(made).toBe(0);
    await reader.read();
    await turns(10);
    expect(made).toBeLessThanOrEqual(20);
    await reader.cancel();
    await settled();
  });

  test('streams take none of the calls that the peer may have pending', async () => {
    const never = async function* () {
      await new Promise(() => {});
      yield 1;
    };
    const api = { never, echo: (it: unknown) => it };
    const { a } = await pair({ a: { limits: { calls: 2 } }, b: { api, limits: { calls: 2 } } });
    for (let i = 0; i < 10; i++) void (await call<Rows>(a, 'never')).next();
    await turns(2);
    expect(await a.call('echo', [1])).toBe(1);
    expect([a.outstanding, a.tables.pending]).toEqual([0, 0]);
  });

  test('a stream waits for longer than any deadline', async () => {
    let give = (): void => {};
    const api = {
      async *late() {
        await new Promise<void>((resolve) => (give = resolve));
        yield 'late';
      },
    };
    const { a, clock } = await pair({ a: { deadline: 100 }, b: { api } });
    const next = (await call<Rows>(a, 'late')).next();
    await turns(1);
    await clock.advance(60_000);
    give();
    expect((await next).value).toBe('late');
  });
});

describe('its end', () => {
  test('break, return, using: finally blocks run, and nothing is left', async () => {
    for (const leave of ['break', 'return', 'dispose', 'asyncDispose'] as const) {
      const { api, seen } = counter();
      const { a, settled } = await pair({ b: { api } });
      const rows = await call<Rows>(a, 'rows');
      await rows.next();
      if (leave === 'break') for await (const _ of rows) break;
      else if (leave === 'return') expect(await rows.return?.(5)).toEqual({ done: true, value: 5 });
      else if (leave === 'dispose') rows[Symbol.dispose]?.();
      else await rows[Symbol.asyncDispose]?.();
      await turns(3);
      expect([leave, seen.ended]).toEqual([leave, true]);
      expect(await rows.next()).toEqual({ done: true, value: undefined });
      await settled();
    }
  });

  test('the reason of a cancel arrives', async () => {
    const { api, seen } = counter();
    const { a, settled } = await pair({ b: { api } });
    await (await call<ReadableStream>(a, 'readable')).cancel(new RangeError('enough'));
    expect(seen.reason).toBeInstanceOf(RangeError);
    await settled();
  });

  test('leaving does not wait for a producer that waits; what it fails with later is told', async () => {
    let fail: (error: Error) => void = () => {};
    const api = {
      async *stuck() {
        yield 1;
        await new Promise((_, reject) => (fail = reject));
      },
    };
    const { a, b, settled } = await pair({ b: { api } });
    const errors: unknown[] = [];
    b.on('error', (error) => errors.push(error));
    for await (const _ of await call<Rows>(a, 'stuck')) break;
    fail(new Error('too late'));
    await settled();
    expect(errors).toEqual([]);
  });

  test('an error comes after the values before it, with its code and cause', async () => {
    const api = {
      async *fails() {
        yield 1;
        yield 2;
        throw Object.assign(new TypeError('bad', { cause: new Error('deep') }), { code: 'E_BAD' });
      },
      broken: () =>
        new ReadableStream({
          start: (controller) => controller.error(Object.assign(new Error('x'), { code: 'E_X' })),
        }),
      async *unsendable() {
        yield 1;
        yield Symbol('no');
      },
    };
    const { a, settled } = await pair({ b: { api } });
    const rows = await call<Rows>(a, 'fails');
    expect([(await rows.next()).value, (await rows.next()).value]).toEqual([1, 2]);
    const error = { name: 'TypeError', code: 'E_BAD', cause: { message: 'deep' } };
    await expect(rows.next()).rejects.toMatchObject(error);
    expect(await rows.next()).toEqual({ done: true, value: undefined });
    expect(await codeOf(drain(await call(a, 'broken')))).toBe('E_X');
    const odd = await call<Rows>(a, 'unsendable');
    expect((await odd.next()).value).toBe(1);
    expect(await codeOf(odd.next())).toBe('ERR_DATA');
    await settled();
  });

  test('what finally throws rejects whoever leaves', async () => {
    const api = {
      async *rows() {
        try {
          for (;;) yield 'x'.repeat(70_000);
        } finally {
          // oxlint-disable-next-line no-unsafe-finally
          throw Object.assign(new Error('not clean'), { code: 'E_CLEAN' });
        }
      },
    };
    const { a, settled } = await pair({ b: { api } });
    const rows = await call<Rows>(a, 'rows');
    await rows.next();
    await turns(5);
    expect(await codeOf(rows.return?.() ?? Promise.resolve())).toBe('E_CLEAN');
    await settled();
  });

  test.each(['close', 'lost'] as const)('the session ends: %s', async (how) => {
    const { api, seen } = counter();
    const stuck = async function* () {
      yield 1;
      await new Promise(() => {});
    };
    const writes: unknown[] = [];
    const sink = () =>
      new WritableStream({
        write: (value) => void writes.push(value),
        abort: (reason: { code: string }) => void writes.push(reason.code),
      });
    const { a, b } = await pair({ b: { api: { ...api, stuck, sink } } });
    const rows = await call<Rows>(a, 'rows');
    await rows.next();
    const waits = await call<Rows>(a, 'stuck');
    await waits.next();
    const next = codeOf(waits.next());
    const reader = (await call<ReadableStream>(a, 'readable')).getReader();
    const closed = codeOf(reader.closed);
    const writer = (await call<WritableStream>(a, 'sink')).getWriter();
    await writer.write(1);
    await turns(3);
    const written = codeOf(writer.closed);
    if (how === 'close') a.close();
    else b.close();
    const code = how === 'close' ? 'ERR_CLOSED' : 'ERR_CONNECTION_LOST';
    // Who closes tells those who wait for more.
    expect(await next).toBe('ERR_CLOSED');
    expect(await closed).toBe(code);
    expect(await written).toBe(code);
    await turns(3);
    expect(seen.ended).toBe(true);
    expect(writes).toEqual([1, how === 'close' ? 'ERR_CONNECTION_LOST' : 'ERR_CLOSED']);
    // What was here may still be read.
    let count = 0;
    expect(
      await codeOf(
        (async () => {
          for await (const _ of rows) count++;
        })(),
      ),
    ).toBe(code);
    expect(count).toBeGreaterThan(60);
  });

  test('the signal of the context fires when nobody reads any more', async () => {
    const { syncScope, contextOf } = await import('./context.js');
    const scope = syncScope();
    let signal: AbortSignal | undefined;
    const api = {
      rows: () => ({
        [Symbol.asyncIterator]: () => ({
          next() {
            ({ signal } = contextOf(scope));
            return Promise.resolve({ done: false, value: 1 });
          },
        }),
      }),
    };
    const { a } = await pair({ b: { api, scope } });
    const rows = await call<Rows>(a, 'rows');
    await rows.next();
    expect(signal?.aborted).toBe(false);
    await rows.return?.();
    expect(signal?.aborted).toBe(true);
  });

  test('a session that drains waits for streams, and tells those that are left', async () => {
    const { api, seen } = counter(500);
    const stuck = async function* () {
      yield 1;
      await new Promise(() => {});
    };
    const { a, b, clock } = await pair({ b: { api: { ...api, stuck } } });
    const rows = await call<Rows>(a, 'rows');
    const waits = await call<Rows>(a, 'stuck');
    await waits.next();
    await rows.next();
    const drained = b.drain(5_000);
    await turns(3);
    expect(await all(rows)).toHaveLength(499);
    expect(seen.ended).toBe(true);
    expect(b.ended).toBe(false);
    const next = codeOf(waits.next());
    await clock.advance(5_000);
    await drained;
    expect(await next).toBe('ERR_CLOSED');
  });

  test('ten thousand streams leave nothing', async () => {
    const { api } = counter(2);
    const { a, settled } = await pair({ b: { api: { three: () => counter(3).api.rows() } } });
    expect(api).toBeDefined();
    for (let i = 0; i < 10_000; i++) {
      const rows = await call<Rows>(a, 'three');
      if (i % 3 === 0) await all(rows);
      else if (i % 3 === 1) for await (const _ of rows) break;
      else rows[Symbol.dispose]?.();
    }
    await settled();
  }, 60_000);
});

describe('what is written', () => {
  const store = (write?: (value: unknown) => unknown) => {
    const got: unknown[] = [];
    const told: string[] = [];
    const open = () =>
      new WritableStream({
        write: async (value) => {
          await write?.(value);
          got.push(value);
        },
        close: () => void told.push('close'),
        abort: (reason: unknown) => void told.push(`abort ${String(reason)}`),
      });
    return { got, told, api: { open, echo: (it: unknown) => it } };
  };

  test('in order, to its end', async () => {
    const { api, got, told } = store();
    const { a, settled } = await pair({ b: { api } });
    const writer = (await call<WritableStream>(a, 'open')).getWriter();
    for (let n = 0; n < 1_000; n++) await writer.write(n);
    await writer.close();
    expect(got).toEqual(numbers(1_000));
    expect(told).toEqual(['close']);
    await settled();
  });

  test('as an argument, with pipeTo', async () => {
    const { api, got } = store();
    const fill = (to: WritableStream) => counter(300).api.readable().pipeTo(to);
    const { a, settled } = await pair({ b: { api: { fill } } });
    await a.call('fill', [api.open()]);
    expect(got).toEqual(numbers(300));
    await settled();
  });

  test('who writes slowly holds back the writer, and nobody else', async () => {
    const waiting: (() => void)[] = [];
    const { api } = store(() => new Promise<void>((resolve) => waiting.push(resolve)));
    const { a } = await pair({ b: { api } });
    const writer = (await call<WritableStream>(a, 'open')).getWriter();
    let taken = 0;
    for (let i = 0; i < 100; i++) {
      writer.write('x'.repeat(10_000)).then(
        () => taken++,
        () => {},
      );
    }
    await turns(10);
    expect(taken).toBeGreaterThan(0);
    expect(taken).toBeLessThanOrEqual(40);
    expect(await a.call('echo', [1])).toBe(1);
    while (taken < 100) {
      for (const go of waiting.splice(0)) go();
      await turns(1);
    }
  });

  test('an error there rejects the writer; an abort here arrives', async () => {
    const fails = store(() => {
      throw Object.assign(new Error('disk full'), { code: 'ENOSPC' });
    });
    const { a, settled } = await pair({ b: { api: fails.api } });
    const writer = (await call<WritableStream>(a, 'open')).getWriter();
    writer.write(1).catch(() => {});
    expect(await codeOf(writer.closed)).toBe('ENOSPC');
    expect(await codeOf(writer.write(2))).toBe('ENOSPC');
    await settled();
    const other = await call<WritableStream>(a, 'open');
    await other.abort('no more');
    expect(fails.told).toEqual(['abort no more']);
    await settled();
  });

  test('a TransformStream is a pair that pipeThrough takes', async () => {
    const upper = () =>
      new TransformStream<string, string>({
        transform: (text, controller) => controller.enqueue(text.toUpperCase()),
      });
    const { a, settled } = await pair({ b: { api: { upper } } });
    const words = new ReadableStream<string>({
      start(controller) {
        for (const word of ['a', 'b', 'c']) controller.enqueue(word);
        controller.close();
      },
    });
    const through = await call<ReadableWritablePair>(a, 'upper');
    expect(await drain(words.pipeThrough(through))).toEqual(['A', 'B', 'C']);
    await settled();
  });
});

describe('blobs', () => {
  test('arrive whole, in arguments and outcomes, as what they are', async () => {
    const bytes = Uint8Array.from({ length: 200_000 }, (_, n) => n % 256);
    const api = { echo: (it: unknown) => it, size: (it: Map<string, Blob>) => it.get('x')?.size };
    const { a, settled } = await pair({ b: { api } });
    const blob = await call<Blob>(a, 'echo', new Blob([bytes], { type: 'image/x' }));
    expect([blob instanceof Blob, blob.size, blob.type]).toEqual([true, 200_000, 'image/x']);
    expect(new Uint8Array(await blob.arrayBuffer())).toEqual(bytes);
    expect(await a.call('size', [new Map([['x', new Blob(['12345'])]])])).toBe(5);
    if (typeof File === 'function') {
      const file = new File(['hi'], 'a.txt', { type: 'text/plain', lastModified: 7 });
      const got = await call<File>(a, 'echo', file);
      expect([got.name, got.lastModified, await got.text()]).toEqual(['a.txt', 7, 'hi']);
    }
    await settled();
  });

  test('beside the outcome of a call that is not there yet', async () => {
    const api = {
      later: async (it: unknown) => it,
      both: async (n: number, { blob }: { blob: Blob }) => `${n} ${await blob.text()}`,
    };
    const { a, settled } = await pair({ b: { api } });
    const later = a.call('later', [5]);
    expect(await a.call('both', [later, { blob: new Blob(['text']) }])).toBe('5 text');
    await settled();
  });

  test('too large: ERR_LIMIT, in both directions', async () => {
    const blob = new Blob(['x'.repeat(2_000)]);
    const api = { echo: (it: unknown) => it, get: () => blob };
    const limits = { blob: 1_000 };
    const { a, settled } = await pair({ a: { limits }, b: { api, limits } });
    expect(await codeOf(a.call('echo', [blob]))).toBe('ERR_LIMIT');
    expect(await codeOf(a.call('get', []))).toBe('ERR_LIMIT');
    await settled();
  });
});

describe('what cannot be sent', () => {
  test('a stream that somebody reads, or that was sent', async () => {
    const { api } = counter();
    const { a } = await pair({ b: { api } });
    const locked = api.readable();
    locked.getReader();
    await expect(a.call('echo', [1, { of: [locked] }])).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: 'argument 1.of.0 cannot be sent: the stream is locked',
    });
    const rows = api.rows();
    const kept = await a.call('echo', [rows]);
    await expect(a.call('echo', [{ rows }])).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: 'argument 0.rows cannot be sent: the stream was sent before',
    });
    expect(kept).toBeDefined();
  });

  test('what was not sent is still its owner’s', async () => {
    const { api } = counter(2);
    const { a, settled } = await pair({ b: { api } });
    const stream = api.readable();
    expect(await codeOf(a.call('echo', [stream, Symbol('x')]))).toBe('ERR_DATA');
    expect(stream.locked).toBe(false);
    const rows = api.rows();
    expect(await codeOf(a.call('echo', [rows, Symbol('x')]))).toBe('ERR_DATA');
    await settled();
    expect(await drain(stream)).toEqual([0, 1]);
  });

  test('an outcome that is not sent: its streams are told', async () => {
    const { api, seen } = counter();
    const get = () => ({ rows: api.readable(), no: Symbol('x') });
    const { a, settled } = await pair({ b: { api: { get } } });
    expect(await codeOf(a.call('get', []))).toBe('ERR_DATA');
    expect(seen.ended).toBe(true);
    await settled();
  });

  test('more than the limit', async () => {
    const { api } = counter();
    const { a } = await pair({ a: { limits: { streams: 2 } }, b: { api } });
    const kept = [await a.call('rows', []), await a.call('rows', [])];
    expect(await codeOf(a.call('rows', []))).toBe('ERR_LIMIT');
    await (kept[0] as Rows).return?.();
    await turns(3);
    kept.push(await a.call('rows', []));
    expect(kept).toHaveLength(3);
    expect(defaultLimits.streams).toBe(1_000);
  });

  test('a stream in an api', async () => {
    const { b } = await sessionPair();
    expect(() => b.announce({ rows: counter().api.readable() })).toThrow(/stream .* in an api/);
    expect(b.ended).toBe(false);
  });
});
