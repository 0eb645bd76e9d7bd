import { describe, expect, onTestFinished, test } from 'vitest';
import { rendezvousOf } from '../../src/service/rendezvous.js';
import { nodeRuntime } from '../runtime.js';
import { connect } from '../calls.js';
import { meetingPlace } from '../fixtures/local.js';
import { client, knock, meet, page, silent, until } from './fixtures/meeting.js';

const discoveryOf = (url: string, auth: unknown) => {
  const [discovery] = rendezvousOf({ url, auth }, { logger: silent }, nodeRuntime, undefined);
  if (discovery === undefined) throw new Error('there is none');
  onTestFinished(() => discovery.close());
  return discovery;
};

test('who has the credentials is let in, and who has others is told why not', async () => {
  const { url, stats } = await meet({ authenticate: (auth) => auth === 'sesame' });
  expect(await discoveryOf(url, 'sesame').match?.('^1', ['1.2.0', '2.0.0'])).toEqual([true, false]);
  const stranger = discoveryOf(url, 'barley');
  const reason = new Promise<string | undefined>((resolve) =>
    stranger.onDegraded((why) => resolve(why?.message)),
  );
  const match = stranger.match?.('^1', ['1.2.0']).catch(() => {});
  expect(await reason).toMatch(/credentials were not accepted/);
  expect(stats().clients).toBe(1);
  await stranger.close();
  await match;
});

describe('who is no client', () => {
  const authenticate = (auth: unknown) => auth === 'sesame';
  const api = { hi: () => 'hi' };

  test('is led to an instance by a ticket that a client was given, once', async () => {
    const { url, port, stats } = await meet({ authenticate });
    const service = page([], { name: 'greeter', api, discovery: discoveryOf(url, 'sesame') });
    await service.start();
    await until(() => stats().records === 1);
    for (const path of ['/to/', '/rendezvous/to/']) {
      const to = `ws://127.0.0.1:${port}${path}${service.id}`;
      for (const query of ['', '?ticket=', '?ticket=undefined', `?ticket=${'0'.repeat(32)}`]) {
        expect(await knock(to + query)).toBe(401);
      }
    }
    const session = await client(url, undefined, 'sesame');
    const to = `ws://127.0.0.1:${port}/to/${service.id}?ticket=`;
    const ticket = String(await session.call('ticket', [service.id]));
    const led = await client(to + ticket);
    expect(await led.call('hi', [])).toBe('hi');
    expect(await knock(to + ticket)).toBe(401);
    // For another instance.
    expect(await knock(to + String(await session.call('ticket', ['0'.repeat(16)])))).toBe(401);
    await expect(session.call('ticket', ['../x'])).rejects.toMatchObject({ mayHaveRun: false });
  });

  test('and calls as one that only calls, with the credentials', async () => {
    const { url, stats } = await meet({ authenticate });
    const service = page([], { name: 'greeter', api, discovery: discoveryOf(url, 'sesame') });
    await service.start();
    await until(() => stats().records === 1);
    const remote = await connect('greeter', { rendezvous: { url, auth: 'sesame' } });
    onTestFinished(() => remote[Symbol.dispose]());
    expect(await remote.hi()).toBe('hi');
    const stranger = connect('greeter', { rendezvous: { url, auth: 'no' }, timeout: 200 });
    await expect(stranger).rejects.toThrow(/credentials were not accepted/);
  });

  test('with multicast DNS, is led to what is on the air for it, and not to what was heard there', async () => {
    const { start, port: air } = await meetingPlace();
    const heard = await start('heard', api);
    const { url, port } = await meet({ authenticate, mdns: true }, air);
    const service = page([], { name: 'greeter', api, discovery: discoveryOf(url, 'sesame') });
    await service.start();
    const session = await client(url, undefined, 'sesame');
    for (const name of ['greeter', 'heard']) {
      await new Promise<void>((resolve) => {
        const tell = (events: unknown[]): void => {
          if (events.length > 0) resolve();
        };
        void session.call('browse', [name, tell]);
      });
    }
    expect(await knock(`ws://127.0.0.1:${port}/to/${service.id}`)).toBe('open');
    expect(await knock(`ws://127.0.0.1:${port}/to/${heard.id}`)).toBe(401);
  });
});
