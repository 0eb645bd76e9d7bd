import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import type { Channel } from '../../src/channel/channel.js';
import { defaultLimits } from '../../src/limits.js';
import { Recorder, turns } from '../../src/testing/recorder.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { connectChannel } from '../connect.js';
import { cert, key } from '../channel/fixtures/certificate.js';
import type { ListenOptions } from '../listen.js';
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

/** Sockets of this process, of both sides of what a test did. */
const sockets = (): number =>
  process.getActiveResourcesInfo().filter((name) => /TCPSocket|PipeWrap|TLSWrap/i.test(name))
    .length;

/** A listener that has to be left without a socket, and able to serve. */
async function start(
  options: Partial<ListenOptions> = {},
  each?: (channel: Channel) => void,
): Promise<Listening> {
  const before = sockets();
  const it = await listening(options, each);
  onTestFinished(async () => {
    await it.close();
    while (sockets() > before) await turns(1);
  });
  return it;
}

/** Tells which waits were begun. */
class WatchedClock extends VirtualClock {
  readonly #asked = new Set<number>();

  override after(ms: number, fn: () => void): () => void {
    this.#asked.add(ms);
    return super.after(ms, fn);
  }

  async asked(ms: number): Promise<void> {
    while (!this.#asked.has(ms)) await turns(1);
  }
}

async function serves(it: Listening): Promise<void> {
  const next = it.channel();
  const one = new Recorder(await connectChannel(`tcp://127.0.0.1:${it.port}`));
  one.channel.write('{"still":"here"}\n');
  const two = new Recorder(await next);
  await two.until(() => two.lines.length > 0);
  one.channel.close();
  await one.closed();
  await two.closed();
}

describe('the first byte', () => {
  test.each([
    ['a lower-case letter', 'get / HTTP/1.1\r\n\r\n'],
    ['a bracket', '[1]\n'],
    ['a newline', '\n{}\n'],
    ['a space', ' {}\n'],
    ['zero', '\0'],
    ['a TLS hello', Buffer.from('1603010200010001fc0303', 'hex')],
    ['an HTTP/2 preface’s frame', Buffer.from('000012040000000000', 'hex')],
    ['random bytes', Buffer.concat([Buffer.from([0xff]), randomBytes(100_000)])],
  ])('is %s: the connection is closed without a word', async (_, bytes) => {
    const it = await start();
    expect(await answerTo(it.port, bytes)).toBe('');
    expect(it.channels).toEqual([]);
    await serves(it);
  });

  test('is missing: after half a second only dnode is accepted', async () => {
    const clock = new VirtualClock();
    const it = await start({ clock });
    const socket = await dialRaw(it.port);
    const next = it.channel();
    while (clock.pending === 0) await turns(1);
    await clock.advance(499);
    expect(it.channels).toEqual([]);
    // And a moment more, in which is read what came while the process was busy.
    await clock.advance(2);
    const channel = new Recorder(await next);
    // The server speaks first now, and HTTP is a line that is malformed.
    channel.channel.write('{"method":"methods"}\n');
    expect(String(await once(socket, 'data').then(([data]) => data))).toContain('methods');
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await channel.until(() => channel.lines.length === 3);
    expect(channel.lines[0]).toBe('GET / HTTP/1.1\r');
    socket.destroy();
    await channel.closed();
  });

  test('is all that ever comes', async () => {
    const it = await start();
    const next = it.channel();
    const socket = await dialRaw(it.port);
    socket.write('{');
    const recorder = new Recorder(await next);
    socket.end();
    await recorder.closed();
    expect(recorder.lines).toEqual([]);
  });

  test('never comes, and the connection ends', async () => {
    const clock = new VirtualClock();
    const it = await start({ clock });
    const socket = await dialRaw(it.port);
    while (clock.pending === 0) await turns(1);
    socket.end();
    await untilEnd(socket);
    while (clock.pending > 0) await turns(1);
    expect(it.channels).toEqual([]);
  });
});

describe('slow ones', () => {
  test('headers that never end are cut off', async () => {
    const clock = new WatchedClock();
    const it = await start({ clock });
    const socket = await dialRaw(it.port);
    const ended = untilEnd(socket);
    socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    await clock.asked(defaultLimits.handshake);
    for (let i = 0; i < 9; i += 1) {
      socket.write(`X-${i}: 1\r\n`);
      await clock.advance(1_000);
    }
    expect(socket.destroyed).toBe(false);
    await clock.advance(1_000);
    expect(statusOf(await ended)).toBe(408);
  });

  test('a body that never ends is cut off', async () => {
    const clock = new WatchedClock();
    const it = await start({ clock, request: () => {} });
    const socket = await dialRaw(it.port);
    const ended = untilEnd(socket);
    socket.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n');
    socket.write('Content-Length: 100\r\n\r\n{');
    await clock.asked(60_000);
    await clock.advance(60_000);
    expect(statusOf(await ended)).toBe(408);
  });

  test('half a TLS hello is cut off', async () => {
    const clock = new WatchedClock();
    const it = await start({ clock, tls: { key, cert } });
    const ended = answerTo(it.port, Buffer.from('1603010200010001fc0303', 'hex'));
    await clock.asked(defaultLimits.handshake);
    await clock.advance(defaultLimits.handshake);
    expect(await ended).toBe('');
  });

  test('closing the listener does not wait for them', async () => {
    const it = await start({ tls: { key, cert } });
    const plain = await start();
    const hello = await dialRaw(it.port);
    hello.write(Buffer.from('1603010200010001fc0303', 'hex'));
    const silent = await dialRaw(plain.port);
    const headers = await dialRaw(plain.port);
    headers.write('GET / HTTP/1.1\r\n');
    const ends = [hello, silent, headers].map(untilEnd);
    await turns(50);
    await it.listener.close();
    await plain.listener.close();
    expect(await Promise.all(ends)).toEqual(['', '', '']);
  });

  test('closing the listener leaves channels alone', async () => {
    const it = await start({ tls: { key, cert } });
    for (const scheme of ['tls', 'wss']) {
      const next = it.channel();
      const one = new Recorder(
        await connectChannel(`${scheme}://localhost:${it.port}`, { tls: { ca: cert } }),
      );
      one.channel.write('{"n":1}\n');
      const two = new Recorder(await next);
      await two.until(() => two.lines.length === 1);
      if (scheme === 'wss') await it.listener.close();
      two.channel.write('{"n":2}\n');
      await one.until(() => one.lines.length === 1);
      one.channel.close();
      await two.closed();
    }
  });
});

describe('HTTP', () => {
  test('that is none is answered and ended', async () => {
    const it = await start();
    expect(statusOf(await answerTo(it.port, 'GARBAGE\r\n\r\n'))).toBe(400);
    expect(statusOf(await answerTo(it.port, 'GET / HTTP/9.9\r\n\r\n'))).toBe(400);
    expect(await answerTo(it.port, 'CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n')).toBe('');
    await serves(it);
  });

  test('of too many headers is answered and ended', async () => {
    const it = await start();
    const answer = await answerTo(it.port, request('GET /', { 'X-Long': 'x'.repeat(20_000) }));
    expect(statusOf(answer)).toBe(431);
  });

  test('smuggled behind a length is refused', async () => {
    const it = await start();
    const both = 'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n';
    const answer = await answerTo(it.port, `POST / HTTP/1.1\r\nHost: localhost\r\n${both}`);
    expect(statusOf(answer)).toBe(400);
  });

  test('of a client that reads nothing holds nothing', async () => {
    const it = await start();
    const socket = await dialRaw(it.port);
    socket.pause();
    socket.write(request('GET /', { Connection: 'keep-alive' }).repeat(1_000));
    await turns(50);
    socket.destroy();
    await serves(it);
  });
});

describe('WebSocket frames', () => {
  const open = async (it: Listening): Promise<[WebSocket, Recorder]> => {
    const next = it.channel();
    const ws = new WebSocket(`ws://127.0.0.1:${it.port}`);
    await once(ws, 'open');
    ws.on('error', () => {});
    return [ws, new Recorder(await next)];
  };

  test('that are too big end the channel with the reason', async () => {
    const it = await start({ limits: { line: 1024 } });
    const [ws, recorder] = await open(it);
    const closed = once(ws, 'close');
    ws.send('x'.repeat(1024 + 64 * 1024 + 1));
    await recorder.closed();
    expect((await closed)[0]).toBe(1009);
    expect(recorder.closes[0]?.message).toContain('payload');
    expect(recorder.lines).toEqual([]);
  });

  test.each([
    ['without a mask', Buffer.from([0x81, 0x02, 0x7b, 0x7d])],
    ['of an unknown kind', Buffer.from([0x83, 0x80, 0, 0, 0, 0])],
    ['with a reserved bit', Buffer.from([0xf1, 0x80, 0, 0, 0, 0])],
    ['that are no UTF-8', Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0xff])],
    ['of 2^63 bytes', Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255])],
    ['continuing nothing', Buffer.from([0x80, 0x80, 0, 0, 0, 0])],
  ])('%s end the channel with an error', async (_, frame) => {
    const it = await start();
    const socket = await dialRaw(it.port);
    const next = it.channel();
    socket.write(request('GET /', upgrade));
    const recorder = new Recorder(await next);
    socket.write(frame);
    const ended = untilEnd(socket);
    await recorder.closed();
    expect(recorder.closes[0]).toBeInstanceOf(Error);
    await ended;
    await serves(it);
  });
});

describe('many', () => {
  test('connections opened and dropped in every way leave nothing', async () => {
    let rude = false;
    const it = await start({ limits: { sessionsPerAddress: 100_000 } }, (channel) => {
      channel.open({ receive() {}, drain() {}, close() {} });
      channel.write('{"method":"methods","arguments":[{}]}\n');
      rude = !rude;
      if (rude) channel.destroy();
      else channel.close();
    });
    const begin = ['', '{', '{"method":"methods"}\n', 'GET / HTT', request('GET /', upgrade), '\0'];
    for (let round = 0; round < 40; round += 1) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, i) => {
          const socket = await dialRaw(it.port);
          const bytes = begin[i % begin.length] ?? '';
          if (bytes) socket.write(bytes);
          if (i % 3 === 0) socket.resetAndDestroy();
          else if (i % 3 === 1) socket.destroy();
          else socket.end();
          socket.resume();
        }),
      );
    }
    expect(statusOf(await answerTo(it.port, request('GET /')))).toBe(426);
  }, 90_000);

  test('a reset of an open channel ends it with the error', async () => {
    const it = await start();
    const next = it.channel();
    const socket = await dialRaw(it.port);
    socket.write('{"n":1}\n');
    const recorder = new Recorder(await next);
    await recorder.until(() => recorder.lines.length === 1);
    socket.resetAndDestroy();
    await recorder.closed();
    expect(recorder.closes[0]).toMatchObject({ code: 'ECONNRESET' });
  });

  test('TLS connections dropped at any moment leave nothing', async () => {
    const it = await start({ tls: { key, cert } });
    for (let i = 0; i < 60; i += 1) {
      const socket = connectTls({ port: it.port, host: '127.0.0.1', ca: cert });
      socket.on('error', () => {});
      await once(socket, 'connect');
      if (i % 3 === 1) await once(socket, 'secureConnect');
      if (i % 3 === 2) await turns(i % 7);
      socket.destroy();
    }
  });

  test('connections of one address are bounded, and freed', async () => {
    const it = await start({ limits: { sessionsPerAddress: 3 } });
    const held = await Promise.all([1, 2, 3].map(() => dialRaw(it.port)));
    // It is told why, in a line that a person can read as well.
    expect(JSON.parse(await untilEnd(await dialRaw(it.port)))).toMatchObject({
      ...{ control: 'close', code: 'ERR_BUSY' },
    });
    for (const socket of held) socket.destroy();
    while (!(await answerTo(it.port, request('GET /'))).startsWith('HTTP')) await turns(1);
  });

  test('connections are bounded in all, with TLS too', async () => {
    const it = await start({ tls: { key, cert }, limits: { sessions: 2 } });
    const held = await Promise.all([1, 2].map(() => dialRaw(it.port)));
    await expect(
      connectChannel(`tls://localhost:${it.port}`, { tls: { ca: cert } }),
    ).rejects.toMatchObject({ code: 'ERR_CONNECT' });
    for (const socket of held) socket.destroy();
    const again = (): Promise<Channel> =>
      connectChannel(`tls://localhost:${it.port}`, { tls: { ca: cert } }).catch(again);
    const channel = await again();
    channel.open({ receive() {}, drain() {}, close() {} });
    channel.destroy();
  });
});
