import { describe, expect, test } from 'vitest';
import { pair } from '../calls/fixtures/pair.js';
import { defaultLimits } from '../limits.js';
import { codeOf, peer, sessionPair } from '../testing/fixtures/peer.js';
import { contextOf, syncScope } from './context.js';
import { type Intercept, interceptorsOf } from './intercept.js';
import type { CallRequest } from './authorize.js';
import { type CallOptions, options } from './options.js';

/** A remote in which anything is reached. */
// oxlint-disable-next-line no-explicit-any
type Loose = any;

const scope = syncScope();
const given = (): unknown => contextOf(scope).meta.given;
const api = {
  given,
  user: () => ({ given }),
  back: (fn: () => unknown) => fn(),
};

async function both(near: Intercept = {}, far: Intercept = {}, more: object = {}) {
  const { a, b } = await sessionPair({
    a: { scope, intercept: interceptorsOf(scope, near) },
    b: { api, scope, intercept: interceptorsOf(scope, far), ...more },
  });
  return { a, b, remote: a.remote as Loose };
}

describe('what is handed along beside the arguments', () => {
  test('is in the context of the handler, and nowhere without it', async () => {
    const { remote } = await both();
    const meta = {
      tenant: 'acme',
      locale: ['de', 'en'],
      nested: { deadline: 5, ok: true, no: null },
    };
    expect(await options(remote, { meta }).given()).toEqual(meta);
    expect(await remote.given()).toBeUndefined();
  });

  test('is added to, name by name, by a view of a view', async () => {
    const { remote } = await both();
    const tenant = options(remote, { meta: { tenant: 'acme', locale: 'de' } });
    expect(await options(tenant, { deadline: 50 }).given()).toEqual({
      tenant: 'acme',
      locale: 'de',
    });
    const more = options(tenant, { meta: { locale: 'en', id: 1 } });
    expect(await more.given()).toEqual({ tenant: 'acme', locale: 'en', id: 1 });
    expect(await options(tenant.given, { meta: { id: 2 } })()).toMatchObject({
      tenant: 'acme',
      id: 2,
    });
  });

  test('goes with each call of a chain that says so, and with callbacks', async () => {
    const { remote } = await both();
    const user = options(remote, { meta: { at: 'user' } }).user();
    expect(await user.given()).toBeUndefined();
    expect(await options(remote.user().given, { meta: { at: 'given' } })()).toEqual({
      at: 'given',
    });
    const { remote: other } = await both(
      {},
      {},
      {
        api: { back: (fn: () => unknown) => options(fn, { meta: { from: 'there' } })() },
      },
    );
    expect(await other.back(given)).toEqual({ from: 'there' });
  });

  test('is not carried on by the calls that are made meanwhile', async () => {
    const { remote } = await both();
    expect(await options(remote, { meta: { secret: 1 } }).back(given)).toBeUndefined();
  });

  test('is seen by who authorizes', async () => {
    const authorize = ({ meta }: CallRequest): boolean => meta.given?.tenant === 'acme';
    const { remote } = await both({}, {}, { authorize });
    expect(await options(remote, { meta: { tenant: 'acme' } }).given()).toEqual({ tenant: 'acme' });
    expect(await codeOf(remote.given())).toBe('ERR_FORBIDDEN');
  });

  test('is read and added to by who stands around calls that are made', async () => {
    const seen: unknown[] = [];
    const { remote } = await both({
      call: [
        (call, next) => {
          seen.push(call.options.meta);
          return next({ options: { meta: { id: 7 } } });
        },
        (call, next) => {
          seen.push(call.options.meta);
          return next();
        },
      ],
    });
    expect(await options(remote, { meta: { tenant: 'acme' } }).given()).toEqual({
      ...{ tenant: 'acme', id: 7 },
    });
    expect(seen).toEqual([{ tenant: 'acme' }, { tenant: 'acme', id: 7 }]);
  });

  test('is read and replaced by who stands around calls that are served', async () => {
    const seen: unknown[] = [];
    const { remote } = await both(
      {},
      {
        serve: [
          ({ meta }, next) => {
            seen.push(meta.given);
            return next({ meta: { user: 'ann' } });
          },
          ({ meta }, next) => {
            seen.push(meta.given);
            return next();
          },
        ],
      },
    );
    expect(await options(remote, { meta: { token: 't' }, key: 'k' }).given()).toEqual({
      user: 'ann',
    });
    expect(seen).toEqual([{ token: 't' }, { user: 'ann' }]);
    const wrong = await both({}, { serve: (_, next) => next({ meta: { at: new Date() } }) });
    expect(await codeOf(wrong.remote.given())).toBe('ERR_OPTION');
  });

  test('is not there for others, where a handler writes into the meta of a call that brought none', async () => {
    const put = (): void => {
      Object.assign(contextOf(scope).meta, { given: { admin: true } });
    };
    const { remote } = await both({}, {}, { api: { put, given } });
    await expect(remote.put()).rejects.toThrow(TypeError);
    expect(await remote.given()).toBeUndefined();
  });

  test('is sent by who only calls', async () => {
    const { remote } = await pair(api, {}, { scope });
    expect(await options(remote, { meta: { tenant: 'acme' } }).given()).toEqual({ tenant: 'acme' });
    const large = { text: 'x'.repeat(defaultLimits.meta) };
    expect(await codeOf(options(remote, { meta: large }).given())).toBe('ERR_LIMIT');
  });
});

describe('what cannot be handed along', () => {
  const cyclic: Record<string, unknown> = {};
  cyclic.self = cyclic;
  let shared: object = {};
  for (let i = 0; i < 30; i++) shared = { a: shared, b: shared };
  test.each<[string, unknown]>([
    ['a Date', { at: new Date(0) }],
    ['undefined', { tenant: undefined }],
    ['a function', { fn: () => 1 }],
    ['no number', { n: Number.NaN }],
    ['a bigint', { n: 1n }],
    ['a list', ['a']],
    ['text', 'a'],
    ['null', null],
    ['a class', new (class Meta {})()],
    ['a cycle', cyclic],
    ['one thing in a thousand million places', shared],
    ['a name of the prototype', JSON.parse('{"a":{"__proto__":1}}')],
    ['a constructor', { constructor: 1 }],
  ])('%s', async (_, meta) => {
    const { remote } = await both();
    const wrong = { meta } as CallOptions;
    expect(() => options(remote, wrong)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
  });

  test('more than `limits.meta` bytes: nothing leaves', async () => {
    const { remote } = await both();
    const fits = { text: 'x'.repeat(defaultLimits.meta - 11) };
    expect(await options(remote, { meta: fits }).given()).toEqual(fits);
    const large = { text: 'x'.repeat(defaultLimits.meta - 10) };
    await expect(options(remote, { meta: large }).given()).rejects.toMatchObject({
      ...{ code: 'ERR_LIMIT', mayHaveRun: false, method: 'given' },
    });
    const wide = { text: 'ü'.repeat(defaultLimits.meta / 2) };
    expect(await codeOf(options(remote, { meta: wide }).given())).toBe('ERR_LIMIT');
    expect(await remote.given()).toBeUndefined();
  });

  test('arguments for which there is no room beside it', async () => {
    const { remote } = await both({}, {}, { limits: { line: 40_000 } });
    const text = 'x'.repeat(38_500);
    expect(await remote.given(text)).toBeUndefined();
    const meta = { text: 'x'.repeat(2_000) };
    expect(await codeOf(options(remote, { meta }).given(text))).toBe('ERR_LIMIT');
    // What is encoded next has all the room again.
    expect(await remote.given(text)).toBeUndefined();
  });
});

describe('a peer that says', () => {
  const ran: unknown[] = [];
  const served = { api: { run: () => ran.push(1) }, limits: { meta: 100 } };

  test.each([
    ['too much', { text: 'x'.repeat(100) }, 'ERR_LIMIT'],
    ['a list', [1], 'ERR_MALFORMED'],
    ['text', 'x', 'ERR_MALFORMED'],
    ['null', null, 'ERR_MALFORMED'],
    [
      'too deep',
      JSON.parse(`{"a":${'['.repeat(40)}${']'.repeat(40)}}`) as unknown,
      'ERR_MALFORMED',
    ],
    ['a prototype', JSON.parse('{"__proto__":{"admin":true}}') as unknown, 'ERR_MALFORMED'],
  ])('%s: the call does not run, the session goes on', async (_, said, code) => {
    const it = await peer(served);
    const [error] = (await it.call('run', [], { meta: { given: said } })) ?? [];
    expect(error).toMatchObject({ code });
    expect(ran).toEqual([]);
    const pipelined = [
      { method: 'run', arguments: [], reply: 7, keep: true, meta: { given: said } },
      { on: 7, method: ['x'], arguments: [], reply: 8 },
    ];
    await it.send(...pipelined);
    expect(it.outcome(7)?.arguments?.[0]).toMatchObject({ code });
    expect(ran).toEqual([]);
    expect(it.session.ended).toBe(false);
  });
});
