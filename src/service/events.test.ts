import { describe, expect, test } from 'vitest';
import { DserviceError } from '../errors.js';
import { callable, options } from '../protocol/options.js';
import { makeHost, silent } from '../testing/fixtures/instances.js';
import { Peer } from '../testing/fixtures/peer.js';
import type { Engine } from './engine.js';
import type { Service } from './service.js';
import type { ServiceOptions } from './service-options.js';
import { type Delivery, Subscriptions } from './subscriptions.js';

/** A machine, and those on it who listen: each keeps what it heard. */
function makeListeners() {
  const made = makeHost();
  const { host, make, dservice } = made;
  const serve = async (name: string, given: ServiceOptions = {}): Promise<Service<object>> => {
    const service = make(name, {}, { logger: silent, ...given });
    await service.start();
    return service;
  };
  async function listener(name: string | undefined, query = 'shop@^1', event = 'sold') {
    const service = name === undefined ? dservice() : await serve(name);
    const heard: unknown[] = [];
    const stop = service.on(query, event, (what) => void heard.push(what));
    await stop.ready;
    return { service, heard, stop };
  }
  /** What a promise comes to, once the machine has had its time. */
  async function after<T>(promise: Promise<T>, ms = 0): Promise<T> {
    await host.clock.advance(ms);
    return await promise;
  }
  return { ...made, serve, listener, after };
}

const failures = (told: readonly Delivery[]): unknown[] =>
  told.map(({ service, error }) => [service, DserviceError.is(error) ? error.code : error]);

describe('emit', () => {
  test('reaches one instance of each service, in turn, and each caller without a name', async () => {
    const { serve, listener } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const bills = [await listener('bills'), await listener('bills'), await listener('bills')];
    const stock = await listener('stock');
    const tools = [await listener(undefined), await listener(undefined)];
    for (let i = 0; i < 6; i++) {
      const told = await shop.emit('sold', i);
      expect(told.map(({ service }) => service)).toEqual(['bills', 'stock', undefined, undefined]);
    }
    expect(bills.map(({ heard }) => heard)).toEqual([
      [0, 3],
      [1, 4],
      [2, 5],
    ]);
    for (const { heard } of [stock, ...tools]) expect(heard).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('resolves when the listeners have run', async () => {
    const { serve, dservice, host } = makeListeners();
    const shop = await serve('shop@1.0.0');
    let done = (): void => {};
    await dservice().on('shop', 'sold', () => new Promise<void>((resolve) => (done = resolve)))
      .ready;
    let told = false;
    void shop.emit('sold').then(() => (told = true));
    await host.clock.advance(10);
    expect(told).toBe(false);
    done();
    await host.clock.advance(0);
    expect(told).toBe(true);
  });

  test('from within a call leaves a listener its own time', async () => {
    const { host, make, dservice } = makeListeners();
    const told: Promise<readonly Delivery[]>[] = [];
    const order = () => void told.push(shop.emit('sold'));
    const shop: Service<object> = make('shop@1.0.0', { order }, { logger: silent });
    await shop.start();
    const slow = () => new Promise<void>((resolve) => host.clock.after(1_000, resolve));
    await dservice().on('shop', 'sold', slow).ready;
    await options(await dservice().connect('shop'), { deadline: 100 }).order();
    await host.clock.advance(2_000);
    expect(await told[0]).toEqual([{ service: undefined }]);
  });

  test('carries any values: none, several, functions that are called back', async () => {
    const { serve, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const heard: unknown[] = [];
    const listener = (...args: unknown[]) => heard.push(args);
    await dservice().on('shop', 'none', listener).ready;
    await dservice().on('shop', 'many', listener).ready;
    await shop.emit('none');
    await shop.emit('many', 1, new Date(0), undefined, { a: [1n] });
    expect(heard).toEqual([[], [1, new Date(0), undefined, { a: [1n] }]]);
    const ask = (a: number, back: (n: number) => void): void => back(a + 1);
    await dservice().on('shop', 'ask', ask).ready;
    const answers: number[] = [];
    await shop.emit('ask', 1, (n: number) => void answers.push(n));
    expect(answers).toEqual([2]);
  });

  test('also where all functions of a program take callbacks', async () => {
    const { host, serve, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0', { callbacks: true });
    const heard: unknown[] = [];
    const stop = dservice({ callbacks: true }).on('shop', 'sold', (...args) => heard.push(args));
    await stop.ready;
    expect(await shop.emit('sold', 1)).toEqual([{ service: undefined }]);
    expect(heard).toEqual([[1]]);
    stop();
    await host.clock.advance(1);
    expect(host.open()).toBe(0);
  });

  test('goes to the instance with the least on its way', async () => {
    const { serve, make, host } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const heard = [0, 0];
    for (const i of [0, 1]) {
      const bills = make('bills', {}, { logger: silent });
      await bills.start();
      const slow = new Promise<void>(() => {});
      const listener = () => {
        heard[i] = (heard[i] ?? 0) + 1;
        return i === 0 ? slow : undefined;
      };
      await bills.on('shop', 'sold', listener).ready;
    }
    for (let i = 0; i < 5; i++) {
      void shop.emit('sold');
      await host.clock.advance(1);
    }
    expect(heard).toEqual([1, 4]);
  });

  test('without anybody who listens', async () => {
    const { serve, make } = makeListeners();
    expect(await (await serve('shop@1.0.0')).emit('sold')).toEqual([]);
    expect(await make('shop', {}).emit('sold')).toEqual([]);
  });

  test('of several listeners of one caller, each hears', async () => {
    const { serve, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const caller = dservice();
    const heard: string[] = [];
    await caller.on('shop@^1', 'sold', () => heard.push('a')).ready;
    await caller.on('shop@*', 'sold', () => heard.push('b')).ready;
    expect(await shop.emit('sold')).toEqual([{ service: undefined }]);
    expect(heard.toSorted()).toEqual(['a', 'b']);
  });
});

test('broadcast reaches every instance', async () => {
  const { serve, listener } = makeListeners();
  const shop = await serve('shop@1.0.0');
  const all = [await listener('bills'), await listener('bills'), await listener(undefined)];
  expect(await shop.broadcast('sold', 1)).toHaveLength(3);
  for (const { heard } of all) expect(heard).toEqual([1]);
});

describe('who listens', () => {
  test('hears all instances in range, those that come later too, also where the newest is preferred', async () => {
    const { host, serve, dservice } = makeListeners();
    const heard: unknown[] = [];
    const stop = dservice({ prefer: 'highest' }).on('shop@^1', 'sold', (v) => heard.push(v));
    const shops = [];
    for (const version of ['1.0.0', '1.5.0', '2.0.0']) shops.push(await serve(`shop@${version}`));
    await stop.ready;
    await host.clock.advance(1);
    for (const shop of shops) await shop.emit('sold', shop.version);
    expect(heard).toEqual(['1.0.0', '1.5.0']);
  });

  test('hears no more once it was taken away, and nothing is left of it', async () => {
    const { host, serve, listener, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0');
    let session: { tables: { local: number; references: number } } | undefined;
    shop.on('session', (made) => (session = made));
    const caller = await listener(undefined);
    caller.stop();
    await host.clock.advance(1);
    expect(await shop.emit('sold', 1)).toEqual([]);
    expect(caller.heard).toEqual([]);
    await host.clock.advance(120_000);
    expect(host.open()).toBe(0);
    expect(session?.tables).toMatchObject({ local: 0, references: 0 });
    const early = dservice().on('shop', 'sold', () => {});
    early[Symbol.dispose]();
    await expect(early.ready).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  });

  test('is out of turn when its service stops, which waits for what it does', async () => {
    const { host, serve, dservice, listener } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const bills = await serve('bills');
    let done = (): void => {};
    await bills.on('shop', 'sold', () => new Promise<void>((resolve) => (done = resolve))).ready;
    const other = await listener('bills');
    const first = shop.emit('sold', 0);
    await host.clock.advance(1);
    let stopped = false;
    void bills.stop().then(() => (stopped = true));
    await host.clock.advance(1);
    await shop.emit('sold', 1);
    await shop.emit('sold', 2);
    expect(other.heard).toEqual([1, 2]);
    expect(stopped).toBe(false);
    done();
    await host.clock.advance(1);
    expect(failures(await first)).toEqual([['bills', undefined]]);
    expect(stopped).toBe(true);
    await dservice().stop();
  });

  test('is passed by where an event crosses its leaving: another instance hears that', async () => {
    const { host, serve, listener } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const [first, second] = [await listener('bills'), await listener('bills')];
    const leaving = first.service.stop();
    const told = shop.emit('sold', 0);
    await host.clock.advance(1);
    expect(await told).toEqual([{ service: 'bills' }]);
    expect([first.heard, second.heard]).toEqual([[], [0]]);
    second.stop();
    const crossed = shop.emit('sold', 1);
    await host.clock.advance(1);
    expect((await crossed)[0]?.error).toMatchObject({ code: 'ERR_CLOSED', mayHaveRun: false });
    await leaving;
  });

  test('whose listener never ends is waited for as long as who emits waits', async () => {
    const { host, serve, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const stop = dservice().on('shop', 'sold', () => new Promise(() => {}));
    await stop.ready;
    void shop.emit('sold');
    await host.clock.advance(1);
    stop();
    await host.clock.advance(29_000);
    expect(host.open()).toBe(1);
    await host.clock.advance(2_000);
    expect(host.open()).toBe(0);
  });

  test('hears on when the connection was lost for a moment, each event once and in order', async () => {
    const { host, serve, listener, after } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const { heard } = await listener('bills');
    const all: Promise<unknown>[] = [];
    for (let i = 0; i < 20; i++) {
      all.push(shop.emit('sold', i));
      if (i % 5 === 0) host.cut(String(shop.endpoints[0]));
      await host.clock.advance(1);
    }
    await after(Promise.all(all), 5_000);
    expect(heard).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });

  test('hears another instance that takes the place of one that died', async () => {
    const { host, serve, listener } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const { heard } = await listener(undefined);
    host.kill(String(shop.endpoints[0]));
    const next = await serve('shop@1.0.1');
    await host.clock.advance(1_000);
    await next.emit('sold', 'next');
    expect(heard).toEqual(['next']);
  });

  test('is told of what its listener throws by its own event, or the logger: who emits is not', async () => {
    const { serve, make, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const errors: unknown[] = [];
    const bills = make('bills', {}, { logger: silent });
    bills.on('error', (error) => errors.push(error));
    const bad = new Error('no ink');
    await bills.on('shop', 'sold', () => Promise.reject(bad)).ready;
    const lines: string[] = [];
    const caller = dservice({ logger: { warn: (line) => void lines.push(line) } });
    await caller.on('shop', 'sold', () => {
      throw bad;
    }).ready;
    expect(await shop.emit('sold')).toEqual([{ service: 'bills' }, { service: undefined }]);
    expect(errors).toEqual([bad]);
    expect(lines).toEqual([expect.stringContaining('no ink')]);
  });
});

test('an instance that tells no events is said to, once', async () => {
  const { host, make, dservice } = makeListeners();
  const jsonOnly: Engine = {
    name: 'silent',
    schemes: ['memory'],
    dial: () => Promise.resolve(session),
  };
  const { session } = new Peer({ hello: null });
  await make('shop@1.0.0', {}, { logger: silent }).start();
  const lines: string[] = [];
  const logger = { warn: (line: string) => void lines.push(line) };
  const stop = dservice({ logger, engines: [jsonOnly] }).on('shop', 'sold', () => {});
  await host.clock.advance(60_000);
  expect(lines).toEqual([expect.stringContaining('shop@1.0.0 tells no events')]);
  stop();
  await host.clock.advance(60_000);
  expect(host.clock.pending).toBe(0);
});

describe('an event that does not arrive', () => {
  test('goes to another instance, as long as it certainly was not heard', async () => {
    const lost = (mayHaveRun: boolean) => () =>
      Promise.reject(new DserviceError('ERR_CONNECTION_LOST', 'lost', { mayHaveRun }));
    const ways = [lost(false), lost(true), () => Promise.resolve(true)];
    for (const [order, calls, code] of [
      [[0, 1, 2], [1, 1, 0], 'ERR_CONNECTION_LOST'],
      [[0, 2, 1], [1, 0, 1], undefined],
      [[0], [1, 0, 0], 'ERR_CONNECTION_LOST'],
    ] as const) {
      const subscriptions = new Subscriptions(10);
      const called = [0, 0, 0];
      for (const way of order) {
        const listener = Object.assign(() => {}, {
          [callable]: {
            call: () => {
              called[way] = (called[way] ?? 0) + 1;
              return ways[way]?.();
            },
            release: () => {},
          },
        });
        subscriptions.add(new Peer().session, 'sold', listener, 'bills');
      }
      const told = await subscriptions.tell('sold', [], false);
      expect(failures(told)).toEqual([['bills', code]]);
      expect(called).toEqual(calls);
    }
  });

  test('is told to who emits, with whether it may have been heard', async () => {
    const { host, serve, dservice, after } = makeListeners();
    const shop = await serve('shop@1.0.0');
    await dservice().on('shop', 'sold', () => new Promise(() => {})).ready;
    const [told] = await after(shop.emit('sold', 1), 30_000);
    expect(told?.error).toMatchObject({
      ...{ code: 'ERR_DEADLINE', mayHaveRun: true, method: 'sold' },
      message: expect.stringContaining('sold'),
    });
    const [unsent] = await shop.emit('sold', Symbol('no value'));
    expect(unsent?.error).toMatchObject({ code: 'ERR_DATA', mayHaveRun: false });
    expect(host.open()).toBe(1);
  });

  test('does not pile up at who is stuck', async () => {
    const { serve, dservice, host } = makeListeners();
    const shop = await serve('shop@1.0.0', { limits: { calls: 10 } });
    await dservice().on('shop', 'sold', () => new Promise(() => {})).ready;
    for (let i = 0; i < 10; i++) void shop.emit('sold', i);
    await host.clock.advance(1);
    const [told] = await shop.emit('sold', 10);
    expect(told?.error).toMatchObject({ code: 'ERR_BUSY', mayHaveRun: false });
  });
});

describe('what is no event', () => {
  test('is refused where it is written', async () => {
    const { serve, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0');
    for (const bad of ['', 'x'.repeat(256), 7]) {
      expect(() => shop.emit(bad as string)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
      expect(() => shop.broadcast(bad as string)).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
      expect(() => dservice().on('shop', bad as string, () => {})).toThrow(
        expect.objectContaining({ code: 'ERR_OPTION' }),
      );
    }
    expect(() => dservice().on('No Name', 'sold', () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_NAME' }),
    );
    expect(() => dservice().on('shop@bad range', 'sold', () => {})).toThrow(
      expect.objectContaining({ code: 'ERR_RANGE' }),
    );
    expect(() => dservice().on('shop', 'sold', 'no function' as never)).toThrow(
      expect.objectContaining({ code: 'ERR_OPTION' }),
    );
  });

  test('nor of the service itself, is not waited for in silence', async () => {
    const { serve } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const on = shop.on.bind(shop) as (...args: unknown[]) => unknown;
    for (const args of [
      [],
      ['error'],
      ['call:start'],
      ['error', 'no function'],
      ['sold', () => {}],
      ['shop@^1', () => {}],
    ]) {
      expect(() => on(...args)).toThrow(expect.objectContaining({ code: 'ERR_OPTION' }));
    }
  });

  test('is refused when a peer sends it, and so is one listener too many', async () => {
    const { serve, dservice } = makeListeners();
    const shop = await serve('shop@1.0.0');
    const session = await new Promise<{
      ask(control: 'on', given: object, args?: unknown[]): Promise<unknown>;
    }>((resolve, reject) =>
      dservice().dnodeFor('shop', (error, _, d) =>
        error === null ? resolve(d.session as never) : reject(error),
      ),
    );
    const ask = (...args: unknown[]): Promise<unknown> => session.ask('on', {}, args);
    const listener = (): void => {};
    for (const args of [
      [],
      ['sold'],
      ['sold', 'x', null],
      ['sold', listener, 7],
      ['sold', listener, 'x'.repeat(64)],
      [7, listener, null],
    ]) {
      await expect(ask(...args)).rejects.toMatchObject({ code: 'ERR_OPTION' });
    }
    for (let i = 0; i < 1_000; i++) await ask(`event ${i}`, listener, 'it');
    await expect(ask('one more', listener, 'it')).rejects.toMatchObject({ code: 'ERR_LIMIT' });
    expect(await shop.emit('event 7')).toEqual([{ service: 'it' }]);
  });
});
