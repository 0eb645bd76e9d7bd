import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cert, key } from './channel/fixtures/certificate.js';
import { batch, type BatchOptions, context, options, serve } from './index.js';
import { answerTo, dialRaw, request, statusOf, untilEnd } from './listen/testing/raw.js';

const run = promisify(execFile);
const logger = { warn: () => {} };
const json = { 'Content-Type': 'application/json' };
const shout = '{"method":"shout","arguments":["hi"],"reply":1}';

const api = {
  shout: (text: string) => text.toUpperCase(),
  peer: () => context().peer,
  user: (name: string) => ({ name: () => name }),
  text: (size: number) => 'x'.repeat(size),
};

async function start(served: object = api, given: object = {}) {
  // What a test may set is looked at by `serve`.
  const server = await serve(served, { port: 0, logger, ...given });
  onTestFinished(() => server.close());
  const port = Number(/:(\d+)$/.exec(server.endpoints.at(-1) ?? '')?.[1]);
  const scheme = 'tls' in given ? 'https' : 'http';
  const call = (options: BatchOptions = {}) => {
    const shop = batch(`${scheme}://127.0.0.1:${port}`, { logger, ...options });
    onTestFinished(() => shop[Symbol.dispose]());
    return shop;
  };
  const post = (body: string, headers: Record<string, string> = {}) =>
    answerTo(port, request('POST /dnode', { ...json, ...headers }, body));
  return { server, port, call, post };
}

const lost = (mayHaveRun: boolean) =>
  expect.objectContaining({ code: 'ERR_CONNECTION_LOST', mayHaveRun }) as unknown;

describe('the port of a service', () => {
  test('takes what is handed along beside arguments, of each call', async () => {
    const { call } = await start({ given: () => context().meta.given ?? null });
    const shop = call();
    const acme = options(shop, { meta: { tenant: 'acme' } });
    expect(await Promise.all([acme.given(), shop.given()])).toEqual([{ tenant: 'acme' }, null]);
  });

  test('takes batches beside JSON-RPC and dnode', async () => {
    const { call, port } = await start();
    const shop = call();
    expect(await Promise.all([shop.shout('a'), shop.user('ann').name()])).toEqual(['A', 'ann']);
    expect(await shop.peer()).toMatchObject({ transport: 'http' });
    const rpc = '{"jsonrpc":"2.0","id":1,"method":"shout","params":["b"]}';
    expect(await answerTo(port, request('POST /', json, rpc))).toContain('"result":"B"');
  });

  test('keeps the connection for the next one', async () => {
    const { call } = await start();
    const shop = call();
    const addresses = new Set<string>();
    for (let i = 0; i < 5; i++) addresses.add((await shop.peer()).address);
    expect(addresses.size).toBe(1);
  });

  test('takes them over TLS', async () => {
    const { call } = await start(api, { tls: { key, cert } });
    expect(await call({ tls: { ca: cert } }).peer()).toMatchObject({ transport: 'https' });
  });

  test('answers curl', async () => {
    const { port } = await start();
    const curl = (body: string) =>
      run('curl', ['-s', '-H', 'content-type: application/json', '-d', body, url]);
    const url = `http://127.0.0.1:${port}/dnode`;
    expect((await curl(shout)).stdout).toBe('{"method":1,"arguments":[null,"HI"]}\n');
    const { stdout } = await curl(`[${shout},{"method":"nothing","arguments":[],"reply":2}]`);
    expect(JSON.parse(stdout)).toMatchObject([{ method: 1 }, { method: 2 }]);
  });

  test('sends a long answer, and one piece by piece', async () => {
    const { call } = await start({
      ...api,
      async count(progress: (n: number) => void) {
        for (let n = 0; n < 3; n++) {
          progress(n);
          await new Promise((resolve) => setImmediate(resolve));
        }
      },
    });
    const shop = call();
    const all = await Promise.all(Array.from({ length: 20 }, () => shop.text(1_000_000)));
    expect(all.map((text) => text.length)).toEqual(Array.from({ length: 20 }, () => 1_000_000));
    const heard: number[] = [];
    await shop.count((n: number) => void heard.push(n));
    expect(heard).toEqual([0, 1, 2]);
  });

  test('stops when what runs is answered', async () => {
    let finish = (): void => {};
    const { call, server } = await start({
      slow: (tell: () => void) => {
        tell();
        return new Promise<string>((resolve) => (finish = () => resolve('done')));
      },
    });
    let running = (): void => {};
    const begun = new Promise<void>((resolve) => (running = resolve));
    const slow = call().slow(() => running());
    await begun;
    const stopped = server.drain();
    finish();
    expect(await slow).toBe('done');
    await stopped;
  });
});

describe('a page', () => {
  const page = 'http://localhost:5173';

  test('of an origin that may connect reads answers, and may ask', async () => {
    const { port, post } = await start();
    const answer = await post(shout, { Origin: page });
    expect(answer).toContain(`Access-Control-Allow-Origin: ${page}\r\n`);
    expect(answer).toContain('Vary: Origin\r\n');
    const asked = { Origin: page, 'Access-Control-Request-Headers': 'content-type' };
    const preflight = await answerTo(port, request('OPTIONS /dnode', asked));
    expect(statusOf(preflight)).toBe(204);
    expect(preflight).toContain('Access-Control-Allow-Headers: content-type\r\n');
    // JSON-RPC has no such thing.
    expect(await answerTo(port, request('OPTIONS /', asked))).not.toContain('Access-Control');
  });

  test.each([
    ['a foreign origin', { Origin: 'http://a.example' }, 403],
    ['no origin of its own', { Origin: 'null' }, 403],
    ['a name that is not ours', { Host: 'rebound.example' }, 421],
    ['what a form can send', { 'Content-Type': 'text/plain' }, 415],
    ['what a form can send as well', { 'Content-Type': 'application/x-www-form-urlencoded' }, 415],
    ['no media type', { 'Content-Type': '' }, 415],
    ['another type of JSON', { 'Content-Type': 'application/x-ndjson' }, 415],
    ['a compressed body', { 'Content-Encoding': 'gzip' }, 400],
  ])('with %s runs nothing', async (_, headers, status) => {
    let ran = 0;
    const { post, port } = await start({ shout: () => ran++ });
    const answer = await post(shout, headers);
    expect([statusOf(answer), ran]).toEqual([status, 0]);
    if (status !== 400) expect(answer).not.toContain('Access-Control');
    if (status === 403) {
      const preflight = await answerTo(port, request('OPTIONS /dnode', headers));
      expect(statusOf(preflight)).toBe(403);
    }
  });

  test('that only looks is told how to call', async () => {
    const { port } = await start();
    const answer = await answerTo(port, request('GET /dnode'));
    expect(statusOf(answer)).toBe(405);
    expect(answer).toContain(`http://127.0.0.1/dnode`);
  });
});

describe('a hostile caller', () => {
  test.each([
    ['too long', 'x'.repeat(5 * 1024 * 1024), 413],
    ['of a million calls', '{"method":"shout"}\n'.repeat(200_000), 413],
    ['of a list of as many', `[${'{},'.repeat(200_000)}{}]`, 413],
    ['a list that is none', '[{"method":"shout"},', 400],
    ['of a list of millions of values', `[${'[],'.repeat(1_300_000)}[]]`, 413],
    ['a list nested too deep', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, 413],
  ])('sends a body %s', async (_, body, status) => {
    let ran = 0;
    const { port, call } = await start({ shout: () => ran++ });
    const socket = await dialRaw(port);
    const answer = untilEnd(socket);
    socket.write(request('POST /dnode', json, body));
    expect([statusOf(await answer), ran]).toEqual([status, 0]);
    expect(await call().shout()).toBe(0);
  });

  test('sends a half body: nothing of it runs', async () => {
    let ran = 0;
    const { port, call, server } = await start({ shout: () => ran++ });
    const socket = await dialRaw(port);
    const whole = request('POST /dnode', json, `${shout}\n${shout}`);
    socket.write(whole.slice(0, -10));
    socket.end();
    await untilEnd(socket);
    expect([ran, server.sessions.size]).toEqual([0, 0]);
    expect(await call().shout()).toBe(0);
  });

  test('sends what is no message: it is told what could be read', async () => {
    const { post } = await start();
    const answer = await post(`${shout}\nno json`);
    expect(answer).toContain('"arguments":[null,"HI"]');
    expect(answer).toContain('"control":"close","code":"ERR_MALFORMED"');
    expect(await post('[1,null,"x",[]]')).toContain(' 204 ');
  });

  test('asks for more than it reads: it is left alone, and the others are served', async () => {
    const { port, call, server } = await start(api, { limits: { unsentMax: 2 * 1024 * 1024 } });
    const socket = await dialRaw(port);
    socket.pause();
    const one = '{"method":"text","arguments":[1000000],"reply":';
    const body = Array.from({ length: 200 }, (_, i) => `${one}${i}}`).join('\n');
    socket.write(request('POST /dnode', json, body));
    await expect.poll(() => server.sessions.size).toBe(1);
    expect(await call().shout('x')).toBe('X');
    socket.destroy();
    await expect.poll(() => server.sessions.size).toBe(0);
  });
});

describe('a call', () => {
  /** A server of somebody else's, for one connection after the other. */
  async function foreign(listener: (socket: Socket) => void) {
    const server = createTcp(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('certainly did not run where nobody is', async () => {
    const server = createTcp().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    await expect(batch(`http://127.0.0.1:${port}`).shout('x')).rejects.toEqual(lost(false));
  });

  test('may have run where the connection is lost', async () => {
    const url = await foreign((socket) => void socket.once('data', () => socket.destroy()));
    await expect(batch(url).shout('x')).rejects.toEqual(lost(true));
  });

  test('may have run where the answer is cut off, and what came before is there', async () => {
    const first = '{"method":0,"arguments":[null,"A"]}\n';
    const url = await foreign((socket) => {
      socket.once('data', () => {
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n${first}{"meth`);
      });
    });
    const shop = batch(url);
    const [a, b] = [shop.shout('a'), shop.shout('b')];
    expect(await a).toBe('A');
    await expect(b).rejects.toEqual(lost(true));
  });

  test.each([
    [404, 'ERR_METHOD', false],
    [413, 'ERR_LIMIT', false],
    [503, 'ERR_BUSY', false],
    [502, 'ERR_CONNECTION_LOST', true],
    [302, 'ERR_CONNECTION_LOST', true],
  ])('is told of status %i', async (status, code, mayHaveRun) => {
    const server = createServer((_, response) => void response.writeHead(status).end('<html>'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const shop = batch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/shop/`);
    await expect(shop.shout('x')).rejects.toMatchObject({ code, mayHaveRun });
    shop[Symbol.dispose]();
  });

  test('is told of an answer that is none', async () => {
    const server = createServer((_, response) => void response.end('<html>\n'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const shop = batch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await expect(shop.shout('x')).rejects.toMatchObject({
      code: 'ERR_MALFORMED',
      mayHaveRun: true,
    });
    shop[Symbol.dispose]();
  });

  test('is made to an address', () => {
    for (const url of ['ws://127.0.0.1', 'nothing', 'http://a:b@127.0.0.1']) {
      expect(() => batch(url) as unknown).toThrow(
        expect.objectContaining({ code: 'ERR_ENDPOINT' }),
      );
    }
    expect(() => batch('http://x', { wait: 1 } as object) as unknown).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
  });
});
