import { afterEach, describe, expect, test, vi } from 'vitest';
import { type Peer, peer } from '../testing/fixtures/peer.js';

/** What is cheap to send and dear to read is counted by what it takes, not by its number. */

const api = { size: (list: unknown[]) => list.length, echo: (value: unknown) => value };
const paths = (n: number): unknown[] => Array.from({ length: n }, (_, i) => [0, i]);
const filled = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value);

let them: Peer;
const of = async (kind: string, values: unknown[]): Promise<unknown> =>
  them.refused('size', [values], { types: { [kind]: paths(values.length) } });
afterEach(async () => {
  vi.restoreAllMocks();
  expect(await them.call('echo', [1])).toEqual([null, 1]);
  expect(them.ends).toEqual([]);
});

describe('dear values', () => {
  test('bigints: long ones count by the square of their digits', async () => {
    them = await peer({ api });
    expect(await of('bigint', filled(90, '9'.repeat(4_096)))).toBeNull();
    expect(await of('bigint', filled(100, '9'.repeat(4_096)))).toBe('ERR_LIMIT');
    expect(await of('bigint', filled(9_000, '9'.repeat(19)))).toBeNull();
  });

  test('URLs: long ones count by their characters', async () => {
    them = await peer({ api });
    expect(await of('url', filled(5_000, `http://a/${'x'.repeat(150)}`))).toBeNull();
    expect(await of('url', filled(9_000, `http://a/${'x'.repeat(150)}`))).toBe('ERR_LIMIT');
    expect(await of('url', [`http://${'ü.'.repeat(1_500_000)}a/`])).toBe('ERR_LIMIT');
  });

  test('a regular expression of megabytes is not looked through', async () => {
    them = await peer({ api });
    const look = vi.spyOn(String.prototype, 'matchAll');
    expect(await of('regexp', [`/${'\\p'.repeat(1_000_000)}/`])).toBe('ERR_LIMIT');
    expect(look).not.toHaveBeenCalled();
    expect(await of('regexp', ['/a\\p{L}/u'])).toBeNull();
    expect(look).toHaveBeenCalledOnce();
  });

  test('errors: each key counts', async () => {
    them = await peer({ api });
    const keys = (n: number) => Object.fromEntries(paths(n).map((_, i) => [`k${i}`, i]));
    expect(await of('error', [{ name: 'E', message: 'm', ...keys(9_000) }])).toBeNull();
    expect(await of('error', [{ name: 'E', message: 'm', ...keys(10_000) }])).toBe('ERR_LIMIT');
    expect(await of('error', filled(120, keys(90)))).toBe('ERR_LIMIT');
  });

  test('errors: thousands are made without a look at the stack, which later ones have', async () => {
    them = await peer({ api });
    const before = Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit');
    expect(await of('error', filled(3_000, { name: 'TypeError', message: 'm' }))).toBeNull();
    expect(Object.getOwnPropertyDescriptor(Error, 'stackTraceLimit')).toEqual(before);
    expect(new Error('x').stack).toContain('dear.hostile');
  });
});
