import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { dial, serve, sessionOf } from '../index.js';
import type { Served } from '../../src/service/served.js';
import { request, upgrade } from '../listen/testing/raw.js';
import { greeting, type Wired } from './fixtures/raw.js';

/**
 * Who comes to a door and stays in it: each is told why, in the time that is set for it, and an honest
 * client is served all the while.
 */

const api = {
  echo: (value: unknown) => value,
  text: (n: number) => 'x'.repeat(n),
};
const limits = { handshake: 200, stall: 200, unsent: 30_000 };
let server: Served;
let port: number;
const sockets: Socket[] = [];
/** Why sessions ended that did so in no good order. */
const ends: unknown[] = [];

beforeEach(async () => {
  ends.length = 0;
  server = await serve(api, {
    ...{ port: 0, limits, logger: { warn() {} } },
    onSession: (session) => {
      session.on('end', (error) => {
        if (error === undefined) return;
        ends.push(error);
        // Whoever does not read does not see the end.
        for (const socket of sockets) socket.resume();
      });
    },
    authenticate: (auth) => (auth === 'slow' ? new Promise(() => {}) : 'somebody'),
  });
  port = Number(new URL(server.endpoints[0] ?? '').port);
});
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await server.close();
});

/** Everything that a connection is told until its end, while somebody else is served. */
async function told(begin: string | Uint8Array, then?: (socket: Socket) => void): Promise<string> {
  const remote = await dial<typeof api>(server.endpoints[0] ?? '', { deadline: 10_000 });
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => {});
  await once(socket, 'connect');
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  let over = false;
  // Not `end`: of whoever does not read there is none.
  const closed = once(socket, 'close').then(() => (over = true));
  if (begin.length > 0) socket.write(begin);
  then?.(socket);
  let served = 0;
  do {
    expect(await remote.echo(served)).toBe(served);
    served++;
    // As many calls as there are turns: it waits for nobody.
    await new Promise((resolve) => setImmediate(resolve));
  } while (!over);
  await closed;
  expect(await remote.echo('still')).toBe('still');
  sessionOf(remote).close();
  return Buffer.concat(pieces).toString('latin1');
}

/** The reason among the lines of a dnode connection. */
const reason = (text: string): Wired =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Wired)
    .find(({ control }) => control === 'close') ?? {};
const hello = `${JSON.stringify(greeting())}\n`;
/** A byte now and then, for ever. */
const trickle = (byte: string | Uint8Array) => (socket: Socket) => {
  const next = (): void => {
    if (!socket.destroyed) socket.write(byte, () => setTimeout(next, 20));
  };
  next();
};

describe('dnode', () => {
  test.each<[string, string, ((socket: Socket) => void) | undefined]>([
    ['nothing at all', '', undefined],
    ['the first byte', '{', undefined],
    ['a first line by bytes', '{"method":"', trickle('m')],
    ['blanks for a first line', '{', trickle(' ')],
    ['half a line', `${hello}{"method":"echo","arguments":["`, undefined],
    ['a line by bytes', `${hello}{"method":"echo","arguments":["`, trickle('x')],
    [
      'attachments that never come',
      `${hello}{"method":"echo","arguments":[null],"types":{"bytes":[["Uint8Array",["0"]]]},"bin":[9000000],"reply":1}\n`,
      undefined,
    ],
    [
      'credentials that are never decided on',
      `${JSON.stringify(greeting({ v: 1, features: ['reply'], limits: {}, auth: 'slow' }))}\n`,
      undefined,
    ],
  ])('%s', async (_, begin, then) => {
    expect(reason(await told(begin, then))).toMatchObject({ code: 'ERR_TIMEOUT' });
  });

  test('a reader that never reads, and shows signs of life', async () => {
    const calls = Array.from({ length: 1_000 }, (_, reply) =>
      JSON.stringify({ method: 'text', arguments: [20_000], reply }),
    );
    await told(`${hello}${calls.join('\n')}\n`, (socket) => {
      socket.pause();
      trickle('{"control":"ping"}\n')(socket);
    });
    expect(ends).toContainEqual(expect.objectContaining({ code: 'ERR_TIMEOUT' }));
    expect(String(ends[0])).toContain('took nothing');
  });
});

describe('HTTP', () => {
  const head = 'POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n';

  test.each<[string, string, ((socket: Socket) => void) | undefined]>([
    ['headers that never end', head, undefined],
    ['headers by bytes', `${head}X-`, trickle('x')],
    ['a request line by bytes', 'GET /', trickle('x')],
  ])('%s: 408', async (_, begin, then) => {
    expect(await told(begin, then)).toMatch(/^HTTP\/1.1 408 /);
  });

  test('credentials that are never decided on: 503', async () => {
    const body = '{"jsonrpc":"2.0","id":1,"method":"echo"}';
    const text = request(
      'POST /',
      { 'Content-Type': 'application/json', Authorization: 'Bearer slow' },
      body,
    );
    expect(await told(text)).toMatch(/^HTTP\/1.1 503 /);
  });
});

describe('by HTTP', () => {
  const events = 'GET /dnode HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n';
  const hurried = `Host: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n`;

  test('streams of events that nobody posts to end, by the hundred, and leave their places', async () => {
    const many = Array.from({ length: 300 }, async () => {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {}).resume();
      socket.write(events);
      await once(socket, 'close');
    });
    // An honest one is served all the while.
    expect(await told(events)).toMatch(/^HTTP\/1.1 200 [^]+event: open/);
    await Promise.all(many);
    await expect.poll(() => server.sessions.size).toBe(0);
  });

  test('a body of a batch, or of a stream, that breaks off runs nothing', async () => {
    let ran = 0;
    server.announce({ ...api, echo: () => ran++ });
    const line = '{"method":"echo","arguments":[1],"reply":1}\n';
    const half = (path: string): string => `POST ${path} HTTP/1.1\r\n${hurried}${line}`;
    for (const path of ['/dnode', '/dnode/0123456789abcdef0123456789abcdef?n=0']) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      socket.on('error', () => {}).resume();
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await new Promise((resolve) => socket.write(half(path), resolve));
      socket.end();
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await once(socket, 'close');
    }
    expect([ran, server.sessions.size]).toEqual([0, 0]);
  });

  test('attachments in a batch: there are none to wait for', async () => {
    const line =
      '{"method":"echo","arguments":[null],"types":{"bytes":[["Uint8Array",["0"]]]},"bin":[9000000],"reply":1}';
    const answer = await told(request('POST /dnode', { 'Content-Type': 'application/json' }, line));
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(answer).toMatch(/"code":"ERR_MALFORMED"/);
  });

  test('a million calls in one POST: refused unread, or as a whole', async () => {
    const type = { 'Content-Type': 'application/json' };
    expect(await told(request('POST /dnode', type, '{}\n'.repeat(1_000_000)))).toMatch(
      /^HTTP\/1.1 413 /,
    );
    const head = request('POST /dnode', type).replace('Length: 0', 'Length: 40000000');
    expect(await told(head)).toMatch(/^HTTP\/1.1 413 /);
  });
});

describe('WebSocket', () => {
  const open = request('GET /', upgrade);
  /** A frame of text, masked with nothing. */
  const frame = (text: string, fin: boolean, opcode = 1): Buffer => {
    const length = Buffer.from([0xfe, text.length >> 8, text.length & 255]);
    const first = Buffer.from([(fin ? 0x80 : 0) | opcode]);
    return Buffer.concat([first, length, Buffer.alloc(4), Buffer.from(text, 'latin1')]);
  };
  const ping = Buffer.from([0x89, 0x80, 0, 0, 0, 0]);
  const greeted = (dservice: object | null): Buffer =>
    Buffer.concat([
      Buffer.from(open),
      frame(JSON.stringify(dservice === null ? greeting(null) : greeting()), true),
    ]);

  test('silence after the upgrade', async () => {
    const text = await told(open, (socket) => {
      // It is asked to end it as well, and has half a minute for that.
      socket.on('data', (piece: Buffer) => piece.includes('ERR_TIMEOUT') && socket.end());
    });
    expect(text).toContain('ERR_TIMEOUT');
  });

  test.each([
    ['of ours', {}],
    ['a plain one', null],
  ])('half a message, %s', async (_, dservice) => {
    const text = await told(
      Buffer.concat([greeted(dservice), frame('{"method":"echo","arguments":["', false)]),
    );
    // 1008 is its code.
    expect(text).toContain('\x03\xf0only ');
  });

  test.each([
    ['without end', frame('x', false, 0)],
    // Which are messages of their own, and make this one no better.
    ['without end, and pings between them', Buffer.concat([frame('x', false, 0), ping])],
  ])('a message in fragments %s', async (_, piece) => {
    const text = await told(
      Buffer.concat([greeted(null), frame('{"method":"echo","arguments":["', false)]),
      trickle(piece),
    );
    expect(text).toContain('\x03\xf0only ');
  });

  test.each(['', 'pings between them'])(
    'fragments count among what a server keeps, and who has kept some for the longest time goes alone: %s',
    async (pings) => {
      const few = await serve(api, {
        ...{ port: 0, logger: { warn() {} } },
        limits: { buffered: 1_500_000 },
      });
      try {
        const at = Number(new URL(few.endpoints[0] ?? '').port);
        const piece = frame('x'.repeat(60_000), false, 0);
        const clients: { socket: Socket; text: string; closed: boolean }[] = [];
        for (let n = 0; n < 3; n++) {
          const client = { socket: connect(at, '127.0.0.1'), text: '', closed: false };
          clients.push(client);
          sockets.push(client.socket);
          client.socket.on('error', () => {}).on('close', () => (client.closed = true));
          client.socket.on('data', (data: Buffer) => (client.text += data.toString('latin1')));
          client.socket.write(greeted(null));
          client.socket.write(frame('{"method":"echo","arguments":["', false));
          for (let i = 0; i < 10; i++) {
            client.socket.write(pings === '' ? piece : Buffer.concat([piece, ping]));
          }
          // Three times 600 kB, of which some 60 are not counted: the third one is one too many.
          // oxlint-disable-next-line no-await-in-loop -- who begins first has kept for the longest time
          await expect.poll(() => few.sessions.size + Number(clients[0]?.closed)).toBe(n + 1);
          // oxlint-disable-next-line no-await-in-loop -- as above
          await dial<typeof api>(few.endpoints[0] ?? '').then(async (remote) => {
            expect(await remote.echo(n)).toBe(n);
            sessionOf(remote).close();
          });
        }
        await expect.poll(() => clients.map(({ closed }) => closed)).toEqual([true, false, false]);
        expect(clients[0]?.text).toContain('\x03\xf0over ');
      } finally {
        await few.close();
      }
    },
  );
});
