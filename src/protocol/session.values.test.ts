import { describe, expect, test } from 'vitest';
import { peer, sessionPair } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { valueTrips } from '../testing/fixtures/value-trips.js';

describe('over memory', () => {
  valueTrips(async (api) => {
    const { a } = await sessionPair({ b: { api } });
    return { call: (method, ...args) => a.call(method, args) };
  });
});

describe('a plain peer gets what JSON makes of it', () => {
  test.each<[name: string, value: unknown, json: unknown]>([
    ['a Date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['an invalid Date', new Date(Number.NaN), null],
    ['NaN', Number.NaN, null],
    ['undefined in a list', [undefined], [null]],
    ['undefined in an object', { a: undefined }, {}],
    ['minus zero', -0, 0],
    ['a Map', new Map([[1, 2]]), {}],
    ['a Set', new Set([1]), {}],
    ['a URL', new URL('https://a.b/'), 'https://a.b/'],
    ['a RegExp', /a/, {}],
    ['bytes', Uint8Array.of(1, 2), { 0: 1, 1: 2 }],
    ['a symbol in an object', { a: Symbol('s') }, {}],
    ['a boxed number', Object(1), 1],
    [
      'an Error',
      Object.assign(new TypeError('t'), { code: 'E' }),
      { name: 'TypeError', message: 't', code: 'E' },
    ],
    ['a DOMException', new DOMException('t', 'AbortError'), { name: 'AbortError', message: 't' }],
    ['Headers', new Headers(), {}],
  ])('%s', async (_name, value, json) => {
    const them = await peer({ hello: null });
    void them.session.call('take', [value, () => {}]);
    await turns(1);
    expect(them.last?.arguments?.[0]).toEqual(json);
    expect(them.last).not.toHaveProperty('types');
  });

  test('but a bigint, which JSON cannot hold, is refused with its path', async () => {
    const them = await peer({ hello: null });
    await expect(them.session.call('take', [{ n: 1n }])).rejects.toMatchObject({
      code: 'ERR_DATA',
      message: 'argument 0.n cannot be sent: a plain dnode peer knows no bigint',
    });
  });
});

test('a DOMException is an Error to who does not know the difference', async () => {
  const them = await peer();
  void them.session.call('take', [new DOMException('t', 'AbortError')]);
  await turns(1);
  expect(them.last).toMatchObject({
    arguments: [{ name: 'AbortError', message: 't' }],
    types: { error: [['0']], exception: [['0']] },
  });
});
