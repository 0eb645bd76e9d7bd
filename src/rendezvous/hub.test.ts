import { describe, expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { defaultLimits } from '../limits.js';
import type { About, HubEvent } from '../discovery/rendezvous/wire.js';
import { syncScope } from '../protocol/context.js';
import { Session } from '../protocol/session.js';
import { codeOf } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import type { VirtualClock } from '../testing/virtual-clock.js';
import { Harbour, makeRecord } from './fixtures/harbour.js';

const key = 'a secret of sixteen or more';

function harbour(options: ConstructorParameters<typeof Harbour>[0] = {}) {
  const made = new Harbour(options);
  return { made, hub: made.hub, clock: made.clock as VirtualClock };
}

/** Browses, and keeps each call of the listener. */
async function watch(client: Session, name: string | null = null) {
  const calls: { events: HubEvent[]; about: About }[] = [];
  await client.call('browse', [
    name,
    (events: HubEvent[], about: About) => void calls.push({ events, about }),
  ]);
  return {
    calls,
    get events() {
      return calls.flatMap(({ events }) => events);
    },
    get told() {
      return calls.flatMap(({ events }) => events.map((e) => `${e.type} ${e.record.name}`));
    },
  };
}

interface Handle {
  update(record: unknown): Promise<void>;
  withdraw(): Promise<void>;
}

const announce = async (client: Session, record: unknown, accept?: unknown, secret = key) =>
  (await client.call('announce', [record, secret, accept ?? null])) as Handle;

function sessionOver(channel: Channel, clock: VirtualClock): Session {
  const session = new Session({ channel, clock, scope: syncScope(), limits: defaultLimits });
  session.start();
  return session;
}

const side = (part: object = {}) => ({ receive() {}, end() {}, signal() {}, ...part });

describe('announcing', () => {
  test('what is announced is told, and withdrawn when its client is gone', async () => {
    const { made, hub, clock } = harbour();
    const [a, b] = [await made.client(), await made.client()];
    const seen = await watch(b);
    expect(seen.calls).toEqual([
      { events: [], about: { snapshot: true, first: true, more: false, settling: 20_000 } },
    ]);
    const record = makeRecord('one');
    await announce(a, record);
    await turns(2);
    expect(seen.calls[1]).toEqual({ events: [{ type: 'up', record, dial: false }], about: {} });
    expect(hub.stats()).toMatchObject({ clients: 2, records: 1, subscriptions: 1 });
    a.close();
    await clock.advance(200);
    expect(seen.told).toEqual(['up one', 'down one']);
    expect(hub.stats()).toMatchObject({ clients: 1, records: 0 });
  });

  test('a page has no address, and nobody says that he is relayed', async () => {
    const { made } = harbour();
    const page = await made.client({ origin: 'http://page.test' });
    const node = await made.client();
    const endpoints = ['tcp://10.0.0.1:1', 'relay:ws://x/#0123456789abcdef'];
    await announce(page, makeRecord('page', { endpoints }));
    await announce(node, makeRecord('node', { endpoints }));
    const seen = await watch(node);
    expect(seen.events.map(({ record }) => record.endpoints)).toEqual([[], ['tcp://10.0.0.1:1']]);
  });

  test('another with the key takes over, silently; without it nobody does', async () => {
    const { made, hub, clock } = harbour();
    const [old, back, thief] = [await made.client(), await made.client(), await made.client()];
    const record = makeRecord('mine');
    const first = await announce(old, record);
    const seen = await watch(thief);
    expect(await codeOf(announce(thief, record, null, 'another secret, long'))).toBe('ERR_AUTH');
    await announce(back, record);
    await first.update({ ...record, state: 'draining' });
    await first.withdraw();
    old.close();
    await clock.advance(500);
    expect(seen.told).toEqual(['up mine']);
    expect(hub.stats().records).toBe(1);
    back.close();
    await clock.advance(500);
    expect(seen.told).toEqual(['up mine', 'down mine']);
  });

  test.each([
    ['no record', null, 'ERR_DATA'],
    ['a name', { name: 'Not One' }, 'ERR_NAME'],
    ['a version', { version: '^1.0.0' }, 'ERR_VERSION'],
    ['a long version', { version: `1.0.0-${'a'.repeat(300)}` }, 'ERR_VERSION'],
    ['an id', { id: 'XYZ' }, 'ERR_DATA'],
    ['a state', { state: 'dead' }, 'ERR_DATA'],
    ['endpoints', { endpoints: ['tcp://a b'] }, 'ERR_DATA'],
    ['many endpoints', { endpoints: Array.from({ length: 33 }, () => 'tcp://a:1') }, 'ERR_DATA'],
    ['relies', { relies: [{ name: 'x' }] }, 'ERR_DATA'],
    [
      'too much',
      { relies: Array.from({ length: 200 }, () => ({ name: 'x', range: '1'.repeat(90) })) },
      'ERR_LIMIT',
    ],
  ])('a lie is refused: %s', async (_, part, code) => {
    const { made, hub } = harbour();
    const client = await made.client();
    const record = part === null ? 7 : { ...makeRecord('x'), ...part };
    expect(await codeOf(announce(client, record))).toBe(code);
    expect(hub.stats().records).toBe(0);
  });

  test('what does not belong to a record is not told', async () => {
    const { made } = harbour();
    const client = await made.client();
    const record = makeRecord('x');
    const handle = await announce(client, { ...record, secret: 1, bridged: true });
    const seen = await watch(client);
    expect(seen.events[0]?.record).toEqual(record);
    expect(await codeOf(handle.update(makeRecord('x')))).toBe('ERR_DATA');
    expect(await codeOf(announce(client, makeRecord('y'), null, 'short'))).toBe('ERR_DATA');
  });

  test('no more records, browsings and calls than one client may have', async () => {
    const { made, clock } = harbour({
      limits: { records: 2, subscriptions: 1, burst: 8, calls: 4 },
    });
    const client = await made.client();
    await announce(client, makeRecord('a'));
    const second = await announce(client, makeRecord('b'));
    expect(await codeOf(announce(client, makeRecord('c')))).toBe('ERR_LIMIT');
    await second.withdraw();
    await announce(client, makeRecord('c'));
    const stop = (await client.call('browse', [null, () => {}])) as () => Promise<void>;
    expect(await codeOf(client.call('browse', ['x', () => {}]))).toBe('ERR_LIMIT');
    await stop();
    await client.call('browse', ['x', () => {}]);
    const { error } = await client.call('match', ['^1', ['1.0.0']]).then(
      () => ({ error: undefined }),
      (error: unknown) => ({ error }),
    );
    expect(error).toBeUndefined();
    expect(await codeOf(client.call('match', ['^1', []]))).toBe('ERR_BUSY');
    await clock.advance(250);
    expect(await client.call('match', ['^1', []])).toEqual([]);
  });

  test('one client too many is not served', async () => {
    const { made, hub } = harbour({ limits: { clients: 1 } });
    await made.client();
    const channel = made.connect();
    const ended = new Promise<void>((resolve) =>
      channel.open({ receive() {}, drain() {}, close: () => resolve() }),
    );
    await ended;
    expect(hub.stats().clients).toBe(1);
  });
});

describe('browsing', () => {
  test('a flood of updates is one event a window, of those who browse for it alone', async () => {
    const { made, clock } = harbour({ limits: { burst: 5_000 } });
    const [flooder, all, named, other] = [
      await made.client(),
      await made.client(),
      await made.client(),
      await made.client(),
    ];
    const seen = await watch(all);
    const ofName = await watch(named, 'flood');
    const ofOther = await watch(other, 'other');
    const record = makeRecord('flood');
    const handle = await announce(flooder, record);
    await clock.advance(1_000);
    for (let i = 0; i < 1_000; i++) {
      void handle.update({ ...record, version: `1.0.${i}` });
      if (i % 100 === 0) await turns(1);
    }
    await clock.advance(1_000);
    expect(seen.calls.length).toBeLessThanOrEqual(4);
    expect(ofName.calls.length).toBeLessThanOrEqual(4);
    expect(ofOther.calls.length).toBe(1);
    expect(seen.events.at(-1)?.record.version).toBe('1.0.999');
  });

  test('who asks for text gets text', async () => {
    const { made } = harbour();
    const client = await made.client();
    const record = makeRecord('x');
    await announce(client, record);
    const told: unknown[] = [];
    await client.call('browse', ['x', (text: unknown) => void told.push(text), 'text']);
    expect(told.map((text) => JSON.parse(String(text)))).toEqual([
      [{ type: 'up', record, dial: false }],
    ]);
  });

  test('up and down within a window is nothing', async () => {
    const { made, clock } = harbour();
    const client = await made.client();
    const seen = await watch(client);
    const first = await announce(client, makeRecord('first'));
    await turns(2);
    const brief = await announce(client, makeRecord('brief'));
    await brief.withdraw();
    await first.withdraw();
    await clock.advance(1_000);
    expect(seen.told).toEqual(['up first', 'down first']);
  });

  test('another name is another service', async () => {
    const { made, clock } = harbour();
    const client = await made.client();
    const [a, b] = [await watch(client, 'a'), await watch(client, 'b')];
    const record = makeRecord('a');
    const handle = await announce(client, record);
    await clock.advance(500);
    await handle.update({ ...record, name: 'b' });
    await clock.advance(500);
    expect([a.told, b.told]).toEqual([['up a', 'down a'], ['up b']]);
  });

  test('who does not read is told nothing more, and the latest when it does', async () => {
    const { made, clock } = harbour({ limits: { burst: 50_000 } });
    const [busy, slow] = [await made.client(), await made.client()];
    const calls: HubEvent[][] = [];
    let go = (): void => {};
    await slow.call('browse', [
      null,
      (events: HubEvent[], about: About) => {
        calls.push(events);
        if (about.snapshot === true) return undefined;
        return new Promise<void>((resolve) => (go = resolve));
      },
    ]);
    const record = makeRecord('x');
    const handle = await announce(busy, record);
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 500; i++) void handle.update({ ...record, version: `1.${round}.${i}` });
      await clock.advance(300);
    }
    expect(calls.length).toBe(2);
    go();
    await clock.advance(300);
    // It was so slow that what it missed is not known any more: it is told all anew.
    expect(calls[2]?.map(({ record: { version } }) => version)).toEqual(['1.19.499']);
  });

  test('ten thousand records are told in parts, and each of them', async () => {
    const { made, clock } = harbour({ limits: { records: 20_000, burst: 50_000 } });
    const [many, one] = [await made.client(), await made.client()];
    const before = await watch(one);
    const records = Array.from({ length: 10_000 }, (_, i) => makeRecord(`n${i % 50}`));
    await Promise.all(records.map((record) => announce(many, record)));
    await clock.advance(5_000);
    const after = await watch(one);
    await turns(20);
    const ids = (events: HubEvent[]) => new Set(events.map(({ record }) => record.id)).size;
    expect(ids(before.events)).toBe(10_000);
    expect(ids(after.events)).toBe(10_000);
    expect(after.calls.every(({ events }) => events.length <= 500)).toBe(true);
    expect(after.calls.map(({ about }) => about.more)).toEqual([
      ...after.calls.slice(1).map(() => true),
      false,
    ]);
    many.close();
    await clock.advance(5_000);
    expect(before.events.filter(({ type }) => type === 'down').length).toBe(10_000);
  }, 30_000);
});

describe('dialling', () => {
  test('nobody, and who cannot be dialled', async () => {
    const { made, clock } = harbour();
    const client = await made.client();
    const record = makeRecord('x');
    await announce(client, record);
    const nobody = client.call('dial', ['00000000000000ff', side()]);
    await expect(nobody).rejects.toMatchObject({ code: 'ERR_NO_INSTANCE', mayHaveRun: false });
    // It may be on its way from the hub before; who was here and went is not.
    await expect(nobody).rejects.toHaveProperty('settling', 20_000);
    const gone = makeRecord('x');
    await (await announce(client, gone)).withdraw();
    const last = client.call('dial', [gone.id, side()]);
    await expect(last).rejects.toMatchObject({ code: 'ERR_NO_INSTANCE' });
    await expect(last).rejects.not.toHaveProperty('settling');
    await clock.advance(20_000);
    const late = client.call('dial', ['00000000000000ff', side()]);
    await expect(late).rejects.toMatchObject({ code: 'ERR_NO_INSTANCE' });
    await expect(late).rejects.not.toHaveProperty('settling');
    const deaf = client.call('dial', [record.id, side()]);
    await expect(deaf).rejects.toMatchObject({ code: 'ERR_CONNECT', mayHaveRun: false });
    expect(await codeOf(client.call('dial', ['x', side()]))).toBe('ERR_DATA');
    expect(await codeOf(client.call('dial', [record.id, { receive() {} }]))).toBe('ERR_DATA');
  });

  async function connected(options: ConstructorParameters<typeof Harbour>[0] = {}) {
    const { made, hub, clock } = harbour(options);
    const caller = await made.client({ origin: 'http://page.test', address: '10.0.0.7:99' });
    const server = await made.client({ address: '10.0.0.8:1' });
    const record = makeRecord('x');
    const ends: unknown[] = [];
    const infos: object[] = [];
    const got: string[] = [];
    const signals: unknown[] = [];
    let near: ReturnType<typeof side> | undefined;
    const far = side({
      receive: (text: string) => void got.push(text),
      end: (reason: unknown) => void ends.push(reason),
      signal: (data: unknown) => void signals.push(data),
    });
    await announce(server, record, (info: object, given: never) => {
      infos.push(info);
      near = given;
      return far;
    });
    const own = { ends: [] as unknown[], signals: [] as unknown[] };
    const ofCaller = side({
      end: (reason: unknown) => void own.ends.push(reason),
      signal: (data: unknown) => void own.signals.push(data),
    });
    const dial = (await caller.call('dial', [record.id, ofCaller])) as {
      dial: string;
      receive(text: unknown, more: boolean): Promise<void>;
      end(reason?: string): Promise<void>;
      signal(data: unknown): Promise<void>;
    };
    return {
      made,
      hub,
      clock,
      caller,
      server,
      record,
      ends,
      infos,
      got,
      signals,
      dial,
      own,
      near: () => near,
    };
  }

  test('each is told who the other is, by the hub', async () => {
    const { infos, dial, record } = await connected();
    const address = { origin: 'http://page.test', address: '10.0.0.7:99' };
    expect(infos).toEqual([{ dial: dial.dial, instance: record.id, client: 'c1', ...address }]);
    expect(dial).toMatchObject({ client: 'c2', address: '10.0.0.8:1' });
  });

  test('a signal goes to the other end, from the two whose dial it is', async () => {
    const { made, dial, signals, own, caller, server } = await connected();
    await caller.call('signal', [dial.dial, { n: 1 }]);
    await server.call('signal', [dial.dial, { n: 2 }]);
    await dial.signal({ n: 3, fn: () => {} });
    await turns(2);
    expect([signals, own.signals]).toEqual([[{ n: 1 }, { n: 3 }], [{ n: 2 }]]);
    const stranger = await made.client();
    expect(await codeOf(stranger.call('signal', [dial.dial, {}]))).toBe('ERR_REFERENCE');
    expect(await codeOf(caller.call('signal', [dial.dial, 'x'.repeat(70_000)]))).toBe('ERR_LIMIT');
    expect(signals.length).toBe(2);
  });

  test('who sends more than twice the window is cut off', async () => {
    const { made, hub } = harbour();
    const [caller, server] = [await made.client(), await made.client()];
    const record = makeRecord('x');
    const ends: unknown[] = [];
    await announce(server, record, () =>
      side({ receive: () => new Promise(() => {}), end: (why: unknown) => void ends.push(why) }),
    );
    const own: unknown[] = [];
    const dial = (await caller.call('dial', [
      record.id,
      side({ end: (why: unknown) => void own.push(why) }),
    ])) as { receive(text: string, more: boolean): Promise<void> };
    const pieces = Array.from({ length: 9 }, () => codeOf(dial.receive('x'.repeat(16_384), true)));
    const codes = await Promise.all(pieces);
    expect(codes[8]).toBe('ERR_LIMIT');
    expect(codes.slice(0, 8).every((code) => code === 'ERR_CONNECTION_LOST')).toBe(true);
    await turns(2);
    expect([ends.length, own.length]).toEqual([1, 1]);
    expect(hub.stats()).toMatchObject({ dials: 0, relayed: 8 * 16_384 });
    expect(caller.tables.serving + server.tables.pending).toBe(0);
  });

  test.each([
    ['a long piece', 'x'.repeat(16_385), 'ERR_LIMIT'],
    ['no text', 7, 'ERR_DATA'],
  ])('%s is refused', async (_, piece, code) => {
    const { dial, got } = await connected();
    expect(await codeOf(dial.receive(piece, false))).toBe(code);
    expect(got).toEqual([]);
  });

  test('who vanishes in the middle of a dial', async () => {
    const { server, caller, own, hub, dial } = await connected();
    server.close();
    await turns(3);
    expect(own.ends).toEqual(['the other side is gone']);
    expect(await codeOf(dial.receive('x', false))).toBe('ERR_CONNECTION_LOST');
    expect(hub.stats()).toMatchObject({ dials: 0, records: 0 });
    expect(caller.ended).toBe(false);
  });

  test('who vanishes while it is asked, and who does not answer', async () => {
    const { made, hub, clock } = harbour();
    const [caller, server] = [await made.client(), await made.client()];
    const [mute, gone] = [makeRecord('mute'), makeRecord('gone')];
    await announce(server, mute, () => new Promise(() => {}));
    await announce(server, gone, () => {
      server.close();
      return new Promise(() => {});
    });
    const late = codeOf(caller.call('dial', [mute.id, side()]));
    await clock.advance(10_000);
    expect(await late).toBe('ERR_TIMEOUT');
    expect(await codeOf(caller.call('dial', [gone.id, side()]))).toBe('ERR_CONNECT');
    expect(hub.stats().dials).toBe(0);
  });

  test('who gives up while it waits has no dial', async () => {
    const { made, hub, clock } = harbour();
    const [caller, server] = [await made.client(), await made.client()];
    const record = makeRecord('slow');
    let answer: (far: object) => void = () => {};
    const ends: unknown[] = [];
    await announce(server, record, () => new Promise((resolve) => (answer = resolve)));
    const dial = codeOf(caller.call('dial', [record.id, side()], { deadline: 1_000 }));
    await clock.advance(1_000);
    expect(await dial).toBe('ERR_DEADLINE');
    await turns(2);
    expect(hub.stats().dials).toBe(0);
    answer(side({ end: (why: unknown) => void ends.push(why) }));
    await clock.advance(10);
    expect(ends).toEqual(['the dial is over: who dialled gave up']);
  });

  test('both ends said, nothing is left', async () => {
    const { hub, dial, near, ends, own, caller, server } = await connected();
    await dial.receive('last', false);
    await dial.end();
    expect(hub.stats().dials).toBe(1);
    await (near() as unknown as { end(): Promise<void> }).end();
    await turns(3);
    expect([ends, own.ends]).toEqual([[undefined], [undefined]]);
    expect(hub.stats().dials).toBe(0);
    expect([caller.tables.pending, server.tables.pending]).toEqual([0, 0]);
  });

  test('one end said and no other', async () => {
    const { hub, dial, clock, own } = await connected();
    await dial.end();
    await clock.advance(10_000);
    expect(hub.stats().dials).toBe(0);
    expect(own.ends).toEqual(['the other side did not end']);
  });

  test('no more dials than a client may have', async () => {
    const { caller, record } = await connected({ limits: { dials: 2 } });
    await caller.call('dial', [record.id, side()]);
    expect(await codeOf(caller.call('dial', [record.id, side()]))).toBe('ERR_LIMIT');
  });
});

test('a client that stops reading costs a window for each dial, and nobody else waits', async () => {
  const { made, hub, clock } = harbour();
  const clients = [await made.client(), await made.client()] as const;
  const records = [makeRecord('deaf'), makeRecord('quick')] as const;
  const channel = made.connect();
  const deaf = sessionOver(channel, clock);
  await turns(3);
  const got: string[] = [];
  await announce(deaf, records[0], () => side());
  await announce(clients[0], records[1], () =>
    side({ receive: (text: string) => void got.push(text) }),
  );
  type Far = { receive(text: string, more: boolean): Promise<void> };
  const dial = async (id: string) => (await clients[1].call('dial', [id, side()])) as Far;
  const [toDeaf, toQuick] = [await dial(records[0].id), await dial(records[1].id)];
  channel.pause();
  const waiting = Array.from({ length: 8 }, () =>
    codeOf(toDeaf.receive('x'.repeat(16_384), false)),
  );
  await toQuick.receive('hello', false);
  expect(got).toEqual(['hello']);
  expect(await codeOf(toDeaf.receive('x'.repeat(16_384), false))).toBe('ERR_LIMIT');
  expect((await Promise.all(waiting)).every((code) => code === 'ERR_CONNECTION_LOST')).toBe(true);
  // It shows no life either, and is given up.
  await clock.advance(120_000);
  expect(hub.stats()).toMatchObject({ clients: 2, records: 1, dials: 1 });
});

describe('matching', () => {
  test('as npm does', async () => {
    const { made } = harbour();
    const client = await made.client();
    const found = await client.call('match', ['^1.2 || 3.x', ['1.3.0', '2.0.0', '3.0.0', 'x']]);
    expect(found).toEqual([true, false, true, false]);
    expect(await codeOf(client.call('match', ['not one', []]))).toBe('ERR_RANGE');
    expect(await codeOf(client.call('match', ['^1', 7]))).toBe('ERR_DATA');
    expect(await codeOf(client.call('match', ['1'.repeat(300), []]))).toBe('ERR_LIMIT');
  });

  test('a hub without a matcher says so', async () => {
    const client = await new Harbour({ matcher: undefined as never }).client();
    expect(await codeOf(client.call('match', ['^1', []]))).toBe('ERR_STATE');
  });
});

test('a hub that leaves takes on nothing new, and waits for its dials', async () => {
  const { made, hub, clock } = harbour();
  const [caller, server] = [await made.client(), await made.client()];
  const record = makeRecord('x');
  await announce(server, record, () => side());
  const dial = (await caller.call('dial', [record.id, side()])) as { end(why: string): void };
  let over = false;
  for (const client of [caller, server]) client.on('bye', () => void client.call('stay', []));
  void hub.drain(5_000).then(() => (over = true));
  await turns(3);
  expect(await codeOf(announce(caller, makeRecord('y')))).toBe('ERR_STATE');
  expect([over, caller.ended]).toEqual([false, false]);
  dial.end('done');
  await turns(3);
  await clock.advance(1_000);
  expect([over, caller.ended, server.ended]).toEqual([true, true, true]);
});
