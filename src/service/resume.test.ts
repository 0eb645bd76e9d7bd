import { changed } from '../channel/fixtures/changed.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import { DserviceError } from '../errors.js';
import { defaultLimits, type Limits } from '../limits.js';
import { syncScope } from '../protocol/context.js';
import { resumable } from '../protocol/continuity.js';
import { Session } from '../protocol/session.js';
import type { Authenticate } from '../protocol/session-options.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Lifeline } from './lifeline.js';
import { onBroken } from './on-broken.js';
import { Resumables, returnOver } from './resume.js';
import { Server } from './server.js';

type Framing = 'bytes' | 'messages';

interface SetupOptions {
  readonly api?: object;
  readonly near?: object;
  readonly limits?: Partial<Limits>;
  readonly authenticate?: Authenticate;
  readonly auth?: unknown;
  readonly framing?: Framing;
  /** What a redial does before it connects. */
  readonly onRedial?: () => void;
}

/** A server, and a session that was dialled to it and comes back when its channel is cut. */
async function setup(options: SetupOptions = {}) {
  const clock = new VirtualClock();
  const scope = syncScope();
  const limits = { ...defaultLimits, ...options.limits };
  const { authenticate, auth, framing = 'messages', onRedial } = options;
  const server = new Server(options.api ?? {}, {
    ...{ clock, scope, limits, authenticate },
    resume: new Resumables({ clock, limits, authenticate }),
    logger: { warn() {} },
  });
  let ends: [Channel, Channel] | undefined;
  const connect = (): Channel => {
    const pair = memoryPair({ clock, framing, piece: 50 });
    ends = pair;
    server.welcome(pair[1]);
    return pair[0];
  };
  // The latest channel's listener is the one that counts.
  let offer = (channel: Channel): void => channel.close();
  const offering = (channel: Channel): Channel =>
    Object.assign(channel, {
      onBetter(listener: (better: Channel) => void) {
        offer = listener;
      },
    });
  const first = offering(connect());
  const session = new Session({
    ...{ channel: first, clock, scope, limits, auth, api: options.near ?? {}, resume: resumable() },
    deadline: 60_000,
  });
  const redial = async (): Promise<Channel> => {
    onRedial?.();
    return offering(connect());
  };
  new Lifeline({ session, clock, limits, auth, redial }, first);
  session.start();
  await clock.advance(0);
  return {
    ...{ clock, server, session, connect, limits, auth },
    remote: session.remote as Record<string, (...args: unknown[]) => Promise<unknown>>,
    served: () => [...server.sessions][0],
    channels: () => ends ?? [first, first],
    /** Another channel is offered while the one before is well. */
    better: () => offer(connect()),
    /** The channel is lost at both ends, with whatever was on its way. */
    cut(): void {
      for (const end of ends ?? []) end.destroy(new Error('cut'));
    },
  };
}

describe.each(['messages', 'bytes'] as const)('over channels of %s', (framing) => {
  test('calls, callbacks and outcomes go on as if nothing had happened', async () => {
    const log: number[] = [];
    let finish: ((value: string) => void) | undefined;
    const { clock, remote, cut, session } = await setup({
      framing,
      api: {
        slow: () => new Promise((resolve) => (finish = resolve)),
        ticks: (count: number, tick: (n: number) => void) => {
          for (let n = 0; n < count; n++) tick(n);
        },
      },
    });
    const slow = remote.slow?.();
    await clock.advance(0);
    await remote.ticks?.(100, (n: number) => log.push(n));
    const more = remote.ticks?.(100, (n: number) => log.push(n));
    const moves: unknown[] = [];
    session.on('away', () => moves.push('away'));
    session.on('moved', () => moves.push('moved'));
    cut();
    finish?.('done');
    const held = remote.ticks?.(10, (n: number) => log.push(n));
    await clock.advance(500);
    expect(moves).toEqual(['away', 'moved']);
    expect(await slow).toBe('done');
    await Promise.all([more, held]);
    await clock.advance(0);
    expect(log).toEqual([
      ...Array.from({ length: 100 }, (_, n) => n),
      ...Array.from({ length: 100 }, (_, n) => n),
      ...Array.from({ length: 10 }, (_, n) => n),
    ]);
  });

  test('a remote, and what was passed, is not broken by it', async () => {
    const api = { give: () => () => 1 };
    const { clock, remote, cut, session } = await setup({ framing, api });
    const broken: string[] = [];
    onBroken(remote, ({ code }) => broken.push(code));
    onBroken((await remote.give?.()) as object, ({ code }) => broken.push(code));
    cut();
    await clock.advance(500);
    expect([session.away, broken]).toEqual([false, []]);
    session.close();
    await clock.advance(0);
    expect(broken).toEqual(['ERR_CLOSED', 'ERR_CLOSED']);
  });

  test('whatever is cut whenever: nothing is lost, repeated or reordered', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof(fc.constant('cut'), fc.constant('better'), fc.nat(40)), {
          maxLength: 30,
        }),
        fc.integer(),
        async (steps, seed) => {
          const heard: number[] = [];
          const called: number[] = [];
          const { clock, remote, cut, session, better } = await setup({
            framing,
            api: {
              put: (n: number, back: (n: number) => void) => {
                called.push(n);
                back(n);
                return `${n}-${'x'.repeat(n % 90)}`;
              },
            },
          });
          const outcomes: Promise<unknown>[] = [];
          let sent = 0;
          for (const step of steps) {
            if (step === 'cut') cut();
            else if (step === 'better') better();
            else {
              for (let i = 0; i < step; i++) {
                const n = sent++;
                outcomes.push(remote.put?.(n, (k: number) => heard.push(k)) ?? Promise.reject());
              }
              // Some steps of the wire, so that cuts hit in the middle.
              for (let i = (seed >>> 0) % 7; i > 0; i--) await Promise.resolve();
              if (step % 3 === 0) await clock.advance(step);
            }
          }
          for (let i = 0; i < 20; i++) await clock.advance(1_000);
          const all = Array.from({ length: sent }, (_, n) => n);
          expect(called).toEqual(all);
          expect(await Promise.all(outcomes)).toEqual(all.map((n) => `${n}-${'x'.repeat(n % 90)}`));
          expect(heard).toEqual(all);
          expect(session.ended).toBe(false);
        },
      ),
      { numRuns: 60 },
    );
  });
});

test('both sides keep no more than what is not acknowledged', async () => {
  const { clock, remote, session } = await setup({ api: { echo: (text: string) => text } });
  for (let i = 0; i < 100; i++) {
    const outcome = remote.echo?.('x'.repeat(10_000));
    await clock.advance(0);
    await outcome;
  }
  expect(session.continuity?.kept).toBeLessThan(150_000);
});

test('with too much unacknowledged, calls wait', async () => {
  const { clock, remote, session, cut } = await setup({
    api: { echo: (text: string) => text.length },
    limits: { replay: 20_000 },
    onRedial: () => {
      throw new DserviceError('ERR_CONNECT', 'not now');
    },
  });
  const calls = Array.from({ length: 10 }, () => remote.echo?.('x'.repeat(5_000)));
  cut();
  await clock.advance(1_000);
  expect(session.tables.pending).toBe(10);
  await clock.advance(31_000);
  const ends = await Promise.allSettled(calls.map((call) => call ?? Promise.reject()));
  expect(ends.map((end) => (end as PromiseRejectedResult).reason.code)).toEqual(
    Array.from({ length: 10 }, () => 'ERR_CONNECTION_LOST'),
  );
  expect(
    ends.filter((end) => (end as PromiseRejectedResult).reason.mayHaveRun === false).length,
  ).toBeGreaterThan(4);
});

test('nobody comes back: both sides end after their time', async () => {
  const { clock, remote, session, cut, served } = await setup({
    api: { never: () => new Promise(() => {}) },
    onRedial: () => {
      throw new DserviceError('ERR_CONNECT', 'not now');
    },
  });
  const far = served();
  const call = remote.never?.();
  await clock.advance(0);
  cut();
  await clock.advance(29_000);
  expect([session.ended, far?.ended]).toEqual([false, false]);
  await clock.advance(1_100);
  expect([session.ended, far?.ended]).toEqual([true, true]);
  await expect(call).rejects.toMatchObject({ mayHaveRun: true });
});

test('an instance that nobody knows any more is given up sooner', async () => {
  const { clock, session, cut } = await setup({
    onRedial: () => {
      throw new DserviceError('ERR_NO_INSTANCE', 'never heard of it');
    },
  });
  cut();
  await clock.advance(4_000);
  expect(session.ended).toBe(false);
  await clock.advance(4_000);
  expect(session.ended).toBe(true);
});

test('closed in good order, it does not come back', async () => {
  const { clock, session, served } = await setup();
  served()?.close();
  await clock.advance(0);
  expect(session.ended).toBe(true);
});

test('another process at the same place does not know it', async () => {
  const made = await setup({ api: { never: () => new Promise(() => {}) } });
  const { clock, session, remote } = made;
  const call = remote.never?.();
  await clock.advance(0);
  const other = new Server({}, { clock, scope: syncScope(), limits: defaultLimits });
  const [near, far] = memoryPair({ clock });
  other.welcome(far);
  const returned = returnOver(session, near, { clock, limits: defaultLimits, time: 5_000 });
  await clock.advance(1_000);
  expect(await returned).toBe(false);
  await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true });
  await other.close();
});

describe('a stranger', () => {
  const resume = (session: string, got = 0) =>
    `${JSON.stringify({
      method: 'methods',
      arguments: [{}],
      dservice: { v: 1, features: ['reply', 'resume'], limits: {}, resume: { session, got } },
    })}\n`;

  test.each([
    ['with another secret', () => resume('0'.repeat(32))],
    ['with a count that cannot be', (token: string) => resume(token, 1_000_000)],
    ['with rubbish', () => '{"dservice":{"resume":{"session":7}}}\n'],
  ])('%s gets a session of its own, and the old one goes on', async (_, line) => {
    const { clock, session, server, remote } = await setup({ api: { echo: (x: unknown) => x } });
    const [near, far] = memoryPair({ clock });
    server.welcome(far);
    const heard: string[] = [];
    near.open({ receive: (data) => heard.push(String(data)), drain() {}, close() {} });
    near.write(line(session.continuity?.token ?? ''));
    await clock.advance(1_000);
    expect(heard.join('')).not.toContain('resumed');
    expect(server.sessions.size).toBe(2);
    const echo = remote.echo?.(1);
    await clock.advance(0);
    expect(await echo).toBe(1);
  });

  test('with other credentials is refused; with the same, asked again', async () => {
    let open = true;
    const made = await setup({
      api: { echo: (x: unknown) => x },
      auth: { key: 'a' },
      authenticate: (auth) => open && (auth as { key: string } | undefined)?.key,
    });
    const { clock, session, connect, limits } = made;
    const wrong = returnOver(session, connect(), {
      clock,
      limits,
      auth: { key: 'b' },
      time: 5_000,
    });
    await clock.advance(1_000);
    expect(await wrong).toBe(false);

    const again = await setup({
      api: { echo: (x: unknown) => x },
      auth: { key: 'a' },
      authenticate: (auth) => open && (auth as { key: string } | undefined)?.key,
    });
    again.cut();
    await again.clock.advance(1_000);
    expect(again.session.away).toBe(false);
    open = false;
    again.cut();
    await again.clock.advance(1_000);
    expect(again.session.ended).toBe(true);
  });

  test('from another origin is refused', async () => {
    const { clock, session, server } = await setup();
    const [near, far] = memoryPair({ clock });
    const peer = { transport: 'memory', origin: 'https://evil.example' };
    const foreign = changed(far, { peer });
    server.welcome(foreign);
    const returned = returnOver(session, near, { clock, limits: defaultLimits, time: 5_000 });
    await clock.advance(1_000);
    expect(await returned).toBe(false);
  });
});

test('an answer to a resume that is lost does not lose the session', async () => {
  const { clock, session, better, remote, cut } = await setup({
    api: { echo: (x: unknown) => x },
  });
  for (let steps = 0; steps < 12; steps++) {
    better();
    // Sooner or later the server has moved, and the dialer has not heard of it yet.
    for (let i = 0; i < steps; i++) await Promise.resolve();
    cut();
    const echo = remote.echo?.(steps);
    for (let i = 0; i < 10; i++) await clock.advance(1_000);
    expect(await echo).toBe(steps);
  }
  expect(session.ended).toBe(false);
});

test('who leaves while the other side is away waits for it a moment, and no longer', async () => {
  const { clock, cut, served } = await setup({
    onRedial: () => {
      throw new DserviceError('ERR_CONNECT', 'not now');
    },
  });
  const far = served();
  cut();
  await clock.advance(100);
  let left = false;
  void far?.drain().then(() => (left = true));
  await clock.advance(1_900);
  expect(left).toBe(false);
  await clock.advance(200);
  expect(left).toBe(true);
});

test('each side is told how far the other is: with what is written anyway, or soon', async () => {
  const api = { size: (text: string) => text.length, never: () => new Promise(() => {}) };
  const { clock, remote, session, channels } = await setup({ api });
  const [near, far] = channels();
  const written: string[] = [];
  const write = far.write.bind(far);
  far.write = (data, bytes) => {
    written.push(data);
    return write(data, bytes);
  };
  for (let i = 1; i <= 5; i++) {
    const size = remote.size?.('x'.repeat(70_000));
    await clock.advance(1);
    expect(await size).toBe(70_000);
  }
  expect(near.buffered).toBe(0);
  expect(written.map((text) => text.split('\n').map(kindOf))).toEqual(
    Array.from({ length: 5 }, () => ['ack', 'outcome', '']),
  );
  expect(session.continuity?.kept).toBe(0);
  // Nothing goes the other way.
  written.length = 0;
  remote.never?.('x'.repeat(70_000)).catch(() => {});
  await clock.advance(1);
  expect(written.map((text) => text.split('\n').map(kindOf))).toEqual([['ack', '']]);
  expect(session.continuity?.kept).toBe(0);
});

function kindOf(line: string): string {
  if (line.startsWith('{"control":"ack"')) return 'ack';
  return line === '' ? '' : 'outcome';
}
