import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Stream } from 'node:stream';
import { afterEach, describe, expect, expectTypeOf, it, vi } from 'vitest';
import dnode, { type AnyRemote, type Dnode, type DnodeServer } from './index.js';

const open: { close?(): void; end?(): void; destroy?(): void }[] = [];
afterEach(() => {
  for (const it of open.splice(0)) (it.close ?? it.destroy ?? it.end)?.call(it);
});

/** Two drop-ins piped to each other, in this turn. */
function pair(server: unknown, client?: unknown): { server: Dnode; client: Dnode } {
  const ends = { server: dnode(server as object), client: dnode(client as object) };
  ends.client.pipe(ends.server).pipe(ends.client);
  return ends;
}

async function remoteOf(conn: Dnode): Promise<AnyRemote> {
  const [remote] = (await once(conn, 'remote')) as [AnyRemote];
  // A remote may have a method `then`.
  return { ...remote };
}

/** What a function of the callback style is called back with. */
function called(run: (cb: (...args: unknown[]) => void) => void): Promise<unknown[]> {
  return new Promise((resolve) => run((...args) => resolve(args)));
}

async function listening(server: Server): Promise<number> {
  open.push(server);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

describe('dnode(cons, opts)', () => {
  it('makes a stream of the old kind, with or without new', () => {
    for (const d of [dnode(), new dnode({}), dnode(null, null)]) {
      expect(d).toBeInstanceOf(dnode);
      expect(d).toBeInstanceOf(Stream);
      expect(d).toMatchObject({ readable: true, writable: true, opts: {}, proto: undefined });
    }
  });

  it('calls back and forth, with values, functions and callbacks of callbacks', async () => {
    const { client } = pair({
      n: 1337,
      empty: null,
      _id: 'x',
      z: (f: AnyRemote, g: AnyRemote, h: AnyRemote) =>
        f(10, (x: number) => g(10, (y: number) => h(x, y))),
    });
    const remote = await remoteOf(client);
    expect(remote).toMatchObject({ n: 1337, empty: null, _id: 'x' });
    const twice = (x: number, cb: AnyRemote): void => cb(x * 2);
    const half = (x: number, cb: AnyRemote): void => cb(x / 2);
    expect(await called((cb) => remote.z(twice, half, cb))).toEqual([20, 5]);
    expect(await called((cb) => remote.z(twice, twice, cb))).toEqual([20, 20]);
  });

  it('gives a constructor the remote, still empty, and the connection', async () => {
    const { server, client } = pair(
      function (this: AnyRemote, other: AnyRemote, conn: Dnode) {
        expect(other).toEqual({});
        this.timesX = (n: number, f: AnyRemote) => other.x((x: number) => f(n * x));
        this.same = (cb: AnyRemote) => cb(conn === server);
      },
      { x: (f: AnyRemote) => f(20) },
    );
    const remote = await remoteOf(client);
    expect(await called((cb) => remote.timesX(3, cb))).toEqual([60]);
    expect(await called((cb) => remote.same(cb))).toEqual([true]);
  });

  it('lets middleware see and change what is offered, before it is sent', async () => {
    const { server, client } = pair(function (this: AnyRemote) {
      this.baz = 42;
    });
    server.on('local', (local, conn) => {
      expect(conn).toBe(server);
      local.moo = true;
    });
    expect(await remoteOf(client)).toEqual({ baz: 42, moo: true });
  });

  it('fires remote with the connection, and ready', async () => {
    const { client } = pair({ a: 1 });
    const ready = once(client, 'ready');
    const [remote, conn] = await once(client, 'remote');
    expect(remote).toEqual({ a: 1 });
    expect(conn).toBe(client);
    await ready;
  });

  it('fills the same remote anew when the other side announces itself again', async () => {
    const api: AnyRemote = { a: 1 };
    const { server, client } = pair(api);
    const [first] = await once(client, 'remote');
    delete api.a;
    api.b = 2;
    const again = once(client, 'remote');
    server.proto?.start();
    expect((await again)[0]).toBe(first);
    expect(first).toEqual({ b: 2 });
    expect(server.proto?.instance).toBe(api);
    expect(client.proto?.remote).toBe(first);
  });

  it('ignores what is returned, has no `this`, and returns undefined', async () => {
    const { client } = pair({
      f(this: unknown, cb: AnyRemote) {
        cb(typeof this);
        return 2;
      },
    });
    const remote = await remoteOf(client);
    let returned: unknown = 'unset';
    expect(await called((cb) => (returned = remote.f(cb)))).toEqual(['undefined']);
    expect(returned).toBeUndefined();
  });

  it('carries cycles', async () => {
    const { client } = pair({
      same: (value: AnyRemote, cb: AnyRemote) => cb(value, value.me === value),
    });
    const remote = await remoteOf(client);
    const value: AnyRemote = { list: [1] };
    value.me = value;
    value.list.push(value.list);
    const [back, seen] = (await called((cb) => remote.same(value, cb))) as [AnyRemote, boolean];
    expect(seen).toBe(true);
    expect(back.me).toBe(back);
    expect(back.list[1]).toBe(back.list);
  });

  it('gives each side its own copy of objects, and functions within', async () => {
    const obj = { a: 1, f: (n: number, cb: AnyRemote) => cb(n * 20) };
    const { client } = pair({ get: (cb: AnyRemote) => cb(obj) });
    const remote = await remoteOf(client);
    const [got] = (await called((cb) => remote.get(cb))) as [AnyRemote];
    got.a += 100;
    expect(obj.a).toBe(1);
    expect(await called((cb) => got.f(13, cb))).toEqual([260]);
  });

  it('serves emitters, and broadcasts to whoever subscribed', async () => {
    const hub = new EventEmitter();
    const cons = function (this: AnyRemote, client: AnyRemote, conn: Dnode): void {
      conn.on('ready', () => hub.on('message', client.message));
      conn.on('end', () => hub.off('message', client.message));
      this.say = (text: string) => hub.emit('message', `${client.name}: ${text}`);
    };
    const got: string[] = [];
    const make = async (name: string) => {
      const { client } = pair(cons, {
        name,
        message: (text: string) => got.push(`${name} < ${text}`),
      });
      return { client, remote: await remoteOf(client) };
    };
    const [a, b] = [await make('a'), await make('b')];
    a.remote.say('hello');
    expect(got).toEqual(['a < a: hello', 'b < a: hello']);
    b.client.end();
    expect(hub.listenerCount('message')).toBe(1);
  });

  it('emits messages as objects where asked, and takes them', async () => {
    const server = dnode({ f: (cb: AnyRemote) => cb('ok') }, { emit: 'object' });
    const client = dnode({}, { emit: 'object' });
    const seen: unknown[] = [];
    server.on('data', (message: unknown) => {
      seen.push(message);
      client.write(structuredClone(message));
    });
    client.on('data', (message: unknown) => server.handle(message));
    const remote = await remoteOf(client);
    expect(await called((cb) => remote.f(cb))).toEqual(['ok']);
    expect(seen).toEqual([
      {
        method: 'methods',
        arguments: [{ f: '[Function]' }],
        callbacks: { 0: ['0', 'f'] },
        links: [],
      },
      { method: 0, arguments: ['ok'], callbacks: {}, links: [] },
    ]);
  });

  it('lets opts.proto hold the functions of the peer', async () => {
    const log: unknown[] = [];
    const client = dnode(
      {},
      {
        proto: {
          wrap(fn, id) {
            log.push(['wrap', id, typeof this.cull]);
            return { fn };
          },
          unwrap(held, id) {
            log.push(['unwrap', id]);
            return (held as { fn: unknown }).fn;
          },
        },
      },
    );
    const f = (): void => {};
    const server = dnode({ get: (cb: AnyRemote) => cb(f) });
    server.pipe(client).pipe(server);
    const remote = await remoteOf(client);
    const [first] = await called((cb) => remote.get(cb));
    const [second] = await called((cb) => remote.get(cb));
    expect(second).toBe(first);
    expect(log).toEqual([
      ['wrap', 0, 'function'],
      ['wrap', 1, 'function'],
      ['unwrap', 1],
    ]);
  });

  it('ends both ways, once, after what was called before', async () => {
    const { server, client } = pair({ f: () => order.push('call') });
    const order: string[] = [];
    const remote = await remoteOf(client);
    server.on('end', () => order.push('server'));
    client.on('end', () => order.push('client'));
    client.pause();
    remote.f();
    expect(order).toEqual([]);
    client.end();
    client.destroy();
    expect(order).toEqual(['call', 'server', 'client']);
    expect(client).toMatchObject({ readable: false, writable: false });
    remote.f();
    expect(order).toHaveLength(3);
    expect(client.write('{"method":"methods"}\n')).toBe(true);
  });

  it('says nothing if it was ended in the turn in which it was made', async () => {
    const d = dnode(() => expect.unreachable());
    d.on('data', () => expect.unreachable());
    d.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(d.proto).toBeUndefined();
  });

  it('takes bytes and text cut anywhere', async () => {
    const text = '{"method":"methods","arguments":[{"s":"☔😀"}]}\n';
    const whole = dnode();
    whole.write(text);
    const bytes = dnode();
    for (const byte of Buffer.from(text)) bytes.write(Uint8Array.of(byte));
    const units = dnode();
    for (let i = 0; i < text.length; i++) units.write(text[i]);
    const remotes = await Promise.all([whole, bytes, units].map(remoteOf));
    expect(remotes).toEqual(Array(3).fill({ s: '☔😀' }));
  });

  it('sends ASCII only', async () => {
    const d = dnode({ s: '☔' });
    const [line] = await once(d, 'data');
    expect(line).toBe(
      '{"method":"methods","arguments":[{"s":"\\u2614"}],"callbacks":{},"links":[]}\n',
    );
  });

  it('throws, at the call, for what cannot be sent', async () => {
    const { client } = pair({ f: (value: unknown, cb: AnyRemote) => cb(value) });
    const remote = await remoteOf(client);
    expect(() => remote.f(1n)).toThrow(expect.objectContaining({ code: 'ERR_DATA' }));
    expect(await called((cb) => remote.f(Number.NaN, cb))).toEqual([null]);
    const deep = JSON.parse(`${'['.repeat(50)}${']'.repeat(50)}`) as unknown;
    expect(await called((cb) => remote.f(deep, cb))).toEqual([deep]);
  });

  it('has types', () => {
    const d = dnode<{ f(n: number): void }>({ a: 1 });
    d.on('remote', (remote, conn) => {
      expectTypeOf(remote.f).parameters.toEqualTypeOf<[number]>();
      expectTypeOf(conn.id).toEqualTypeOf<string | undefined>();
    });
    d.on('remote', (remote) => expectTypeOf(remote.f).returns.toBeVoid());
    const untyped: (port: number) => DnodeServer = (port) => dnode({}).listen(port);
    expectTypeOf(untyped).returns.toHaveProperty('sessions');
    d.end();
  });
});

describe('connect and listen', () => {
  it('over TCP, with a callback; ids, sockets and sessions', async () => {
    const server = dnode({ f: (cb: AnyRemote) => cb(1337) }).listen('0', '127.0.0.1');
    const locals: Dnode[] = [];
    const remotes: Dnode[] = [];
    server.on('local', (_, conn) => locals.push(conn));
    server.on('remote', (_, conn) => remotes.push(conn));
    const port = await listening(server);
    const ended = vi.fn<() => void>();
    const [remote, conn] = (await called((cb) => dnode.connect(String(port), '127.0.0.1', cb))) as [
      AnyRemote,
      Dnode,
    ];
    conn.on('end', ended);
    expect(await called((cb) => remote.f(cb))).toEqual([1337]);
    expect(conn.id).toMatch(/^[0-9a-f]{48}$/);
    expect(conn.stream?.remoteAddress).toBe('127.0.0.1');
    const [there] = Object.values(server.sessions);
    expect(Object.keys(server.sessions)).toEqual([there?.id]);
    expect(locals).toEqual([there]);
    expect(remotes).toEqual([there]);
    const gone = once(there!, 'end');
    conn.end();
    expect(ended).toHaveBeenCalledTimes(1);
    await gone;
    expect(server.sessions).toEqual({});
  });

  it('over a unix socket', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dnode-'));
    const path = join(folder, 's');
    const ready = vi.fn<() => void>();
    const server = dnode({ f: (cb: AnyRemote) => cb(1) }).listen(path, ready);
    open.push(server);
    await once(server, 'listening');
    expect(ready).toHaveBeenCalledTimes(1);
    const d = dnode().connect({ path });
    const remote = await remoteOf(d);
    expect(await called((cb) => remote.f(cb))).toEqual([1]);
    d.end();
    await rm(folder, { recursive: true });
  });

  it('prefers IPv4 where no host is given', async () => {
    const port = await listening(dnode({}).listen(0));
    const d = dnode.connect(port);
    await once(d, 'remote');
    expect(d.stream?.remoteAddress).toBe('127.0.0.1');
    d.end();
  });

  it('throws where there is no place', () => {
    expect(() => dnode.connect()).toThrow('no port or unix path given');
    expect(() => dnode.connect(0)).toThrow('no port or unix path given');
    expect(() => dnode.listen()).toThrow('no port or path provided');
  });

  it('tells where nobody is there', async () => {
    const port = await listening(dnode.listen(0, '127.0.0.1'));
    const server = open.pop() as Server;
    server.close();
    await once(server, 'close');
    const d = dnode.connect(port, '127.0.0.1');
    d.on('end', () => expect.unreachable());
    const [error] = await once(d, 'error');
    expect(error).toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('over any stream, piped either way round', async () => {
    const serving = createServer((c) => {
      const d = dnode({ meow: (cb: AnyRemote) => cb('cats') });
      c.pipe(d).pipe(c);
    }).listen(0, '127.0.0.1');
    const port = await listening(serving);
    const d = dnode();
    const c = connect(port, '127.0.0.1');
    d.pipe(c).pipe(d);
    const remote = await remoteOf(d);
    expect(await called((cb) => remote.meow(cb))).toEqual(['cats']);
    const ended = once(d, 'end');
    d.end();
    await ended;
    await once(c, 'close');
  });
});

describe('a connection that breaks', () => {
  it('ends the stream that was piped to it, and not the process', async () => {
    let d: Dnode | undefined;
    const server = createServer((c) => {
      d = dnode({ a: 1 });
      c.pipe(d).pipe(c);
    }).listen(0, '127.0.0.1');
    const socket = connect(await listening(server), '127.0.0.1');
    await once(socket, 'data');
    const ended = once(d!, 'end');
    socket.resetAndDestroy();
    await ended;
  });

  it('ends a session of a server, and is told to who listens for errors', async () => {
    const server = dnode({ a: 1 }).listen(0, '127.0.0.1');
    const port = await listening(server);
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'data');
    const [session] = Object.values(server.sessions);
    const errors: unknown[] = [];
    session!.on('error', (error) => errors.push(error));
    const ended = new Promise<void>((resolve) => void session!.on('end', resolve));
    socket.resetAndDestroy();
    await ended;
    expect(errors).toEqual([expect.objectContaining({ code: 'ECONNRESET' })]);
    expect(server.sessions).toEqual({});
  });

  it('throws other errors of the destination where nobody listens, as a pipe does', () => {
    const d = dnode();
    const to = new EventEmitter() as EventEmitter & NodeJS.WritableStream;
    Object.assign(to, { writable: true, write: () => true, end: () => to });
    d.pipe(to);
    expect(() => to.emit('error', new Error('disk full'))).toThrow('disk full');
    d.end();
  });
});
