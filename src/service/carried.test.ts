import { describe, expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import type { Direct } from '../channel/direct.js';
import { changed } from '../channel/fixtures/changed.js';
import { memoryPair } from '../channel/memory.js';
import { rendezvousDiscovery } from '../discovery/rendezvous.js';
import { DserviceError } from '../errors.js';
import { syncScope } from '../protocol/context.js';
import { Hub } from '../rendezvous/hub.js';
import { MemoryHost } from '../testing/memory-host.js';
import type { VirtualClock } from '../testing/virtual-clock.js';
import { makeDservice } from './dservice.js';
import { semverMatcher } from './range.js';
import type { ServiceConnection } from './caller.js';

const logger = { warn: () => {} };

/** Services without an address, that meet at a hub; and direct channels between them, where there are any. */
class Meeting {
  readonly host = new MemoryHost();
  readonly scope = syncScope();
  hub = this.#newHub();
  /** What is open to the hub, and what is open directly. */
  links: [Channel, Channel][] = [];
  directs: [Channel, Channel][] = [];
  direct = true;

  get clock(): VirtualClock {
    return this.host.clock;
  }

  #newHub(): Hub {
    return new Hub({ clock: this.host.clock, matcher: semverMatcher, logger });
  }

  dservice(direct?: Direct) {
    const { clock, scope } = this;
    const connect = async (): Promise<Channel> => {
      if (this.hub === undefined) throw new DserviceError('ERR_CONNECT', 'nobody there');
      const pair = memoryPair({ clock });
      this.links.push(pair);
      this.hub.accept(pair[1]);
      return pair[0];
    };
    return makeDservice({
      ...this.host.runtime,
      listen: () => Promise.resolve({ endpoints: [], close: () => Promise.resolve() }),
      discover: () =>
        rendezvousDiscovery({ url: 'ws://hub/', connect, clock, scope, direct, logger }),
      reachable: () => false,
    });
  }

  /** Direct channels that come about after one signal each way. */
  newDirect(): Direct {
    const open = (channel: Channel): Channel => changed(channel, { peer: { transport: 'webrtc' } });
    return ({ initiator, send }) => {
      let settle: { resolve: (channel: Channel) => void; reject: (error: Error) => void };
      const channel = new Promise<Channel>((resolve, reject) => (settle = { resolve, reject }));
      channel.catch(() => {});
      this.clock.after(10_000, () => settle.reject(new DserviceError('ERR_TIMEOUT', 'no way')));
      if (initiator) send({ want: true });
      return {
        channel,
        signal: (data) => {
          if (!this.direct) return settle.reject(new DserviceError('ERR_CONNECT', 'no way'));
          if (initiator) {
            const pair = this.directs.at(-1);
            if (pair !== undefined) settle.resolve(open(pair[0]));
            return;
          }
          void data;
          const pair = memoryPair({ clock: this.clock });
          this.directs.push(pair);
          settle.resolve(open(pair[1]));
          send({ have: true });
        },
        cancel: () => settle.reject(new DserviceError('ERR_CANCELLED', 'given up')),
      };
    };
  }

  /** The hub dies, and with it all that goes by way of it. */
  async kill(): Promise<void> {
    const { hub } = this;
    this.hub = undefined as unknown as Hub;
    for (const pair of this.links) for (const end of pair) end.destroy(new Error('killed'));
    this.links = [];
    await hub.close();
  }

  restart(): void {
    this.hub = this.#newHub();
  }

  cutDirect(): void {
    for (const pair of this.directs) for (const end of pair) end.destroy(new Error('cut'));
    this.directs = [];
  }

  async advance(ms: number): Promise<void> {
    for (let at = 0; at < ms; at += 50) await this.clock.advance(50);
  }
}

type Remote = Record<string, (...args: unknown[]) => Promise<unknown>>;

/** A service that is called, and one instance's connection to it. */
async function setup(direct: boolean) {
  const meeting = new Meeting();
  const far = direct ? meeting.newDirect() : undefined;
  const near = direct ? meeting.newDirect() : undefined;
  const log: number[] = [];
  const answers: ((value: unknown) => void)[] = [];
  const service = meeting.dservice(far)(
    'tab@1.2.0',
    {
      echo: (value: unknown) => value,
      slow: () => new Promise((resolve) => answers.push(resolve)),
      count: async (to: number, tick: (n: number) => Promise<unknown>) => {
        for (let n = 0; n < to; n++) await tick(n);
      },
    },
    { logger },
  );
  const caller = meeting.dservice(near)({ logger });
  const starting = service.start();
  await meeting.advance(100);
  await starting;
  const found = new Promise<[Remote, ServiceConnection]>((resolve, reject) =>
    caller.dnodeFor('tab@^1', (error, remote, d) =>
      error === null ? resolve([remote as Remote, d]) : reject(error),
    ),
  );
  await meeting.advance(1_000);
  const [remote, d] = await found;
  return { meeting, service, caller, remote, d, log, answers };
}

async function settled<T>(meeting: Meeting, promise: Promise<T>, ms = 100): Promise<T> {
  await meeting.advance(ms);
  return await promise;
}

test('a service without an address is found by its range, called over the relay, and calls back', async () => {
  const { meeting, remote, d, log } = await setup(false);
  expect(d.session.peer.transport).toBe('relay');
  expect(await settled(meeting, remote.echo?.(new Date(0)) ?? Promise.reject())).toEqual(
    new Date(0),
  );
  const done = remote.count?.(100, (n: number) => log.push(n));
  await meeting.advance(2_000);
  await done;
  expect(log).toEqual(Array.from({ length: 100 }, (_, n) => n));
});

test('no page carries semver: the hub is asked what is in a range', async () => {
  const { meeting, caller } = await setup(false);
  const none = expect(caller.connect('tab@^2', { wait: 500 })).rejects.toMatchObject({
    code: 'ERR_NO_INSTANCE',
  });
  await meeting.advance(600);
  await none;
  const wrong = expect(caller.connect('tab@1 to 2')).rejects.toMatchObject({ code: 'ERR_RANGE' });
  await meeting.advance(600);
  await wrong;
});

describe('with a direct way', () => {
  test('the session moves to it, and what was under way goes on', async () => {
    const { meeting, remote, d } = await setup(true);
    expect(d.session.peer.transport).toBe('webrtc');
    expect(await settled(meeting, remote.echo?.(1) ?? Promise.reject())).toBe(1);
  });

  test('the hub dies, and calls go on', async () => {
    const { meeting, remote, answers } = await setup(true);
    const slow = remote.slow?.();
    await meeting.advance(50);
    await meeting.kill();
    await meeting.advance(2_000);
    answers[0]?.('done');
    expect(await settled(meeting, slow ?? Promise.reject())).toBe('done');
    expect(await settled(meeting, remote.echo?.(2) ?? Promise.reject())).toBe(2);
  });

  test('observers are told when it goes away and moves', async () => {
    const { meeting, caller } = await setup(true);
    const told: string[] = [];
    caller.on('connection:away', ({ attributes, side }) => {
      told.push(`${side} away: ${String(attributes['error.type'])}`);
    });
    caller.on('connection:moved', ({ attributes, peer }) => {
      told.push(`${peer.transport} of ${String(attributes['dservice.service.name'])}`);
      expect(attributes['network.transport']).toBe(peer.transport);
    });
    meeting.direct = false;
    meeting.cutDirect();
    await meeting.advance(2_000);
    expect(told).toEqual(['client away: Error', 'relay of tab']);
  });

  test('it is lost: the relay takes over, and a direct way is tried again', async () => {
    const { meeting, remote, d, answers } = await setup(true);
    const slow = remote.slow?.();
    await meeting.advance(50);
    meeting.direct = false;
    meeting.cutDirect();
    await meeting.advance(500);
    expect(d.session.peer.transport).toBe('relay');
    answers[0]?.('done');
    expect(await settled(meeting, slow ?? Promise.reject())).toBe('done');
    meeting.direct = true;
    await meeting.advance(60_000);
    expect(d.session.peer.transport).toBe('webrtc');
    expect(await settled(meeting, remote.echo?.(3) ?? Promise.reject())).toBe(3);
  });
});

test('the hub is restarted under load: everything recovers by itself, and no call fails', async () => {
  const { meeting, remote } = await setup(false);
  const outcomes: Promise<unknown>[] = [];
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 20; i++) outcomes.push(remote.echo?.(`${round}.${i}`) ?? Promise.reject());
    await meeting.advance(50);
    for (let i = 0; i < 20; i++) outcomes.push(remote.echo?.(`${round}.${i}`) ?? Promise.reject());
    await meeting.kill();
    await meeting.advance(300);
    meeting.restart();
    await meeting.advance(4_000);
  }
  await meeting.advance(5_000);
  expect((await Promise.all(outcomes)).length).toBe(200);
});

test('the hub leaves in good order: what is relayed moves on, and the hub waits for nobody', async () => {
  const { meeting, remote, answers } = await setup(false);
  const slow = remote.slow?.();
  await meeting.advance(50);
  const old = meeting.hub;
  meeting.restart();
  let gone = false;
  void old.drain(10_000).then(() => (gone = true));
  await meeting.advance(1_500);
  expect(gone).toBe(true);
  answers[0]?.('done');
  expect(await settled(meeting, slow ?? Promise.reject(), 3_000)).toBe('done');
});

test('a tab that is gone: its callers know within seconds', async () => {
  const { meeting, remote, service, d } = await setup(false);
  const slow = remote.slow?.();
  await meeting.advance(50);
  // Its process ends: nothing of it is heard any more.
  const [near] = meeting.links[0] ?? [];
  near?.destroy(new Error('gone'));
  void service.discovery.close();
  await meeting.advance(8_000);
  await expect(slow).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true });
  expect(d.session.ended).toBe(true);
});

test('one that leaves in good order fails nobody', async () => {
  const { meeting, remote, service, answers } = await setup(false);
  const slow = remote.slow?.();
  await meeting.advance(50);
  const stopped = service.stop();
  await meeting.advance(100);
  answers[0]?.('last');
  expect(await settled(meeting, slow ?? Promise.reject())).toBe('last');
  await meeting.advance(1_000);
  await stopped;
});
