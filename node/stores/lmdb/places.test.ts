import { openSync, writeSync } from 'node:fs';
import { cp, mkdir, open, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Store, StoreOptions } from '../../../src/pipeline/store.js';
import { nodeClock } from '../../clock.js';
import { lmdb } from '../lmdb.js';
import { Programs } from './fixtures/programs.js';
import { keyOf, kinds } from './keys.js';
import { numbersToBytes } from './numbers.js';

const day = 86_400_000;
const options: StoreOptions = {
  clock: nodeClock,
  dedupe: day,
  dedupeMax: 1_000_000,
  deadAge: day,
  deadMax: 10_000,
  logger: { warn: () => {} },
};

let programs: Programs;
beforeAll(() => (programs = new Programs()));
afterAll(() => programs.close());

async function push(store: Store, seq: number, ids: readonly string[]): Promise<void> {
  const entries = ids.map((ref) => {
    return { ref, given: true, queue: 'q', body: store.pack('x'.repeat(300)).body };
  });
  await store.push(entries, [], { worker: 'w', seq });
}

/** A folder with 1,000 commands in it, which nobody has open. */
async function filled(): Promise<string> {
  const folder = programs.place();
  const store = await lmdb(folder).open('orders', options);
  for (let i = 0; i < 10; i++) {
    await push(
      store,
      i,
      Array.from({ length: 100 }, (_, j) => `c${i * 100 + j}`),
    );
  }
  await store.close();
  return folder;
}

/** Opens it in another process, which may die of it: what it said. */
async function opened(folder: string): Promise<string> {
  const child = programs.start(
    folder,
    `try {
      const store = await lmdb(folder).open('orders', options);
      say('opened ' + (await store.counts()).queues.q?.input);
      await store.close();
    } catch (error) {
      say(error.code);
    }`,
  );
  const { code, signal } = await child.ended;
  return code === 0 ? child.lines.join() : `ended with ${code ?? signal}: ${child.errors}`;
}

test('what is no data of LMDB is corrupt, and ends no process', { timeout: 60_000 }, async () => {
  const good = await filled();
  const { size } = await stat(join(good, 'data.mdb'));
  const cases: Record<string, (file: string) => Promise<void>> = {
    'a few bytes': (file) => writeFile(file, 'garbage'),
    'many bytes': (file) => writeFile(file, Buffer.alloc(100_000, 'garbage ')),
    zeros: (file) => writeFile(file, Buffer.alloc(100_000)),
    'its first page': (file) => truncate(file, 4_096),
    'its first half': (file) => truncate(file, Math.floor(size / 2 / 4_096) * 4_096),
    'a head that is broken': async (file) => {
      const handle = await open(file, 'r+');
      await handle.write(Buffer.alloc(100, 0xaa), 0, 100, 20);
      await handle.close();
    },
    'nothing but zeros behind the heads': async (file) => {
      const handle = await open(file, 'r+');
      await handle.write(Buffer.alloc(size - 8_192), 0, size - 8_192, 8_192);
      await handle.close();
    },
  };
  const found: Record<string, string> = {};
  await Promise.all(
    Object.entries(cases).map(async ([name, spoil]) => {
      const folder = programs.place();
      await mkdir(folder);
      await cp(join(good, 'data.mdb'), join(folder, 'data.mdb'));
      await spoil(join(folder, 'data.mdb'));
      found[name] = await opened(folder);
    }),
  );
  const expected = Object.fromEntries(
    Object.keys(cases).map((name) => [name, 'ERR_STORE_CORRUPT']),
  );
  expect(found).toEqual(expected);
  expect(await opened(good)).toBe('opened 1000');
});

test('an empty data file is a store that begins', async () => {
  const folder = programs.place();
  await mkdir(folder);
  await writeFile(join(folder, 'data.mdb'), '');
  expect(await opened(folder)).toBe('opened undefined');
});

test('a store of a later version is refused, and left as it is', async () => {
  const folder = await filled();
  const { Database } = await import('./database.js');
  const later = new Database(folder);
  await later.transact((table) => table.put(keyOf(kinds.folder, 0), numbersToBytes([2, 99])));
  await later.close();
  const before = await readFile(join(folder, 'data.mdb'));
  await expect(lmdb(folder).open('orders', options)).rejects.toMatchObject({
    code: 'ERR_STORE_VERSION',
  });
  expect((await readFile(join(folder, 'data.mdb'))).equals(before)).toBe(true);
});

test('a folder that is not there has no pipelines, and is not made', async () => {
  const folder = programs.place();
  expect(await lmdb(folder).pipelines()).toEqual([]);
  await expect(stat(folder)).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a folder may have a dot in its name, and be inside one that is not there', async () => {
  const folder = join(programs.place(), 'a.b', 'c.mdb');
  const store = await lmdb(folder).open('orders', options);
  await push(store, 0, ['a']);
  await store.close();
  expect((await stat(folder)).isDirectory()).toBe(true);
  expect(await lmdb(folder).pipelines()).toEqual(['orders']);
});

test('what is no folder is told, and what was there is left', async () => {
  const file = programs.place();
  await writeFile(file, 'text');
  await expect(lmdb(file).open('orders', options)).rejects.toMatchObject({ code: 'ERR_STORE' });
  expect(await readFile(file, 'utf8')).toBe('text');
});

const isRoot = process.getuid?.() === 0;
test.runIf(isRoot)('a folder that cannot be written is read-only', async () => {
  const folder = await filled();
  // Only root can become somebody else, and only somebody else is kept from writing.
  const child = programs.start(
    folder,
    `process.setegid(65534);
    process.seteuid(65534);
    for (const each of [folder, folder + '/new']) {
      await lmdb(each).open('orders', options).then(() => say('opened'), ({ code }) => say(code));
    }`,
    `chmod a+rx "${programs.folder}"`,
  );
  await child.ended;
  expect(child.lines).toEqual(['ERR_STORE_READ_ONLY', 'ERR_STORE_READ_ONLY']);
});

test('a write that fails is told; the store goes on', { timeout: 30_000 }, async () => {
  const folder = programs.place();
  const child = programs.start(
    folder,
    `process.on('SIGXFSZ', () => {});
    const store = await lmdb(folder).open('orders', options);
    const push = (ref, seq, text) => store.push([{ ref, given: true, queue: 'q', body: store.pack(text).body }], [], { worker: 'w', seq });
    let count = 0;
    for (let failed = false; !failed; ) {
      await push('c' + count, count, 'x'.repeat(20_000)).then(() => count++, (error) => (failed = true, say(error.code)));
    }
    const { queues } = await store.counts();
    say(queues.q.input === count ? 'all are there' : count + ' are not ' + queues.q.input);
    say(JSON.stringify((await push('small', count, 1)).states));
    await store.close();
    say('closed');`,
    // Files may not be longer than about a megabyte.
    'ulimit -f 2000',
  );
  const { code } = await child.ended;
  expect([code, ...child.lines]).toEqual([0, 'ERR_STORE', 'all are there', '["queued"]', 'closed']);
});

test('a transaction that would stand on an older one than the last begins again', async () => {
  const folder = programs.place();
  const store = await lmdb(folder).open('orders', options);
  for (let i = 0; i < 5; i++) await push(store, i, [`before${i}`]);
  // As one that opens it sets it, which looked before the last two were there. It stays open: the end of it would take
  // the locks of this process from it.
  const locks = openSync(join(folder, 'lock.mdb'), 'r+');
  const bytes = await readFile(join(folder, 'lock.mdb'));
  bytes.writeBigUInt64LE(bytes.readBigUInt64LE(8) - 2n, 8);
  writeSync(locks, bytes, 8, 8, 8);
  await push(store, 5, ['after']);
  const refs = ['before0', 'before1', 'before2', 'before3', 'before4', 'after'];
  expect((await store.find(refs)).map((it) => it?.state)).toEqual(refs.map(() => 'input'));
  await store.close();
});

test('several factories of one process, and others, have the same folder open', async () => {
  const folder = programs.place();
  const [one, two] = await Promise.all([
    lmdb(folder).open('orders', options),
    lmdb(folder).open('orders', options),
  ]);
  const woken = new Promise<void>((resolve) => two.watch(resolve));
  const [, other] = await Promise.all([push(one, 0, ['a']), opened(folder)]);
  await woken;
  expect(other).toMatch(/^opened/);
  await one.close();
  expect((await two.find(['a']))[0]?.state).toBe('input');
  await two.close();
});

test('a folder is opened again, by any path, while it is written to', async () => {
  const folder = programs.place();
  // In a program of its own: if the two wait for each other, no test of this one would ever end.
  const child = programs.start(
    folder,
    `import { symlinkSync } from 'node:fs';
    const push = (store, ref, seq) =>
      store.push([{ ref, given: true, queue: 'q', body: store.pack(1).body }], [], { worker: 'w' + ref, seq });
    const store = await lmdb(folder).open('orders', options);
    symlinkSync(folder, folder + '-again');
    let over = false, count = 0;
    const pushes = (async () => { while (!over) await push(store, 'c' + count++, 0); })();
    for (let i = 0; i < 100; i++) {
      const again = await lmdb(i % 2 ? folder : folder + '-again').open('pipeline ' + (i % 3), options);
      await push(again, 'd' + i, i);
      await again.close();
    }
    over = true;
    await pushes;
    await store.close();
    // Each that is closed is open no more: what is made at its place is another.
    const { rmSync } = await import('node:fs');
    rmSync(folder, { recursive: true });
    const anew = await lmdb(folder).open('orders', options);
    say((await anew.counts()).queues.q === undefined ? 'empty' : 'not empty');
    await anew.close();
    say('over');`,
  );
  const timer = setTimeout(() => child.process.kill('SIGKILL'), 15_000);
  const { code, signal } = await child.ended;
  clearTimeout(timer);
  expect([code, signal, ...child.lines], child.errors).toEqual([0, null, 'empty', 'over']);
});

test('who watches is woken by another process, before it would look by itself', async () => {
  const folder = programs.place();
  // A clock on which nothing is ever due: it is not by looking that it is found.
  const still = { ...nodeClock, after: () => () => {} };
  const store = await lmdb(folder).open('orders', { ...options, clock: still });
  const woken = new Promise<void>((resolve) => store.watch(resolve));
  const child = programs.start(
    folder,
    `const store = await lmdb(folder).open('orders', options);
    await store.push([{ ref: 'a', given: true, queue: 'q', body: store.pack(1).body }], [], { worker: 'other', seq: 0 });
    await store.close();`,
  );
  await woken;
  expect((await store.find(['a']))[0]?.state).toBe('input');
  await child.ended;
  await store.close();
});

test('who is not told looks from time to time', async () => {
  const folder = programs.place();
  const ticks = new Set<() => void>();
  const clock = {
    ...nodeClock,
    after(_: number, fn: () => void) {
      ticks.add(fn);
      return () => ticks.delete(fn);
    },
  };
  const store = await lmdb(folder).open('orders', { ...options, clock });
  await store.counts();
  const other = await lmdb(folder).open('orders', options);
  let wakes = 0;
  const woken = new Promise<void>((resolve) =>
    store.watch(() => {
      wakes++;
      resolve();
    }),
  );
  expect(ticks.size).toBe(1);
  await push(other, 0, ['a']);
  for (const tick of [...ticks]) tick();
  await woken;
  const before = wakes;
  // What it does itself does not wake it, however often it looks.
  await push(store, 0, ['b']);
  await store.counts();
  for (const tick of [...ticks]) tick();
  await new Promise((resolve) => setImmediate(resolve));
  expect(wakes).toBe(before);
  await Promise.all([store.close(), other.close()]);
});
