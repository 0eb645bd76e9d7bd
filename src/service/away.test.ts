import { describe, expect, test } from 'vitest';
import { options } from '../protocol/options.js';
import { codeOf, makeHost, silent, tally } from '../testing/fixtures/instances.js';
import type { ServiceConnection } from './caller.js';

type Wait = { wait(): Promise<string>; who(): Promise<string> };

/** Two instances `a` and `b`, and a remote whose calls take turns. */
async function two() {
  const made = makeHost();
  const { host, dservice, instance } = made;
  const [a, b] = [await instance('a'), await instance('a')];
  const caller = dservice({ pick: 'round-robin' });
  const remote = await caller.connect<Wait>('a');
  await host.clock.advance(0);
  await tally(2, () => remote.who());
  return {
    ...{ ...made, a, b, caller, remote },
    /** Nothing gets through to it, nor back, and who dials it hears nothing. */
    lose(it: typeof a): void {
      host.silence(it.endpoint);
      host.cut(it.endpoint);
    },
    back: (it: typeof a) => host.silence(it.endpoint, false),
  };
}

async function state<T>(promise: Promise<T>): Promise<T | 'pending'> {
  return await Promise.race([promise, Promise.resolve('pending' as const)]);
}

describe('while an instance is away', () => {
  test('what was not written goes elsewhere at once, what was waits and goes on', async () => {
    const { host, a, b, remote, lose, back } = await two();
    const written = [remote.wait(), remote.wait()];
    await host.clock.advance(0);
    expect([a.calls, b.calls]).toEqual([2, 2]);
    lose(a);
    // These leave at the end of the turn, when there is no way to `a` any more.
    const unwritten = [remote.who(), remote.who(), remote.who(), remote.who()];
    await host.clock.advance(0);
    expect(host.clock.now()).toBe(0);
    expect(new Set(await Promise.all(unwritten))).toEqual(new Set([b.service.id]));
    b.answer();
    await host.clock.advance(12_000);
    const states = await Promise.all(written.map(state));
    expect(states.sort()).toEqual([b.service.id, 'pending'].sort());
    back(a);
    await host.clock.advance(8_000);
    a.answer();
    await host.clock.advance(0);
    expect((await Promise.all(written)).sort()).toEqual([a.service.id, b.service.id].sort());
    // Nothing that was given up was made all the same.
    expect([a.calls, b.calls]).toEqual([2, 6]);
  });

  test('an idempotent call that was lost at one after the other waits for the last of them', async () => {
    const { host, dservice, instance } = makeHost();
    const all = [];
    for (let i = 0; i < 6; i++) all.push(await instance('a'));
    const remote = await dservice({ pick: 'round-robin' }).connect<Wait>('a');
    await host.clock.advance(0);
    await tally(6, () => remote.who());
    const call = options(remote, { idempotent: true }).wait();
    const had = new Set<(typeof all)[number]>();
    // As a proxy before all of them does that breaks off: one connection after the other, within a moment.
    for (;;) {
      await host.clock.advance(0);
      const at = all.find((it) => it.calls === 2 && !had.has(it));
      if (at === undefined) break;
      had.add(at);
      host.silence(at.endpoint);
      host.cut(at.endpoint);
    }
    expect(had.size).toBe(4);
    expect(await state(call)).toBe('pending');
    for (const { endpoint } of had) host.silence(endpoint, false);
    await host.clock.advance(8_000);
    const last = [...had].at(-1);
    last?.answer();
    await host.clock.advance(0);
    expect(await call).toBe(last?.service.id);
    expect(all.filter(({ calls }) => calls === 2)).toHaveLength(4);
  });

  test('idempotent calls go elsewhere at once; the handler that may run is told that nobody waits', async () => {
    const { host, make, dservice } = makeHost();
    const aborted: string[] = [];
    const start = async () => {
      const service = make(
        'a',
        {
          wait: () => {
            const { signal } = contexts.get()!;
            signal.addEventListener('abort', () => aborted.push(service.id));
            return new Promise((resolve) => answers.push(() => resolve(service.id)));
          },
        },
        { logger: silent },
      );
      const answers: (() => void)[] = [];
      await service.start();
      return { service, endpoint: String(service.endpoints[0]), answers };
    };
    const contexts = host.runtime.scope;
    const a = await start();
    const remote = await dservice().connect<Wait>('a');
    const call = options(remote, { idempotent: true }).wait();
    const other = remote.wait();
    await host.clock.advance(0);
    expect(a.answers.length).toBe(2);
    const b = await start();
    await host.clock.advance(0);
    host.silence(a.endpoint);
    host.cut(a.endpoint);
    await host.clock.advance(0);
    expect(b.answers.length).toBe(1);
    b.answers[0]?.();
    expect(await call).toBe(b.service.id);
    host.silence(a.endpoint, false);
    await host.clock.advance(10_000);
    expect(aborted).toEqual([a.service.id]);
    for (const answer of a.answers) answer();
    await host.clock.advance(0);
    expect(await other).toBe(a.service.id);
  });

  test('no more calls that may run twice go elsewhere than the budget has: the others wait', async () => {
    const { host, a, b, remote, lose, back } = await two();
    const calls = Array.from({ length: 600 }, () => options(remote, { idempotent: true }).wait());
    await host.clock.advance(0);
    lose(a);
    await host.clock.advance(0);
    const elsewhere = b.calls - 301;
    expect(elsewhere).toBeGreaterThan(90);
    expect(elsewhere).toBeLessThan(200);
    back(a);
    await host.clock.advance(8_000);
    a.answer();
    b.answer();
    await host.clock.advance(0);
    expect((await Promise.allSettled(calls)).map(({ status }) => status)).toEqual(
      Array(600).fill('fulfilled'),
    );
  });

  test('and there is no other, calls wait for it, beyond the time to find one', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a');
    const remote = await dservice().connect<Wait>('a');
    host.silence(a.endpoint);
    host.cut(a.endpoint);
    const before = remote.who();
    await host.clock.advance(1_000);
    const during = [remote.who(), options(remote, { idempotent: true }).who()];
    const short = options(remote, { deadline: 5_000 }).who();
    await host.clock.advance(19_000);
    expect(await state(before)).toBe('pending');
    await expect(short).rejects.toMatchObject({ code: 'ERR_DEADLINE', mayHaveRun: false });
    host.silence(a.endpoint, false);
    await host.clock.advance(8_000);
    expect(await Promise.all([before, ...during])).toEqual(Array(3).fill(a.service.id));
    expect(a.calls).toBe(3);
  });

  test('and another one comes, they go there', async () => {
    const { host, dservice, instance } = makeHost();
    const a = await instance('a@1.0.0');
    const caller = dservice();
    const [one, two] = [await caller.connect<Wait>('a@^1'), await caller.connect<Wait>('a@1.0.0')];
    const written = one.wait();
    await host.clock.advance(0);
    host.silence(a.endpoint);
    host.cut(a.endpoint);
    await host.clock.advance(1_000);
    const calls = [one.who(), options(one, { idempotent: true }).who()];
    const narrow = two.who();
    await host.clock.advance(1_000);
    expect(await state(calls[0] ?? Promise.reject())).toBe('pending');
    const b = await instance('a@1.1.0');
    await host.clock.advance(0);
    expect(await Promise.all(calls)).toEqual([b.service.id, b.service.id]);
    // Its range has no other.
    expect(await state(narrow)).toBe('pending');
    host.silence(a.endpoint, false);
    await host.clock.advance(8_000);
    expect(await narrow).toBe(a.service.id);
    a.answer();
    await host.clock.advance(0);
    expect(await written).toBe(a.service.id);
    expect([a.calls, b.calls]).toEqual([2, 2]);
  });

  test('calls of `dnodeFor` stay, whatever others there are, as long as they may', async () => {
    const { host, a, caller, lose, back } = await two();
    const [remote, d] = await new Promise<[Wait, ServiceConnection]>((resolve, reject) =>
      caller.dnodeFor<Wait>('a', { instance: a.service.id }, (error, found, connection) =>
        error === null ? resolve([found, connection]) : reject(error),
      ),
    );
    const told: unknown[] = [];
    d.session.on('away', (why) => told.push(['away', why.message]));
    d.session.on('moved', (peer) => told.push(['moved', peer.transport]));
    lose(a);
    const calls = [remote.who(), options(remote, { idempotent: true }).who()];
    const short = options(remote, { deadline: 100 }).who();
    await host.clock.advance(15_000);
    expect(await codeOf(short)).toBe('ERR_DEADLINE');
    expect(d.session.away).toBe(true);
    back(a);
    await host.clock.advance(8_000);
    expect(await Promise.all(calls)).toEqual([a.service.id, a.service.id]);
    expect(told).toEqual([
      ['away', 'the wire was cut'],
      ['moved', 'memory'],
    ]);
  });

  test('its functions that a call mentioned are let go when the call goes elsewhere', async () => {
    const { host, a, caller, remote, lose, back } = await two();
    const session = await new Promise<ServiceConnection['session']>((resolve, reject) =>
      caller.dnodeFor('a', { instance: a.service.id }, (error, _, d) =>
        error === null ? resolve(d.session) : reject(error),
      ),
    );
    const { local } = session.tables;
    lose(a);
    const call = remote.who as unknown as (fn: () => void) => Promise<string>;
    const calls = Array.from({ length: 10 }, () => call(() => {}));
    expect(session.tables.local).toBe(local + 5);
    await host.clock.advance(0);
    await Promise.all(calls);
    expect(session.tables.local).toBe(local);
    back(a);
    await host.clock.advance(8_000);
    expect([session.away, session.ended, a.calls]).toEqual([false, false, 1]);
  });
});

describe('an instance that does not come back', () => {
  test('at all: what was written ends after 30 s, and may have run', async () => {
    const { host, remote, a, b, lose } = await two();
    const long = options(remote, { deadline: 60_000 });
    const calls = [long.wait(), long.wait()];
    await host.clock.advance(0);
    lose(a);
    await host.clock.advance(29_900);
    expect(await Promise.all(calls.map(state))).toEqual(['pending', 'pending']);
    await host.clock.advance(200);
    b.answer();
    await host.clock.advance(0);
    const ends = await Promise.allSettled(calls);
    expect(ends).toContainEqual({ status: 'fulfilled', value: b.service.id });
    expect(ends).toContainEqual({
      status: 'rejected',
      reason: expect.objectContaining({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true }),
    });
  });

  test('and nobody listens there: at once', async () => {
    const { host, remote, a, b } = await two();
    const calls = [remote.wait(), remote.wait()];
    await host.clock.advance(0);
    host.kill(a.endpoint);
    await host.clock.advance(0);
    b.answer();
    await host.clock.advance(0);
    expect(host.clock.now()).toBe(0);
    const codes = await Promise.all(calls.map(codeOf));
    expect(new Set(codes)).toEqual(new Set(['ERR_CONNECTION_LOST', 'none']));
  });
});

test('one that is silent with calls out is looked for by another way, and nothing is lost', async () => {
  const { host, dservice, instance } = makeHost();
  const a = await instance('a');
  const remote = await dservice().connect<Wait>('a', { deadline: 60_000 });
  const call = remote.wait();
  await host.clock.advance(0);
  host.stall(a.endpoint);
  await host.clock.advance(9_000);
  expect(host.dialled.length).toBe(1);
  await host.clock.advance(3_000);
  expect(host.dialled.length).toBe(2);
  a.answer();
  await host.clock.advance(0);
  expect(await call).toBe(a.service.id);
  expect(a.calls).toBe(1);
});
