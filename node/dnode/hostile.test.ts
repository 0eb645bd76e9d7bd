import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import dnode, { type AnyRemote, type Cons, type Dnode, type DnodeOptions } from './index.js';

// Machines are slow at times.
vi.setConfig({ testTimeout: 20_000 });

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
  vi.restoreAllMocks();
});

const methods = '{"method":"methods","arguments":[{}],"callbacks":{},"links":[]}\n';

interface Rig {
  readonly socket: Socket;
  readonly session: Dnode;
  readonly fails: unknown[];
  readonly errors: unknown[];
  readonly ended: Promise<void>;
  /** Sends lines, and then a call that the server answers: whatever came before was read. */
  send(...lines: unknown[]): Promise<void>;
}

/** A server, and a bare socket that has said `methods` to it. */
async function rig(api: Cons, opts: DnodeOptions = {}, listen = true): Promise<Rig> {
  const full = { ping: (cb: AnyRemote) => cb(), ...(api as object) };
  const server = dnode(full, opts).listen(0, '127.0.0.1');
  closing.push(() => server.close());
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  closing.push(() => socket.destroy());
  socket.setEncoding('utf8').on('error', () => {});
  let text = '';
  socket.on('data', (data: string) => (text += data));
  await once(socket, 'data');
  const [session] = Object.values(server.sessions);
  if (session === undefined) throw new Error('no session');
  const fails: unknown[] = [];
  const errors: unknown[] = [];
  session.on('fail', (error) => fails.push(error));
  if (listen) session.on('error', (error) => errors.push(error));
  const ended = new Promise<void>((resolve) => void session.on('end', resolve));
  let count = 900;
  return {
    socket,
    session,
    fails,
    errors,
    ended,
    async send(...lines) {
      for (const line of lines) {
        socket.write(typeof line === 'string' ? line : `${JSON.stringify(line)}\n`);
      }
      const id = ++count;
      socket.write(`{"method":"ping","arguments":["[Function]"],"callbacks":{"${id}":["0"]}}\n`);
      while (!text.includes(`"method":${id},`)) await once(socket, 'data');
    },
  };
}

const code = (name: string): unknown => expect.objectContaining({ code: name });

describe('what ended a dnode server', () => {
  it.each([
    ['null', null, 'ERR_MALFORMED'],
    ['a number', 7, 'ERR_MALFORMED'],
    ['an array', [], 'ERR_MALFORMED'],
    ['no method', {}, 'ERR_MALFORMED'],
    ['a method that is an object', { method: {} }, 'ERR_MALFORMED'],
    ['arguments that are none', { method: 'f', arguments: 'x' }, 'ERR_MALFORMED'],
    ['a method that is no function', { method: 'data' }, 'ERR_METHOD'],
    ['a method that is not there', { method: 'x' }, 'ERR_METHOD'],
    ['a method that is inherited', { method: 'toString' }, 'ERR_METHOD'],
    ['a method by an index', { method: '0' }, 'ERR_METHOD'],
    ['an unknown id', { method: 99 }, 'ERR_METHOD'],
    ['a negative id', { method: -1 }, 'ERR_METHOD'],
    ['half an id', { method: 0.5 }, 'ERR_METHOD'],
    [
      'an id "1abc"',
      { method: 'f', arguments: ['x'], callbacks: { '1abc': ['0'] } },
      'ERR_MALFORMED',
    ],
    [
      'a link through __proto__',
      { method: 'f', arguments: [{}], links: [{ from: ['0'], to: ['0', '__proto__', 'x'] }] },
      'ERR_MALFORMED',
    ],
    [
      'a link to a prototype',
      { method: 'f', arguments: [{}, {}], links: [{ from: ['1'], to: ['0', '__proto__'] }] },
      'ERR_MALFORMED',
    ],
    [
      'a path far past the end',
      { method: 'f', arguments: ['x'], callbacks: { 1: ['4294967294'] } },
      'ERR_MALFORMED',
    ],
    ['a path that is none', { method: 'f', arguments: [], callbacks: { 1: 'x' } }, 'ERR_MALFORMED'],
    ['links that are none', { method: 'f', arguments: [], links: 7 }, 'ERR_MALFORMED'],
  ])('%s', async (_, message, expected) => {
    const f = vi.fn<() => void>();
    const { send, fails, errors, session } = await rig({ f, data: 42 });
    await send(methods, message);
    expect(fails).toEqual([code(expected)]);
    expect(errors).toEqual([]);
    expect(f).not.toHaveBeenCalled();
    expect(session.readable).toBe(true);
    expect(({} as AnyRemote).x).toBeUndefined();
  });

  it.each([[[null]], [[]], [['text']], [[7]], [undefined]])('methods with %j', async (args) => {
    const { send, fails, session } = await rig({});
    await send({ method: 'methods', arguments: args });
    expect(fails).toEqual([]);
    expect(session.proto?.remote).toEqual({});
  });

  it('methods with __proto__', async () => {
    const { send, session } = await rig({});
    await send('{"method":"methods","arguments":[{"__proto__":{"x":1},"y":2}]}\n');
    expect(session.proto?.remote).toEqual({ y: 2 });
    expect(Object.getPrototypeOf(session.proto?.remote)).toBe(Object.prototype);
  });

  it('unknown keys, controls, a hello and an empty line are passed over', async () => {
    const { send, fails } = await rig({});
    await send(
      methods,
      '\n',
      ' \r\n',
      { control: 'ping', n: 0 },
      {
        method: 'methods',
        arguments: [{}],
        dservice: { v: 1, features: ['reply'] },
        more: 1,
      },
    );
    expect(fails).toEqual([]);
  });

  it('a line that is not JSON ends the connection, and says why', async () => {
    const { socket, fails, ended } = await rig({});
    socket.write('GET / HTTP/1.1\r\n');
    await ended;
    expect(fails).toEqual([code('ERR_MALFORMED')]);
    await once(socket, 'close');
  });

  it('an ended connection delivers nothing more', async () => {
    const f = vi.fn<() => void>();
    const { socket, ended } = await rig({ f });
    socket.write('x\n{"method":"f"}\n');
    await ended;
    expect(f).not.toHaveBeenCalled();
  });
});

describe('a handler that fails', () => {
  const failing = {
    bad: () => {
      throw new Error('bad');
    },
    rejects: () => Promise.reject(new Error('rejects')),
    get getter(): unknown {
      return () => {
        throw new Error('getter');
      };
    },
  };

  it('is an error, and no connection suffers', async () => {
    const { send, errors, session } = await rig(failing);
    await send(methods, { method: 'bad' }, { method: 'rejects' }, { method: 'getter' });
    expect(errors.map((error) => (error as Error).message)).toEqual(['bad', 'getter', 'rejects']);
    expect(session.readable).toBe(true);
  });

  it('is printed, once a connection, where nobody listens', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { send } = await rig(failing, {}, false);
    await send(methods, { method: 'bad' }, { method: 'bad' }, { method: 'rejects' });
    expect(print).toHaveBeenCalledTimes(1);
    expect(print.mock.calls[0]?.[1]).toMatchObject({ message: 'bad' });
  });

  it('does not take the listener for errors down with it', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {});
    const { send, session } = await rig(failing, {}, false);
    session.on('error', () => {
      throw new Error('twice');
    });
    await send(methods, { method: 'bad' });
    expect(print.mock.calls[0]?.[1]).toMatchObject({ message: 'twice' });
  });

  it('is the same for a listener, and the other listeners hear all the same', async () => {
    const { send, session, errors } = await rig({});
    session.on('remote', (remote) => remote.missing());
    // As an async listener would.
    session.on('remote', (): unknown => Promise.reject(new Error('later')));
    const heard = vi.fn<() => void>();
    session.on('remote', heard);
    await send(methods);
    expect(heard).toHaveBeenCalledTimes(1);
    expect(errors).toEqual([expect.any(TypeError), expect.objectContaining({ message: 'later' })]);
  });

  it('a constructor that throws ends its connection, and no other', async () => {
    const print = vi.spyOn(console, 'error').mockImplementation(() => {});
    const server = dnode(() => {
      throw new Error('no api');
    }).listen(0, '127.0.0.1');
    closing.push(() => server.close());
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.resume();
    await once(socket, 'close');
    expect(print.mock.calls[0]?.[1]).toMatchObject({ message: 'no api' });
    expect(server.sessions).toEqual({});
  });
});

describe('limits', () => {
  it('a line without end: the connection is cut', async () => {
    const { socket, fails, ended } = await rig({}, { limits: { line: 1_000 } });
    socket.write(`{"method":"${'x'.repeat(2_000)}`);
    await ended;
    expect(fails).toEqual([code('ERR_LIMIT')]);
    await once(socket, 'close');
  });

  it.each([1, 100_000])(
    'a message that is nested too deep is refused (padded by %i)',
    async (pad) => {
      const f = vi.fn<() => void>();
      const { send, fails } = await rig({ f });
      const depth = (n: number): string => `${'['.repeat(n)}"${'x'.repeat(pad)}"${']'.repeat(n)}`;
      await send(methods, `{"method":"f","arguments":${depth(66)}}\n`);
      expect(fails).toEqual([code('ERR_LIMIT')]);
      expect(f).not.toHaveBeenCalled();
      await send(`{"method":"f","arguments":${depth(60)}}\n`);
      expect(f).toHaveBeenCalledTimes(1);
    },
  );

  it('a message with too many values is refused', async () => {
    const f = vi.fn<() => void>();
    const { send, fails } = await rig({ f }, { limits: { nodes: 50_000 } });
    await send(methods, { method: 'f', arguments: [Array(60_000).fill(1)] });
    expect(fails).toEqual([code('ERR_LIMIT')]);
    expect(f).not.toHaveBeenCalled();
  });

  it('functions that are held', async () => {
    const kept: unknown[] = [];
    const api = { keep: (fn: unknown) => kept.push(fn) };
    const { socket, session, fails } = await rig(api, { limits: { functions: 10 } });
    const failed = new Promise<void>((resolve) => {
      session.on('fail', () => fails.length === 2 && resolve());
    });
    for (let id = 0; id < 12; id++) {
      const message = { method: 'keep', arguments: ['x'], callbacks: { [id]: ['0'] } };
      socket.write(`${JSON.stringify(message)}\n`);
    }
    await failed;
    expect(kept).toHaveLength(10);
    expect(fails).toEqual(Array(2).fill(code('ERR_LIMIT')));
  });

  const call = '{"method":"f","arguments":["x"],"callbacks":{"1":["0"]}}\n';
  const answering = (size: number) => {
    const answer = 'x'.repeat(size);
    const served = { count: 0 };
    const f = (cb: AnyRemote): void => {
      served.count++;
      cb(answer);
    };
    return { f, served };
  };

  it('who does not read gets no more questions in, until it reads', async () => {
    const { f, served } = answering(1_000);
    const { socket, session } = await rig({ f }, { limits: { unsent: 100_000 } });
    socket.pause();
    const count = 30_000;
    socket.write(methods + call.repeat(count));
    while (session.stream?.isPaused() !== true) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(served.count).toBeLessThan(count / 2);
    let answers = 0;
    socket.on('data', (text: string) => (answers += text.split('\n').length - 1));
    socket.resume();
    while (answers < count) await once(socket, 'data');
    expect(served.count).toBe(count);
  }, 20_000);

  it('who never reads is cut off', async () => {
    const { f } = answering(10_000);
    const limits = { unsent: 100_000, unsentMax: 1_000_000 };
    const { socket, fails, ended } = await rig({ f }, { limits });
    socket.pause();
    socket.write(methods + call.repeat(2_000));
    await ended;
    expect(fails).toEqual([code('ERR_LIMIT')]);
    // It learns it when it reads on: by an end, or a reset, since there was more to read.
    socket.on('error', () => {});
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve));
  });
});

describe('two sides that flood each other', () => {
  it('both come to an end, in order', async () => {
    const n = 3_000;
    const blob = 'x'.repeat(2_000);
    let served = 0;
    const server = dnode(
      { f: (i: number, text: string, cb: AnyRemote) => cb(i, text, () => served++) },
      { limits: { unsent: 50_000 } },
    ).listen(0, '127.0.0.1');
    closing.push(() => server.close());
    await once(server, 'listening');
    const client = dnode({}, { limits: { unsent: 50_000 } }).connect(
      (server.address() as AddressInfo).port,
      '127.0.0.1',
    );
    const [remote] = (await once(client, 'remote')) as [AnyRemote];
    const got: number[] = [];
    await new Promise<void>((resolve) => {
      for (let i = 0; i < n; i++) {
        remote.f(i, blob, (at: number, _: string, ack: AnyRemote) => {
          ack();
          if (got.push(at) === n) resolve();
        });
      }
    });
    expect(got).toEqual(Array.from({ length: n }, (_, i) => i));
    const gone = once(Object.values(server.sessions)[0]!, 'end');
    client.end();
    await gone;
    expect(served).toBe(n);
  }, 20_000);
});
