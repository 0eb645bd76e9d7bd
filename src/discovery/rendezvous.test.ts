import { describe, expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import type { DirectAttempt, DirectOptions } from '../channel/direct.js';
import { memoryPair } from '../channel/memory.js';
import { Harbour, makeRecord } from '../rendezvous/fixtures/harbour.js';
import { codeOf } from '../testing/fixtures/peer.js';
import { Recorder, turns } from '../testing/recorder.js';
import type { VirtualClock } from '../testing/virtual-clock.js';
import type { Discovery } from './discovery.js';

function setup(options: ConstructorParameters<typeof Harbour>[0] = {}) {
  const made = new Harbour(options);
  return { made, clock: made.clock as VirtualClock };
}

function watch(discovery: Discovery, name?: string): string[] {
  const told: string[] = [];
  discovery.browse(name, ({ type, record }) => told.push(`${type} ${record.name}`));
  return told;
}

const endpointOf = (id: string): string => `relay:ws://hub.test/#${id}`;

/** Two clients, the second of which can be dialled. */
async function pair(made: Harbour, clock: VirtualClock, options: object = {}, window = {}) {
  const here = made.discovery({ origin: 'http://page.test', address: '1.1.1.1:1' }, options);
  const there = made.discovery({ address: '2.2.2.2:2' }, { ...options, ...window });
  const accepted: Channel[] = [];
  const record = makeRecord('served');
  const announcement = there.announce(record, (channel) => accepted.push(channel));
  const told = watch(here);
  await clock.advance(300);
  const dial = () => here.connect(endpointOf(record.id), { timeout: 5_000 });
  return { here, there, accepted, record, announcement, told, dial };
}

describe('connecting', () => {
  test('only when it is used', async () => {
    const { made, clock } = setup();
    const discovery = made.discovery();
    await clock.advance(1_000);
    expect(made.dialled).toBe(0);
    discovery.browse('x', () => {});
    discovery.browse('y', () => {});
    await clock.advance(1_000);
    expect([made.dialled, made.hub.stats().subscriptions]).toEqual([1, 2]);
    await discovery.close();
    await turns(3);
    expect(made.hub.stats().clients).toBe(0);
  });

  test('takes as long as it takes, and says so', async () => {
    const { made, clock } = setup();
    let answer: (channel: Channel) => void = () => {};
    const connect = (): Promise<Channel> => new Promise((resolve) => (answer = resolve));
    const discovery = made.discovery({}, { connect });
    const reasons: (string | undefined)[] = [];
    discovery.onDegraded((reason) => reasons.push(reason?.message));
    watch(discovery);
    await clock.advance(9_000);
    answer(made.connect());
    await clock.advance(300);
    expect(reasons).toEqual([
      'the rendezvous ws://hub.test/ cannot be reached: no answer within 3000 ms',
      undefined,
    ]);
    await discovery.close();
  });

  test('again and again, less and less often; degraded says why', async () => {
    const { made, clock } = setup();
    made.open = false;
    const discovery = made.discovery();
    const reasons: (string | undefined)[] = [];
    discovery.onDegraded((reason) => reasons.push(reason?.code));
    const told = watch(discovery);
    await clock.advance(60_000);
    expect(made.dialled).toBeGreaterThan(6);
    expect(made.dialled).toBeLessThan(30);
    expect(discovery.degraded?.message).toBe(
      'the rendezvous ws://hub.test/ cannot be reached: nobody is there',
    );
    made.open = true;
    await clock.advance(15_000);
    const other = made.discovery();
    other.announce(makeRecord('late'));
    await clock.advance(300);
    expect([reasons, discovery.degraded, told]).toEqual([
      ['ERR_DISCOVERY', undefined],
      undefined,
      ['up late'],
    ]);
    await Promise.all([discovery.close(), other.close()]);
    expect(clock.pending).toBeLessThan(3);
  });
});

describe('a hub that goes', () => {
  test('and comes back: all is announced and browsed anew, and what is missing goes down', async () => {
    const { made, clock } = setup();
    const [here, there, lost] = [made.discovery(), made.discovery(), made.discovery()];
    const told = watch(here);
    const named = watch(here, 'stays');
    const stays = there.announce(makeRecord('stays'));
    lost.announce(makeRecord('goes'));
    await clock.advance(1_000);
    made.restart(false);
    await lost.close();
    await clock.advance(10_000);
    expect(told.toSorted()).toEqual(['up goes', 'up stays']);
    made.restart();
    await clock.advance(18_000);
    // Nobody was taken for gone who only came back later.
    expect(told.toSorted()).toEqual(['up goes', 'up stays']);
    await clock.advance(5_000);
    expect(told.slice(2)).toEqual(['down goes']);
    expect(named).toEqual(['up stays']);
    await stays.withdraw();
    await clock.advance(500);
    expect(told.at(-1)).toBe('down stays');
  });

  test('and stays away: what was known is known for a minute, and one’s own for ever', async () => {
    const { made, clock } = setup();
    const [here, there] = [made.discovery(), made.discovery()];
    const told = watch(here);
    there.announce(makeRecord('theirs'));
    here.announce(makeRecord('own'));
    await clock.advance(1_000);
    made.restart(false);
    await clock.advance(59_000);
    expect(told.toSorted()).toEqual(['up own', 'up theirs']);
    await clock.advance(2_000);
    expect(told.slice(2)).toEqual(['down theirs']);
  });

  test('with a word: clients go to the next one at once, and their channels live on', async () => {
    const { made, clock } = setup();
    const { here, accepted, told, dial } = await pair(made, clock);
    const a = new Recorder(await dial());
    const b = new Recorder(accepted[0]!);
    const old = made.hub;
    const { dialled } = made;
    // Another one listens before this one leaves.
    made.hub = new Harbour({ clock }).hub;
    let over = false;
    void old.drain(60_000).then(() => (over = true));
    await clock.advance(1_000);
    expect(made.dialled).toBe(dialled + 2);
    expect([made.hub.stats().clients, here.degraded, over]).toEqual([2, undefined, false]);
    a.channel.write('{"still":1}\n');
    await clock.advance(10);
    expect([b.lines, told]).toEqual([['{"still":1}'], ['up served']]);
    a.channel.close();
    await clock.advance(1_000);
    expect([a.closes, b.closes, over]).toEqual([[undefined], [undefined], true]);
  });
});

describe('channels', () => {
  test('an instance that can be dialled has one endpoint more, its last', async () => {
    const { made, clock } = setup();
    const { here, there, record } = await pair(made, clock);
    const node = makeRecord('node', { endpoints: ['tcp://10.0.0.1:1'] });
    there.announce(node, () => {});
    there.announce(makeRecord('deaf'));
    await clock.advance(300);
    const endpoints: Record<string, readonly string[]> = {};
    here.browse(undefined, ({ record: it }) => (endpoints[it.name] = it.endpoints));
    await turns(1);
    expect(endpoints).toEqual({
      served: [endpointOf(record.id)],
      node: ['tcp://10.0.0.1:1', endpointOf(node.id)],
      deaf: [],
    });
    expect([here.reaches(endpointOf(record.id)), here.reaches('relay:ws://other/#1')]).toEqual([
      true,
      false,
    ]);
  });

  test('each knows who the other is', async () => {
    const { made, clock } = setup();
    const { accepted, dial } = await pair(made, clock);
    const channel = await dial();
    expect(channel.peer).toEqual({ transport: 'relay', address: '2.2.2.2:2' });
    expect(accepted[0]?.peer).toEqual({
      transport: 'relay',
      ...{ origin: 'http://page.test', address: '1.1.1.1:1' },
    });
  });

  test('to nobody, in no time, and without a hub', async () => {
    const { made, clock } = setup();
    const { here, announcement, dial } = await pair(made, clock);
    await announcement.withdraw();
    expect(await codeOf(dial())).toBe('ERR_NO_INSTANCE');
    // The hub has only begun: one that never was there may be on its way.
    const stranger = () => here.connect(endpointOf('f'.repeat(16)), { timeout: 10 });
    expect(await codeOf(stranger())).toBe('ERR_CONNECT');
    await clock.advance(20_000);
    expect(await codeOf(stranger())).toBe('ERR_NO_INSTANCE');
    expect(await codeOf(here.connect('relay:ws://other/#1', { timeout: 10 }))).toBe('ERR_CONNECT');
    made.restart(false);
    const waiting = codeOf(dial());
    await clock.advance(5_000);
    expect(await waiting).toBe('ERR_CONNECT');
    const silent = made.discovery({}, { connect: () => new Promise(() => {}) });
    const late = codeOf(silent.connect(endpointOf('0'), { timeout: 50 }));
    await clock.advance(50);
    expect(await late).toBe('ERR_TIMEOUT');
  });

  test('to one’s own need no hub', async () => {
    const { made } = setup();
    made.open = false;
    const discovery = made.discovery();
    const record = makeRecord('own');
    const accepted: Channel[] = [];
    discovery.announce(record, (channel) => accepted.push(channel));
    const a = new Recorder(await discovery.connect(endpointOf(record.id), { timeout: 10 }));
    const b = new Recorder(accepted[0]!);
    a.channel.write('{"n":1}\n');
    await b.until(() => b.lines.length === 1);
  });

  test('end when the hub is gone, or the one at the other end', async () => {
    const { made, clock } = setup();
    const { there, dial, accepted } = await pair(made, clock);
    const first = new Recorder(await dial());
    await there.close();
    await first.closed();
    expect(first.closes[0]).toMatchObject({ code: 'ERR_CONNECTION_LOST' });
    const again = await pair(made, clock);
    const [a, b] = [new Recorder(await again.dial()), new Recorder(again.accepted[0]!)];
    made.cut();
    await Promise.all([a.closed(), b.closed()]);
    expect(accepted.length).toBe(1);
  });

  test('a slow reader costs the hub a window, and holds up nobody else', async () => {
    const { made, clock } = setup();
    const { accepted, dial } = await pair(made, clock);
    const slow = new Recorder(await dial());
    const quick = new Recorder(await dial());
    const [slowEnd, quickEnd] = [new Recorder(accepted[0]!), new Recorder(accepted[1]!)];
    await turns(2);
    slowEnd.channel.pause();
    const before = made.hub.stats().relayed;
    for (let i = 0; i < 100; i++) slow.channel.write(`${'x'.repeat(100_000)}\n`);
    await clock.advance(1_000);
    expect(made.hub.stats().relayed - before).toBeLessThanOrEqual(2 * 64 * 1024);
    for (let i = 0; i < 100; i++) quick.channel.write(`{"n":${i}}\n`);
    await clock.advance(1_000);
    expect([quickEnd.lines.length, slowEnd.lines.length]).toEqual([100, 0]);
    slowEnd.channel.resume();
    await slowEnd.until(() => slowEnd.lines.length === 100);
  });

  test('a message of 100 MB, where it may be so long and where not', async () => {
    const { made, clock } = setup();
    const message = 'x'.repeat(100 * 1024 * 1024);
    const long = await pair(made, clock, { limits: { line: 101 * 1024 * 1024 } });
    const a = new Recorder(await long.dial());
    const b = new Recorder(long.accepted[0]!);
    a.channel.write(message);
    await b.until(() => b.lines.length === 1);
    expect(b.lines[0] === message).toBe(true);
    const short = await pair(made, clock);
    const c = new Recorder(await short.dial());
    const d = new Recorder(short.accepted[0]!);
    const before = made.hub.stats().relayed;
    c.channel.write(message);
    await Promise.all([c.closed(), d.closed()]);
    expect(d.closes[0]).toMatchObject({ code: 'ERR_LIMIT' });
    expect(made.hub.stats().relayed - before).toBeLessThan(5 * 1024 * 1024);
  }, 60_000);
});

describe('direct channels', () => {
  /** Attempts that succeed when both sides have signalled, as far as the test lets them. */
  function directs(works: () => boolean) {
    const log: string[] = [];
    let [near, far] = memoryPair();
    const direct = ({ initiator, peer, send }: DirectOptions): DirectAttempt => {
      const name = initiator ? 'dialler' : 'accepter';
      log.push(`${name} ${peer.address}`);
      let done = (_channel: Channel): void => {};
      let fail = (_error: Error): void => {};
      const channel = new Promise<Channel>((resolve, reject) => ([done, fail] = [resolve, reject]));
      if (initiator) {
        [near, far] = memoryPair();
        send('offer');
      }
      return {
        channel,
        signal(data) {
          log.push(`${name} got ${String(data)}`);
          if (!works()) return fail(new Error('no way'));
          if (!initiator) send('answer');
          done(initiator ? near : far);
        },
        cancel: () => log.push(`${name} cancelled`),
      };
    };
    return { direct, log };
  }

  test('one that opens is given to both owners', async () => {
    const { made, clock } = setup();
    const { direct, log } = directs(() => true);
    const { dial, accepted } = await pair(made, clock, { direct });
    const channel = await dial();
    expect(log).toEqual([]);
    const better = new Promise<Channel>((resolve) => channel.onBetter?.(resolve));
    const a = new Recorder(await better);
    await turns(3);
    const b = new Recorder(accepted[1]!);
    a.channel.write('{"direct":1}\n');
    await b.until(() => b.lines.length === 1);
    expect(log).toEqual([
      'dialler 2.2.2.2:2',
      'accepter 1.1.1.1:1',
      'accepter got offer',
      'dialler got answer',
    ]);
  });

  test('one that fails is tried again, a few times', async () => {
    const { made, clock } = setup();
    let works = false;
    const { direct, log } = directs(() => works);
    const { dial } = await pair(made, clock, { direct: fails });
    function fails(options: DirectOptions): DirectAttempt {
      const attempt = direct(options);
      if (options.initiator && !works) {
        return { ...attempt, channel: Promise.reject(new Error('no way')) };
      }
      attempt.channel.catch(() => {});
      return attempt;
    }
    const channel = await dial();
    const found: Channel[] = [];
    new Recorder(channel);
    channel.onBetter?.((better) => found.push(better));
    await clock.advance(29_000);
    const begun = () => log.filter((line) => line.startsWith('dialler 2')).length;
    expect(begun()).toBe(1);
    works = true;
    await clock.advance(20_000);
    expect([begun(), found.length]).toEqual([2, 1]);
  });

  test('with who can make none, none is tried', async () => {
    const { made, clock } = setup();
    const { direct, log } = directs(() => true);
    const { dial } = await pair(made, clock, { direct }, { direct: undefined });
    const channel = await dial();
    new Recorder(channel);
    channel.onBetter?.(() => log.push('found'));
    await clock.advance(1_000_000);
    expect(log).toEqual([]);
  });
});

test('the process is kept alive by what waits, and by channels, and by nothing else', async () => {
  const { made, clock } = setup();
  let held: boolean | undefined;
  const connect = () => {
    const channel = made.connect();
    channel.hold = (keep) => (held = keep);
    return Promise.resolve(channel);
  };
  const here = made.discovery({}, { connect });
  const there = made.discovery();
  const record = makeRecord('x');
  there.announce(record, () => {});
  watch(here);
  here.announce(makeRecord('own'), () => {});
  await clock.advance(500);
  expect(held).toBe(false);
  const dialling = here.connect(endpointOf(record.id), { timeout: 1_000 });
  await Promise.resolve();
  expect(held).toBe(true);
  const { channel } = new Recorder(await dialling);
  expect(held).toBe(true);
  channel.hold?.(false);
  expect(held).toBe(false);
  channel.hold?.(true);
  expect(held).toBe(true);
  channel.destroy();
  expect(held).toBe(false);
});

test('ranges are matched by the rendezvous', async () => {
  const { made } = setup();
  const discovery = made.discovery();
  expect(await discovery.match('^1', ['1.2.3', '2.0.0'])).toEqual([true, false]);
  expect(await codeOf(discovery.match('nonsense', []))).toBe('ERR_RANGE');
});

test('a record that is refused is announced when it can be', async () => {
  const { made, clock } = setup();
  const [one, two, third] = [made.discovery(), made.discovery(), made.discovery()];
  const record = makeRecord('same');
  const first = one.announce(record);
  const told = watch(third);
  await clock.advance(100);
  two.announce(record);
  await clock.advance(100);
  await first.withdraw();
  await clock.advance(40_000);
  expect(told).toEqual(['up same', 'down same', 'up same']);
});

test('a flood of updates at one end is few calls, and the last one counts', async () => {
  const { made, clock } = setup();
  const [here, there] = [made.discovery(), made.discovery()];
  const versions: string[] = [];
  here.browse('flood', ({ record }) => versions.push(record.version));
  const record = makeRecord('flood');
  const announcement = there.announce(record);
  await clock.advance(100);
  for (let i = 0; i < 10_000; i++) announcement.update({ ...record, version: `1.0.${i}` });
  await clock.advance(5_000);
  expect(versions.at(-1)).toBe('1.0.9999');
  expect(versions.length).toBeLessThan(10);
});
