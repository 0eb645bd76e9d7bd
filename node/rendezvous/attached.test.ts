import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createSecure } from 'node:https';
import { expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { cert, key } from '../channel/fixtures/certificate.js';
import { connectChannel } from '../connect.js';
import { answerTo, request, statusOf, upgrade } from '../listen/testing/raw.js';
import { listening, somebodys } from '../listen/fixtures/somebodys.js';
import { freePort } from '../mdns/fixtures/record.js';
import { client, knock, meet, page, pageOrigin, until } from './fixtures/meeting.js';
import { meetingPlace } from '../fixtures/local.js';

/** Of a dial, for who has nothing to say. */
const side = { receive: () => {}, end: () => {}, signal: () => {} };

/** A client whose instance answers a dial when the test says so. */
async function slowly(url: string) {
  const session = await client(url);
  const id = '00000000000000aa';
  const record = { id, name: 'slow', version: '1.0.0', endpoints: [], state: 'up', relies: [] };
  let answer: ((far: object) => void) | undefined;
  let ask = (): void => {};
  const asked = new Promise<void>((resolve) => (ask = resolve));
  const accept = (): Promise<object> => {
    ask();
    return new Promise((resolve) => (answer = resolve));
  };
  await session.call('announce', [record, 'a key that is long enough', accept]);
  return { session, id, asked, answer: (far: object) => answer?.(far) };
}

test('takes its path and what is below, and nothing else', async () => {
  const { server, port, heard } = await somebodys();
  const { url, endpoints, port: at } = await meet({ server });
  expect(at).toBe(port);
  expect(url).toBe(`ws://127.0.0.1:${port}/rendezvous`);
  expect(endpoints).toEqual([url]);
  for (const path of ['/', '/health', '/rendezvouses', '/x?/rendezvous']) {
    expect(await answerTo(port, request(`GET ${path}`))).toContain('mine');
  }
  expect(heard).toEqual(['/', '/health', '/rendezvouses', '/x?/rendezvous']);
  expect(await answerTo(port, request('GET /rendezvous'))).toContain('"status":"up"');
  expect(statusOf(await answerTo(port, request('GET /rendezvous/x')))).toBe(404);
  expect(statusOf(await answerTo(port, request('POST /rendezvous')))).toBe(415);
  const foreign = request('GET /rendezvous', { Origin: 'http://evil.example' });
  expect(statusOf(await answerTo(port, foreign))).toBe(403);
  // The guard is not for somebody's own.
  expect(await answerTo(port, request('GET /', { Host: 'evil.example' }))).toContain('mine');
  expect(heard.length).toBe(5);
});

test('a WebSocket server of `ws` beside it, made before or after, goes on', async () => {
  const { server, port } = await somebodys();
  const before = new WebSocketServer({ server, path: '/hmr' });
  const { url } = await meet({ server });
  const session = await client(url, pageOrigin);
  expect(await session.call('match', ['^1', ['1.2.0']])).toEqual([true]);
  before.on('connection', (ws) => ws.on('message', () => ws.send('hmr')));
  const ws = new WebSocket(`ws://127.0.0.1:${port}/hmr`, { headers: { Origin: 'null' } });
  await once(ws, 'open');
  ws.send('hello');
  const [data] = (await once(ws, 'message')) as [Buffer];
  expect(String(data)).toBe('hmr');
  ws.terminate();
  expect(await session.call('match', ['^2', ['1.2.0']])).toEqual([false]);
  // `ws` refuses what is not at its path.
  expect(await knock(`ws://127.0.0.1:${port}/other`)).toBe(400);
});

test('alone, it answers the upgrades of nobody', async () => {
  const { server, port } = await somebodys();
  await meet({ server });
  expect(await knock(`ws://127.0.0.1:${port}/other`)).toBe(404);
});

test('at another path; two on one server', async () => {
  const { server, port } = await somebodys();
  const one = await meet({ server, path: '/one' });
  const two = await meet({ server, path: '/two' });
  await client(one.url);
  await client(two.url);
  expect([one.stats().clients, two.stats().clients]).toEqual([1, 1]);
  await one.close();
  expect(await knock(two.url)).toBe('open');
  await two.close();
  expect(await answerTo(port, request('GET /two'))).toContain('mine');
});

test('closed, it leaves the server as it was', async () => {
  const { server, port, heard } = await somebodys();
  const { emit } = server;
  const it = await meet({ server });
  const session = await client(it.url);
  const ended = new Promise((resolve) => session.on('end', resolve));
  await it.stop();
  await ended;
  expect(it.stats().status).toBe('draining');
  expect(server.emit).toBe(emit);
  expect(Object.hasOwn(server, 'emit')).toBe(false);
  expect(server.listenerCount('upgrade')).toBe(0);
  expect(server.listening).toBe(true);
  // Node takes an upgrade that nobody listens for as a request.
  expect(
    await answerTo(port, request('GET /rendezvous', { ...upgrade, Connection: 'close' })),
  ).toContain('mine');
  expect(heard).toEqual(['/rendezvous']);
});

test('while it drains, it says so', async () => {
  const { server, port } = await somebodys();
  const it = await meet({ server });
  const { session, id, asked, answer } = await slowly(it.url);
  const dialling = session.call('dial', [id, side]);
  await asked;
  const stopped = it.stop(5_000);
  expect(await answerTo(port, request('GET /rendezvous'))).toContain('"status":"draining"');
  expect(await knock(it.url)).toBe(503);
  answer(side);
  await dialling;
  await stopped;
});

test('a server that listens later', async () => {
  const multicastPort = await freePort();
  const server = createServer();
  const it = await meet({ server, mdns: true }, multicastPort);
  expect([it.url, it.urls, it.port, it.stats().mdns]).toEqual(['', [], undefined, 'off']);
  const port = await listening(server);
  expect(it.url).toBe(`ws://127.0.0.1:${port}/rendezvous`);
  expect(it.stats().mdns).toBe('up');
});

test('an https server', async () => {
  const server = createSecure({ key, cert });
  const port = await listening(server);
  const { url } = await meet({ server });
  expect(url).toBe(`wss://127.0.0.1:${port}/rendezvous`);
  const channel = await connectChannel(url, { tls: { ca: cert, servername: 'localhost' } });
  channel.destroy();
});

test('pages are called by those who find them on the air', async () => {
  const { caller, port } = await meetingPlace();
  const { server, port: web } = await somebodys();
  const it = await meet({ server, mdns: true }, port);
  const service = page([it.url], { name: 'a', api: { hi: () => 'hi' } });
  await service.start();
  const remote = await caller().connect('a');
  expect(await remote.hi()).toBe('hi');
  const channel = await connectChannel(`ws://127.0.0.1:${web}/rendezvous/to/${service.id}`);
  channel.destroy();
});

test('a peer that goes while it is asked for is forgotten', async () => {
  const { server, port } = await somebodys();
  const it = await meet({ server });
  const { id, asked, answer } = await slowly(it.url);
  const ws = new WebSocket(`ws://127.0.0.1:${port}/rendezvous/to/${id}`);
  ws.on('error', () => {});
  await asked;
  const gone = new Promise((resolve) => ws.once('close', resolve));
  ws.terminate();
  await gone;
  answer(side);
  await until(() => it.stats().dials === 0);
  expect(it.stats().clients).toBe(1);
});

test('requests are told apart by their path, whatever stands around it', async () => {
  const { server, port } = await somebodys();
  await meet({ server });
  const seen: (string | undefined)[] = [];
  server.on('request', ({ url }: IncomingMessage) => seen.push(url));
  await answerTo(port, request('GET /rendezvous?a=/b'));
  await answerTo(port, request('GET //rendezvous'));
  expect(seen).toEqual(['//rendezvous']);
});
