import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cert, key } from './channel/fixtures/certificate.js';
import dservice, {
  context,
  dial,
  type Engine,
  jsonRpc,
  options,
  serve,
  staticDiscovery,
  type ServiceOptions,
} from './index.js';
import { answerTo, dialRaw, request, statusOf, untilEnd } from './listen/testing/raw.js';

const run = promisify(execFile);
const logger = { warn: () => {} };
const json = { 'Content-Type': 'application/json' };

const api = {
  shout: (text: string) => text.toUpperCase(),
  peer: () => context().peer,
  later: async () => {
    // A turn of its own: what is carried over it is found by Node alone.
    await setImmediate();
    return context().meta.traceparent ?? null;
  },
};

async function start(
  given: {
    limits?: object;
    authenticate?: (auth: unknown) => unknown;
    tls?: object;
    path?: string;
  } = {},
  served: object = api,
) {
  // What a test may set is checked by the types of its callers.
  const server = await serve(served, { port: 0, logger, ...(given as object) });
  onTestFinished(() => server.close());
  const port = Number(/:(\d+)$/.exec(server.endpoints.at(-1) ?? '')?.[1]);
  const url = `${given.tls ? 'https' : 'http'}://127.0.0.1:${port}/`;
  return { server, port, url };
}

/** A server of somebody else's. */
async function foreign(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  onTestFinished(close);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

const body = (method: string, params: unknown = [], id: unknown = 1): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

const contentOf = (answer: string): string => answer.slice(answer.indexOf('\r\n\r\n') + 4);

async function ask(port: number, text: string, headers: Record<string, string> = {}) {
  const socket = await dialRaw(port);
  socket.write(request('POST /', { ...json, ...headers }, text));
  const answer = await untilEnd(socket);
  return { answer, status: statusOf(answer), content: contentOf(answer) };
}

test('a call that offers HTTP/2, as Java and `curl --http2` do, is answered by HTTP/1.1', async () => {
  const { port } = await start();
  const offer = {
    Connection: 'Upgrade, HTTP2-Settings',
    Upgrade: 'h2c',
    'HTTP2-Settings': 'AAMAAABk',
  };
  const socket = await dialRaw(port);
  // In two pieces, and another one behind it: it is answered as well, or the connection ends in good order, by which
  // its sender knows that it was not read.
  const both = request('POST /', { ...json, ...offer }, body('shout', ['na']));
  const last = request('POST /', { ...json, Connection: 'close' }, body('shout', ['b'], 2));
  const bytes = Buffer.from(both + last);
  socket.write(bytes.subarray(0, both.length - 10));
  await setImmediate();
  socket.write(bytes.subarray(both.length - 10));
  const answer = await untilEnd(socket);
  expect(statusOf(answer)).toBe(200);
  expect(answer).toMatch(/"result":"N.+"result":"B"|^connection: close.+"result":"NA"/ims);
  // Nor is a page of events, or any other GET, taken for a WebSocket.
  const offered = request('GET /', { ...offer, Connection: 'close, Upgrade, HTTP2-Settings' });
  expect(statusOf(await answerTo(port, offered))).toBe(405);
  const foreign = await ask(port, body('shout', ['x']), { ...offer, Origin: 'http://a.example' });
  expect(foreign.status).toBe(403);
});

describe('a service as it is', () => {
  test('answers curl', async () => {
    const service = dservice('greeter@1.2.0', api, {
      logger,
      discovery: staticDiscovery({ instances: [] }),
    });
    onTestFinished(() => service.stop(0));
    await service.start();
    const port = service.endpoints[0]?.split(':').at(-1);
    const line = ['-sS', '-H', 'content-type: application/json', '-d'];
    const say = '{"jsonrpc":"2.0","id":1,"method":"shout","params":["hi"]}';
    const { stdout } = await run('curl', [...line, say, `http://127.0.0.1:${port}/`]);
    expect(stdout).toBe('{"jsonrpc":"2.0","id":1,"result":"HI"}');
  });

  test('answers on its unix socket', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dservice-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'a.sock');
    await start({ path });
    const line = ['-sS', '--unix-socket', path, '-H', 'content-type: application/json', '-d'];
    const { stdout } = await run('curl', [...line, body('shout', ['hi']), 'http://localhost/']);
    expect(stdout).toContain('"result":"HI"');
  });

  test('answers over TLS', async () => {
    const { url } = await start({ tls: { key, cert } });
    const remote = await dial(url, { tls: { ca: cert } });
    expect(await remote.shout('hi')).toBe('HI');
    expect(await remote.peer()).toMatchObject({ transport: 'https' });
    remote[Symbol.dispose]();
    const wary = await dial(url);
    await expect(wary.shout('hi')).rejects.toMatchObject({
      ...{ code: 'ERR_CONNECTION_LOST', mayHaveRun: false },
      message: expect.stringMatching(/certificate/) as unknown,
    });
    await expect(dial(url, { tls: { cert: 'nonsense' } })).rejects.toMatchObject({
      code: 'ERR_OPTION',
    });
  });

  test('is spoken by dnode alone, if it says so, and by no engine that there is not', async () => {
    const server = await serve(api, { port: 0, engines: ['dnode'] });
    onTestFinished(() => server.close());
    const port = Number(server.endpoints[0]?.split(':').at(-1));
    expect((await ask(port, body('shout', ['hi']))).status).toBe(404);
    await expect(serve(api, { port: 0, engines: ['soap'] })).rejects.toMatchObject({
      ...{ code: 'ERR_OPTION', message: expect.stringMatching(/dnode, jsonrpc/) as unknown },
    });
  });

  test('tells a browser what this is, and lets no other method in', async () => {
    const { port } = await start();
    for (const method of ['GET', 'PUT', 'OPTIONS', 'DELETE', 'HEAD']) {
      const socket = await dialRaw(port);
      socket.write(request(`${method} /`, { Origin: 'http://localhost' }));
      const answer = await untilEnd(socket);
      expect([method, statusOf(answer)]).toEqual([method, 405]);
      expect(answer).toMatch(/^allow: POST/im);
      expect(answer.toLowerCase()).not.toContain('access-control');
      if (method === 'GET') expect(answer).toContain('curl -H');
    }
    const socket = await dialRaw(port);
    socket.write(request('POST /elsewhere', json, body('shout', ['hi'])));
    expect(statusOf(await untilEnd(socket))).toBe(404);
  });

  test('hands over who calls, also after an await', async () => {
    const { port } = await start({ authenticate: (auth) => auth });
    const headers = {
      Origin: 'http://localhost:5173',
      Authorization: 'Bearer t0ken',
      traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
    };
    const { content } = await ask(port, body('peer'), headers);
    expect(JSON.parse(content)).toMatchObject({
      result: {
        ...{ transport: 'http', origin: 'http://localhost:5173', identity: 't0ken' },
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/) as unknown,
      },
    });
    expect((await ask(port, body('later'), headers)).content).toContain(
      '"result":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"',
    );
    const refused = await ask(port, body('peer'), { Authorization: 'Digest x' });
    expect(refused.status).toBe(401);
    expect(refused.answer).toMatch(/^www-authenticate: Bearer/im);
  });
});

describe('a stranger', () => {
  test.each<[string, Record<string, string>, number]>([
    ['a foreign Host', { Host: 'evil.example' }, 421],
    ['a foreign Origin', { Origin: 'http://evil.example' }, 403],
    ['the Origin null', { Origin: 'null' }, 403],
    ['the media type of a form', { 'Content-Type': 'text/plain' }, 415],
    ['a compressed body', { 'Content-Encoding': 'gzip' }, 400],
  ])('with %s has nothing run', async (_, headers, status) => {
    let ran = 0;
    const { port } = await start({}, { count: () => ++ran });
    expect((await ask(port, body('count'), headers)).status).toBe(status);
    expect(ran).toBe(0);
  });

  test('with more than it may send gets 413, whether or not it says so before', async () => {
    const { port } = await start({ limits: { line: 1_000 } });
    expect((await ask(port, body('shout', ['x'.repeat(2_000)]))).status).toBe(413);
    const socket = await dialRaw(port);
    const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    socket.write(`${head}Transfer-Encoding: chunked\r\n\r\n`);
    socket.write(`7d0\r\n${'x'.repeat(2_000)}\r\n`);
    expect(statusOf(await untilEnd(socket))).toBe(413);
    expect((await ask(port, body('shout', ['x'.repeat(500)]))).status).toBe(200);
  });

  test('that keeps too much unfinished is told to try again, and others then are served', async () => {
    const { port } = await start({ limits: { line: 10_000, buffered: 15_000 } });
    const slow = await Promise.all([dialRaw(port), dialRaw(port)]);
    const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    slow[0].write(`${head}Content-Length: 9900\r\n\r\n"${'x'.repeat(9_800)}`);
    // The next is counted when this one was: both are read by one process, in order.
    await ask(port, body('shout', ['x']));
    slow[1].write(`${head}Content-Length: 9900\r\n\r\n"${'x'.repeat(9_800)}`);
    expect(statusOf(await untilEnd(slow[1]))).toBe(503);
    slow[0].destroy();
    const { status } = await ask(port, body('shout', ['x'.repeat(9_000)]));
    expect(status).toBe(200);
  });

  test('that cuts its body off, sends none, or rubbish, costs nobody anything', async () => {
    const { port } = await start();
    const head = 'POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n';
    for (const text of [
      `${head}Content-Length: 100\r\n\r\n{"jsonrpc"`,
      `${head}Transfer-Encoding: chunked\r\n\r\n10\r\n{"json`,
      `${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `${head}Content-Length: x\r\n\r\n`,
      `${head}Expect: miracles\r\nContent-Length: 2\r\n\r\n{}`,
    ]) {
      const socket = await dialRaw(port);
      socket.end(text);
      await untilEnd(socket);
    }
    for (const [text, code] of [
      ['', -32_700],
      ['nonsense', -32_700],
      ['null', -32_600],
      ['5', -32_600],
      ['{}', -32_600],
      ['\u0000', -32_700],
    ] as const) {
      const { status, content } = await ask(port, text);
      expect([status, (JSON.parse(content) as { error: object }).error]).toMatchObject([
        200,
        { code },
      ]);
    }
    const socket = await dialRaw(port);
    socket.write(
      Buffer.concat([
        Buffer.from(request('POST /', { ...json }, '1234')).subarray(0, -4),
        Buffer.from([0x22, 0xff, 0xfe, 0x22]),
      ]),
    );
    expect(statusOf(await untilEnd(socket))).toBe(400);
    expect((await ask(port, body('shout', ['still here']))).content).toContain('STILL HERE');
  });

  test('that sends many requests without waiting gets each answer, in order', async () => {
    const { port } = await start();
    const socket = await dialRaw(port);
    const count = 200;
    const one = (n: number): string =>
      request(
        'POST /',
        { ...json, Connection: n === count ? 'close' : 'keep-alive' },
        body('shout', [`n${n}`], n),
      );
    socket.write(Array.from({ length: count }, (_, n) => one(n + 1)).join(''));
    const answer = await untilEnd(socket);
    const results = [...answer.matchAll(/"result":"N(\d+)"/g)].map(([, n]) => Number(n));
    expect(results).toEqual(Array.from({ length: count }, (_, n) => n + 1));
  });

  test('that goes away has its call cancelled', async () => {
    let told: ((reason: unknown) => void) | undefined;
    const reason = new Promise((resolve) => (told = resolve));
    let called: (() => void) | undefined;
    const running = new Promise<void>((resolve) => (called = resolve));
    const { port } = await start(
      {},
      {
        hang() {
          const { signal } = context();
          signal.addEventListener('abort', () => told?.(signal.reason));
          called?.();
          return new Promise(() => {});
        },
      },
    );
    const socket = await dialRaw(port);
    socket.write(request('POST /', json, body('hang')));
    await running;
    socket.destroy();
    expect(await reason).toMatchObject({ code: 'ERR_CANCELLED' });
  });
});

describe('a service that stops', () => {
  test('answers what runs, and what was under way on connections that are kept', async () => {
    let go: (() => void) | undefined;
    let called: (() => void) | undefined;
    const running = new Promise<void>((resolve) => (called = resolve));
    const { server, port } = await start(
      {},
      {
        ...api,
        slow() {
          called?.();
          return new Promise<string>((resolve) => (go = () => resolve('done')));
        },
      },
    );
    const kept = await dialRaw(port);
    kept.write(request('POST /', { ...json, Connection: 'keep-alive' }, body('shout', ['first'])));
    await new Promise((resolve) => kept.once('data', resolve));
    const slow = ask(port, body('slow'));
    await running;
    const drained = server.drain(10_000);
    // It crosses the end: nobody listens any more, and this connection was idle.
    kept.write(request('POST /', { ...json, Connection: 'keep-alive' }, body('shout', ['second'])));
    const answer = await untilEnd(kept);
    expect(answer).toContain('SECOND');
    expect(answer).toMatch(/^connection: close/im);
    go?.();
    expect((await slow).content).toContain('"result":"done"');
    await drained;
    await expect(dial(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ code: 'ERR_CONNECT' });
  });
});

describe('a caller', () => {
  test('is told what it gave that is none', async () => {
    await expect(dial('http://')).rejects.toMatchObject({ code: 'ERR_ENDPOINT' });
    await expect(dial('http://user:pass@localhost/')).rejects.toMatchObject({
      code: 'ERR_ENDPOINT',
    });
    await expect(dial('http://localhost/', { auth: { any: 'json' } })).rejects.toMatchObject({
      code: 'ERR_OPTION',
    });
    await expect(dial('http://localhost/', { api })).rejects.toMatchObject({ code: 'ERR_OPTION' });
    const { url } = await start();
    const remote = await dial(url);
    await expect(remote.shout(() => {})).rejects.toMatchObject({
      code: 'ERR_DATA',
      mayHaveRun: false,
    });
    await expect(options(remote, { key: 'a\r\nb: c' }).shout('x')).rejects.toMatchObject({
      code: 'ERR_DATA',
      mayHaveRun: false,
    });
    const small = await dial(url, { limits: { line: 100 } });
    await expect(small.shout('x'.repeat(200))).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      mayHaveRun: false,
    });
    await expect(small.shout('x'.repeat(20))).resolves.toBe('X'.repeat(20));
  });

  test('knows that nothing ran where nobody was, and tries again at the next call', async () => {
    const { server, url, port } = await start();
    const remote = await dial(url);
    await server.close();
    await expect(remote.shout('x')).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      mayHaveRun: false,
    });
    const again = await serve(api, { port });
    onTestFinished(() => again.close());
    expect(await remote.shout('back')).toBe('BACK');
  });

  test('knows that it may have run where the answer was lost', async () => {
    const sockets: Socket[] = [];
    const server = createTcp((socket) => {
      sockets.push(socket);
      socket.once('data', () => socket.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo;
    const remote = await dial(`http://127.0.0.1:${port}/`);
    await expect(remote.x()).rejects.toMatchObject({
      code: 'ERR_CONNECTION_LOST',
      mayHaveRun: true,
      method: 'x',
    });
  });

  test.each<[string, number, string, object]>([
    [
      'an error of the specification',
      200,
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}',
      { code: 'ERR_METHOD', mayHaveRun: false },
    ],
    [
      'an error by status as well',
      500,
      '{"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no","data":[1]}}',
      { code: -32_000, message: 'no', data: [1] },
    ],
    [
      'no error at all',
      200,
      '{"jsonrpc":"2.0","id":1,"error":null}',
      { message: 'the call failed, and it is not said why' },
    ],
    ['a page', 200, '<html>', { code: 'ERR_MALFORMED', mayHaveRun: true }],
    [
      'the answer to another call',
      200,
      '{"jsonrpc":"2.0","id":7,"result":1}',
      { code: 'ERR_MALFORMED', mayHaveRun: true },
    ],
    ['no result', 200, '{"jsonrpc":"2.0","id":1}', { code: 'ERR_MALFORMED', mayHaveRun: true }],
    ['an overload', 503, 'later', { code: 'ERR_BUSY', mayHaveRun: false }],
    ['a refusal', 401, '', { code: 'ERR_AUTH', mayHaveRun: false }],
    ['a redirection', 307, '', { code: 'ERR_MALFORMED', mayHaveRun: true }],
    [
      'nesting without end',
      200,
      `{"jsonrpc":"2.0","id":1,"result":${'['.repeat(9_000)}${']'.repeat(9_000)}}`,
      { code: 'ERR_MALFORMED' },
    ],
    [
      'a reach beyond',
      200,
      '{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"no","data":{"name":"Error","__proto__":{"polluted":1},"constructor":1}}}',
      { message: 'no' },
    ],
  ])('of a foreign server gets %s', async (_, status, text, error) => {
    const { url } = await foreign((_request, response) => {
      response.writeHead(status, { 'Content-Type': 'application/json', Location: '/elsewhere' });
      response.end(text);
    });
    const remote = await dial(url, { logger });
    const failed: unknown = await remote.x().catch((reason: unknown) => reason);
    expect(failed).toBeInstanceOf(Error);
    expect(failed).toMatchObject(error);
    expect('polluted' in {} || 'polluted' in (failed as object)).toBe(false);
  });

  test('takes no more than it may', async () => {
    const { url } = await foreign((_request, response) => {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      const more = (): void => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', more);
      };
      more();
    });
    const remote = await dial(url, { limits: { line: 100_000 } });
    await expect(remote.x()).rejects.toMatchObject({ code: 'ERR_LIMIT', mayHaveRun: true });
  });
});

describe('connect', () => {
  const caller = (endpoints: string[], given: ServiceOptions = {}) => {
    const instances = endpoints.map((endpoint) => ({ name: 'foreign', endpoints: [endpoint] }));
    const it = dservice({ discovery: staticDiscovery({ instances }), logger, ...given });
    onTestFinished(() => it.stop(0));
    return it;
  };
  /** A JSON-RPC server that knows nothing of dservice. */
  const teller = (name: string) =>
    foreign((request, response) => {
      void textOf(request).then((text) => {
        const { id, method, params } = JSON.parse(text) as {
          id: number;
          method: string;
          params: unknown[];
        };
        response.end(JSON.stringify({ jsonrpc: '2.0', id, result: [name, method, params] }));
      });
    });

  test('calls servers of others by a name, and goes elsewhere when one is gone', async () => {
    const [one, two] = [await teller('one'), await teller('two')];
    const remote = await caller([one.url, two.url]).connect('foreign');
    const names = new Set<unknown>();
    for (let n = 0; n < 40; n++) names.add(((await remote.math.add(1, n)) as unknown[])[0]);
    expect(names).toEqual(new Set(['one', 'two']));
    expect(await remote.math.add(1, 2)).toEqual([expect.any(String), 'math.add', [1, 2]]);
    await one.close();
    for (let n = 0; n < 40; n++) {
      const call = options(remote, { idempotent: true }).ping();
      expect((await call)[0]).toBe('two');
    }
  });

  test('hands over one of them by dnodeFor, and its end', async () => {
    const { url } = await teller('one');
    const found = await new Promise<unknown[]>((resolve) =>
      caller([url]).dnodeFor('foreign', (...args) => resolve(args)),
    );
    const [error, remote, d] = found as [
      null,
      { hi(): Promise<unknown> },
      { end(): void; instance: object },
    ];
    expect([error, d.instance]).toMatchObject([null, { name: 'foreign' }]);
    expect(await remote.hi()).toEqual(['one', 'hi', []]);
    d.end();
  });

  test('says why there is none', async () => {
    const { url, close } = await teller('gone');
    await close();
    await expect(caller([url]).connect('foreign', { wait: 200 })).rejects.toMatchObject({
      ...{ code: 'ERR_CONNECT', message: expect.stringContaining('ECONNREFUSED') as unknown },
    });
    const away = caller(['http://192.0.2.1/']).connect('foreign', { wait: 200 });
    await expect(away).rejects.toMatchObject({
      message: expect.stringContaining('no endpoint within reach') as unknown,
    });
  });

  test('uses an engine of the program, which serves in a place of its own', async () => {
    const heard: string[] = [];
    const mine: Engine = {
      name: 'mine',
      schemes: ['mine'],
      serve: () => ({
        endpoints: ['mine://127.0.0.1:1'],
        listen: () => Promise.resolve(void heard.push('listen')),
        announce: () => {},
        drain: () => Promise.resolve(void heard.push('drain')),
        close: () => void heard.push('close'),
      }),
      // By the other, for it is only to be seen that it is asked.
      dial: (endpoint, given) => {
        heard.push(endpoint);
        if (jsonRpc.dial === undefined) throw new Error('it dials');
        return jsonRpc.dial(url, given);
      },
    };
    const { url } = await teller('mine');
    const server = await serve(api, { port: 0, engines: ['dnode', mine] });
    expect(server.endpoints).toEqual([expect.stringMatching(/^tcp:/), 'mine://127.0.0.1:1']);
    const remote = await caller(['mine://127.0.0.1:1'], { engines: [mine] }).connect('foreign');
    expect(await remote.hi()).toEqual(['mine', 'hi', []]);
    await server.drain(1_000);
    expect(heard).toEqual(['listen', 'mine://127.0.0.1:1', 'drain', 'close']);
  });
});
