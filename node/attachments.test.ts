import { connect as connectSocket, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MessageChannel } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { dial, serve } from './index.js';

const api = { echo: (data: unknown) => data };
const teardowns: (() => unknown)[] = [];
afterEach(async () => {
  for (const teardown of teardowns.splice(0).reverse()) await teardown();
});

/** Between a client and a port: what goes through, in bytes, both ways. */
async function counted(target: number): Promise<{ port: number; bytes(): number }> {
  const sockets: Socket[] = [];
  const server = createServer((near) => {
    const far = connectSocket(target, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.push(from);
      from.on('error', () => {});
      from.pipe(to);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  teardowns.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  return { port, bytes: () => sockets.reduce((sum, { bytesRead }) => sum + bytesRead, 0) };
}

interface Remote {
  echo<T>(data: T): Promise<T>;
}

describe.each(['tcp', 'ws', 'unix'] as const)('over %s', (scheme) => {
  test('what is changed at once is sent as it was, from both sides, however much waits', async () => {
    const shared = new Uint8Array(1_500_000);
    const given = new Uint8Array(1_500_000);
    let marked = 0;
    const path = join(tmpdir(), `dservice-lent-${process.pid}`);
    const server = await serve(
      {
        ...api,
        next: () => shared.fill(++marked),
        first: (data: Uint8Array) => [data[0], data.every((byte) => byte === data[0])],
      },
      scheme === 'unix' ? { path, port: false } : { host: '127.0.0.1', port: 0 },
    );
    teardowns.push(() => server.close());
    const [endpoint = ''] = server.endpoints;
    const remote = (await dial(endpoint.replace('tcp:', `${scheme}:`))) as unknown as {
      next(): Promise<Uint8Array>;
      first(data: Uint8Array): Promise<unknown>;
    };
    teardowns.push(() => (remote as unknown as Disposable)[Symbol.dispose]());
    const firsts: Promise<unknown>[] = [];
    for (let n = 1; n <= 12; n++) firsts.push(remote.first(given.fill(n)));
    expect(await Promise.all(firsts)).toEqual(firsts.map((_, i) => [i + 1, true]));
    const all = await Promise.all(firsts.map(() => remote.next()));
    for (const [i, data] of all.entries()) {
      expect(data).toHaveLength(1_500_000);
      expect(data.every((byte) => byte === i + 1)).toBe(true);
    }
  });
});

describe.each(['tcp', 'ws'] as const)('over %s', (scheme) => {
  test('a Uint8Array costs its bytes, and hardly more', async () => {
    const server = await serve(api, { host: '127.0.0.1', port: 0 });
    teardowns.push(() => server.close());
    const port = Number(new URL(server.endpoints[0] ?? '').port);
    const between = await counted(port);
    const remote = (await dial(`${scheme}://127.0.0.1:${between.port}`)) as unknown as Remote;
    teardowns.push(() => (remote as unknown as Disposable)[Symbol.dispose]());
    const data = Uint8Array.from({ length: 1_000_000 }, (_, i) => i ^ (i >> 8));
    await remote.echo('warm');
    const before = between.bytes();
    expect(Buffer.compare(await remote.echo(data), data)).toBe(0);
    const through = between.bytes() - before;
    expect(through).toBeGreaterThan(2 * data.length);
    expect(through).toBeLessThan(2.02 * data.length);
    const doubles = new Float64Array([1, -0, Number.NaN, ...Array(500).keys()]);
    expect(await remote.echo({ doubles, again: data.subarray(1, 700) })).toEqual({
      doubles,
      again: data.slice(1, 700),
    });
  });
});

test('over a MessagePort bytes are bytes', async () => {
  const { port1, port2 } = new MessageChannel();
  const posted: unknown[] = [];
  const post = port1.postMessage.bind(port1);
  port1.postMessage = (message: unknown, transfer?: never) => {
    posted.push(message);
    post(message, transfer);
  };
  const server = await serve(api, port2 as never);
  teardowns.push(() => server.close());
  const remote = (await dial(port1 as never)) as unknown as Remote;
  const data = new Uint8Array(5_000).fill(7);
  expect(await remote.echo(data)).toEqual(data);
  expect(posted.filter((it) => it instanceof Uint8Array)).toHaveLength(1);
  // The caller's own is still there.
  expect(data.length).toBe(5_000);
});
