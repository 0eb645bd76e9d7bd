import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { serve as serveFetch } from '@hono/node-server';
import { Hono } from 'hono';
import { describe, expect, onTestFinished, test } from 'vitest';
import { batch, context, dial, events, Exposed, fetchHandler, serve, sessionOf } from './index.js';

const logger = { warn: () => {} };

class User extends Exposed {
  orders() {
    return [3, 4].map((total) => ({ total: () => total }));
  }
}

const api = {
  shout: (text: string) => text.toUpperCase(),
  peer: () => context().peer,
  user: () => new User(),
  each: async (fn: (n: number) => Promise<number>) => await fn(2),
  async *count(to: number) {
    for (let n = 0; n < to; n += 1) yield n;
  },
  echo: (bytes: Uint8Array) => bytes,
  wait: () => new Promise(() => {}),
};

/** An app of Hono's, which hands out Requests and takes Responses, on a port of its own. */
async function app(options: Parameters<typeof fetchHandler>[0] = {}) {
  const handler = fetchHandler(options);
  const served = await serve(api, handler, { logger });
  const hono = new Hono();
  const { path = '/dnode' } = options;
  hono.all(path, (c) => handler(c.req.raw));
  hono.all(`${path}/*`, (c) => handler(c.req.raw));
  hono.get('/', (c) => c.text('mine'));
  const server = serveFetch({ fetch: hono.fetch, port: 0, hostname: '127.0.0.1' });
  await once(server, 'listening');
  onTestFinished(async () => {
    await served.close();
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  });
  // It listens on a port, and so has an address of this kind.
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    handler,
    served,
    post: (body: string, headers: object = {}) => post(url + path, body, headers),
  };
}

function post(url: string, body: string, headers: object): Promise<Response> {
  return fetch(url, {
    ...{ method: 'POST', body },
    headers: { 'content-type': 'application/json', ...headers },
  });
}

describe.each([undefined, '/api/rpc'])('in an app of Hono’s, at %s', (path) => {
  const at = path ?? '/dnode';
  const given = path === undefined ? {} : { path };

  test('batches, with all that one request can have', async () => {
    const { url } = await app(given);
    const shop = batch<typeof api>(url + at);
    onTestFinished(() => shop[Symbol.dispose]());
    const [text, totals, bytes] = await Promise.all([
      shop.shout('a'),
      shop
        .user()
        .orders()
        .map((order) => order.total()),
      shop.echo(new Uint8Array([1, 255])),
    ]);
    expect([text, totals, bytes]).toEqual(['A', [3, 4], new Uint8Array([1, 255])]);
    expect(await shop.peer()).toEqual({ transport: 'http' });
    expect(await (await fetch(url)).text()).toBe('mine');
  });

  test('a session by events: callbacks, streams, and its end at both sides', async () => {
    const { url, served } = await app(given);
    const remote = await dial<typeof api>(events(url + at));
    expect(await remote.each(async (n) => n + 1)).toBe(3);
    const counted = [];
    for await (const n of await remote.count(500)) counted.push(n);
    expect(counted).toEqual(Array.from({ length: 500 }, (_, n) => n));
    const [session] = served.sessions;
    if (session === undefined) throw new Error('there is no session');
    const ended = new Promise((resolve) => session.on('end', resolve));
    sessionOf(remote)?.close();
    await ended;
    expect(served.sessions.size).toBe(0);
  });
});

test('who goes away in the middle of an answer is noticed', async () => {
  const { url, served } = await app();
  const gone = new AbortController();
  const body =
    '{"method":"count","arguments":[1],"reply":1}\n{"method":"wait","arguments":[],"reply":2}';
  const response = await fetch(`${url}/dnode`, {
    ...{ method: 'POST', body, signal: gone.signal },
    headers: { 'content-type': 'application/json' },
  });
  await response.body?.getReader().read();
  const [session] = served.sessions;
  const ended = new Promise((resolve) => session?.on('end', resolve));
  gone.abort();
  await ended;
  expect(served.sessions.size).toBe(0);
});

test('what the guard refuses', async () => {
  const { url, post } = await app({ origins: ['https://app.example'] });
  const shout = '{"method":"shout","arguments":["a"],"reply":1}';
  const status = async (headers: object) => (await post(shout, headers)).status;
  expect(await status({})).toBe(200);
  expect(await status({ origin: 'https://app.example' })).toBe(200);
  expect(await status({ origin: 'https://evil.example' })).toBe(403);
  expect(await status({ 'content-type': 'text/plain' })).toBe(415);
  expect(await status({ 'content-type': 'application/json, text/plain' })).toBe(415);
  const stranger = new Request(`${url}/dnode`, { headers: { host: 'evil.example' } });
  const handler = fetchHandler();
  expect((await handler(stranger)).status).toBe(421);
  expect((await handler(new Request('https://evil.example/dnode'))).status).toBe(421);
});

test('before it serves, while it does, and after', async () => {
  const handler = fetchHandler();
  const shout = '{"method":"shout","arguments":["a"],"reply":1}';
  const headers = { 'content-type': 'application/json' };
  const ask = async (path = '/dnode') =>
    (
      await handler(
        new Request(`http://localhost${path}`, { method: 'POST', body: shout, headers }),
      )
    ).status;
  expect(await ask()).toBe(503);
  const served = await serve(api, handler, { logger });
  expect([await ask(), await ask('/dnodes'), await ask('/dnode/x/y')]).toEqual([200, 404, 404]);
  await expect(serve(api, handler)).rejects.toMatchObject({ code: 'ERR_OPTION' });
  await served.close();
  expect(await ask()).toBe(503);
  const again = await serve(api, handler, { logger });
  expect(await ask()).toBe(200);
  await again.close();
});

test.each([
  [{ path: 'rpc' }],
  [{ path: '/a/../b' }],
  [{ origins: ['*'] }],
  [{ hosts: ['https://a'] }],
  [{ path: '/rpc', port: 1 }],
])('%j is refused', (options) => {
  expect(() => fetchHandler(options)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
});

test('bodies: none, no UTF-8, compressed, too large by what it says and by what it is, cut off', async () => {
  const handler = fetchHandler();
  const served = await serve(api, handler, { logger, limits: { line: 1_000 } });
  onTestFinished(() => served.close());
  const ask = async (body: BodyInit | undefined, headers: object = {}) => {
    const given = { 'content-type': 'application/json', ...headers };
    // Node wants to be told that a body is sent before the answer is read.
    const init = {
      method: 'POST',
      headers: given,
      duplex: 'half',
      ...(body !== undefined && { body }),
    };
    const response = await handler(new Request('http://localhost/dnode', init));
    return [response.status, (await response.text()).trim()];
  };
  const pieces = (...list: (string | Error)[]) =>
    new ReadableStream({
      pull(to) {
        const next = list.shift();
        if (next === undefined) to.close();
        else if (typeof next === 'string') to.enqueue(new TextEncoder().encode(next));
        else to.error(next);
      },
    });
  expect(await ask(undefined)).toEqual([204, '']);
  expect(await ask(new Uint8Array([0xff]))).toEqual([
    400,
    'the body cannot be read: it is no UTF-8',
  ]);
  expect(await ask('x', { 'content-encoding': 'gzip' })).toEqual([
    400,
    'the body cannot be read: it is compressed',
  ]);
  expect(await ask('x'.repeat(1_001))).toEqual([413, 'the body is too large']);
  expect(await ask(pieces('x'.repeat(600), 'x'.repeat(600)))).toEqual([
    413,
    'the body is too large',
  ]);
  expect(await ask(pieces('{"method', new Error('gone')))).toEqual([400, 'the body was cut off']);
  const whole = pieces('{"method":"shout","argu', 'ments":["ä"],"reply":1}');
  expect(await ask(whole)).toEqual([200, '{"method":1,"arguments":[null,"Ä"]}']);
});
