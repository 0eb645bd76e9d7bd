import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, onTestFinished, test } from 'vitest';
import dial from '../dnode/index.js';
import { makeRecord } from '../mdns/fixtures/record.js';
import { answerTo, request, statusOf, upgrade } from '../listen/testing/raw.js';
import { cert, key } from '../channel/fixtures/certificate.js';
import { connectChannel } from '../connect.js';
import { client, knock, meet, page, pageOrigin, until } from './fixtures/meeting.js';

const keyOf = 'a key that is long enough';

describe('on a port of its own', () => {
  test('says where it is', async () => {
    const { url, urls, endpoints, port } = await meet();
    expect(url).toBe(`ws://127.0.0.1:${port}/rendezvous`);
    expect(urls).toEqual([url]);
    expect(endpoints).toEqual([`tcp://127.0.0.1:${port}`, url]);
  });

  test('at another path, and over TLS', async () => {
    const { url, port, endpoints } = await meet({ path: '/meet', tls: { key, cert } });
    expect(url).toBe(`wss://127.0.0.1:${port}/meet`);
    expect(endpoints[0]).toBe(`tls://127.0.0.1:${port}`);
    const channel = await connectChannel(url, { tls: { ca: cert, servername: 'localhost' } });
    expect(channel.peer.transport).toBe('wss');
    channel.destroy();
  });

  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    const at = taken.address();
    const port = typeof at === 'object' ? at?.port : undefined;
    await expect(meet({ port: port ?? 0 })).rejects.toMatchObject({ code: 'ERR_LISTEN' });
  });

  test.each([
    { origins: ['localhost'] },
    { hosts: ['http://app.example'] },
    { limits: { nonsense: 1 } },
    { path: 'rendezvous' },
    { path: '/rendezvous/' },
    { nonsense: 1 },
    { server: createServer(), port: 1 },
  ])('options that are none: %j', async (options) => {
    await expect(meet(options as object)).rejects.toMatchObject({ code: 'ERR_OPTION' });
  });

  test('two pages find and call each other', async () => {
    const { url, stats } = await meet();
    const peers: unknown[] = [];
    const api = { shout: (text: string) => text.toUpperCase() };
    const service = page([url], { name: 'greeter@1.2.0', api });
    service.on('session', (session) => peers.push(session.peer));
    await service.start();
    const remote = await page([url], { origin: 'http://127.0.0.1:3000' }).connect('greeter@^1');
    expect(await remote.shout('hello')).toBe('HELLO');
    expect(peers).toEqual([
      {
        transport: 'relay',
        origin: 'http://127.0.0.1:3000',
        address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      },
    ]);
    expect(stats()).toMatchObject({ clients: 2, records: 1, dials: 1, subscriptions: 1 });
    expect(stats().relayed).toBeGreaterThan(100);
  });

  test('an old client of dnode over TCP', async () => {
    const { port } = await meet();
    const d = dial.connect(port ?? 0);
    onTestFinished(() => void d.end());
    const told = await new Promise((resolve) =>
      d.on('remote', (remote) =>
        remote.announce(makeRecord(), keyOf, null, () => {
          remote.browse(null, (events: unknown[]) => resolve(events.length));
        }),
      ),
    );
    expect(told).toBe(1);
  });
});

describe('paths', () => {
  test.each([
    ['/rendezvous', 'open'],
    ['/rendezvous?x=1', 'open'],
    ['/', 'open'],
    ['/rendezvous/', 404],
    ['/elsewhere', 404],
    ['/to/', 404],
    ['/to/0123456789abcdef', 404],
    ['/to/0123456789ABCDEF', 404],
    ['/to/../rendezvous/x', 404],
  ])('%s: %s', async (path, outcome) => {
    const { port } = await meet();
    expect(await knock(`ws://127.0.0.1:${port}${path}`)).toBe(outcome);
  });

  test('/to/ leads to an instance, for a page as for a program', async () => {
    const { url, port, stats } = await meet();
    const peers: unknown[] = [];
    const service = page([url], { name: 'a', api: { add: (a: number, b: number) => a + b } });
    service.on('session', ({ peer }) => peers.push(peer.origin));
    await service.start();
    await until(() => stats().records === 1);
    const to = `ws://127.0.0.1:${port}/to/${service.id}`;
    for (const origin of [undefined, pageOrigin]) {
      const session = await client(to, origin);
      expect(await session.call('add', [1, 2])).toBe(3);
    }
    expect(peers).toEqual([undefined, pageOrigin]);
    expect(await knock(to, { Origin: 'http://evil.example' })).toBe(403);
    expect(stats()).toMatchObject({ clients: 1, dials: 2 });
    // A line of a service may be longer than one of the rendezvous.
    const long = await client(to);
    expect(await long.call('add', ['x'.repeat(2_000_000), 'y'])).toHaveLength(2_000_001);
  });

  test('/to/ an instance that does not answer', async () => {
    const { url, port } = await meet();
    const session = await client(url);
    const record = makeRecord({ endpoints: [] });
    await session.call('announce', [record, keyOf, null]);
    expect(await knock(`ws://127.0.0.1:${port}/to/${record.id}`)).toBe(502);
  });
});

describe('health', () => {
  test.each(['/rendezvous', '/health'])('GET %s', async (path) => {
    const { port, stats } = await meet();
    const answer = await answerTo(port ?? 0, request(`GET ${path}`, { Origin: pageOrigin }));
    expect(statusOf(answer)).toBe(200);
    expect(answer.toLowerCase()).not.toContain('access-control');
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual({
      ...{ status: 'up', version: '1.0.0', clients: 0, records: 0, subscriptions: 0 },
      ...{ dials: 0, relayed: 0, mdns: 'off', uptime: stats().uptime },
    });
  });

  test('HEAD, and what else is asked', async () => {
    const { port = 0 } = await meet();
    const head = await answerTo(port, request('HEAD /health'));
    expect(statusOf(head)).toBe(200);
    expect(head.split('\r\n\r\n')[1]).toBe('');
    const json = { 'Content-Type': 'application/json' };
    expect(statusOf(await answerTo(port, request('POST /health', json, '{}')))).toBe(405);
    expect(statusOf(await answerTo(port, request('DELETE /rendezvous')))).toBe(405);
    expect(statusOf(await answerTo(port, request('GET /else')))).toBe(404);
    const foreign = request('GET /health', { Origin: 'http://evil.example' });
    expect(statusOf(await answerTo(port, foreign))).toBe(403);
  });
});

describe('the guard', () => {
  test.each(['null', 'http://evil.example', 'file://', '', 'http://localhost.evil.example'])(
    'a page of "%s" is refused',
    async (origin) => {
      const { url, stats } = await meet();
      expect(await knock(url, { Origin: origin })).toBe(403);
      expect(stats().clients).toBe(0);
    },
  );

  test('a name that points here is refused, unless it is known', async () => {
    const { url } = await meet({ hosts: ['box.lan'] });
    expect(await knock(url, { Host: 'evil.example' })).toBe(421);
    expect(await knock(url, { Host: 'box.lan:4004' })).toBe('open');
  });

  test('by a list of origins, exactly', async () => {
    const { url } = await meet({ origins: ['https://app.example.org'] });
    expect(await knock(url, { Origin: 'https://app.example.org' })).toBe('open');
    expect(await knock(url, { Origin: pageOrigin })).toBe(403);
    expect(await knock(url)).toBe('open');
  });

  test('the log names each origin and host once, and what would let it in', async () => {
    const lines: string[] = [];
    const { url, port = 0 } = await meet({ logger: { warn: (line) => lines.push(line) } });
    for (let i = 0; i < 3; i++) {
      await knock(url, { Origin: 'https://app.example.org' });
      await knock(url, { Origin: 'null' });
      await knock(url, { Host: 'evil.example:80' });
      await answerTo(port, request('GET /health', { Origin: 'https://app.example.org' }));
    }
    expect(lines).toEqual([
      'dservice: the rendezvous refused a page of the origin https://app.example.org. See the option `origins` (--origin https://app.example.org).',
      'dservice: the rendezvous refused a page of the origin "null". A page of a file or of a sandbox has no origin, and cannot be let in.',
      'dservice: the rendezvous refused a request for the host "evil.example". If that is a name of it, see the option `hosts` (--allow-host evil.example).',
    ]);
    for (let i = 0; i < 200; i++) {
      const origin = `https://${i}.example\u009b31m`;
      await answerTo(port, request('GET /health', { ...upgrade, Origin: origin }));
    }
    expect(lines.length).toBe(101);
    expect(lines.at(-1)).toContain('who are not named');
    expect(lines.join('')).not.toMatch(/[^\x20-\x7e]/);
  });

  test('clients show who they are, where that is asked', async () => {
    const { url } = await meet({ authenticate: (auth) => auth === 'secret' });
    const session = await client(url, undefined, 'secret');
    expect(await session.call('match', ['^1', ['1.0.0', '2.0.0']])).toEqual([true, false]);
    await expect(client(url)).rejects.toMatchObject({ code: 'ERR_AUTH' });
  });
});
