import { expect, onTestFinished, test } from 'vitest';
import { memoryPair } from '../channel/memory.js';
import { defaultLimits } from '../limits.js';
import { syncScope } from '../protocol/context.js';
import type { Session } from '../protocol/session.js';
import { makeRecord, silent } from '../rendezvous/fixtures/harbour.js';
import { Server } from '../service/server.js';
import { codeOf } from '../testing/fixtures/peer.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { rendezvousDiscovery } from './rendezvous.js';

type Listener = (events: unknown, about: unknown) => Promise<unknown>;

/** A rendezvous that does what the test wants of it, and a discovery that believes in it. */
function setup(onSession: (session: Session) => void = () => {}) {
  const clock = new VirtualClock();
  const scope = syncScope();
  const listeners: Listener[] = [];
  const accepts: ((info: unknown, near: unknown) => Promise<unknown>)[] = [];
  const made = { connected: 0, dial: (): unknown => new Promise(() => {}) };
  const api = {
    announce: (_record: unknown, _key: unknown, accept: (typeof accepts)[0]) => {
      accepts.push(accept);
      return { update() {}, withdraw() {} };
    },
    browse: (_name: unknown, listener: Listener) => {
      listeners.push(listener);
      return () => {};
    },
    dial: () => made.dial(),
    match: () => 'rubbish',
    stay: () => {},
  };
  const server = new Server(api, {
    clock,
    scope,
    limits: defaultLimits,
    logger: silent,
    onSession,
  });
  const discovery = rendezvousDiscovery({
    ...{ url: 'ws://bad.test/', clock, scope, logger: silent },
    connect: () => {
      made.connected++;
      const [near, far] = memoryPair({ clock });
      server.accept(far);
      return Promise.resolve(near);
    },
  });
  onTestFinished(() => discovery.close());
  return { clock, discovery, listeners, accepts, made };
}

const up = (record: unknown) => ({ type: 'up', record, dial: true });

test('a service that is no rendezvous is told of, and asked again less and less often', async () => {
  const clock = new VirtualClock();
  const scope = syncScope();
  const server = new Server(
    { shout: () => 'HI' },
    { clock, scope, limits: defaultLimits, logger: silent },
  );
  let connected = 0;
  const discovery = rendezvousDiscovery({
    ...{ url: 'ws://wrong.test/', clock, scope, logger: silent },
    connect: () => {
      connected++;
      const [near, far] = memoryPair({ clock });
      server.accept(far);
      return Promise.resolve(near);
    },
  });
  onTestFinished(() => discovery.close());
  discovery.browse(undefined, () => {});
  await clock.advance(60_000);
  expect(discovery.degraded).toMatchObject({
    code: 'ERR_DISCOVERY',
    message:
      'the rendezvous ws://wrong.test/ cannot be reached: what answers there is no rendezvous',
  });
  expect(connected).toBeGreaterThan(6);
  expect(connected).toBeLessThan(30);
  expect(server.sessions.size).toBe(0);
});

test('a snapshot without an end, of what is nothing: nobody is taken for gone', async () => {
  const { clock, discovery, listeners } = setup();
  const seen = new Map<string, string>();
  discovery.browse(undefined, ({ type, record }) => seen.set(record.id, type));
  await clock.advance(0);
  const [listener] = listeners;
  const real = makeRecord('real');
  const tell = async (events: unknown, about: unknown): Promise<void> => {
    void listener?.(JSON.stringify(events), about);
    await clock.advance(0);
  };
  await tell([up(real)], { snapshot: true, first: true, more: false });
  expect(seen.get(real.id)).toBe('up');
  for (let part = 0; part < 110; part++) {
    const rubbish = Array.from({ length: 1_000 }, (_, n) => ({
      record: { id: `${part}.${n}` },
    }));
    await tell(rubbish, { snapshot: true, first: part === 0, more: true });
  }
  await tell([], { snapshot: true, more: false });
  expect([...seen]).toEqual([[real.id, 'up']]);
  // The next one that is whole counts.
  await tell([], { snapshot: true, first: true, more: false });
  expect(seen.get(real.id)).toBe('down');
});

test('rubbish as events, and settlings without number, leave no timers', async () => {
  const { clock, discovery, listeners } = setup();
  discovery.browse('x', () => expect.unreachable());
  await clock.advance(0);
  const [listener] = listeners;
  const { pending } = clock;
  const abouts = [null, 1, 'x', [], {}, { snapshot: 1 }, { snapshot: true, first: true }];
  for (const about of abouts) {
    for (const events of [
      null,
      1,
      {},
      'x',
      '[',
      '[null,1,[],{},{"record":1},{"record":{"id":{}}}]',
    ])
      void listener?.(events, about);
  }
  for (let n = 0; n < 1_000; n++) {
    void listener?.('[]', { snapshot: true, first: n === 0, more: false, settling: 1e9 });
    void listener?.('[]', { snapshot: true, first: n === 1, settling: Number.NaN });
    void listener?.('[]', { snapshot: true, first: n === 2, settling: -1 });
    if (n % 100 === 0) await clock.advance(0);
  }
  await clock.advance(10);
  // One of the settling, and the watch of the session over its calls.
  expect(clock.pending).toBeLessThan(pending + 5);
});

test('one that says bye as soon as somebody is there is not hurried back to', async () => {
  const { clock, discovery, made } = setup((session) => {
    session.on('remote', () => void session.drain());
  });
  discovery.browse('x', () => {});
  await clock.advance(60_000);
  expect(made.connected).toBeGreaterThan(4);
  expect(made.connected).toBeLessThan(25);
});

test('dials that never end, or that are nothing, and matches that are none', async () => {
  const { clock, discovery, made } = setup();
  const record = makeRecord('real');
  const dial = () => discovery.connect(`relay:ws://bad.test/#${record.id}`, { timeout: 1_000 });
  const never = codeOf(dial());
  await clock.advance(1_100);
  expect(await never).toBe('ERR_TIMEOUT');
  for (const answer of [null, 1, 'x', [], {}, { receive() {} }]) {
    made.dial = () => answer;
    const wrong = codeOf(dial());
    await clock.advance(10);
    expect(await wrong).toBe('ERR_CONNECT');
  }
  // Its functions hang: what is written waits, and the channel ends all the same.
  const hang = (): Promise<void> => new Promise(() => {});
  made.dial = () => ({ receive: hang, end: hang, signal: hang, origin: {}, address: 7 });
  const reached = dial();
  await clock.advance(10);
  const channel = await reached;
  expect(channel.peer).toEqual({ transport: 'relay' });
  let closed = false;
  channel.open({ receive() {}, drain() {}, close: () => (closed = true) });
  for (let n = 0; n < 100; n++) channel.write(`${'x'.repeat(10_000)}\n`);
  channel.close();
  await clock.advance(30_000);
  expect(closed).toBe(true);
  const matched = codeOf(discovery.match('^1', ['1.0.0']));
  await clock.advance(10);
  expect(await matched).toBe('ERR_MALFORMED');
});

test('who is dialled with rubbish refuses it with a code', async () => {
  const { clock, discovery, accepts } = setup();
  let accepted = 0;
  discovery.announce(makeRecord('real'), () => accepted++);
  await clock.advance(10);
  const [accept] = accepts;
  for (const near of [null, 1, 'x', [], {}, { receive() {}, end() {} }]) {
    const refused = codeOf(accept?.(null, near) ?? Promise.resolve());
    await clock.advance(10);
    expect(await refused).toBe('ERR_DATA');
  }
  const side = { receive() {}, end() {}, signal() {} };
  const codes = new Set<unknown>();
  for (let n = 0; n < 1_100; n++) {
    accept?.({ dial: n, origin: 'x' }, side).catch(({ code }) => codes.add(code));
    if (n % 100 === 0) await clock.advance(10);
  }
  await clock.advance(10);
  expect([accepted, [...codes]]).toEqual([1_024, ['ERR_BUSY']]);
});
