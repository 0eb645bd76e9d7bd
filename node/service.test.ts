import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { options } from '../src/protocol/options.js';
import { cert, key } from './channel/fixtures/certificate.js';
import { Children } from './fixtures/children.js';
import { dservice, meetingPlace } from './fixtures/local.js';
import { context } from './index.js';
import { nodeRuntime } from './runtime.js';

// Processes take their time to start on a busy machine.
vi.setConfig({ testTimeout: 20_000 });

const api = { shout: (s: string) => s.toUpperCase() };

describe('services find each other by multicast DNS', () => {
  test('and call', async () => {
    const { start, caller } = await meetingPlace();
    const connecting = caller().connect('greeter@^1');
    const service = await start('greeter@1.2.0', api);
    expect(service.endpoints).toEqual([expect.stringMatching(/^tcp:\/\/127\.0\.0\.1:\d+$/)]);
    const remote = await connecting;
    expect(await remote.shout('hello')).toBe('HELLO');
    await service.stop();
  });

  test('over a unix socket, where there is one', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'dservice-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const path = join(folder, 'a.sock');
    const { start, caller } = await meetingPlace();
    const peers: unknown[] = [];
    const service = await start('a', { look: () => void peers.push(context().peer) }, { path });
    expect(service.endpoints[0]).toBe(`unix:${path}`);
    const remote = await caller().connect('a');
    await remote.look();
    expect(peers).toEqual([expect.objectContaining({ transport: 'unix' })]);
  });

  test('over TLS, with a certificate that is checked', async () => {
    const { start, caller } = await meetingPlace();
    const service = await start('a', api, { tls: { key, cert } });
    expect(service.endpoints).toEqual([expect.stringMatching(/^tls:/)]);
    const remote = await caller({ tls: { ca: cert } }).connect('a');
    expect(await remote.shout('hi')).toBe('HI');
    await expect(caller().connect('a', { wait: 300 })).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      message: expect.stringMatching(/certificate/),
    });
    await expect(caller({ tls: { cert: 'nonsense' } }).connect('a')).rejects.toMatchObject({
      code: 'ERR_OPTION',
    });
  });

  test('with credentials', async () => {
    const { start, caller } = await meetingPlace();
    await start(
      'a',
      { me: () => context().peer.identity },
      { authenticate: (auth) => (auth === 'secret' ? { user: 'ada' } : undefined) },
    );
    const remote = await caller({ auth: 'secret' }).connect('a');
    expect(await remote.me()).toEqual({ user: 'ada' });
    await expect(caller({ auth: 'guess' }).connect('a')).rejects.toMatchObject({
      code: 'ERR_AUTH',
      service: 'a',
    });
    await expect(caller().connect('a')).rejects.toMatchObject({ code: 'ERR_AUTH' });
  });

  test('by several discoveries at once', async () => {
    const [one, two] = [await meetingPlace(), await meetingPlace()];
    const service = await one.start('a', api, { discovery: [one.discover(), two.discover()] });
    for (const place of [one, two]) {
      const remote = await place.caller().connect('a');
      expect(await remote.shout('hi')).toBe('HI');
    }
    await service.stop();
  });

  test('in the callback style', async () => {
    const { start, caller } = await meetingPlace();
    function shout(s: string, cb: (text: string) => void): void {
      cb(s.toUpperCase());
    }
    await start('a', { shout });
    const text = await new Promise((resolve, reject) =>
      caller().dnodeFor('a', (error, remote, d) => {
        if (error !== null) return reject(error);
        remote.shout('hi', (answer: string) => {
          d?.end();
          resolve(answer);
        });
      }),
    );
    expect(text).toBe('HI');
  });
});

describe('context()', () => {
  test('is there after an await, each call its own, and not outside', async () => {
    const { start, caller } = await meetingPlace();
    const meet: (() => void)[] = [];
    await start('a', {
      async look() {
        const before = context().meta.key;
        await new Promise<void>((resolve) => {
          meet.push(resolve);
          if (meet.length === 2) for (const go of meet) setTimeout(go);
        });
        return [before, context().meta.key, (context().deadline ?? 0) > 0];
      },
    });
    const remote = await caller().connect('a');
    const ask = (key: string) => options(remote, { key, deadline: 5_000 }).look();
    expect(await Promise.all([ask('x'), ask('y')])).toEqual([
      ['x', 'x', true],
      ['y', 'y', true],
    ]);
    expect(() => context()).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
  });

  test('what a handler goes on with after its outcome is not hurried by its deadline', async () => {
    const { start, caller } = await meetingPlace();
    let later: Promise<unknown> | undefined;
    let inside: number | undefined;
    await start('b', api);
    const a = await start('a', {
      async begin() {
        const remote = await a.connect('b');
        inside = context().deadline;
        // The deadline is one of the wire, by the clock of this machine: it has to pass.
        const passed = new Promise((resolve) => setTimeout(resolve, (inside ?? 0) + 20));
        later = passed.then(() => remote.shout('late'));
        return 'begun';
      },
    });
    const remote = await caller().connect('a');
    await options(remote, { deadline: 400 }).begin();
    expect(inside).toBeLessThanOrEqual(400);
    expect(await later).toBe('LATE');
  });

  test('a call from a handler carries what is left of the time', async () => {
    const { start, caller } = await meetingPlace();
    const seen: (number | undefined)[] = [];
    await start('b', { look: () => void seen.push(context().deadline) });
    const a = await start('a', {
      async ask() {
        const remote = await a.connect('b');
        await remote.look();
      },
    });
    const remote = await caller().connect('a');
    await options(remote, { deadline: 4_000 }).ask();
    expect(seen[0]).toBeLessThan(4_000);
    expect(seen[0]).toBeGreaterThan(0);
  });
});

describe('trouble', () => {
  test('a port in use', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    onTestFinished(() => void taken.close());
    // A server that was given a port has an address of this kind.
    const { port } = taken.address() as AddressInfo;
    const { discover } = await meetingPlace();
    const heard: unknown[] = [];
    discover().browse('a', (event) => heard.push(event));
    const service = dservice('a', api, {
      port,
      discovery: discover(),
      logger: { warn: () => {} },
    });
    await expect(service.start()).rejects.toMatchObject({
      code: 'ERR_LISTEN',
      cause: expect.objectContaining({ code: 'EADDRINUSE' }),
    });
    expect(service.state).toBe('stopped');
    expect(heard).toEqual([]);
  });

  test.each([
    [{ host: '192.0.2.7' }, /192\.0\.2\.7/],
    [{ path: '/nowhere/at/all.sock' }, /all\.sock/],
  ])('a place that is none: %j', async (place, message) => {
    const { discover } = await meetingPlace();
    const service = dservice('a', api, {
      ...place,
      discovery: discover(),
      logger: { warn: () => {} },
    });
    await expect(service.start()).rejects.toMatchObject({
      code: 'ERR_LISTEN',
      message: expect.stringMatching(message),
    });
  });

  test('no multicast: degraded, with the reason, and served all the same', async () => {
    const { mdns } = await import('./mdns/mdns.js');
    const discovery = mdns({ reach: 'local', networkInterfaces: () => ({}) });
    onTestFinished(() => discovery.close());
    const service = dservice('a', api, { discovery });
    onTestFinished(() => service.stop(0));
    await service.start();
    expect(service.state).toBe('up');
    const caller = dservice({ discovery: mdns({ reach: 'local', networkInterfaces: () => ({}) }) });
    await expect(caller.connect('a', { wait: 50 })).rejects.toMatchObject({
      code: 'ERR_NO_INSTANCE',
      message: expect.stringContaining('by mdns (There is no loopback interface to multicast on)'),
      cause: expect.objectContaining({ code: 'ERR_DISCOVERY' }),
    });
    await caller.stop();
  });
});

describe('reach', () => {
  test.each([
    ['unix:/tmp/a.sock', true],
    ['tcp://127.0.0.1:80', true],
    ['tcp://127.9.9.9:80', true],
    ['tls://[::1]:80', true],
    ['ws://localhost:80/x', true],
    ['wss://[::1]:80/', true],
    ['tcp://10.0.0.1:80', false],
    ['tcp://127.example.com:80', false],
    ['ws://127.0.0.1.example.com:80', false],
    ['tcp://localhost.example.com:80', false],
    ['tcp://[fe80::1]:80', false],
    ['nonsense', false],
  ])('a local caller may use %s: %s', (endpoint, yes) => {
    expect(nodeRuntime.reachable(endpoint, 'local')).toBe(yes);
  });

  test('a caller on the network may use others', () => {
    expect(nodeRuntime.reachable('tcp://10.0.0.1:80', 'lan')).toBe(true);
    expect(nodeRuntime.reachable('nonsense', 'lan')).toBe(false);
  });

  describe('DSERVICE_REACH', () => {
    const before = process.env.DSERVICE_REACH;
    afterEach(() => {
      if (before === undefined) delete process.env.DSERVICE_REACH;
      else process.env.DSERVICE_REACH = before;
    });

    test.each([
      ['', 'local'],
      ['local', 'local'],
      ['lan', 'lan'],
    ])('%j is %s', (text, reach) => {
      process.env.DSERVICE_REACH = text;
      expect(nodeRuntime.reach).toBe(reach);
    });

    test('anything else is said at the call', () => {
      process.env.DSERVICE_REACH = 'world';
      expect(() => dservice('a', api)).toThrow(
        expect.objectContaining({
          code: 'ERR_OPTION',
          message: 'DSERVICE_REACH is "local" or "lan", not "world"',
        }),
      );
      // Whoever says it themselves does not ask.
      expect(dservice('a', api, { reach: 'local' }).state).toBe('new');
    });
  });
});

describe('a process', () => {
  let children: Children;
  beforeAll(() => void (children = new Children()));
  afterAll(() => children.close());

  test('is not kept alive by a caller that has what it wanted', async () => {
    const { start, port } = await meetingPlace();
    await start('a', api);
    const child = children.start(`
      (async () => {
        const caller = dservice({ discovery: mdns({ reach: 'local', port: ${port} }) });
        const remote = await caller.connect('a');
        console.log(await remote.shout('hi'));
      })();`);
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.lines).toEqual(['HI']);
    expect(child.errors).toBe('');
  });

  test('is kept alive while it waits: for an instance, and for an answer', async () => {
    const { start, port } = await meetingPlace();
    const child = children.start(`
      (async () => {
        const caller = dservice({ discovery: mdns({ reach: 'local', port: ${port} }) });
        const connecting = caller.connect('a');
        console.log('waiting');
        const remote = await connecting;
        console.log(await remote.slow());
        caller.dnodeFor('a', (error, remote, d) => {
          console.log(Object.keys(remote).join());
          d.end();
        });
      })();`);
    await child.line(/waiting/);
    // Longer than a program lives that has nothing to wait for.
    await start('a', { slow: () => new Promise((resolve) => setTimeout(resolve, 300, 'slow')) });
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.lines).toEqual(['waiting', 'slow', 'slow']);
  });

  test('ends well when its caller finds nobody, and it says so', async () => {
    const { port } = await meetingPlace();
    const child = children.start(`
      dservice({ discovery: mdns({ reach: 'local', port: ${port} }), wait: 100 })
        .connect('a')
        .catch((error) => console.log(error.code));`);
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.lines).toEqual(['ERR_NO_INSTANCE']);
  });

  test('is told when services call each other in a loop, and by which', async () => {
    const { start, port } = await meetingPlace();
    const program = (name: string, next: string): string => `
      const s = dservice('${name}', {
        async go(n) {
          await new Promise((resolve) => setImmediate(resolve));
          return await (await next).go(n + 1);
        },
      }, { discovery: mdns({ reach: 'local', port: ${port} }) });
      const next = s.connect('${next}');
      s.start().then(() => console.log('up'));`;
    const loop = [children.start(program('b', 'c')), children.start(program('c', 'a'))];
    await Promise.all(loop.map((child) => child.line(/up/)));
    const a = await start('a', { go: async (n: number) => await (await toB).go(n + 1) });
    const toB = a.connect('b');
    const remote = await a.connect('a');
    await expect(remote.go(0)).rejects.toMatchObject({
      code: 'ERR_CALL_CYCLE',
      message: 'a call came back to a more than 8 times: a → b → c → a',
    });
    for (const { process, ended } of loop) {
      process.kill();
      await ended;
    }
  });

  test('is not ended by a start that nobody awaits', async () => {
    const child = children.start(`
      dservice().start();
      setTimeout(() => console.log('alive'), 50);`);
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.lines).toEqual(['alive']);
    expect(child.errors).toMatch(/did not start: a service without a name only calls/);
  });

  test('has no file left to open: calls fail with the reason, and the rest goes on', async () => {
    const { start, port } = await meetingPlace();
    await start('a', api);
    const child = children.start(
      `
      const fs = require('node:fs');
      (async () => {
        const discovery = mdns({ reach: 'local', port: ${port} });
        const remote = await dservice({ discovery }).connect('a');
        console.log('connected');
        const taken = [];
        try { for (;;) taken.push(fs.openSync('/dev/null')); } catch (error) { console.log(error.code); }
        console.log(await remote.shout('still'));
        const error = await dservice({ discovery }).connect('a', { wait: 1500 }).catch((e) => e);
        console.log(error.code, /EMFILE/.test(error.message));
        await dservice('b', {}, { discovery, logger: { warn() {} } }).start().catch((e) => console.log(e.code));
        for (const each of taken) fs.closeSync(each);
        const other = await dservice({ discovery }).connect('a');
        console.log(await other.shout('again'));
      })();`,
      {},
      256,
    );
    expect(await child.ended).toEqual({ code: 0, signal: null });
    expect(child.lines).toEqual([
      'connected',
      'EMFILE',
      'STILL',
      'ERR_CONNECT true',
      'ERR_LISTEN',
      'AGAIN',
    ]);
  });
});
