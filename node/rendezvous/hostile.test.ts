import { once } from 'node:events';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { socketChannel } from '../channel/socket.js';
import { makeRecord } from '../mdns/fixtures/record.js';
import { dialRaw, request, upgrade } from '../listen/testing/raw.js';
import { client, clientOver, knock, meet, page, pageOrigin, until } from './fixtures/meeting.js';

const key = 'a key that is long enough';

/** Two pages, one of which serves, and a check that they are as well as ever. */
async function others(url: string) {
  const service = page([url], { name: 'greeter', api: { echo: (text: string) => text } });
  await service.start();
  const remote = await page([url]).connect('greeter');
  return async () => expect(await remote.echo('hello')).toBe('hello');
}

/** A bare WebSocket of a page, open. */
async function open(url: string): Promise<WebSocket> {
  const ws = new WebSocket(url, { headers: { Origin: pageOrigin } });
  ws.on('error', () => {});
  onTestFinished(() => ws.terminate());
  await once(ws, 'open');
  return ws;
}

// What is sent by the test's own process takes its time as well.
vi.setConfig({ testTimeout: 20_000 });

describe('a client that floods', () => {
  test('announces 10,000 records: what is too much is refused, with a code', async () => {
    const { url, stats } = await meet();
    const well = await others(url);
    const session = await client(url, pageOrigin);
    const codes = new Map<unknown, number>();
    let taken = 0;
    const all = Array.from({ length: 10_000 }, () =>
      session.call('announce', [makeRecord(), key, null]).then(
        () => taken++,
        (error: { code?: unknown }) => codes.set(error.code, (codes.get(error.code) ?? 0) + 1),
      ),
    );
    await well();
    await Promise.all(all);
    await well();
    expect(taken).toBe(100);
    expect(new Set(codes.keys())).toEqual(new Set(['ERR_BUSY', 'ERR_LIMIT']));
    expect(stats().records).toBe(101);
    session.close();
    await until(() => stats().records === 1);
  });

  test('a message of 100 MB is cut off', { timeout: 60_000 }, async () => {
    const { url, stats } = await meet();
    const well = await others(url);
    const ws = await open(url);
    const closed = once(ws, 'close');
    ws.send('x'.repeat(100 * 1024 * 1024));
    const [code] = (await closed) as [number];
    expect([1006, 1009]).toContain(code);
    await well();
    await until(() => stats().clients === 2);
  });

  test('1,100 connections of one address: those beyond 1,000 are closed', async () => {
    const { url, port = 0, stats } = await meet();
    const well = await others(url);
    const sockets = await Promise.all(Array.from({ length: 1_100 }, () => dialRaw(port)));
    onTestFinished(() => {
      for (const socket of sockets) socket.destroy();
    });
    for (const socket of sockets) socket.resume();
    // Of those that are there already, and wait, none was closed for the others.
    await until(() => sockets.filter(({ destroyed }) => destroyed).length >= 100);
    for (const socket of sockets) socket.write(request('GET /', { ...upgrade, Origin: 'null' }));
    await until(() => sockets.every(({ destroyed }) => destroyed));
    await well();
    await until(() => stats().clients === 2);
  });

  test('more clients than there may be are not served', async () => {
    const { url, stats } = await meet({ limits: { clients: 3 } });
    await Promise.all([client(url), client(url), client(url)]);
    await expect(client(url)).rejects.toThrow();
    expect(stats().clients).toBe(3);
  });
});

test('what is no dnode is of no interest to others', async () => {
  const { url } = await meet();
  const well = await others(url);
  for (const text of [
    'nonsense',
    '[]',
    '{"method":"methods"}',
    '\u0000',
    '{"method":0,"arguments":[{}]}',
  ]) {
    const ws = await open(url);
    ws.send(text);
    ws.send(Buffer.from([0xff, 0xfe]));
  }
  await well();
});

test('a client that reads nothing costs the others nothing', async () => {
  const { url, port = 0, stats } = await meet();
  const well = await others(url);
  const socket = await dialRaw(port);
  onTestFinished(() => void socket.destroy());
  const deaf = await clientOver(socketChannel(socket));
  const record = makeRecord({ name: 'deaf', endpoints: [] });
  await deaf.call('announce', [record, key, () => {}]);
  await deaf.call('browse', [null, () => {}]);
  expect(stats()).toMatchObject({ records: 2, subscriptions: 2 });
  socket.pause();

  const busy = await client(url, pageOrigin);
  const before = process.memoryUsage().rss;
  for (let round = 0; round < 5; round++) {
    const made = Array.from({ length: 60 }, () => makeRecord({ name: `n${round}`, endpoints: [] }));
    for (const each of made) void busy.call('announce', [each, key, null]).catch(() => {});
    await well();
  }
  const side = { receive: () => {}, end: () => {}, signal: () => {} };
  for (let i = 0; i < 50; i++) void busy.call('dial', [record.id, side]).catch(() => {});
  await until(() => stats().dials === 51);
  await well();
  expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024);
  socket.destroy();
  await until(() => stats().subscriptions === 1 && stats().dials === 1);
  await well();
});

test('relayed data that one side does not read stops its sender, and nobody else', async () => {
  const { url, stats } = await meet();
  const well = await others(url);
  const service = page([url], { name: 'sink', api: { take: (text: string) => text.length } });
  await service.start();
  await until(() => stats().records === 2);
  const ws = await open(url.replace('/rendezvous', `/to/${service.id}`));
  ws.pause();
  // Its answers are as large as what it sends, and it reads none of them.
  ws.send('{"method":"methods","arguments":[{}],"callbacks":{}}\n');
  const before = stats().relayed;
  for (let i = 0; i < 200; i++) {
    const call = { method: 'take', arguments: ['x'.repeat(100_000)] };
    ws.send(`${JSON.stringify(call)}\n`);
  }
  await well();
  await until(() => stats().relayed - before > 1_000_000);
  await well();
  ws.terminate();
  await until(() => stats().dials === 1);
});

test('a page of another origin learns nothing, however it asks', async () => {
  const { url, port } = await meet();
  const well = await others(url);
  for (const path of ['/', '/rendezvous', '/to/0123456789abcdef', '/elsewhere', '//rendezvous']) {
    for (const Origin of [
      'null',
      'http://evil.example',
      'http://localhost@evil.example',
      'file://',
    ]) {
      expect(await knock(`ws://127.0.0.1:${port}${path}`, { Origin })).toBe(403);
    }
    expect(await knock(`ws://127.0.0.1:${port}${path}`, { Host: 'evil.example' })).toBe(421);
  }
  await well();
});
