import { expect, onTestFinished, test } from 'vitest';
import { dservice, meetingPlace } from '../fixtures/local.js';
import { knock, meet, page, pageOrigin, until } from './fixtures/meeting.js';

const api = { shout: (text: string) => text.toUpperCase() };

test('it is on the air itself', async () => {
  const { discover, caller, port } = await meetingPlace();
  const it = await meet({ mdns: true }, port);
  const heard: unknown[] = [];
  discover().browse('rendezvous', ({ type, record }) => heard.push([type, record]));
  await until(() => heard.length > 0);
  expect(heard).toEqual([
    [
      'up',
      {
        ...{ id: expect.stringMatching(/^[0-9a-f]{16}$/), name: 'rendezvous', version: '1.0.0' },
        ...{ endpoints: it.endpoints, state: 'up', relies: [] },
      },
    ],
  ]);
  const remote = await caller().connect('rendezvous@^1');
  expect(await remote.match('^1', ['1.0.0'])).toEqual([true]);
  await it.stop();
  await until(() => heard.length > 1);
});

test('a page calls a service that it hears of by the rendezvous', async () => {
  const { start, port } = await meetingPlace();
  const origins: unknown[] = [];
  const service = await start('greeter@1.2.0', api);
  service.on('session', ({ peer }) => origins.push([peer.transport, peer.origin]));
  const { url } = await meet({ mdns: true }, port);
  const asking = page([url]);
  const records: unknown[] = [];
  asking.discovery.browse('greeter', ({ record }) => records.push(record.endpoints));
  const remote = await asking.connect('greeter@^1');
  expect(await remote.shout('hello')).toBe('HELLO');
  expect(origins).toEqual([['ws', pageOrigin]]);
  // What listens on this machine's loopback is no address to anybody elsewhere.
  expect(records).toEqual([[`relay:${url}#${service.id}`]]);
});

test('the service checks the origin of the page as if it came by itself', async () => {
  const { start, port } = await meetingPlace();
  const allowed = 'https://app.example.org';
  await start('closed', api);
  await start('open', api, { origins: [allowed] });
  const { url } = await meet({ mdns: true, origins: [allowed, pageOrigin] }, port);
  const [app, local] = [page([url], { origin: allowed }), page([url])];
  expect(await (await app.connect('open')).shout('a')).toBe('A');
  expect(await (await local.connect('closed')).shout('b')).toBe('B');
  for (const [who, name, origin] of [
    [app, 'closed', allowed],
    [local, 'open', pageOrigin],
  ] as const) {
    await expect(who.connect(name, { wait: 500 })).rejects.toMatchObject({
      code: 'ERR_CONNECT',
      message: expect.stringContaining(`the service refuses pages of ${origin}`),
    });
  }
});

test('a program without an Origin says none', async () => {
  const { start, port } = await meetingPlace();
  const peers: unknown[] = [];
  const service = await start('greeter', api, { origins: ['https://app.example.org'] });
  service.on('session', ({ peer }) => peers.push(peer.origin));
  const { url } = await meet({ mdns: true }, port);
  const { rendezvousDiscovery } = await import('../../src/discovery/rendezvous.js');
  const { connectChannel } = await import('../connect.js');
  const { nodeRuntime } = await import('../runtime.js');
  const discovery = rendezvousDiscovery({
    ...{ url, scope: nodeRuntime.scope, connect: () => connectChannel(url) },
  });
  const caller = dservice({ discovery });
  onTestFinished(async () => {
    await caller.stop(0);
    await discovery.close();
  });
  expect(await (await caller.connect('greeter')).shout('a')).toBe('A');
  expect(peers).toEqual([undefined]);
});

test('a program calls a page that it finds by multicast DNS', async () => {
  const { caller, discover, port } = await meetingPlace();
  const { url, port: tcp } = await meet({ mdns: true }, port);
  const peers: unknown[] = [];
  const service = page([url], { name: 'button@2.0.0', api });
  service.on('session', ({ peer }) => peers.push([peer.transport, peer.origin]));
  await service.start();
  const events: { type: string; endpoints: readonly string[] }[] = [];
  discover().browse('button', ({ type, record }) => {
    events.push({ type, endpoints: record.endpoints });
  });
  const remote = await caller().connect('button@^2');
  expect(await remote.shout('press')).toBe('PRESS');
  expect(peers).toEqual([['relay', undefined]]);
  // Who calls may be answered alone, and so before this one: what never came is not told to have gone.
  await until(() => events.length > 0);
  await service.stop();
  await until(() => events.at(-1)?.type === 'down');
  const endpoints = [`ws://127.0.0.1:${tcp}/to/${service.id}`];
  // That it drains may be told with its going.
  expect(events.map(({ type }) => type).filter((type) => type !== 'update')).toEqual([
    'up',
    'down',
  ]);
  for (const event of events) expect(event.endpoints).toEqual(endpoints);
});

test('a page that is at two rendezvous is announced by one of them, and by the other when that goes', async () => {
  const { discover, port } = await meetingPlace();
  const both = [await meet({ mdns: true }, port), await meet({ mdns: true }, port)];
  const service = page(
    both.map(({ url }) => url),
    { name: 'button', api },
  );
  await service.start();
  const seen: (readonly string[])[] = [];
  discover().browse('button', ({ type, record }) => type !== 'down' && seen.push(record.endpoints));
  await until(() => seen.length > 0);
  // That it is one of them, and who that is, is decided by lot: see beyond.test.ts.
  const at = both.findIndex((it) => seen[0]?.[0]?.includes(`:${it.port}/`));
  const [first, other] = at === 0 ? both : both.toReversed();
  await first?.stop();
  await until(() => seen.some(([endpoint]) => endpoint?.includes(`:${other?.port}/`) === true));
});

test('what has an address of its own is not announced for it', async () => {
  const { discover, port } = await meetingPlace();
  const { url } = await meet({ mdns: true }, port);
  const { client } = await import('./fixtures/meeting.js');
  const session = await client(url);
  const record = { id: '00000000000000ab', name: 'a', version: '1.0.0', state: 'up', relies: [] };
  const announce = (it: object): Promise<unknown> =>
    session.call('announce', [{ ...record, ...it }, 'a key that is long enough', () => {}]);
  const heard = new Set<string>();
  discover().browse(undefined, ({ record: { name } }) => heard.add(name));
  await announce({ endpoints: ['tcp://127.0.0.1:1'] });
  // How long each takes is drawn by lot: of so many, one is last.
  const others = Array.from({ length: 20 }, (_, i) => i.toString(16).padStart(16, '0'));
  for (const id of others) await announce({ id, name: `n${id}`, endpoints: [] });
  await until(() => others.every((id) => heard.has(`n${id}`)));
  expect(heard).not.toContain('a');
  // Nor is an address that a client gives ever connected to: only what was heard.
  expect(await knock(url.replace('/rendezvous', `/to/${record.id}`))).toBe(502);
});

test('who has no multicast says so', async () => {
  const { openRendezvous } = await import('./rendezvous.js');
  const { mdns } = await import('../mdns/mdns.js');
  const it = await openRendezvous({ mdns: true }, () =>
    mdns({ reach: 'local', networkInterfaces: () => ({}) }),
  );
  expect(it.stats().mdns).toBe('degraded: There is no loopback interface to multicast on');
  await it.close();
});
