import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { VirtualClock } from '../src/testing/virtual-clock.js';
import { turns } from '../src/testing/recorder.js';
import { cert, key } from './channel/fixtures/certificate.js';
import { connectChannel } from './connect.js';
import { listening } from './listen/testing/raw.js';

/** A server that takes connections and says nothing. */
async function silent(): Promise<{ port: number; sockets: Socket[]; server: Server }> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    sockets.push(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  // A server that was given a port has an address of this kind.
  return { port: (server.address() as AddressInfo).port, sockets, server };
}

/** A port at which nobody listens. */
async function deadPort(): Promise<number> {
  const { port, server } = await silent();
  server.close();
  await once(server, 'close');
  return port;
}

test.each(['tcp', 'tls', 'ws', 'wss'])('%s: nobody there', async (scheme) => {
  const port = await deadPort();
  for (const host of ['127.0.0.1', 'localhost']) {
    const endpoint = `${scheme}://${host}:${port}`;
    await expect(connectChannel(endpoint)).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      message: expect.stringMatching(
        `^cannot connect to ${endpoint}: connect ECONNREFUSED`,
      ) as string,
      cause: expect.any(Error) as Error,
    });
  }
});

test('unix: nobody there', async () => {
  await expect(connectChannel('unix:/nowhere/s')).rejects.toMatchObject({
    code: 'ERR_CONNECT',
    cause: { code: 'ENOENT' },
  });
});

test('a name that is not resolved', async () => {
  await expect(connectChannel('tcp://nowhere.invalid:1')).rejects.toMatchObject({
    code: 'ERR_CONNECT',
    message: expect.stringContaining('nowhere.invalid') as string,
  });
});

test('no endpoint', async () => {
  await expect(connectChannel('http://localhost:1')).rejects.toMatchObject({
    code: 'ERR_ENDPOINT',
  });
});

test('a certificate that is not trusted, or for another name', async () => {
  const it = await listening({ tls: { key, cert } });
  for (const scheme of ['tls', 'wss']) {
    await expect(connectChannel(`${scheme}://localhost:${it.port}`)).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      // OpenSSL's words, or BoringSSL's.
      message: expect.stringMatching(/self.signed/) as string,
    });
    const tls = { ca: cert, servername: 'other.example' };
    await expect(connectChannel(`${scheme}://localhost:${it.port}`, { tls })).rejects.toMatchObject(
      {
        code: 'ERR_CONNECT',
      },
    );
  }
  await it.close();
});

test('a listener without TLS, asked for it, and the other way round', async () => {
  const [plain, secure] = [await listening(), await listening({ tls: { key, cert } })];
  for (const endpoint of [
    `tls://127.0.0.1:${plain.port}`,
    `wss://127.0.0.1:${plain.port}`,
    `ws://127.0.0.1:${secure.port}`,
  ]) {
    await expect(connectChannel(endpoint)).rejects.toMatchObject({ code: 'ERR_CONNECT' });
  }
  await plain.close();
  await secure.close();
});

test.each(['tls', 'ws', 'wss'])('%s: time passes', async (scheme) => {
  const { port, sockets } = await silent();
  const clock = new VirtualClock();
  const connecting = connectChannel(`${scheme}://127.0.0.1:${port}`, { clock, timeout: 700 });
  const rejected = expect(connecting).rejects.toMatchObject({
    code: 'ERR_TIMEOUT',
    message: expect.stringContaining('700 ms') as string,
  });
  while (sockets.length === 0) await turns(1);
  await clock.advance(700);
  await rejected;
  const [socket] = sockets;
  // Nothing is left behind: the other side sees it go.
  socket?.resume();
  if (socket && !socket.destroyed) await new Promise((resolve) => socket.once('close', resolve));
  expect(clock.pending).toBe(0);
});

test('a signal gives up, with its reason', async () => {
  const { port } = await silent();
  const reason = new Error('changed my mind');
  for (const scheme of ['tcp', 'tls', 'ws']) {
    const control = new AbortController();
    const connecting = connectChannel(`${scheme}://127.0.0.1:${port}`, { signal: control.signal });
    control.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    await expect(
      connectChannel(`${scheme}://127.0.0.1:${port}`, { signal: control.signal }),
    ).rejects.toBe(reason);
  }
});

test('a signal that comes later changes nothing', async () => {
  const it = await listening();
  const control = new AbortController();
  const channel = await connectChannel(`tcp://127.0.0.1:${it.port}`, { signal: control.signal });
  control.abort();
  const closed = new Promise<Error | undefined>((resolve) => {
    channel.open({ receive() {}, drain() {}, close: resolve });
  });
  channel.close();
  expect(await closed).toBeUndefined();
  await it.close();
});

test.each(['tls', 'wss'])('%s: a certificate that is none', async (scheme) => {
  const connecting = connectChannel(`${scheme}://127.0.0.1:1`, { tls: { cert: 'x', key: 'y' } });
  await expect(connecting).rejects.toMatchObject({ code: 'ERR_OPTION' });
  await expect(listening({ tls: { cert: 'x', key: 'y' } })).rejects.toMatchObject({
    code: 'ERR_OPTION',
  });
});
