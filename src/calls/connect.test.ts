import { describe, expect, onTestFinished, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import { defaultLimits } from '../limits.js';
import type { InstanceRecord } from '../discovery/record.js';
import { DserviceError } from '../errors.js';
import { syncScope } from '../protocol/context.js';
import { options } from '../protocol/options.js';
import { Session } from '../protocol/session.js';
import { Hub } from '../rendezvous/hub.js';
import { semverMatcher } from '../service/range.js';
import { codeOf } from '../testing/fixtures/peer.js';
import { turns } from '../testing/recorder.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { type ConnectOptions, makeConnect } from './connect.js';
import type { CallsRuntime } from './dial.js';

const url = 'ws://meeting/rendezvous';

/** A hub, instances that are announced there, and a caller. */
function meeting() {
  const clock = new VirtualClock();
  const logger = { warn: () => {} };
  let hub = new Hub({ clock, logger, matcher: semverMatcher });
  let away = false;
  let ids = 0;
  const opened: string[] = [];
  const runtime: CallsRuntime = {
    clock,
    open(given) {
      const target = typeof given === 'string' ? given : '';
      opened.push(target);
      if (away) throw new DserviceError('ERR_CONNECT', 'the network is down');
      if (target.startsWith(`${url}/to/`)) return hub.connect(target.slice(-16));
      if (target !== url) throw new DserviceError('ERR_CONNECT', 'nobody is there');
      const [near, far] = memoryPair({ clock });
      hub.accept(far);
      return near;
    },
  };
  const made = makeConnect(runtime, {
    reach: (endpoint) => (endpoint.startsWith('ws:') ? endpoint : undefined),
    home: () => url,
  });
  return {
    clock,
    opened,
    /** The rendezvous dies, and is not there until the returned function is called. */
    async lose(): Promise<() => void> {
      away = true;
      await hub.close();
      return () => {
        hub = new Hub({ clock, logger, matcher: semverMatcher });
        away = false;
      };
    },
    /** An instance, and the sessions with it. */
    instance(api: object, more: Partial<InstanceRecord> = {}) {
      const id = (++ids).toString(16).padStart(16, '0');
      const sessions: Session[] = [];
      const record: InstanceRecord = {
        ...{ id, name: 'greeter', version: '1.2.0', endpoints: [], state: 'up', relies: [] },
        ...more,
      };
      const announcement = hub.local().announce(record, (channel) => {
        const session = new Session({
          ...{ channel, clock, scope: syncScope(), limits: defaultLimits, api },
          service: { id, name: record.name, version: record.version },
        });
        sessions.push(session);
        session.start();
      });
      return { record, sessions, ...announcement };
    },
    connect: async (service: string, given: ConnectOptions = {}) => {
      const remote = await made(service, given);
      onTestFinished(() => remote[Symbol.dispose]());
      return remote;
    },
  };
}

/** Lets time pass while a promise is waited for. */
async function passing<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  let over = false;
  promise.then(
    () => (over = true),
    () => (over = true),
  );
  for (let i = 0; !over && i < 200; i++) {
    await turns(2);
    if (!over) await clock.advance(250);
  }
  return promise;
}

describe('finds and calls', () => {
  test('an instance in range, by way of the rendezvous', async () => {
    const { instance, connect } = meeting();
    instance({ which: () => 1 });
    instance({ which: () => 2 }, { version: '2.0.0' });
    const remote = await connect('greeter@^2');
    for (let i = 0; i < 5; i++) expect(await remote.which()).toBe(2);
  });

  test('its own endpoint first, where that is reached', async () => {
    const { instance, connect, opened } = meeting();
    const { record } = instance(
      { deep: { f: (x: number) => x } },
      { endpoints: ['tcp://a:1', 'ws://a:1'] },
    );
    const remote = await connect('greeter');
    expect(opened).toEqual([url, 'ws://a:1', `${url}/to/${record.id}`]);
    expect(await remote.deep.f(3)).toBe(3);
    expect(await options(remote, { key: 'k' }).deep.f(4)).toBe(4);
  });

  test('calls are shared among them', async () => {
    const { instance, connect } = meeting();
    const seen = new Set<number>();
    for (const n of [1, 2, 3]) instance({ f: () => n });
    const remote = await connect('greeter');
    for (const n of await Promise.all(Array.from({ length: 60 }, () => remote.f()))) seen.add(n);
    for (let i = 0; i < 60; i++) seen.add(await remote.f());
    expect([...seen].toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  test('one that comes later is waited for; without any there is an error', async () => {
    const { instance, connect, clock } = meeting();
    const later = connect('greeter');
    await turns(3);
    instance({ f: () => 'here' });
    const remote = await passing(clock, later);
    expect(await remote.f()).toBe('here');
    const none = codeOf(connect('nobody'));
    expect(await passing(clock, none)).toBe('ERR_NO_INSTANCE');
  });

  test('names, ranges and options that are none', async () => {
    const { connect, clock } = meeting();
    for (const [service, given, code] of [
      ['Greeter', {}, 'ERR_NAME'],
      ['greeter@', {}, 'ERR_NAME'],
      ['greeter@nonsense', {}, 'ERR_RANGE'],
      ['greeter', { nonsense: 1 }, 'ERR_OPTION'],
      ['greeter', { timeout: -1 }, 'ERR_OPTION'],
      ['greeter', { rendezvous: 'nonsense' }, 'ERR_OPTION'],
      ['greeter', { rendezvous: 'ftp://x' }, 'ERR_OPTION'],
    ] as const) {
      expect([
        service,
        await passing(clock, codeOf(connect(service, given as ConnectOptions))),
      ]).toEqual([service, code]);
    }
  });

  test('a method that is not there', async () => {
    const { instance, connect } = meeting();
    instance({ f: () => 1, data: { x: 1 } });
    const remote = await connect('greeter');
    for (const call of [
      () => remote.g(),
      () => remote.data.x(),
      () => remote.toString(),
      () => remote(),
    ]) {
      await expect(call()).rejects.toMatchObject({ code: 'ERR_METHOD', mayHaveRun: false });
    }
  });
});

describe('when one dies', () => {
  test('the next call goes to another; what may have run is told, unless it may run twice', async () => {
    const { instance, connect, clock } = meeting();
    const waits = { f: () => new Promise(() => {}), which: () => 1 };
    const first = instance(waits);
    const remote = await connect('greeter');
    const once = codeOf(remote.f());
    const twice = options(remote, { idempotent: true }).f();
    await turns(3);
    const second = instance({ f: () => 'second', which: () => 2 });
    for (const session of first.sessions) session.close();
    await first.withdraw();
    expect(await once).toBe('ERR_CONNECTION_LOST');
    expect(await passing(clock, twice)).toBe('second');
    expect(await remote.which()).toBe(2);
    expect(second.sessions).toHaveLength(1);
  });

  test('one that leaves in good order fails no call', async () => {
    const { instance, connect, clock } = meeting();
    let finish = (_value: unknown): void => {};
    const first = instance({
      f: () => new Promise((resolve) => (finish = resolve)),
      which: () => 1,
    });
    const remote = await connect('greeter');
    const out = remote.f();
    await turns(3);
    instance({ which: () => 2 });
    const drained = first.sessions[0]?.drain();
    await turns(3);
    expect(await passing(clock, remote.which())).toBe(2);
    finish('done');
    expect(await out).toBe('done');
    await drained;
  });

  test('one that is withdrawn is asked no more, and let go when its last outcome is in', async () => {
    const { instance, connect, clock } = meeting();
    let finish = (_value: unknown): void => {};
    const first = instance({ f: () => new Promise((resolve) => (finish = resolve)) });
    const remote = await connect('greeter');
    const out = remote.f();
    await turns(3);
    instance({ which: () => 2 });
    await first.withdraw();
    // Changes are told at most every 200 ms.
    await clock.advance(500);
    expect(await passing(clock, remote.which())).toBe(2);
    finish('done');
    expect(await out).toBe('done');
    await turns(3);
    expect(first.sessions[0]?.ended).toBe(true);
  });

  test('one that is somebody else is not called', async () => {
    const { instance, connect, clock } = meeting();
    const { sessions } = instance({ f: () => 1 });
    instance({ f: () => 2 }, { id: 'f'.repeat(16) });
    const remote = await passing(clock, connect('greeter'));
    for (let i = 0; i < 10; i++) expect(await passing(clock, remote.f())).toBe(1);
    expect(sessions).toHaveLength(1);
  });

  test('all of them gone: calls wait for the next one, or reject unwritten', async () => {
    const { instance, connect, clock } = meeting();
    const first = instance({ f: () => 1 });
    const remote = await connect('greeter');
    await first.withdraw();
    await turns(3);
    const none = remote.f();
    await expect(passing(clock, none)).rejects.toMatchObject({
      code: 'ERR_NO_INSTANCE',
      mayHaveRun: false,
    });
    const control = new AbortController();
    const given = codeOf(options(remote, { signal: control.signal }).f());
    control.abort();
    expect(await given).toBe('ERR_CANCELLED');
    const later = remote.f();
    await turns(3);
    instance({ f: () => 2 });
    expect(await passing(clock, later)).toBe(2);
  });
});

describe('the rendezvous', () => {
  test('may be lost and come back: who is gone by then is asked no more', async () => {
    const { instance, connect, lose, clock } = meeting();
    instance({ f: () => 1 });
    const remote = await connect('greeter');
    expect(await remote.f()).toBe(1);
    const back = await lose();
    await clock.advance(1_000);
    await expect(passing(clock, remote.f())).rejects.toMatchObject({ code: 'ERR_NO_INSTANCE' });
    back();
    instance({ f: () => 2 });
    expect(await passing(clock, remote.f())).toBe(2);
  });

  test('cannot be reached: the error says why', async () => {
    const { connect, lose, clock } = meeting();
    await lose();
    await expect(passing(clock, connect('greeter'))).rejects.toThrow(/network is down/);
  });

  test('closed here, calls reject and nothing goes on', async () => {
    const { instance, connect, clock } = meeting();
    const { sessions } = instance({ f: () => new Promise(() => {}) });
    const remote = await connect('greeter');
    const out = codeOf(remote.f());
    await turns(3);
    remote[Symbol.dispose]();
    expect(await out).toBe('ERR_CLOSED');
    await turns(3);
    expect(sessions[0]?.ended).toBe(true);
    expect(await passing(clock, codeOf(remote.f()))).toBe('ERR_CLOSED');
  });
});

/** A rendezvous that says what the test has it say, and what is dialled otherwise. */
function telling(
  events: unknown[],
  about: object,
  open: (target: string) => Channel | Promise<Channel>,
) {
  const clock = new VirtualClock();
  const serve = (far: Channel, api: object): void => {
    new Session({ channel: far, clock, scope: syncScope(), limits: defaultLimits, api }).start();
  };
  const runtime: CallsRuntime = {
    clock,
    open(target) {
      if (target !== url) return open(typeof target === 'string' ? target : '');
      const [near, far] = memoryPair({ clock });
      serve(far, {
        match: (_range: string, versions: string[]) => versions.map(() => true),
        browse: (_name: string, hear: (text: string, about: object) => void) =>
          hear(JSON.stringify(events), about),
      });
      return near;
    },
  };
  return { clock, serve, connect: makeConnect(runtime, { reach: (it) => it, home: () => url }) };
}

const recordOf = (id: string, endpoints: unknown) => ({
  type: 'up',
  record: { id: id.repeat(16), name: 'greeter', version: '1.0.0', endpoints, state: 'up' },
});

describe('what may be wrong with what is told', () => {
  test('one that cannot be reached holds up nobody while another is there', async () => {
    const dialled: string[] = [];
    const { clock, serve, connect } = telling(
      [recordOf('a', ['ws://good']), recordOf('b', ['ws://dead'])],
      { snapshot: true, first: true },
      (target) => {
        dialled.push(target);
        const [near, far] = memoryPair({ clock });
        if (target === 'ws://good') serve(far, { f: () => 1, wait: () => new Promise(() => {}) });
        // The other one says nothing.
        return near;
      },
    );
    using remote = await passing(clock, connect('greeter'));
    await turns(5);
    const begun = clock.now();
    void remote.wait();
    for (let i = 0; i < 20; i++) expect(await options(remote, { deadline: 100 }).f()).toBe(1);
    expect(clock.now()).toBe(begun);
    expect(new Set(dialled)).toEqual(new Set(['ws://good', 'ws://dead']));
  });

  test('records that are none do not hide those that are', async () => {
    const { clock, serve, connect } = telling(
      [
        ...[null, {}, { record: null }, recordOf('x', ['ws://bad'])],
        recordOf('b', [{ toString: 1 }, null, 5]),
        recordOf('c', { toString: 1 }),
        recordOf('a', [{ toString: 1 }, 'ws://good']),
      ],
      { snapshot: true, first: true, settling: 'x' },
      () => {
        const [near, far] = memoryPair({ clock });
        serve(far, { f: () => 1 });
        return near;
      },
    );
    using remote = await passing(clock, connect('greeter@^1'));
    expect(await remote.f()).toBe(1);
  });

  test('let go, it leaves no timer, whatever was under way', async () => {
    const { clock, connect } = telling(
      [recordOf('a', ['ws://refuses']), recordOf('b', ['ws://silent'])],
      { snapshot: true, first: true, settling: 60_000 },
      (target) => {
        if (target === 'ws://refuses') throw new DserviceError('ERR_CONNECT', 'it is not there');
        return memoryPair({ clock })[0];
      },
    );
    expect(await passing(clock, codeOf(connect('greeter', { timeout: 3_000 })))).toBe(
      'ERR_NO_INSTANCE',
    );
    await turns(5);
    // The sessions of the rendezvous itself have theirs: what it serves is not ours to end.
    await clock.advance(3_000);
    expect(clock.pending).toBe(0);
  });
});
