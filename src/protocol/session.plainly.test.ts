import { afterEach, expect, test, vi } from 'vitest';
import { sessionPair } from '../testing/fixtures/peer.js';
import { codec } from './codecs.js';

class Money {}

const codecs = [codec({ name: 'money', for: Money, encode: () => 1, decode: () => new Money() })];

afterEach(() => {
  vi.restoreAllMocks();
});

/** The lists that JSON wrote as they were given, and how many copies of lists it wrote in their place. */
async function writing(run: () => Promise<unknown>, given: readonly unknown[]) {
  const write = vi.spyOn(JSON, 'stringify');
  await run();
  const lists = write.mock.calls.map(([value]): unknown => value).filter(Array.isArray);
  write.mockRestore();
  const own = lists.filter((list) => list.some((item) => given.includes(item)));
  return { own: own.length, copies: lists.length - own.length };
}

// The encoder's walk copies what it is given: several times slower, and nobody sees it but a benchmark.
test.each([
  ['between two of ours', {}],
  ['where both have codecs', { codecs }],
])('plain data is written by JSON alone, %s', async (_name, more) => {
  const { a } = await sessionPair({
    a: more,
    b: { ...more, api: { echo: (it: unknown) => it, take: () => true } },
  });
  const row = { id: 7, tags: ['x', 'y'], deep: { list: [1, 2.5, null, true] } };
  const plainly = async (): Promise<void> => {
    expect(await writing(() => a.call('take', [row]), [row])).toEqual({ own: 1, copies: 0 });
    // What is short goes without JSON, and an outcome as arguments do.
    expect(await writing(() => a.call('echo', ['hello']), [])).toEqual({ own: 0, copies: 0 });
    const reply = [{ id: 7 }];
    const { a: other } = await sessionPair({ a: more, b: { ...more, api: { give: () => reply } } });
    expect(await writing(() => other.call('give', []), [reply])).toEqual({ own: 1, copies: 0 });
  };
  await plainly();
  // Nor is that lost once something else has passed.
  await a.call('take', [() => 1, new Map(), new AbortController().signal, new ReadableStream()]);
  await a.call('take', [new Date(0)]);
  await plainly();
});
