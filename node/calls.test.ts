import { once } from 'node:events';
import { type AddressInfo, connect as connectTcp, createServer } from 'node:net';
import { WebSocketServer, createWebSocketStream } from 'ws';
import { describe, expect, onTestFinished, test } from 'vitest';
import { connect, dial, options } from './calls.js';
import dservice, { serve } from './index.js';
import { theirs } from './oracle/fixtures/peers.js';
import { meet, page, silent } from './rendezvous/fixtures/meeting.js';

const api = {
  shout: (text: string) => text.toUpperCase(),
  echo: (value: unknown) => value,
  each: async (list: number[], fn: (n: number) => Promise<number>) => Promise.all(list.map(fn)),
  wait: () => new Promise(() => {}),
};

describe('dial', () => {
  test.each(['tcp', 'ws'])('a whole server, over %s', async (way) => {
    const server = await serve(api, { port: 0 });
    onTestFinished(() => server.close());
    const remote = await dial<typeof api>(String(server.endpoints[0]).replace(/^tcp/, way));
    expect(await remote.shout('grüße')).toBe('GRÜSSE');
    const value = {
      at: new Date(3),
      bytes: new Uint8Array(100_000).fill(3),
      list: [1n, new Set([2])],
    };
    expect(await remote.echo(value)).toEqual(value);
    expect(await remote.each([1, 2], async (n) => n * 2)).toEqual([2, 4]);
    await expect(options(remote, { deadline: 20 }).wait()).rejects.toMatchObject({
      ...{ code: 'ERR_DEADLINE', mayHaveRun: true },
    });
    remote[Symbol.dispose]();
    await expect(remote.shout('x')).rejects.toMatchObject({
      code: 'ERR_CLOSED',
      mayHaveRun: false,
    });
  });

  test('over a MessagePort', async () => {
    const { port1, port2 } = new MessageChannel();
    const server = await serve(api, port1);
    onTestFinished(() => server.close());
    const remote = await dial<typeof api>(port2);
    expect(await remote.shout('hi')).toBe('HI');
    remote[Symbol.dispose]();
  });

  test.each(['TCP', 'a WebSocket'])('dnode of 2011, over %s', async (over) => {
    const heard: unknown[] = [];
    const server = await theirs.serve(() => ({
      transform: (s: string, cb: (s: string) => void) => cb(s.toUpperCase()),
      tick: (cb: (n: number, more: (x: number) => void) => void) => cb(1, (x) => heard.push(x)),
    }));
    onTestFinished(() => server.close());
    const port = Number(server.place);
    const target = over === 'TCP' ? `tcp://127.0.0.1:${port}` : await throughWebSocket(port);
    const remote = await dial(target);
    // Longer than any piece of a stream.
    const long = 'grüße '.repeat(20_000);
    expect(await remote.transform(long)).toBe(long.toUpperCase());
    const got = await new Promise((resolve) =>
      remote.tick((n: number, more: (x: number) => void) => {
        more(n + 1);
        resolve(n);
      }),
    );
    expect(got).toBe(1);
    // In order, so that was heard before this is answered.
    await remote.transform('x');
    expect(heard).toEqual([2]);
    remote[Symbol.dispose]();
  });

  test('nobody there, and nobody who speaks', async () => {
    const mute = createServer(() => {}).listen(0, '127.0.0.1');
    await once(mute, 'listening');
    onTestFinished(() => void mute.close());
    const { port } = mute.address() as AddressInfo;
    await expect(dial('tcp://127.0.0.1:1')).rejects.toMatchObject({ code: 'ERR_CONNECT' });
    await expect(dial('nonsense')).rejects.toMatchObject({ code: 'ERR_ENDPOINT' });
    await expect(dial({})).rejects.toMatchObject({ code: 'ERR_ENDPOINT' });
    await expect(dial(`tcp://127.0.0.1:${port}`, { timeout: 50 })).rejects.toMatchObject({
      code: 'ERR_TIMEOUT',
    });
    const reason = new Error('enough');
    await expect(
      dial(`tcp://127.0.0.1:${port}`, { signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });
});

/** A server of WebSockets that hands on what it gets, as it comes, to a dnode over TCP. */
async function throughWebSocket(port: number): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  onTestFinished(() => server.close());
  server.on('connection', (ws) => {
    const stream = createWebSocketStream(ws);
    const socket = connectTcp(port, '127.0.0.1');
    stream.pipe(socket).pipe(stream);
    for (const each of [stream, socket]) each.on('error', () => {});
  });
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('connect', () => {
  test('finds programs and pages at a rendezvous, and calls them', async () => {
    const { url } = await meet();
    const inPage = page([url], { name: 'greeter@1.2.0', api: { where: () => 'page' } });
    await inPage.start();
    const remote = await connect('greeter@^1', { rendezvous: url });
    expect(await remote.where()).toBe('page');
    const program = dservice(
      'greeter@1.3.0',
      { where: () => 'program' },
      { rendezvous: url, logger: silent },
    );
    onTestFinished(() => program.stop(0));
    await program.start();
    await inPage.stop();
    expect(await remote.where()).toBe('program');
    remote[Symbol.dispose]();
  });

  test('a range that is none, and nobody there', async () => {
    const { url } = await meet();
    await expect(connect('greeter@nonsense', { rendezvous: url })).rejects.toMatchObject({
      code: 'ERR_RANGE',
    });
    await expect(connect('greeter', { rendezvous: url, timeout: 100 })).rejects.toMatchObject({
      code: 'ERR_NO_INSTANCE',
    });
  });
});
