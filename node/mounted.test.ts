import { createServer } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createTcp } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocketServer } from 'ws';
import { cert, key } from './channel/fixtures/certificate.js';
import { batch, context, dial, events, serve, sessionOf } from './index.js';
import { answerTo, request, statusOf, upgrade } from './listen/testing/raw.js';
import { listening, somebodys } from './listen/fixtures/somebodys.js';
import { knock } from './rendezvous/fixtures/meeting.js';

const logger = { warn: () => {} };
const json = { 'Content-Type': 'application/json' };
const shout = '{"method":"shout","arguments":["hi"],"reply":1}';

const api = {
  shout: (text: string) => text.toUpperCase(),
  peer: () => context().peer.transport,
  each: async (fn: (n: number) => Promise<number>) => await fn(2),
};

async function mounted(given: object = {}, tls?: object) {
  const made = await somebodys(tls);
  const served = await serve(api, { server: made.server, logger, ...given });
  onTestFinished(() => served.close());
  return { ...made, served };
}

describe.each([undefined, '/rpc', '/v1/dnode'])('at %s', (path) => {
  const at = path ?? '/dnode';

  test('WebSockets, batches and events reach it by one address, and everything else is the app’s', async () => {
    const { port, served, heard } = await mounted({ path });
    expect(served.endpoints).toEqual([`ws://127.0.0.1:${port}${at}`]);
    const remote = await dial<typeof api>(served.endpoints[0] ?? '');
    expect(await remote.shout('a')).toBe('A');
    expect(await remote.peer()).toBe('ws');
    expect(await remote.each(async (n) => n * 2)).toBe(4);
    const url = `http://127.0.0.1:${port}${at}`;
    const shop = batch<typeof api>(url);
    expect(await Promise.all([shop.shout('b'), shop.peer()])).toEqual(['B', 'http']);
    const streamed = await dial<typeof api>(events(url));
    expect(await streamed.each(async (n) => n + 1)).toBe(3);
    expect(await answerTo(port, request(`POST ${at}`, json, shout))).toContain('"HI"');
    expect(heard).toEqual([]);
    const others = ['/', `${at}s`, `/x${at}`, '/other?/dnode'];
    for (const other of others) {
      expect(await answerTo(port, request(`POST ${other}`, {}, 'x'))).toContain('mine');
    }
    expect(heard).toEqual(others);
    sessionOf(remote)?.close();
    sessionOf(streamed)?.close();
    shop[Symbol.dispose]();
  });
});

test('what is below and is nothing', async () => {
  const { port, heard } = await mounted();
  expect(statusOf(await answerTo(port, request('GET /dnode/x')))).toBe(404);
  const wild = await mounted({ path: '/rpc' });
  expect(statusOf(await answerTo(wild.port, request('POST /rpc/x', json, '{}')))).toBe(404);
  expect(await knock(`ws://127.0.0.1:${wild.port}/rpc/x`)).toBe(404);
  expect(heard).toEqual([]);
});

test('a batch at the root of the server finds it, where its path is the usual one', async () => {
  const { port } = await mounted();
  const shop = batch<typeof api>(`http://127.0.0.1:${port}`);
  expect(await shop.shout('a')).toBe('A');
  shop[Symbol.dispose]();
});

test('a WebSocket server of the app goes on, made before or after', async () => {
  const { server, port } = await somebodys();
  const before = new WebSocketServer({ server, path: '/hmr' });
  const served = await serve(api, { server, logger });
  onTestFinished(() => served.close());
  expect(await knock(`ws://127.0.0.1:${port}/hmr`)).toBe('open');
  const remote = await dial<typeof api>(`ws://127.0.0.1:${port}/dnode`);
  expect(await remote.shout('a')).toBe('A');
  sessionOf(remote)?.close();
  for (const each of before.clients) each.terminate();
});

test('a server that listens later, and two apis on one server', async () => {
  const server = createServer((_, response) => response.end('mine'));
  const one = await serve(api, { server, path: '/one', logger });
  const two = await serve({ shout: () => 'two' }, { server, path: '/two', logger });
  onTestFinished(async () => {
    await Promise.all([one.close(), two.close()]);
  });
  expect(one.endpoints).toEqual([]);
  const port = await listening(server);
  const remote = await dial<typeof api>(one.endpoints[0] ?? '');
  expect(await remote.shout('a')).toBe('A');
  const other = batch<typeof api>(`http://127.0.0.1:${port}/two`);
  expect(await other.shout('a')).toBe('two');
  other[Symbol.dispose]();
  sessionOf(remote)?.close();
});

test('a WebSocket for nobody is answered, also where two apis stand at the server', async () => {
  const { server, port } = await mounted();
  const other = await serve(api, { server, path: '/two', logger });
  onTestFinished(() => other.close());
  expect(await knock(`ws://127.0.0.1:${port}/x`)).toBe(404);
});

test('who offers HTTP/2 is answered by HTTP/1.1: by the app, and at the path', async () => {
  for (const twice of [false, true]) {
    const { port, heard, server } = await mounted();
    if (twice) await serve(api, { server, path: '/b', logger });
    const offer = {
      Connection: 'close, Upgrade, HTTP2-Settings',
      Upgrade: 'h2c',
      'HTTP2-Settings': 'AAMA',
    };
    const own = await answerTo(port, request('POST /own', { ...json, ...offer }, '{}'));
    expect([statusOf(own), own.endsWith('mine'), heard]).toEqual([200, true, ['/own']]);
    const answer = await answerTo(port, request('POST /dnode', { ...json, ...offer }, shout));
    expect(answer).toContain('"HI"');
  }
});

test('an app that takes up offers of its own is asked for them', async () => {
  const { port, server } = await mounted();
  server.on('upgrade', ({ headers }, socket) => {
    socket.end(`HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${headers.upgrade}\r\n\r\n`);
  });
  const answer = await answerTo(port, request('GET /own', { ...upgrade, Upgrade: 'mine' }));
  expect(answer).toContain('Upgrade: mine');
});

test('an address with a slash at its end is the same', async () => {
  const { port } = await mounted();
  const shop = batch<typeof api>(`http://127.0.0.1:${port}/dnode/`);
  expect(await shop.shout('a')).toBe('A');
  shop[Symbol.dispose]();
});

test('closed, it leaves the server as it was', async () => {
  const { server, port, served, heard } = await mounted();
  const remote = await dial<typeof api>(served.endpoints[0] ?? '');
  const ended = new Promise((resolve) => sessionOf(remote)?.on('end', resolve));
  await served.close();
  await ended;
  expect(server.listening).toBe(true);
  expect(Object.hasOwn(server, 'emit')).toBe(false);
  expect(server.listenerCount('upgrade')).toBe(0);
  expect(await answerTo(port, request('POST /dnode', json, shout))).toContain('mine');
  const asked = request('GET /dnode', { ...upgrade, Connection: 'close' });
  expect(await answerTo(port, asked)).toContain('mine');
  expect(heard).toEqual(['/dnode', '/dnode']);
});

test('closed in whatever order, several leave it as it was', async () => {
  const { server } = await somebodys();
  const { emit } = server;
  let last = await serve(api, { server, path: '/0', logger });
  for (let i = 1; i < 5; i++) {
    const next = await serve(api, { server, path: `/${i}`, logger });
    await last.close();
    last = next;
  }
  await last.close();
  expect([server.emit === emit, Object.hasOwn(server, 'emit')]).toEqual([true, false]);
  expect(server.listenerCount('upgrade')).toBe(0);
});

test('whoever wraps the server meanwhile stays, and what comes later works', async () => {
  const { server, port, served, heard } = await mounted();
  const { emit } = server;
  const seen: string[] = [];
  const wrapped = (event: string, ...args: unknown[]): boolean => {
    seen.push(event);
    return Reflect.apply(emit, server, [event, ...args]) === true;
  };
  server.emit = wrapped as typeof emit;
  await served.close();
  expect(server.emit).toBe(wrapped);
  expect(await answerTo(port, request('POST /dnode', json, shout))).toContain('mine');
  const again = await serve(api, { server, logger });
  onTestFinished(() => again.close());
  expect(await answerTo(port, request('POST /dnode', json, shout))).toContain('"HI"');
  expect([heard, seen.filter((each) => each === 'request').length]).toEqual([['/dnode'], 2]);
});

test('a path is one’s alone; of several, the nearest one answers', async () => {
  const { server, port, served } = await mounted({ path: '/a' });
  await expect(serve(api, { server, path: '/a', logger })).rejects.toMatchObject({
    code: 'ERR_OPTION',
  });
  for (const path of ['/a/b/c', '/a/b']) {
    const it = await serve({ shout: () => path }, { server, path, logger });
    onTestFinished(() => it.close());
  }
  const answers = ['/a', '/a/b', '/a/b/c'].map((path) =>
    answerTo(port, request(`POST ${path}`, json, shout)),
  );
  const texts = await Promise.all(answers);
  expect(texts.map((text) => /"(HI|\/[^"]*)"/.exec(text)?.[1])).toEqual(['HI', '/a/b', '/a/b/c']);
  await served.close();
  const free = await serve(api, { server, path: '/a', logger });
  await free.close();
});

test('an app that looks at requests before they send their body hears none of ours', async () => {
  const { server, port } = await mounted();
  const seen: (string | undefined)[] = [];
  server.on('checkContinue', ({ url }, response) => {
    seen.push(url);
    response.end('mine');
  });
  const expecting = { ...json, Expect: '100-continue', Connection: 'close' };
  const answer = await answerTo(port, request('POST /dnode', expecting, shout));
  expect([answer.startsWith('HTTP/1.1 100'), answer.includes('"HI"')]).toEqual([true, true]);
  expect(await answerTo(port, request('POST /own', expecting, shout))).toContain('mine');
  expect(seen).toEqual(['/own']);
});

test('calls that run when it drains are answered', async () => {
  const { server } = await somebodys();
  let begun = (): void => {};
  const running = new Promise<void>((resolve) => (begun = resolve));
  let end = (): void => {};
  const slow = new Promise<void>((resolve) => (end = resolve));
  const wait = async (): Promise<string> => {
    begun();
    await slow;
    return 'done';
  };
  const served = await serve({ wait }, { server, logger });
  const url = (served.endpoints[0] ?? '').replace('ws:', 'http:');
  const shop = batch<{ wait(): string }>(url);
  const call = shop.wait();
  await running;
  const drained = served.drain(5_000);
  end();
  expect(await call).toBe('done');
  await drained;
  shop[Symbol.dispose]();
});

test('the guard is for dnode, and not for the app', async () => {
  const { port } = await mounted({ hosts: ['shop.example'], origins: ['https://shop.example'] });
  const ask = async (headers: Record<string, string>) =>
    statusOf(await answerTo(port, request('POST /dnode', { ...json, ...headers }, shout)));
  expect(await ask({})).toBe(200);
  expect(await ask({ Host: 'shop.example', Origin: 'https://shop.example' })).toBe(200);
  expect(await ask({ Host: 'evil.example' })).toBe(421);
  expect(await ask({ Origin: 'http://evil.example' })).toBe(403);
  expect(await answerTo(port, request('GET /', { Host: 'evil.example' }))).toContain('mine');
});

test('over TLS, it is wss', async () => {
  const { port, served } = await mounted({}, { key, cert });
  expect(served.endpoints).toEqual([`wss://127.0.0.1:${port}/dnode`]);
  const remote = await dial<typeof api>(served.endpoints[0] ?? '', { tls: { ca: cert } });
  expect(await remote.peer()).toBe('wss');
  sessionOf(remote)?.close();
});

test.each<[string, object]>([
  ['a port', { port: 0 }],
  ['a host', { host: '127.0.0.1' }],
  ['tls', { tls: {} }],
  ['what answers requests', { request: () => {} }],
  ['a path that is none', { path: 'dnode' }],
  ['the root', { path: '/' }],
  ['a path with an end', { path: '/dnode/' }],
  ['a path with a query', { path: '/dnode?a' }],
  ['a path that a URL has otherwise', { path: '/a/../b' }],
  ['a path that is no ASCII', { path: '/ä' }],
  ['no server', { server: {} }],
  ['a server of TCP', { server: createTcp() }],
  ['a server of HTTP/2', { server: createHttp2() }],
])('%s beside a server is refused', async (_, given) => {
  const { server } = await somebodys();
  await expect(serve(api, { server, logger, ...given })).rejects.toMatchObject({
    code: 'ERR_OPTION',
  });
  expect(Object.hasOwn(server, 'emit')).toBe(false);
});
