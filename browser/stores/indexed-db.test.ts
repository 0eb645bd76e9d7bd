import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { systemClock } from '../../src/clock.js';
import type { Store } from '../../src/pipeline/store.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { keeping, removeDatabase, someName } from './fixtures/databases.js';
import { indexedDb } from './indexed-db.js';

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function opened(name = someName(), clock = systemClock): Promise<Store> {
  const store = await indexedDb(name).open('orders', { ...keeping, clock });
  onTestFinished(async () => {
    await store.close();
    await removeDatabase(name);
  });
  return store;
}

function push(store: Store, refs: readonly string[], seq = 0) {
  const { body } = store.pack({ some: 'data' });
  const entries = refs.map((ref) => ({ ref, given: true, queue: 'q', body }));
  return store.push(entries, [], { worker: 'pusher', seq });
}

async function claim(store: Store, max: number, seq = 0) {
  const wants = [{ queue: 'q', max, lease: 60_000 }];
  const { claims } = await store.turn([], wants, { worker: 'claimer', seq });
  return claims.map(({ ref }) => ref);
}

function numbered(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `c${i}`);
}

/** A worker that does as it is told, and what it answers. */
class Tab {
  readonly #worker = new Worker('/browser/stores/fixtures/tab.ts', { type: 'module' });

  constructor() {
    onTestFinished(() => this.terminate());
  }

  do(order: object): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.#worker.onmessage = ({ data }: MessageEvent<string[]>) => resolve(data);
      this.#worker.onerror = ({ message }) => reject(new Error(message));
      this.#worker.postMessage(order);
    });
  }

  terminate(): void {
    this.#worker.terminate();
  }
}

describe('a connection', () => {
  /** The databases that are opened from now on. */
  function connections(): IDBDatabase[] {
    const found: IDBDatabase[] = [];
    const open = IDBFactory.prototype.open;
    vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(function (this: IDBFactory, ...args) {
      const request = open.apply(this, args);
      request.addEventListener('success', () => found.push(request.result));
      return request;
    });
    return found;
  }

  test('that was closed underneath is opened again', async () => {
    const all = connections();
    const store = await opened();
    await push(store, ['a']);
    for (const each of all) each.close();
    expect((await push(store, ['a', 'b'], 1)).states).toEqual(['known', 'queued']);
    expect(all.length).toBe(2);
  });

  test('gives way to who removes the database; then there is a new one', async () => {
    const name = someName();
    const store = await opened(name);
    await push(store, ['a']);
    await removeDatabase(name);
    expect(await store.find(['a'])).toEqual([undefined]);
    expect((await push(store, ['a'])).states).toEqual(['queued']);
  });

  test('gives way to a newer version, and says so', async () => {
    const name = someName();
    const store = await opened(name);
    const request = indexedDB.open(name, 2);
    const db = await new Promise<IDBDatabase>((resolve, reject) => {
      request.onsuccess = () => resolve(request.result);
      request.onblocked = () => reject(new Error('somebody keeps it open'));
    });
    await expect(store.counts()).rejects.toMatchObject({ code: 'ERR_STORE_VERSION' });
    await expect(opened(name)).rejects.toMatchObject({ code: 'ERR_STORE_VERSION' });
    db.close();
  });
});

describe('faults', () => {
  test('where there is no IndexedDB, it is said', async () => {
    vi.stubGlobal('indexedDB', undefined);
    await expect(opened()).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('private window'),
    });
  });

  test('where it may not be used, it is said', async () => {
    vi.spyOn(IDBFactory.prototype, 'open').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    await expect(indexedDb('x').pipelines()).rejects.toMatchObject({
      code: 'ERR_STORE',
      message: expect.stringContaining('frame without an origin'),
    });
  });

  test.each([
    ['QuotaExceededError', 'ERR_STORE_FULL'],
    ['UnknownError', 'ERR_STORE_CORRUPT'],
    ['AbortError', 'ERR_STORE_AWAY'],
    ['ConstraintError', 'ERR_STORE'],
  ])('%s is %s, and nothing was done', async (name, code) => {
    const store = await opened();
    const spy = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(() => {
      throw new DOMException('forced', name);
    });
    await expect(push(store, ['a'])).rejects.toMatchObject({ code });
    spy.mockRestore();
    expect(await store.find(['a'])).toEqual([undefined]);
    expect((await push(store, ['a'])).states).toEqual(['queued']);
  });

  test('a transaction that the browser ends is one to try again', async () => {
    const store = await opened();
    const put = IDBObjectStore.prototype.put;
    const spy = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(function (
      this: IDBObjectStore,
      ...args
    ) {
      const request = put.apply(this, args);
      this.transaction.abort();
      return request;
    });
    await expect(push(store, ['a'])).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
    spy.mockRestore();
    expect((await push(store, ['a'])).states).toEqual(['queued']);
  });

  test('a call that fails leaves alone those that were made with it', async () => {
    const store = await opened();
    const bad = { ref: 'bad', given: true, queue: 'q', body: { data: () => {}, size: 1 } };
    const [one, two, three] = await Promise.allSettled([
      push(store, ['a']),
      store.push([bad], [], { worker: 'bad', seq: 0 }),
      push(store, ['a', 'b'], 1),
    ]);
    expect(one).toMatchObject({ value: { states: ['queued'] } });
    expect(two).toMatchObject({ reason: { code: 'ERR_DATA' } });
    expect(three).toMatchObject({ value: { states: ['known', 'queued'] } });
    expect(await claim(store, 9)).toEqual(['a', 'b']);
  });

  test('a body that is none is corrupt', async () => {
    const store = await opened();
    expect(() => store.unpack('text')).toThrow(expect.objectContaining({ code: 'ERR_STORE_CORRUPT' })); // prettier-ignore
  });
});

describe('what it supports', () => {
  test('durability as it was asked for', async () => {
    const name = someName();
    const factory = indexedDb(name, { durability: 'relaxed' });
    const begin = vi.spyOn(IDBDatabase.prototype, 'transaction');
    const [relaxed, strict] = [await factory.open('a', { ...keeping, clock: systemClock }), await opened(name)]; // prettier-ignore
    expect(relaxed.supports).toMatchObject({ durability: 'flush', shared: 'tabs' });
    expect(strict.supports).toMatchObject({ durability: 'always', shared: 'tabs' });
    begin.mockClear();
    await push(relaxed, ['a']);
    await push(strict, ['a']);
    await claim(strict, 1);
    const durability = begin.mock.calls.map(([, , options]) => options?.durability);
    expect(durability).toEqual(['relaxed', 'strict', 'relaxed']);
    await relaxed.close();
  });

  test('whether the browser keeps it, once that is known', async () => {
    const store = await opened();
    await vi.waitFor(() => expect(store.supports.persisted).toBeTypeOf('boolean'));
    expect(store.supports.persisted).toBe(await navigator.storage.persisted());
  });
});

describe('tabs', () => {
  test('what a worker had comes back at once when it is terminated', async () => {
    const name = someName();
    const store = await opened(name);
    await push(store, numbered(5));
    const tab = new Tab();
    expect(await tab.do({ name, claim: 3 })).toEqual(['c0', 'c1', 'c2']);
    const queues = [{ queue: 'q', retries: 5 }];
    const { expired, due } = await store.reap(queues);
    expect(expired).toEqual([]);
    expect(due).toBeGreaterThan(50_000);
    const back = new Promise<void>((resolve) => store.watch(resolve));
    tab.terminate();
    await back;
    expect(await claim(store, 9)).toEqual(numbered(5));
    const reaped = await store.reap(queues);
    expect(reaped.expired.map(({ ref, tries }) => [ref, tries])).toEqual([['c0', 1], ['c1', 1], ['c2', 1]]); // prettier-ignore
  });

  test('what a worker had that went before it was met comes back with the first reap', async () => {
    const name = someName();
    const [tab, keeper] = [new Tab(), await opened(name)];
    await push(keeper, numbered(2));
    await tab.do({ name, claim: 2 });
    // Nothing tells those who were not there.
    tab.terminate();
    await vi.waitFor(async () => {
      const { held = [] } = await navigator.locks.query();
      expect(held.filter((it) => it.name?.startsWith(`indexeddb:${name}`)).length).toBe(1);
    });
    const late = await indexedDb(name).open('orders', { ...keeping, clock: systemClock });
    const { expired } = await late.reap([{ queue: 'q', retries: 0 }]);
    expect(expired.map(({ ref, dead }) => [ref, dead])).toEqual([['c0', true], ['c1', true]]); // prettier-ignore
    await late.close();
  });

  test('a handle that closes leaves its leases alone', async () => {
    const name = someName();
    const [one, two] = [await opened(name), await opened(name)];
    await push(one, ['a']);
    await claim(one, 1);
    await one.close();
    expect((await two.reap([{ queue: 'q', retries: 5 }])).expired).toEqual([]);
  });

  test('a worker wakes its page', async () => {
    const name = someName();
    const store = await opened(name);
    const tab = new Tab();
    const done = new Promise<string[]>((resolve) => {
      let seq = 0;
      store.watch(() => {
        void claim(store, 9, seq++).then((refs) => refs.length > 0 && resolve(refs));
      });
    });
    await tab.do({ name, push: ['a', 'b'] });
    expect(await done).toEqual(['a', 'b']);
  });

  test('several work side by side: each command is finished once', async () => {
    const name = someName();
    const store = await opened(name);
    await push(store, numbered(1_000));
    const tabs = [new Tab(), new Tab(), new Tab()];
    const finished = await Promise.all(tabs.map((tab) => tab.do({ name, drain: true })));
    expect(finished.flat().toSorted()).toEqual(numbered(1_000).toSorted());
    expect(await store.counts()).toEqual({ queues: {}, dead: 0 });
  });

  test('without locks and channels there are leases, and one looks from time to time', async () => {
    vi.stubGlobal('BroadcastChannel', undefined);
    vi.spyOn(navigator, 'locks', 'get').mockReturnValue(undefined as unknown as LockManager);
    const clock = new VirtualClock();
    const name = someName();
    const [one, two] = [await opened(name, clock), await opened(name, clock)];
    await push(one, ['a']);
    const woken = new Promise<void>((resolve) => two.watch(resolve));
    await clock.advance(2_000);
    await woken;
    expect(await claim(two, 9)).toEqual(['a']);
    const queues = [{ queue: 'q', retries: 5 }];
    expect((await one.reap(queues)).due).toBe(60_000);
    await clock.advance(60_000);
    expect((await one.reap(queues)).expired.length).toBe(1);
  });
});
