import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import WebSocket, { WebSocketServer } from 'ws';
import type { Channel } from '../../src/channel/channel.js';
import { Reading } from './reading.js';
import { connectChannel } from '../connect.js';
import { wsChannel } from './ws.js';

const servers: WebSocketServer[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    for (const client of server.clients) client.terminate();
    server.close();
  }
});

const bytes = (length: number, seed = 31): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * seed) % 251);

/** A server of the `ws` package, which knows nothing of ours. */
async function listen(options: WebSocket.ServerOptions = {}) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, ...options });
  servers.push(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const accepted = once(server, 'connection').then(([ws]) => ws as WebSocket);
  return { url: `ws://127.0.0.1:${port}`, accepted };
}

/** What arrives: text, or how many bytes and what they add up to. */
function record(channel: Channel) {
  const got: (string | Buffer)[] = [];
  let onMore = (): void => {};
  let over = false;
  channel.open({
    receive(data) {
      const last = got.at(-1);
      if (typeof data === 'string') got.push(data);
      else if (last instanceof Buffer) got[got.length - 1] = Buffer.concat([last, data]);
      else got.push(Buffer.from(data));
      onMore();
    },
    drain() {},
    close() {
      over = true;
      onMore();
    },
  });
  return {
    got,
    async until(enough: () => boolean): Promise<void> {
      while (!enough()) await new Promise<void>((resolve) => (onMore = resolve));
    },
    isOver: () => over,
  };
}

describe('what is written, `ws` reads', () => {
  const lines = ['{"a":1}\n', 'é'.repeat(50_000) + '\n', '\n'];
  const sizes = [0, 1, 125, 65_535, 65_536, 200_000];

  async function check(channel: Channel, reader: WebSocket): Promise<void> {
    const expected: (string | Buffer)[] = [];
    const read: (string | Buffer)[] = [];
    const done = new Promise<void>((resolve) => {
      reader.on('message', (data: Buffer, isBinary: boolean) => {
        const before = read.at(-1);
        if (!isBinary) read.push(data.toString());
        else if (before instanceof Buffer) read[read.length - 1] = Buffer.concat([before, data]);
        else read.push(data);
        if (read.at(-1) === 'end\n') resolve();
      });
    });
    channel.open({ receive() {}, drain() {}, close() {} });
    for (const line of lines) {
      for (const size of sizes) {
        const own = [bytes(size), bytes(10)];
        channel.write(line, own);
        expected.push(line, Buffer.concat(own));
        // It is the caller's again.
        for (const each of own) each.fill(0);
      }
    }
    channel.write('end\n');
    await done;
    expect(read.pop()).toBe('end\n');
    expect(read.length).toBe(expected.length);
    for (const [i, each] of read.entries()) {
      expect(Buffer.compare(Buffer.from(each), Buffer.from(expected[i] ?? ''))).toBe(0);
    }
  }

  test('from who dialled, masked', async () => {
    const { url, accepted } = await listen();
    const channel = await connectChannel(url, { reading: new Reading() });
    await check(channel, await accepted);
  });

  test('from who was dialled', async () => {
    const { url, accepted } = await listen({ perMessageDeflate: false });
    const reader = new WebSocket(url);
    await check(wsChannel(await accepted), reader);
  });

  test('where both compress', async () => {
    const { url, accepted } = await listen({ perMessageDeflate: { threshold: 0 } });
    const reader = new WebSocket(url);
    const ws = await accepted;
    expect(ws.extensions).toContain('permessage-deflate');
    await check(wsChannel(ws), reader);
  });
});

describe('what `ws` writes is read', () => {
  async function check(sender: WebSocket, channel: Channel): Promise<void> {
    const { got, until } = record(channel);
    const pong = once(sender, 'pong');
    const [a, b, c] = [bytes(100), bytes(70_000, 7), bytes(65_536, 3)];
    sender.send('one\n');
    sender.send(a);
    sender.ping('?');
    sender.send(b);
    sender.send('par', { fin: false });
    sender.ping();
    sender.send('ted\n', { fin: true });
    sender.send(a.subarray(0, 50), { fin: false });
    sender.send(a.subarray(50), { fin: true });
    sender.send(c);
    sender.send('two\n');
    await until(() => got.includes('two\n'));
    expect(got).toEqual([
      'one\n',
      Buffer.concat([a, b]),
      'parted\n',
      Buffer.concat([a, c]),
      'two\n',
    ]);
    expect(String((await pong)[0])).toBe('?');
  }

  test('by who dialled', async () => {
    const { url, accepted } = await listen();
    const channel = await connectChannel(url, { reading: new Reading() });
    await check(await accepted, channel);
  });

  test('by who was dialled, masked', async () => {
    const { url, accepted } = await listen();
    const sender = new WebSocket(url, { perMessageDeflate: false });
    const channel = wsChannel(await accepted);
    await once(sender, 'open');
    await check(sender, channel);
  });

  test('where both compress', async () => {
    const { url, accepted } = await listen({ perMessageDeflate: { threshold: 0 } });
    const sender = new WebSocket(url);
    const channel = wsChannel(await accepted);
    await once(sender, 'open');
    await check(sender, channel);
  });

  test('also what was there when the socket closed, and while it was not read', async () => {
    const { url, accepted } = await listen();
    const sender = new WebSocket(url, { perMessageDeflate: false });
    const ws = await accepted;
    const channel = wsChannel(ws);
    const { got, until, isOver } = record(channel);
    channel.pause();
    await once(sender, 'open');
    for (let i = 0; i < 10; i++) {
      sender.send(`line ${i}\n`);
      sender.send(bytes(1000, i));
    }
    const gone = once(ws, 'close');
    sender.close();
    channel.resume();
    await until(isOver);
    await gone;
    expect(got).toHaveLength(20);
    expect(got.at(-1)).toEqual(Buffer.from(bytes(1000, 9)));
  });
});

test('binary frames go past `ws`, as fast as they can: it has not changed what that stands on', async () => {
  const { url, accepted } = await listen({ perMessageDeflate: false });
  const sender = new WebSocket(url);
  const ws = await accepted;
  const heard: boolean[] = [];
  ws.on('message', (_, isBinary) => void heard.push(isBinary));
  const { got, until } = record(wsChannel(ws));
  await once(sender, 'open');
  sender.send(bytes(1000));
  sender.send('end\n');
  await until(() => got.includes('end\n'));
  expect([got.length, heard]).toEqual([2, [false]]);
  sender.terminate();
});

test('after what is against the rules, nothing is read: the channel ends with the reason', async () => {
  const { url, accepted } = await listen({ perMessageDeflate: false });
  const client = new WebSocket(url);
  const channel = wsChannel(await accepted);
  await once(client, 'open');
  let error: Error | undefined;
  const got: unknown[] = [];
  const closed = new Promise<void>((resolve) => {
    channel.open({
      receive: (data) => void got.push(data),
      drain() {},
      close(cause) {
        error = cause;
        resolve();
      },
    });
  });
  const socket = (client as unknown as { _socket: Socket })._socket;
  // Text that is no UTF-8.
  socket.write(Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xff, 0xff]));
  const left = once(client, 'close');
  await closed;
  await left;
  expect(error?.message).toContain('UTF-8');
  expect(got).toEqual([]);
});
