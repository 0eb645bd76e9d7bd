import { describe, expect, onTestFinished, test } from 'vitest';
import { Recorder } from '../../src/testing/recorder.js';
import { connectChannel } from '../connect.js';
import {
  answerTo,
  dialRaw,
  listening,
  request,
  statusOf,
  untilEnd,
  upgrade,
  type Listening,
} from './testing/raw.js';
import type { ListenOptions } from '../listen.js';

async function start(options: Partial<ListenOptions> = {}): Promise<Listening> {
  const it = await listening(options);
  onTestFinished(() => it.close());
  return it;
}

describe('a plain request', () => {
  test('is told what this is, without CORS headers', async () => {
    const { port } = await start();
    const answer = await answerTo(port, request('GET /', { Origin: 'http://localhost:5173' }));
    expect(statusOf(answer)).toBe(426);
    expect(answer).toMatch(/^upgrade: websocket/im);
    expect(answer).toContain('A dservice listens here');
    expect(answer.toLowerCase()).not.toContain('access-control');
  });

  test('goes to the handler', async () => {
    const { port } = await start({
      request: (request, response) => response.end(`${request.method} ${request.url}`),
    });
    const answer = await answerTo(
      port,
      request('POST /rpc', { 'Content-Type': 'application/json' }, '{}'),
    );
    expect(answer).toContain('POST /rpc');
  });

  test('is followed by another on the same connection', async () => {
    const { port } = await start({ request: (_, response) => response.end('yes') });
    const socket = await dialRaw(port);
    socket.write(request('GET /', { Connection: 'keep-alive' }));
    // It may come in pieces.
    let first = '';
    while (!first.endsWith('yes')) {
      first += await new Promise<string>((resolve) =>
        socket.once('data', (data: Buffer) => resolve(data.toString())),
      );
    }
    socket.write(request('GET /'));
    expect(statusOf(await untilEnd(socket))).toBe(200);
  });

  test('that runs when the listener closes is answered', async () => {
    let answer: (() => void) | undefined;
    let called: (() => void) | undefined;
    const running = new Promise<void>((resolve) => {
      called = resolve;
    });
    const { port, listener } = await start({
      request: (_, response) => {
        answer = () => response.end('late');
        called?.();
      },
    });
    const reply = answerTo(port, request('GET /', { Connection: 'keep-alive' }));
    await running;
    await listener.close();
    answer?.();
    expect(await reply).toContain('late');
  });
});

describe('the guard', () => {
  const json = { 'Content-Type': 'application/json' };
  test.each([
    ['the address', { Host: '127.0.0.1:5004' }, 426],
    ['localhost', { Host: 'LOCALHOST' }, 426],
    ['IPv6 loopback', { Host: '[::1]:80' }, 426],
    ['a name of the option', { Host: 'box.lan:1' }, 426],
    ['a foreign name', { Host: 'evil.example' }, 421],
    ['a foreign address', { Host: '10.0.0.1' }, 421],
    ['a name that begins like ours', { Host: 'localhost.evil.example' }, 421],
    ['user and host', { Host: 'localhost@evil.example' }, 421],
    ['nothing', { Host: '' }, 421],
  ])('Host: %s', async (_, headers, status) => {
    const { port } = await start({ hosts: ['Box.lan'] });
    expect(statusOf(await answerTo(port, request('GET /', headers)))).toBe(status);
    if (status === 426) return;
    const answer = await answerTo(port, request('GET /', { ...upgrade, ...headers }));
    expect(statusOf(answer)).toBe(status);
  });

  test('Host: none, or two', async () => {
    const { port } = await start();
    const end = 'Connection: close\r\n\r\n';
    expect(statusOf(await answerTo(port, `GET / HTTP/1.1\r\n${end}`))).toBe(421);
    expect(statusOf(await answerTo(port, `GET / HTTP/1.0\r\n${end}`))).toBe(421);
    const two = `GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n${end}`;
    expect(statusOf(await answerTo(port, two))).toBeGreaterThanOrEqual(400);
  });

  test.each([
    ['http://localhost', 426],
    ['https://localhost:8443', 426],
    ['http://127.0.0.1:3000', 426],
    ['http://[::1]:3000', 426],
    ['null', 403],
    ['', 403],
    ['http://evil.example', 403],
    ['http://localhost.evil.example', 403],
    ['http://evil.example#http://localhost', 403],
    ['http://localhost@evil.example', 403],
    ['http://localhost/', 403],
    ['file://localhost', 403],
    ['http://localhost, http://evil.example', 403],
  ])('Origin by default: %s', async (origin, status) => {
    const { port } = await start();
    expect(statusOf(await answerTo(port, request('GET /', { Origin: origin })))).toBe(status);
    const post = request('POST /', { ...json, Origin: origin }, '{}');
    expect(statusOf(await answerTo(port, post))).toBe(status);
  });

  test('Origin by a list: exactly', async () => {
    const { port } = await start({ origins: ['https://app.example', 'chrome-extension://abc'] });
    for (const [origin, status] of [
      ['https://app.example', 426],
      ['chrome-extension://abc', 426],
      ['https://APP.example', 403],
      ['http://app.example', 403],
      ['https://app.example:443', 403],
      ['http://localhost', 403],
      ['null', 403],
    ] as const) {
      expect(statusOf(await answerTo(port, request('GET /', { Origin: origin })))).toBe(status);
    }
  });

  test.each(['*', 'null', 'app.example', 'https://app.example/', 'https://*.example', ''])(
    'the list is of origins: %s is none',
    async (origin) => {
      await expect(listening({ origins: [origin] })).rejects.toMatchObject({ code: 'ERR_OPTION' });
    },
  );

  test('Origin is checked on upgrades, and handed over', async () => {
    const { port, channel, channels } = await start();
    for (const origin of ['null', 'http://evil.example']) {
      const answer = await answerTo(port, request('GET /', { ...upgrade, Origin: origin }));
      expect(statusOf(answer)).toBe(403);
    }
    expect(channels).toEqual([]);
    const next = channel();
    const socket = await dialRaw(port);
    socket.write(request('GET /', { ...upgrade, Origin: 'http://localhost:5173' }));
    expect((await next).peer).toEqual({
      transport: 'ws',
      address: `127.0.0.1:${socket.localPort}`,
      origin: 'http://localhost:5173',
    });
    socket.destroy();
  });

  test.each([
    ['application/json', 426],
    ['Application/JSON; charset=utf-8', 426],
    ['text/plain', 415],
    ['text/plain; application/json', 415],
    ['application/json, text/plain', 415],
    ['application/x-www-form-urlencoded', 415],
    ['application/jsonp', 415],
    ['', 415],
  ])('POST of %s', async (type, status) => {
    const { port } = await start();
    const answer = await answerTo(port, request('POST /', { 'Content-Type': type }, '{}'));
    expect(statusOf(answer)).toBe(status);
  });

  test('POST without a type', async () => {
    const { port } = await start();
    expect(statusOf(await answerTo(port, request('POST /', {}, '{}')))).toBe(415);
  });
});

describe('an upgrade', () => {
  test.each([
    ['no key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a bad key', { 'Sec-WebSocket-Key': 'x' }, 400],
    ['an old version', { 'Sec-WebSocket-Version': '7' }, 400],
    ['something else, as if nobody had asked,', { Upgrade: 'h2c' }, 426],
  ])('with %s is refused', async (_, headers, status) => {
    const { port, channels } = await start();
    const answer = await answerTo(port, request('GET /', { ...upgrade, ...headers }));
    expect(statusOf(answer)).toBe(status);
    expect(channels).toEqual([]);
  });

  test('and bytes right behind it are kept', async () => {
    const { port, channel } = await start();
    const socket = await dialRaw(port);
    const next = channel();
    // A masked text frame of `{}`, with a mask of zeros.
    const frame = Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0x7b, 0x7d]);
    socket.write(Buffer.concat([Buffer.from(request('GET /', upgrade)), frame]));
    const it = new Recorder(await next);
    await it.until(() => it.lines.length > 0);
    expect(it.lines).toEqual(['{}']);
    socket.destroy();
    await it.closed();
  });

  test('goes where its route leads, or is refused', async () => {
    const asked: (string | undefined)[] = [];
    let dropped = 0;
    const routed: string[] = [];
    const { port, channels } = await start({
      async route({ url }) {
        asked.push(url);
        await Promise.resolve();
        if (url !== '/here') return { status: 404, text: 'Nobody is here.' };
        return {
          take(channel) {
            routed.push(channel.peer.transport);
            channel.destroy();
          },
          drop: () => void dropped++,
        };
      },
    });
    const missing = await answerTo(port, request('GET /there', upgrade));
    expect(statusOf(missing)).toBe(404);
    expect(missing).toContain('Nobody is here.');
    expect(statusOf(await answerTo(port, request('GET /here', upgrade)))).toBe(101);
    const bad = request('GET /here', { ...upgrade, 'Sec-WebSocket-Key': 'x' });
    expect(statusOf(await answerTo(port, bad))).toBe(400);
    expect([asked, routed, dropped]).toEqual([['/there', '/here', '/here'], ['ws'], 1]);
    expect(channels).toEqual([]);
    // What the guard refuses is not asked about.
    await answerTo(port, request('GET /here', { ...upgrade, Origin: 'null' }));
    expect(asked.length).toBe(3);
  });

  test('that is refused is told of', async () => {
    const told: unknown[] = [];
    const { port } = await start({
      onRefused: ({ status }, { headers }) => told.push([status, headers.origin ?? headers.host]),
    });
    await answerTo(port, request('GET /', { ...upgrade, Origin: 'null' }));
    await answerTo(port, request('GET /', { Host: 'evil.example' }));
    expect(told).toEqual([
      [403, 'null'],
      [421, 'evil.example'],
    ]);
  });

  test('to a listener with a handler for requests is a WebSocket all the same', async () => {
    const { port } = await start({ request: (_, response) => response.end() });
    const channel = await connectChannel(`ws://127.0.0.1:${port}/any?path`);
    expect(channel.framing).toBe('messages');
    channel.destroy();
    channel.open({ receive() {}, drain() {}, close() {} });
  });
});
