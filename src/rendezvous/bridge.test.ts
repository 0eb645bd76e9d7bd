import { changed } from '../channel/fixtures/changed.js';
import { expect, test } from 'vitest';
import type { Channel, ChannelPeer } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import type { Announcement, Discovery } from '../discovery/discovery.js';
import { memoryDiscovery, MemoryNetwork } from '../discovery/memory.js';
import { Recorder, turns } from '../testing/recorder.js';
import type { VirtualClock } from '../testing/virtual-clock.js';
import { bridge } from './bridge.js';
import type { From } from './hub-local.js';
import { Harbour, makeRecord, silent } from './fixtures/harbour.js';

function setup() {
  const made = new Harbour();
  const clock = made.clock as VirtualClock;
  const network = new MemoryNetwork();
  const inner = memoryDiscovery({ network, clock });
  const accepts = new Map<string, (channel: Channel) => void>();
  const announced: string[] = [];
  const discovery: Discovery = {
    ...inner,
    announce(record, accept): Announcement {
      announced.push(record.name);
      if (accept) accepts.set(record.id, accept);
      return inner.announce(record);
    },
  };
  const outside = memoryDiscovery({ network, clock });
  const dialled: { id: string; from: From; channel: Channel }[] = [];
  const joined = bridge(made.hub, discovery, {
    endpointsOf: (record) =>
      record.name === 'hidden' ? undefined : [`tcp://bridge/${record.name}`],
    connect(record, from) {
      const [near, far] = memoryPair({ clock });
      dialled.push({ id: record.id, from, channel: far });
      return Promise.resolve(near);
    },
    logger: silent,
  });
  return { made, clock, outside, accepts, announced, dialled, joined };
}

const watch = (discovery: Discovery): string[] => {
  const told: string[] = [];
  discovery.browse(undefined, ({ type, record }) =>
    told.push(`${type} ${record.name} ${record.endpoints.join()}`),
  );
  return told;
};

test('each side sees the other, once', async () => {
  const { made, clock, outside, announced, joined } = setup();
  const [client, second] = [made.discovery(), made.discovery()];
  const [inside, beyond] = [watch(second), watch(outside)];
  const announcement = client.announce(makeRecord('inner'), () => {});
  client.announce(makeRecord('hidden'));
  const outer = outside.announce(makeRecord('outer', { endpoints: ['tcp://10.0.0.1:1'] }));
  await clock.advance(1_000);
  expect(announced).toEqual(['inner']);
  expect(beyond.toSorted()).toEqual(['up inner tcp://bridge/inner', 'up outer tcp://10.0.0.1:1']);
  expect(inside.map((it) => String(it.split(' ')[1])).toSorted()).toEqual([
    'hidden',
    'inner',
    'outer',
  ]);
  await announcement.withdraw();
  await outer.withdraw();
  await clock.advance(1_000);
  expect(beyond.slice(2).toSorted()).toEqual([
    'down inner tcp://bridge/inner',
    'down outer tcp://10.0.0.1:1',
  ]);
  expect(inside.slice(3).map((it) => it.split(' ').slice(0, 2).join(' '))).toEqual(
    expect.arrayContaining(['down inner', 'down outer']),
  );
  await joined.close();
});

test('who comes over the bridge is piped, and says who it is', async () => {
  const { made, clock, outside, accepts, dialled } = setup();
  const page = made.discovery({ origin: 'http://page.test', address: '1.1.1.1:1' });
  const inner = makeRecord('inner');
  const outer = makeRecord('outer');
  const accepted: Channel[] = [];
  page.announce(inner, (channel) => accepted.push(channel));
  outside.announce(outer);
  page.browse(undefined, () => {});
  await clock.advance(1_000);

  const channel = await page.connect(`relay:ws://hub.test/#${outer.id}`, { timeout: 1_000 });
  const [a, b] = [new Recorder(channel), new Recorder(dialled[0]!.channel)];
  a.channel.write('{"out":1}\n');
  b.channel.write('{"in":1}\n');
  await clock.advance(10);
  expect([b.lines, a.lines]).toEqual([['{"out":1}'], ['{"in":1}']]);
  expect(dialled[0]).toMatchObject({
    id: outer.id,
    from: { origin: 'http://page.test', address: '1.1.1.1:1' },
  });
  b.channel.close();
  await clock.advance(10);
  expect(a.closes).toEqual([undefined]);

  const [near, far] = memoryPair({ clock });
  const peer: ChannelPeer = { transport: 'tcp', address: '9.9.9.9:9' };
  const given = changed(far, { peer });
  accepts.get(inner.id)?.(given);
  const c = new Recorder(near);
  c.channel.write('{"over":1}\n');
  await clock.advance(10);
  const d = new Recorder(accepted[0]!);
  await turns(2);
  expect(d.lines).toEqual(['{"over":1}']);
  expect(accepted[0]?.peer).toEqual({ transport: 'relay', address: '9.9.9.9:9' });
});

test('what is on both sides is on both sides once, and stays while one has it', async () => {
  const { made, clock, outside, announced, joined } = setup();
  const warnings: string[] = [];
  const logger = { warn: (line: string) => void warnings.push(line) };
  const [client, other] = [made.discovery({}, { logger }), made.discovery()];
  const record = makeRecord('both');
  const heard = outside.announce(record);
  await clock.advance(300);
  const own = client.announce(record, () => {});
  const told = watch(other);
  await clock.advance(40_000);
  expect([announced, told.length]).toEqual([[], 1]);
  // That it was heard of first is nothing that its program has to be told.
  expect(warnings).toEqual([]);
  await own.withdraw();
  await heard.withdraw();
  await clock.advance(1_000);
  expect(told.at(-1)).toMatch(/^down both/);
  await joined.close();
});

test('to a rendezvous above: those of both find and reach each other', async () => {
  const above = new Harbour();
  const clock = above.clock as VirtualClock;
  const below = new Harbour({ clock });
  const upstream = above.discovery({ origin: 'http://page.test' });
  bridge(below.hub, upstream, {
    endpointsOf: () => [],
    connect: (record) => upstream.connect(record.endpoints.at(-1) ?? '', { timeout: 1_000 }),
    logger: silent,
  });
  const [tab, far] = [below.discovery(), above.discovery()];
  const [ofTab, ofFar] = [makeRecord('tab'), makeRecord('far')];
  const accepted: Channel[] = [];
  tab.announce(ofTab, (channel) => accepted.push(channel));
  far.announce(ofFar, (channel) => accepted.push(channel));
  const [seenByTab, seenByFar] = [watch(tab), watch(far)];
  await clock.advance(1_000);
  const relayed = (id: string): string => `relay:ws://hub.test/#${id}`;
  const all = [`up far ${relayed(ofFar.id)}`, `up tab ${relayed(ofTab.id)}`];
  expect([seenByTab.toSorted(), seenByFar.toSorted()]).toEqual([all, all]);
  for (const [from, to] of [
    [tab, ofFar],
    [far, ofTab],
  ] as const) {
    const a = new Recorder(await from.connect(relayed(to.id), { timeout: 1_000 }));
    const b = new Recorder(accepted.pop()!);
    a.channel.write('{"n":1}\n');
    await b.until(() => b.lines.length === 1);
    b.channel.close();
    await a.closed();
    expect(a.closes).toEqual([undefined]);
  }
});
