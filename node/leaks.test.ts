import { isDeepStrictEqual } from 'node:util';
import { MessageChannel } from 'node:worker_threads';
import { afterAll, describe, expect, test } from 'vitest';
import { staticDiscovery } from '../src/discovery/static.js';
import { noTables, type SessionHandle } from '../src/protocol/session-handle.js';
import { codeOf } from '../src/testing/fixtures/peer.js';
import dservice, { codec, context, dial, Exposed, options, serve, sessionOf } from './index.js';

const closing: (() => unknown)[] = [];
afterAll(() => Promise.all(closing.map((close) => close())));

class Point {
  constructor(readonly x: number) {}
}
const codecs = [
  codec({
    name: 'point',
    for: Point,
    encode: (it) => ({ x: it.x }),
    decode: ({ x }) => new Point(x),
  }),
];

class User extends Exposed {
  constructor(readonly id: number) {
    super();
  }

  name(): string {
    return `user ${this.id}`;
  }

  friend(): User {
    return new User(this.id + 1);
  }
}

type Callback = (...args: unknown[]) => Promise<unknown>;

const api = {
  echo: (it: unknown) => it,
  call: (fn: Callback, ...args: unknown[]) => fn(...args),
  makes: () => () => 'made',
  user: (id: number) => new User(id),
  users: () => [1, 2, 3].map((id) => new User(id)),
  async *rows(count: number) {
    for (let i = 0; i < count; i++) yield { i };
  },
  async sum(rows: AsyncIterable<number>) {
    let sum = 0;
    for await (const row of rows) sum += row;
    return sum;
  },
  sink: () => new WritableStream(),
  blob: () => new Blob(['blob']),
  stuck: () =>
    new Promise((_, reject) =>
      context().signal.addEventListener('abort', () => reject(new Error('aborted'))),
    ),
  fails: () => {
    throw new RangeError('failed');
  },
  unsendable: () => [() => 1, Symbol('s')],
  until: (signal: AbortSignal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(signal.reason))),
  ends: () => AbortSignal.abort('over'),
};

// What is held of it is told by tables, and not by types.
// oxlint-disable-next-line no-explicit-any
type Remote = any;

/** Everything that a remote can do. */
const deeds: Readonly<Record<string, (remote: Remote) => Promise<unknown>>> = {
  calls: async (remote) =>
    expect(await Promise.all([1, 2, 3].map((n) => remote.echo(n)))).toEqual([1, 2, 3]),
  async callbacks(remote) {
    const back: unknown = await remote.call(
      (fn: Callback) => fn('x'),
      (it: unknown) => it,
    );
    expect(back).toBe('x');
    expect(await (await remote.makes())()).toBe('made');
    expect(await remote.echo(() => 1)).toBeTypeOf('function');
  },
  async pipelining(remote) {
    expect(await remote.user(1).friend().friend().name()).toBe('user 3');
    expect(await remote.echo(remote.user(1).name())).toBe('user 1');
    expect(await remote.users().map((user: Remote) => user.name())).toHaveLength(3);
    await codeOf(remote.fails().anything());
  },
  async objects(remote) {
    const user = await remote.user(5);
    expect(await remote.echo([user, user])).toEqual([user, user]);
    user[Symbol.dispose]();
    expect(await codeOf(user.name())).toBe('ERR_RELEASED');
    await remote.call((it: User) => it, new User(1));
  },
  async streams(remote) {
    let count = 0;
    for await (const _ of await remote.rows(100)) count++;
    for await (const _ of await remote.rows(1e6)) break;
    expect(count).toBe(100);
    const rows = (async function* () {
      yield* [1, 2, 3];
    })();
    expect(await remote.sum(rows)).toBe(6);
    const writer = (await remote.sink()).getWriter();
    await writer.write('x');
    await writer.close();
    await (await remote.sink()).abort('no');
    expect(await (await remote.blob()).text()).toBe('blob');
  },
  async signals(remote) {
    const controller = new AbortController();
    const until = remote.until(controller.signal);
    await remote.echo(AbortSignal.any([controller.signal]));
    controller.abort('why');
    expect(await until).toBe('why');
    expect((await remote.ends()).reason).toBe('over');
  },
  async values(remote) {
    const point = new Point(1);
    const ring: { point: Point; self?: unknown } = { point };
    ring.self = ring;
    expect(
      (await remote.echo([ring, new Map([[point, new Uint8Array(5_000)]])]))[0].point,
    ).toBeInstanceOf(Point);
  },
  async 'cancels and deadlines'(remote) {
    const controller = new AbortController();
    const cancelled = codeOf(options(remote, { signal: controller.signal }).stuck());
    const late = codeOf(options(remote, { deadline: 20 }).stuck());
    // Or what its handler makes of it, if that was faster.
    await late;
    controller.abort();
    expect(await cancelled).toBe('ERR_CANCELLED');
    expect(await codeOf(options(remote, { signal: controller.signal }).stuck())).toBe(
      'ERR_CANCELLED',
    );
  },
  async failures(remote) {
    await expect(remote.fails()).rejects.toThrow('failed');
    expect(await codeOf(remote.unsendable())).toBe('ERR_DATA');
    const refused = remote.echo([() => 1, new AbortController().signal, new User(1), Symbol('s')]);
    expect(await codeOf(refused)).toBe('ERR_DATA');
    expect(await codeOf(remote.call(() => Promise.reject(new TypeError('there'))))).toMatchObject({
      message: 'there',
    });
  },
};

/** Collects until both sides hold nothing but their apis. */
async function empty(
  sides: () => readonly SessionHandle[],
  before: readonly unknown[],
): Promise<void> {
  const tables = (): unknown[] => sides().map((it) => it.tables);
  for (let i = 0; i < 100 && !isDeepStrictEqual(tables(), before); i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
    // What was collected is told in a turn of its own, and then goes over a socket: nothing tells when that is through.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(tables()).toEqual(before);
}

async function reach(way: string): Promise<{ remote: Remote; sides: () => SessionHandle[] }> {
  const { port1, port2 } = new MessageChannel();
  const server = await (way === 'a MessagePort'
    ? serve(api, port1, { codecs })
    : serve(api, { port: 0, codecs }));
  const [endpoint = ''] = server.endpoints;
  const at = way === 'a WebSocket' ? endpoint.replace(/^tcp/, 'ws') : endpoint;
  const remote: Remote = await dial(way === 'a MessagePort' ? port2 : at, { codecs });
  closing.push(
    () => remote[Symbol.dispose](),
    () => server.close(),
  );
  return { remote, sides: () => [sessionOf(remote), ...server.sessions] };
}

async function connected(): Promise<{ remote: Remote; sides: () => SessionHandle[] }> {
  const sessions: SessionHandle[] = [];
  const server = await serve(api, { port: 0, codecs, onSession: (it) => void sessions.push(it) });
  const [endpoint = ''] = server.endpoints;
  const discovery = staticDiscovery({
    instances: [{ name: 'leaks', version: '1.0.0', endpoints: [endpoint] }],
  });
  const caller = dservice({ discovery, codecs });
  const remote: Remote = await caller.connect('leaks@^1');
  closing.push(
    () => caller.stop(),
    () => server.close(),
  );
  return { remote, sides: () => sessions };
}

describe.each(['TCP', 'a WebSocket', 'a MessagePort', 'a service'])('over %s', (way) => {
  let made: Promise<{ remote: Remote; sides: () => SessionHandle[] }> | undefined;
  const reached = () => (made ??= way === 'a service' ? connected() : reach(way));

  test.each(Object.entries(deeds))('nothing is left of %s', async (_name, deed) => {
    const { remote, sides } = await reached();
    await remote.echo(1);
    const before = sides().map((it) => it.tables);
    for (const each of before) expect({ ...each, local: 0, references: 0 }).toEqual(noTables);
    for (let n = 0; n < 3; n++) await deed(remote);
    await empty(sides, before);
  });
});

test('a session that ends amid everything holds nothing', async () => {
  const { remote, sides } = await reach('TCP');
  // Held: a signal that its sender forgets never fires.
  const controller = new AbortController();
  const both = sides();
  const theirs = both[1] as SessionHandle;
  const pending = [
    ...[remote.stuck(), remote.until(controller.signal), remote.call(api.stuck)],
    ...[remote.rows(1e6), remote.sink(), remote.user(1), remote.user(2).friend().name()],
  ];
  await remote.echo(1);
  const ended = new Promise((resolve) => theirs.on('end', resolve));
  remote[Symbol.dispose]();
  await Promise.allSettled(pending);
  expect(controller.signal.aborted).toBe(false);
  await ended;
  // Handlers hear of the end, and end.
  await empty(() => both, [noTables, noTables]);
});

/** Rounds between two looks at the heap, and how often it is looked at. */
const slice = 500;
const slices = 5;

// A jump of the heap is not a leak: a table has doubled, code was compiled. What every session loses is there in each
// slice; 300 bytes a session would be 150 kB, and half of the slices grow by less than 50.
test('thousands of sessions, each dialled and disposed of, leave the heap where it was', async () => {
  const rounds = async (count: number): Promise<number> => {
    for (let n = 0; n < count; n++) {
      const { port1, port2 } = new MessageChannel();
      const server = await serve(api, port1);
      using remote: Remote = await dial(port2);
      if (n % 100 === 0) await remote.echo(() => n);
      void server;
    }
    for (let i = 0; i < 10; i++) {
      globalThis.gc?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return process.memoryUsage().heapUsed;
  };
  const heaps = [await rounds(3 * slice)];
  for (let n = 0; n < slices; n++) heaps.push(await rounds(slice));
  const growth = heaps.slice(1).map((heap, i) => heap - heaps[i]!);
  growth.sort((a, b) => a - b);
  expect(growth[(slices - 1) / 2]).toBeLessThan(slice * 200);
}, 120_000);
