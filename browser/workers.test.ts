import { describe, expect, test } from 'vitest';
import { frame } from './fixtures/frames.js';
import { dial, serve, windowPeer, type Server, type Session } from './index.js';

const url = (name: string): string => `/browser/fixtures/${name}`;

interface Calculator {
  add(a: number, b: number): Promise<number>;
}

describe('a Worker', () => {
  interface Api extends Calculator {
    quadruple(value: number): Promise<number>;
  }

  test('is called by its page, and calls it', async () => {
    const worker = new Worker(url('worker.ts'), { type: 'module' });
    const remote = await dial<Api>(worker, { api: { double: (value: number) => value * 2 } });
    expect(await remote.add(1, 2)).toBe(3);
    expect(await remote.quadruple(5)).toBe(20);
    worker.terminate();
  });

  test('is served by its page', async () => {
    const worker = new Worker(url('worker.ts'), { type: 'module' });
    let server: Server | undefined;
    const remote = await new Promise<Record<string, unknown>>((resolve, reject) => {
      const api = { double: (value: number) => value * 2 };
      const onSession = (session: Session) => session.on('remote', resolve);
      serve(api, worker, { onSession }).then((it) => (server = it), reject);
    });
    if (typeof remote.quadruple !== 'function') throw new Error('the api of another worker');
    expect(await remote.quadruple(3)).toBe(12);
    await server?.close();
    worker.terminate();
  });
});

describe('a SharedWorker', () => {
  interface Api {
    increase(): Promise<number>;
    join(): Promise<void>;
    tabs(number: number): Promise<void>;
    names(): Promise<string[]>;
  }

  test('has one state for two pages, calls both, and sees one leave', async () => {
    const { port } = new SharedWorker(url('shared.ts'), { type: 'module' });
    const remote = await dial<Api>(port, { api: { name: () => 'first' } });
    await remote.join();
    await remote.tabs(1);
    const other = frame(`${url('tab.html')}#second`);
    await remote.tabs(2);
    expect((await remote.names()).toSorted()).toEqual(['first', 'second']);
    other.element.remove();
    await remote.tabs(1);
    expect(await remote.names()).toEqual(['first']);
  });

  test('two connections of one page share it', async () => {
    const connect = () =>
      dial<Api>(new SharedWorker(url('shared.ts'), { type: 'module', name: 'two' }).port);
    using one = await connect();
    using two = await connect();
    expect([await one.increase(), await two.increase(), await one.increase()]).toEqual([1, 2, 3]);
  });
});

describe('a service worker', () => {
  test('is called by its pages', async () => {
    const registration = await navigator.serviceWorker.register(url('service-worker.ts'), {
      type: 'module',
    });
    const worker = registration.active ?? registration.waiting ?? registration.installing;
    interface Api extends Calculator {
      caller(): Promise<string>;
    }
    using remote = await dial<Api>(windowPeer(worker, location.origin));
    expect(await remote.add(1, 2)).toBe(3);
    expect(await remote.caller()).toBe(location.origin);
    await registration.unregister();
  });
});
