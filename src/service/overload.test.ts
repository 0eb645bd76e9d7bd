/* oxlint-disable promise/no-callback-in-promise -- handlers in callback style are tested too */
import { expect, test } from 'vitest';
import { memoryPair } from '../channel/memory.js';
import { defaultLimits, type Limits } from '../limits.js';
import type { Api } from '../protocol/api.js';
import { syncScope } from '../protocol/context.js';
import { Exposed } from '../protocol/exposed.js';
import { method } from '../protocol/method.js';
import { Session } from '../protocol/session.js';
import { codeOf, methodsOf } from '../testing/fixtures/peer.js';
import { Recorder, turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Server } from './server.js';

/** A server, and as many sessions with it as a test asks for. */
class House {
  readonly clock = new VirtualClock();
  readonly scope = syncScope();
  readonly server: Server;
  readonly #limits: Limits;
  /** What runs, in the order in which it began, until it is let go. */
  readonly began: string[] = [];
  readonly #ends: ((value?: unknown) => void)[] = [];

  constructor(api: (house: House) => Api, limits: Partial<Limits> = {}) {
    const { clock, scope } = this;
    this.#limits = { ...defaultLimits, ...limits };
    this.server = new Server(api(this), { clock, scope, limits: this.#limits });
  }

  /** What a handler does here: it runs until it is let go. */
  run(name: string): Promise<unknown> {
    this.began.push(name);
    return new Promise((resolve) => this.#ends.push(resolve));
  }

  /** Ends those that run, oldest first. */
  async letGo(count = 1): Promise<void> {
    for (const end of this.#ends.splice(0, count)) end();
    await turns(3);
  }

  async session(): Promise<Session> {
    const { clock } = this;
    const [ours, theirs] = memoryPair({ clock });
    this.server.accept(theirs);
    const session = new Session({
      channel: ours,
      clock,
      scope: syncScope(),
      limits: defaultLimits,
    });
    session.start();
    await turns(2);
    return session;
  }

  /** A plain dnode peer. */
  async plain(): Promise<Recorder> {
    const [ours, theirs] = memoryPair({ clock: this.clock });
    this.server.accept(theirs);
    const recorder = new Recorder(ours);
    ours.write(`${JSON.stringify(methodsOf(null))}\n`);
    await turns(2);
    return recorder;
  }
}

const one = { concurrency: 1, queue: 2 };

test('a method has one gate over all sessions; what is beyond its queue is told to go elsewhere', async () => {
  const house = new House((h) => ({ read: method(one, (id: string) => h.run(id)), free: () => 1 }));
  const [a, b] = [await house.session(), await house.session()];
  const calls: Promise<unknown>[] = [];
  for (const [i, session] of [a, b, a].entries()) {
    calls.push(session.call('read', [String(i)]));
    await turns(2);
  }
  expect(house.began).toEqual(['0']);
  await expect(b.call('read', ['3'])).rejects.toMatchObject({
    code: 'ERR_BUSY',
    mayHaveRun: false,
    method: 'read',
  });
  expect(await b.call('free', [])).toBe(1);
  await house.letGo();
  expect(house.began).toEqual(['0', '1']);
  await house.letGo();
  await house.letGo();
  await Promise.all(calls);
  expect(house.began).toEqual(['0', '1', '2']);
});

test.each<[string, (house: House) => Api]>([
  ['a nested method', (h) => ({ shelf: { read: method(one, (id: string) => h.run(id)) } })],
  [
    'an api that is made for each session',
    (h) => () => ({ shelf: { read: method({ ...one }, (id: string) => h.run(id)) } }),
  ],
  [
    'an instance of a class',
    (h) => {
      class Shelf extends Exposed {
        read(id: string): unknown {
          return h.run(id);
        }
      }
      method(one, Shelf.prototype.read);
      return () => ({ shelf: new Shelf() });
    },
  ],
  [
    'a handler in callback style',
    (h) => ({
      shelf: {
        read: method(one, function (id: string, cb: () => void) {
          void h.run(id).then(cb);
        }),
      },
    }),
  ],
])('%s has one too', async (_, api) => {
  const house = new House(api);
  const sessions = [await house.session(), await house.session()];
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 4; i++) {
    const { read } = sessions[i % 2]!.remote.shelf as { read: (id: string) => Promise<unknown> };
    calls.push(codeOf(read(String(i))));
    await turns(2);
  }
  expect(house.began).toEqual(['0']);
  for (let i = 0; i < 3; i++) await house.letGo();
  expect(house.began).toEqual(['0', '1', '2']);
  expect(await Promise.all(calls)).toEqual([
    ...Array.from({ length: 3 }, () => ({ resolved: undefined })),
    'ERR_BUSY',
  ]);
});

test('two methods that were said the same of do not share a gate', async () => {
  const house = new House((h) => ({
    a: method(one, () => h.run('a')),
    b: method(one, () => h.run('b')),
  }));
  const session = await house.session();
  void session.call('a', []);
  void session.call('b', []);
  await turns(2);
  expect(house.began).toEqual(['a', 'b']);
});

test('a function that was handed over has the gate of what was said of it', async () => {
  const house = new House((h) => ({ get: () => method(one, () => h.run('got')) }));
  const session = await house.session();
  const [first, second] = [
    (await session.call('get', [])) as () => Promise<unknown>,
    (await session.call('get', [])) as () => Promise<unknown>,
  ];
  void first();
  void second();
  await turns(2);
  expect(house.began).toEqual(['got']);
});

test('who gave a callback is served until it is called', async () => {
  const house = new House((h) => ({
    read: method(one, function (id: string, cb: (answer: string) => void) {
      void h.run(id).then(() => cb(`got ${id}`));
    }),
  }));
  const session = await house.session();
  const answers: string[] = [];
  const cb = (answer: string): void => void answers.push(answer);
  // The outcome is there at once: the handler returns nothing.
  void session.call('read', ['0', cb]);
  void session.call('read', ['1', cb]);
  await turns(2);
  expect(house.began).toEqual(['0']);
  await house.letGo();
  expect(answers).toEqual(['got 0']);
  expect(house.began).toEqual(['0', '1']);
  // It will never be called: its caller is gone.
  session.close();
  await turns(2);
  const other = await house.session();
  void other.call('read', ['2', cb]);
  await turns(2);
  expect(house.began).toEqual(['0', '1', '2']);
});

test('a plain peer waits however many do, and is answered in order', async () => {
  const house = new House((h) => ({
    read: method({ concurrency: 1, queue: 0 }, (id: string, cb: (answer: string) => void) => {
      void h.run(id).then(() => cb(id));
    }),
  }));
  const plain = await house.plain();
  for (let i = 0; i < 5; i++) {
    const call = {
      method: 'read',
      arguments: [String(i), '[Function]'],
      callbacks: { [i]: ['1'] },
    };
    plain.channel.write(`${JSON.stringify(call)}\n`);
  }
  await turns(3);
  expect(house.began).toEqual(['0']);
  for (let i = 0; i < 5; i++) await house.letGo();
  const answers = plain.lines.map((line) => JSON.parse(line) as { method: unknown });
  expect(answers.filter(({ method: id }) => typeof id === 'number').map((it) => it.method)).toEqual(
    [0, 1, 2, 3, 4],
  );
});

test('a call that waits leaves when it is cancelled, and does not run', async () => {
  const house = new House((h) => ({ read: method(one, (id: string) => h.run(id)) }));
  const session = await house.session();
  void session.call('read', ['0']);
  const giveUp = new AbortController();
  const second = session.call('read', ['1'], { signal: giveUp.signal });
  void session.call('read', ['2']);
  await turns(2);
  expect([...house.server.sessions][0]?.tables.serving).toBe(3);
  giveUp.abort();
  await expect(second).rejects.toMatchObject({ code: 'ERR_CANCELLED' });
  await turns(2);
  expect([...house.server.sessions][0]?.tables.serving).toBe(2);
  await house.letGo();
  expect(house.began).toEqual(['0', '2']);
});

test('a call that waits leaves when its deadline passes', async () => {
  const house = new House((h) => ({ read: method(one, (id: string) => h.run(id)) }));
  const session = await house.session();
  void session.call('read', ['0']);
  const second = codeOf(session.call('read', ['1'], { deadline: 50 }));
  await turns(2);
  await house.clock.advance(60);
  expect(await second).toBe('ERR_DEADLINE');
  expect([...house.server.sessions][0]?.tables.serving).toBe(1);
  await house.letGo();
  expect(house.began).toEqual(['0']);
});

test('calls of a session that ends leave the queue; what runs keeps its place until it has ended', async () => {
  const house = new House((h) => ({ read: method(one, (id: string) => h.run(id)) }));
  const [a, b] = [await house.session(), await house.session()];
  for (const id of ['a0', 'a1', 'a2']) a.call('read', [id]).catch(() => {});
  await turns(2);
  a.close();
  await turns(2);
  const calls = ['b0', 'b1'].map((id) => b.call('read', [id]));
  await turns(2);
  expect(house.began).toEqual(['a0']);
  for (let i = 0; i < 3; i++) await house.letGo();
  await Promise.all(calls);
  expect(house.began).toEqual(['a0', 'b0', 'b1']);
});

test('what waits counts against what a session may have running', async () => {
  const many = { concurrency: 1, queue: 100 };
  const house = new House((h) => ({ read: method(many, (id: string) => h.run(id)) }), { calls: 3 });
  const session = await house.session();
  for (let i = 0; i < 3; i++) void session.call('read', [String(i)]);
  const fourth = session.call('read', ['3']);
  await turns(2);
  expect([...house.server.sessions][0]?.tables.serving).toBe(3);
  for (let i = 0; i < 4; i++) await house.letGo();
  await fourth;
  expect(house.began).toEqual(['0', '1', '2', '3']);
});

test('who leaves serves what waits first', async () => {
  const house = new House((h) => ({ read: method(one, (id: string) => h.run(id)) }));
  const session = await house.session();
  const calls = ['0', '1', '2'].map((id) => session.call('read', [id]));
  await turns(2);
  const drained = house.server.drain();
  await turns(2);
  for (let i = 0; i < 3; i++) await house.letGo();
  await Promise.all(calls);
  await house.clock.advance(5_000);
  await drained;
  expect(house.began).toEqual(['0', '1', '2']);
});

test('a handler that throws, and one that is no promise, leave too', async () => {
  const house = new House(() => ({
    fail: method({ concurrency: 1, queue: 0 }, () => {
      throw new Error('no');
    }),
    now: method({ concurrency: 1, queue: 0 }, (n: number) => n),
  }));
  const session = await house.session();
  for (let i = 0; i < 3; i++) {
    await expect(session.call('fail', [])).rejects.toThrow('no');
    expect(await session.call('now', [i])).toBe(i);
  }
});
