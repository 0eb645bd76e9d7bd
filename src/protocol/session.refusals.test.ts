import { describe, expect, test } from 'vitest';
import { codeOf, peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import type { CallRequest } from './authorize.js';
import { codec } from './codecs.js';
import { Exposed } from './exposed.js';

/** A remote in which anything is reached. */
// oxlint-disable-next-line no-explicit-any
type Loose = any;

describe('a call that is refused for its message', () => {
  test.each<[string, object, string]>([
    ['a value that is none', { arguments: ['x'], types: { date: [['0']] } }, 'ERR_MALFORMED'],
    ['a path that is none', { arguments: [1], types: { bigint: [['0', 'x']] } }, 'ERR_MALFORMED'],
    ['links', { arguments: [1], links: [{ from: ['0'], to: ['__proto__'] }] }, 'ERR_MALFORMED'],
    [
      'too many digits',
      { arguments: ['9'.repeat(9_999)], types: { bigint: [['0']] } },
      'ERR_LIMIT',
    ],
    ['a reference', { arguments: [null], own: { 99: ['0'] } }, 'ERR_REFERENCE'],
  ])('%s: says that it did not run', async (_, message, code) => {
    const ran: unknown[] = [];
    const it = await peer({ api: { run: (...args: unknown[]) => void ran.push(args) } });
    const [error] = (await it.call('run', [], message as never)) ?? [];
    expect(error).toMatchObject({ code, mayHaveRun: false });
    expect(ran).toEqual([]);
  });

  test('an outcome that cannot be read says that it may have', async () => {
    const it = await peer({});
    const outcome = it.session.call('far', []);
    await turns(1);
    const id = Number(it.last?.reply);
    const deep = `${'['.repeat(100)}${']'.repeat(100)}`;
    await it.send(`{"method":${id},"arguments":[null,${deep}]}`);
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_LIMIT', mayHaveRun: true });
  });
});

test('a codec, a getter or a toJSON that calls the peer is told so, and the message around it is whole', async () => {
  class Money {
    constructor(readonly amount: number) {}
  }
  const far: { remote?: Loose } = {};
  const inner: Promise<unknown>[] = [];
  const money = codec({
    ...{ name: 'money', for: Money },
    encode(value) {
      inner.push(far.remote.echo(() => 'inner'));
      return value.amount;
    },
    decode: (amount) => new Money(Number(amount)),
  });
  const { a, b } = await sessionPair({
    a: { codecs: [money] },
    b: { codecs: [money], api: { echo: (...args: unknown[]) => args } },
  });
  const remote = (far.remote = a.remote as Loose);
  const fn = (): string => 'outer';
  const [callback, got, bytes] = await remote.echo(fn, new Money(5), new Uint8Array(900).fill(3));
  expect([callback, got]).toEqual([fn, new Money(5)]);
  expect(bytes).toEqual(new Uint8Array(900).fill(3));
  const getter = {
    get value() {
      inner.push(remote.echo(1));
      return 2;
    },
  };
  expect(await remote.echo(getter)).toEqual([{ value: 2 }]);
  const [first, there, ...getters] = await Promise.all(inner.map(codeOf));
  expect(first).toBe('ERR_STATE');
  // Where it came from is another session: that one is not in the middle of anything.
  expect(there).toMatchObject({ resolved: [expect.any(Function)] });
  expect(new Set(getters)).toEqual(new Set(['ERR_STATE']));
  // Nothing is in its way from then on.
  expect(await remote.echo('after')).toEqual(['after']);
  expect([a.ended, b.ended]).toEqual([false, false]);
});

describe('a path of an api through what it shares', () => {
  const make = (authorize?: (call: CallRequest) => unknown) => {
    const read: string[] = [];
    class Safe extends Exposed.with('inner') {
      get inner() {
        read.push('inner');
        return { open: (word: unknown) => `open ${String(word)}` };
      }
    }
    const options = {
      api: { safe: new Safe() },
      ...(authorize && { authorize: authorize as never }),
    };
    return { read, options };
  };
  const path = ['safe', 'inner', 'open'];

  test('is gone along once it is allowed, and not before', async () => {
    const asked: unknown[] = [];
    const { read, options } = make(({ method, args }) => {
      asked.push([method, args, read.length]);
      return args[0] === 'please';
    });
    const it = await peer(options);
    expect(await it.refused(path as never, ['now'])).toBe('ERR_FORBIDDEN');
    expect(read).toEqual([]);
    expect(await it.call(path as never, ['please'])).toEqual([null, 'open please']);
    expect(asked).toEqual([
      ['safe.inner.open', ['now'], 0],
      ['safe.inner.open', ['please'], 0],
    ]);
    expect(await it.refused(['safe', 'inner', 'shut'] as never, ['please'])).toBe('ERR_METHOD');
    expect(it.session.tables).toMatchObject({ serving: 0 });
  });

  test('also where that is thought about, and of outcomes that come', async () => {
    const { read, options } = make(async ({ args, name }) => {
      await turns(1);
      return name !== 'safe.inner.open' || args[0] === 'please';
    });
    const it = await peer({ ...options, api: { ...options.api, word: (of: unknown) => of } });
    await it.send(
      { method: 'word', arguments: ['no'], reply: 1, keep: true },
      { method: path, arguments: [null], results: { 1: ['0'] }, reply: 2 },
    );
    await turns(3);
    expect(it.outcome(2)?.arguments?.[0]).toMatchObject({ code: 'ERR_FORBIDDEN' });
    expect(read).toEqual([]);
    await it.send(
      { method: 'word', arguments: ['please'], reply: 3, keep: true },
      { method: path, arguments: [null], results: { 3: ['0'] }, reply: 4 },
    );
    await turns(3);
    expect(it.outcome(4)?.arguments).toEqual([null, 'open please']);
    expect(read).toEqual(['inner']);
  });

  test('is not gone along where its caller gave up meanwhile', async () => {
    let allow = (may: boolean): void => void may;
    const { read, options } = make(() => new Promise((resolve) => (allow = resolve)));
    const it = await peer(options);
    await it.send({ method: path, arguments: ['x'], reply: 1 });
    expect(it.session.tables).toMatchObject({ serving: 1 });
    await it.send({ control: 'cancel', call: 1 });
    expect(it.outcome(1)?.arguments?.[0]).toMatchObject({ code: 'ERR_CANCELLED' });
    allow(true);
    await turns(2);
    expect(read).toEqual([]);
    expect(it.session.tables).toMatchObject({ serving: 0 });
  });

  test('is one call to who watches, however it ends', async () => {
    const seen: unknown[] = [];
    const { options } = make(({ args }) => args[0] === 'please');
    const it = await peer({
      ...options,
      observe: () => ({
        call: () => undefined,
        serve(method) {
          seen.push(method);
          return {
            run: (handler) => handler(),
            end: (failed, error) => seen.push(failed ? (error as { code: string }).code : 'done'),
          };
        },
      }),
    });
    await it.call(path as never, ['please']);
    await it.call(path as never, ['now']);
    await it.call(['safe', 'inner', 'shut'] as never, ['please']);
    const name = 'safe.inner.open';
    // What is no method is no call, here as elsewhere.
    expect(seen).toEqual([name, 'done', name, 'ERR_FORBIDDEN']);
  });

  test('is gone along as ever where nobody is asked', async () => {
    const { options } = make();
    const it = await peer(options);
    expect(await it.call(path as never, ['you'])).toEqual([null, 'open you']);
  });
});
