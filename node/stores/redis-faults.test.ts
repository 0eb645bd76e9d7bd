import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { RedisServer } from '../../scripts/redis.mjs';
import { done, entry, insist, Opened, refs, want } from './fixtures/opened.js';
import { redis } from './redis.js';

const server = new RedisServer({ appendfsync: 'always', 'repl-diskless-sync-delay': 0 });
const opened = new Opened();
let names = 0;

beforeAll(() => server.start());
afterAll(() => server.stop());
afterEach(() => opened.close());

function open(name = `p${names++}`, timeout = 5_000, url = server.url) {
  return opened.open(redis(url, { timeout }), name);
}

const op = (seq: number, worker = 'w') => ({ worker, seq });

test('what syncs before it answers says so', async () => {
  expect((await open()).supports).toEqual({ durability: 'always', shared: 'machines' });
});

test('scripts that are gone are sent again, in order', async () => {
  const store = await open();
  await store.push([entry(store, 'a')], [], op(0));
  await server.call('SCRIPT', 'FLUSH');
  const all = [1, 2, 3, 4].map((n) => store.push([entry(store, `c${n}`)], [], op(n)));
  const claiming = store.turn([], [want], op(5));
  await Promise.all(all);
  expect(refs((await claiming).claims)).toEqual(['a', 'c1', 'c2', 'c3', 'c4']);
});

test('over a kill, calls are done once, and in order', async () => {
  const store = await open();
  await store.push([entry(store, 'first')], [], op(0));
  const states: string[] = [];
  const pushes = Array.from({ length: 300 }, async (_, i) => {
    const {
      states: [state = ''],
    } = await insist(() => store.push([entry(store, `c${i}`)], [], op(0, `w${i}`)));
    states.push(state);
    if (i === 30) {
      await server.kill();
      await server.start();
    }
  });
  await Promise.all(pushes);
  // One that was done, and is sent again, is answered as it was.
  expect(new Set(states)).toEqual(new Set(['queued']));
  const { claims } = await store.turn([], [want], op(1));
  expect(refs(claims)).toEqual(['first', ...Array.from({ length: 300 }, (_, i) => `c${i}`)]);
});

test('an answer that is lost comes again', async () => {
  const name = `p${names++}`;
  const store = await open(name, 300);
  await store.push([entry(store, 'a'), entry(store, 'b')], [], op(0));
  server.pause();
  const [turning, behind] = [
    store.turn([], [want], op(1)),
    store.push([entry(store, 'c')], [], op(2)),
  ];
  await expect(turning).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  await expect(behind).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  // It has them in its socket, and does them now.
  server.resume();
  const other = await open(name);
  await vi.waitFor(async () => {
    expect(await other.find(['a', 'b', 'c'])).toMatchObject([
      { state: 'working' },
      { state: 'working' },
      { state: 'input' },
    ]);
  });
  const { claims } = await insist(() => store.turn([], [want], op(1)));
  expect(refs(claims)).toEqual(['a', 'b']);
  expect((await store.push([entry(store, 'c')], [], op(2))).states).toEqual(['queued']);
});

test('who is away rejects in time, and is found when it is back, loading or not', async () => {
  const store = await open(undefined, 400);
  const { length } = await Promise.all(
    Array.from({ length: 300 }, (_, i) => server.call('SET', `junk${i}`, 1)),
  );
  await server.call('BGREWRITEAOF');
  await vi.waitFor(async () => {
    expect(await server.call('INFO', 'persistence')).toMatch(
      /aof_rewrite_in_progress:0[^]*aof_last_bgrewrite_status:ok/,
    );
  });
  await store.push([entry(store, 'a')], [], op(0));
  await server.kill();
  const before = performance.now();
  await expect(store.counts()).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  expect(performance.now() - before).toBeLessThan(2_000);
  // 1.5 s until it has read what it keeps.
  await server.start(
    { 'key-load-delay': 1_500_000 / length, 'loading-process-events-interval-bytes': 1_024 },
    { ready: false },
  );
  expect(await server.call('PING')).toMatch(/^-LOADING/);
  await expect(store.counts()).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  await insist(() => store.push([entry(store, 'b')], [], op(1)));
  expect(refs((await store.turn([], [want], op(2))).claims)).toEqual(['a', 'b']);
}, 20_000);

test('a Redis that is full takes no more, and is worked off', async () => {
  const store = await open();
  await store.push([entry(store, 'a'), entry(store, 'b')], [], op(0));
  await server.call('CONFIG', 'SET', 'maxmemory', '1mb');
  try {
    await expect(store.push([entry(store, 'c')], [], op(1))).rejects.toMatchObject({
      code: 'ERR_STORE_FULL',
    });
    expect(await store.find(['c'])).toEqual([undefined]);
    const { claims } = await store.turn([], [want], op(2));
    const [a, b] = claims;
    if (a === undefined || b === undefined) throw new Error('two were to be claimed');
    const moved = done(b, [entry(store, 'b', { queue: 'r' })]);
    expect((await store.turn([done(a), moved], [], op(3))).held).toEqual([true, true]);
    expect((await store.turn([], [want], op(4))).claims).toEqual([]);
  } finally {
    await server.call('CONFIG', 'SET', 'maxmemory', 0);
  }
  expect((await store.push([entry(store, 'c')], [], op(5))).states).toEqual(['queued']);
});

test('a replica is read only', async () => {
  const name = `p${names++}`;
  await open(name);
  const replica = await new RedisServer().start({ replicaof: `127.0.0.1 ${server.port}` });
  try {
    await vi.waitFor(async () => {
      expect(await replica.call('INFO', 'replication')).toContain('master_link_status:up');
    }, 5_000);
    const store = await open(name, 400, replica.url);
    await expect(store.push([entry(store, 'a')], [], op(0))).rejects.toMatchObject({
      code: 'ERR_STORE_READ_ONLY',
    });
    await replica.call('REPLICAOF', 'NO', 'ONE');
    expect((await store.push([entry(store, 'a')], [], op(0))).states).toEqual(['queued']);
  } finally {
    await opened.close();
    await replica.stop();
  }
}, 15_000);

test('what a newer version wrote is not opened', async () => {
  await open('newer');
  await server.call('HSET', 'dservice:{newer:0}', 'version', 99);
  await expect(open('newer')).rejects.toMatchObject({ code: 'ERR_STORE_VERSION' });
});

test('what is damaged is said to be', async () => {
  const store = await open('damaged');
  await store.push([entry(store, 'a'), entry(store, 'b')], [], op(0));
  await server.call('HSET', 'dservice:{damaged:0}:b', 'b', 'x');
  await expect(store.turn([], [want], op(1))).rejects.toMatchObject({ code: 'ERR_STORE_CORRUPT' });
  const of = (ref: string) => ({
    ref,
    queue: 'q',
    token: 'w00000001',
    kind: 'done' as const,
    next: [],
  });
  await expect(store.turn([of('a'), of('b')], [], op(2))).rejects.toMatchObject({
    code: 'ERR_STORE_CORRUPT',
  });
  // Nothing was done: it is looked at before anything is written.
  expect((await store.turn([of('a')], [], op(2))).held).toEqual([true]);
  await server.call('SET', 'dservice:{damaged:0}:w:r', 'x');
  await expect(store.turn([{ ...of('c'), queue: 'r' }], [], op(3))).rejects.toMatchObject({
    code: 'ERR_STORE_CORRUPT',
  });
  expect(() => store.unpack('{"a":')).toThrow(
    expect.objectContaining({ code: 'ERR_STORE_CORRUPT' }),
  );
});

test('a wrong password, and a port where nobody is', async () => {
  const locked = await new RedisServer({ requirepass: 'secret' }).start();
  const url = locked.url.replace('//', '//:wrong@');
  try {
    const before = performance.now();
    await expect(open('p', 10_000, url)).rejects.toMatchObject({ code: 'ERR_STORE' });
    expect(performance.now() - before).toBeLessThan(5_000);
    const right = await open('p', 5_000, url.replace('wrong', 'secret'));
    expect(await right.counts()).toEqual({ queues: {}, dead: 0 });
    expect(redis(url).url).not.toContain('wrong');
    await opened.close();
  } finally {
    await locked.stop();
  }
  await expect(open('p', 300, locked.url)).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  await expect(redis(locked.url, { timeout: 300 }).pipelines()).rejects.toMatchObject({
    code: 'ERR_STORE_AWAY',
  });
});

test('a key has a list only while somebody is held', async () => {
  const store = await open('keyed');
  const keys = async () =>
    ((await server.call('KEYS', 'dservice:{keyed:0}:*')).match(/:0\}:[^\r]+/g) ?? [])
      .filter((it) => /:[lkc]:/.test(it))
      .sort();
  const keyed = (key: string, id: string) => entry(store, `${key}\u001f${id}`, { key });
  await store.push([keyed('x', '1'), keyed('y', '1')], [], op(0));
  expect(await keys()).toEqual([':0}:k:q']);
  await store.push([keyed('x', '2')], [], op(1));
  expect(await keys()).toEqual([':0}:c:q', ':0}:k:q', ':0}:l:q\u001f=x']);
  for (let n = 2; n < 4; n++) {
    const { claims } = await store.turn([], [want], op(n));
    await store.turn(
      claims.map((it) => done(it)),
      [],
      op(n, 'v'),
    );
  }
  expect(await keys()).toEqual([]);
});

test('who waits is woken by another connection, and after a Redis that was away', async () => {
  const [store, other] = [await open('woken', 300), await open('woken')];
  let wakes = 0;
  const woken = async (act: () => Promise<unknown>): Promise<void> => {
    const before = wakes;
    await act();
    await vi.waitFor(() => expect(wakes).toBeGreaterThan(before), { timeout: 10_000, interval: 5 });
  };
  await woken(async () => store.watch(() => wakes++));
  await store.turn([], [want], op(0));
  await woken(() => other.push([entry(other, 'a')], [], op(0, 'o')));
  await store.turn([], [want], op(1));
  await woken(async () => {
    await server.kill();
    // Longer than any call waits.
    await expect(store.counts()).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
    await server.start();
  });
  await insist(() => store.turn([], [want], op(2)));
  await woken(() => insist(() => other.push([entry(other, 'b')], [], op(1, 'o'))));
}, 20_000);

test('nobody is told of what nobody waits for', async () => {
  const store = await open('alone');
  const published = async () =>
    Number(/cmdstat_publish:calls=(\d+)/.exec(await server.call('INFO', 'commandstats'))?.[1] ?? 0);
  const before = await published();
  for (let n = 0; n < 20; n++) {
    const { claims } = await store.push([entry(store, `a${n}`)], [want], op(n));
    await store.turn(
      claims.map((it) => done(it)),
      [want],
      op(n, 'v'),
    );
  }
  expect(await published()).toBe(before);
});
