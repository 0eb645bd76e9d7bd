import { describe, expect, test } from 'vitest';
import { client, meet, page, until } from './fixtures/meeting.js';

/** A service whose calls end when the test says so. */
function slow() {
  const waiting: (() => void)[] = [];
  return {
    waiting,
    api: {
      wait: async (what: string) => {
        await new Promise<void>((resolve) => waiting.push(resolve));
        return what;
      },
      hi: () => 'hi',
    },
  };
}

describe('stop()', () => {
  test('of one of two: no call fails, neither one in flight nor a new one', async () => {
    const [a, b] = [await meet(), await meet()];
    const urls = [a.url, b.url];
    const { api, waiting } = slow();
    await page(urls, { name: 'slow', api }).start();
    const remote = await page(urls).connect('slow');
    const outcome = remote.wait('over there');
    await until(() => waiting.length === 1);
    expect(a.stats().dials + b.stats().dials).toBe(1);
    const stopped = (a.stats().dials === 1 ? a : b).stop(500);
    let done = false;
    void stopped.then(() => (done = true));
    while (!done) {
      expect(await remote.hi()).toBe('hi');
    }
    expect(await remote.hi()).toBe('hi');
    waiting.shift()?.();
    expect(await outcome).toBe('over there');
    expect(await remote.hi()).toBe('hi');
  });

  test('of one, killed outright, of two: the call goes on by the other', async () => {
    const [a, b] = [await meet(), await meet()];
    const urls = [a.url, b.url];
    const { api, waiting } = slow();
    await page(urls, { name: 'slow', api }).start();
    const remote = await page(urls).connect('slow');
    const outcome = remote.wait('still');
    await until(() => waiting.length === 1);
    const [used, other] = a.stats().dials === 1 ? [a, b] : [b, a];
    await used.close();
    await until(() => other.stats().dials === 1);
    waiting.shift()?.();
    expect(await outcome).toBe('still');
  });

  test('of the only one, which is there again on its port: a call in flight does not fail', async () => {
    const first = await meet();
    const { api, waiting } = slow();
    await page([first.url], { name: 'slow', api }).start();
    const remote = await page([first.url]).connect('slow');
    const outcome = remote.wait('later');
    await until(() => waiting.length === 1);
    const stopped = first.stop(1_000);
    // Its port is soon free, while it goes on with what it carries.
    const again = (): ReturnType<typeof meet> => meet({ port: first.port ?? 0 }).catch(again);
    const second = await again();
    await until(() => second.stats().clients === 2);
    await stopped;
    await until(() => second.stats().dials === 1);
    waiting.shift()?.();
    expect(await outcome).toBe('later');
    expect(await remote.hi()).toBe('hi');
    expect(second.stats()).toMatchObject({ clients: 2, records: 1 });
  });

  test('with nobody there, at once; again, the same; and closed is told', async () => {
    const it = await meet();
    const [one, two] = [it.stop(), it.stop()];
    expect(two).toBe(one);
    await one;
    await it.closed;
    await it.close();
    expect(it.stats().status).toBe('draining');
  });

  test('does not wait longer than it is told for who does not go', async () => {
    const it = await meet();
    const session = await client(it.url);
    const record = { name: 'a', version: '1.0.0', endpoints: [], state: 'up', relies: [] };
    const accept = (): Promise<unknown> => new Promise(() => {});
    const announced = { ...record, id: '00000000000000aa' };
    await session.call('announce', [announced, 'a key that is long enough', accept]);
    const side = { receive: () => {}, end: () => {}, signal: () => {} };
    const dialling = session.call('dial', [announced.id, side]);
    await until(() => it.stats().dials === 1);
    const began = performance.now();
    await it.stop(200);
    expect(performance.now() - began).toBeLessThan(1_500);
    await expect(dialling).rejects.toThrow();
  });

  test('of `await using`', async () => {
    let clients;
    {
      await using it = await meet();
      await client(it.url);
      clients = it.stats;
    }
    expect(clients()).toMatchObject({ clients: 0, status: 'draining' });
  });
});
