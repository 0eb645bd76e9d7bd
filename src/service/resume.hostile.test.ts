import { describe, expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { changed } from '../channel/fixtures/changed.js';
import { memoryPair } from '../channel/memory.js';
import type { Clock } from '../clock.js';
import { defaultLimits, type Limits } from '../limits.js';
import { syncScope } from '../protocol/context.js';
import { resumable } from '../protocol/continuity.js';
import { features } from '../protocol/hello.js';
import { Session } from '../protocol/session.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Resumables, returnOver } from './resume.js';
import { Server } from './server.js';
import type { Authenticate } from '../protocol/session-options.js';

const scope = syncScope();
const logger = { warn() {} };

function serverWith(
  clock: Clock,
  api: object = { echo: (x: unknown) => x },
  given: Partial<Limits> = {},
  authenticate?: Authenticate,
): Server {
  const limits = { ...defaultLimits, ...given };
  const resume = new Resumables({ clock, limits, authenticate });
  return new Server(api, { clock, scope, limits, logger, resume, authenticate });
}

/** What a dialer says first. */
const hello = (more: object = {}, named: readonly string[] = features): string =>
  `${JSON.stringify({ method: 'methods', arguments: [{}], dservice: { v: 1, features: named, limits: {}, ...more } })}\n`;

/** Somebody at the far end of a channel, who says what the test tells it to. */
class Raw {
  readonly channel: Channel;
  readonly heard: string[] = [];
  closed = false;

  constructor(clock: Clock, server: Server) {
    const [near, far] = memoryPair({ clock });
    this.channel = near;
    near.open({
      receive: (data) => this.heard.push(String(data)),
      drain() {},
      close: () => (this.closed = true),
    });
    server.welcome(far);
  }

  say(...lines: string[]): this {
    for (const line of lines) this.channel.write(line);
    return this;
  }

  get text(): string {
    return this.heard.join('');
  }

  /** The secret that it was last told. */
  get token(): string {
    return /.*"session":"([0-9a-f]{32})"/s.exec(this.text)?.[1] ?? '';
  }
}

/** As `Raw`, but its end is one that the other side takes for a loss. */
function lossy(clock: Clock, server: Server): Raw & { lose(): void } {
  let lose = (): void => {};
  const welcome = (far: Channel): void => {
    lose = () => far.destroy(new Error('reset'));
    server.welcome(far);
  };
  const raw = new Raw(clock, { welcome } as unknown as Server);
  return Object.assign(raw, { lose: () => lose() });
}

test('credentials that are very deep are answered, whether or not they can be compared', async () => {
  const clock = new VirtualClock();
  const server = serverWith(clock, {}, {}, () => 'anybody');
  const deep = '['.repeat(28_000) + ']'.repeat(28_000);
  const withAuth = (line: string): string => line.replace('"v":1', `"v":1,"auth":${deep}`);
  const raw = lossy(clock, server).say(withAuth(hello()));
  await clock.advance(10);
  raw.lose();
  await clock.advance(10);
  const resume = { session: raw.token, got: 0 };
  const back = new Raw(clock, server).say(withAuth(hello({ resume })));
  await clock.advance(10);
  // How deep a value may be that can be written is the runtime's: one that cannot be is no rejection without a listener.
  expect(back.text).toContain('"methods"');
});

describe('who vanishes', () => {
  test.each([
    ['without a word', []],
    ['as a plain peer', ['{"method":"methods","arguments":[{}]}\n']],
  ])('%s leaves nothing behind', async (_, lines) => {
    const clock = new VirtualClock();
    const server = serverWith(clock);
    const raw = lossy(clock, server).say(...lines);
    await clock.advance(100);
    expect(server.sessions.size).toBe(1);
    raw.lose();
    await clock.advance(0);
    expect(server.sessions.size).toBe(0);
  });

  test('again and again does not keep others out: who is away longest makes room', async () => {
    const clock = new VirtualClock();
    const server = serverWith(clock, {}, { sessions: 10 });
    for (let n = 0; n < 10; n++) {
      const raw = lossy(clock, server).say(hello());
      await clock.advance(10);
      raw.lose();
      await clock.advance(10);
    }
    const before = [...server.sessions];
    expect(before.every((session) => session.away)).toBe(true);
    const other = new Raw(clock, server).say(hello());
    await clock.advance(10);
    expect(other.text).toContain('"methods"');
    expect(before.map((session) => session.ended)).toEqual([true, ...Array(9).fill(false)]);
    // Those who are here make room for nobody.
    const here = Array.from({ length: 12 }, () => new Raw(clock, server).say(hello()));
    await clock.advance(10);
    expect(here.filter(({ text }) => text.includes('"methods"'))).toHaveLength(9);
    expect(here.filter(({ text }) => text.includes('ERR_BUSY'))).toHaveLength(3);
    expect(server.sessions.size).toBe(10);
  });

  test('with much that is kept for it: all that is kept for such is bounded', async () => {
    const clock = new VirtualClock();
    const api = { big: () => 'x'.repeat(10_000) };
    const server = serverWith(clock, api, { buffered: 50_000 });
    for (let n = 0; n < 10; n++) {
      const raw = lossy(clock, server).say(hello());
      await clock.advance(10);
      raw.say('{"method":"big","arguments":[],"reply":1}\n');
      await clock.advance(10);
      raw.lose();
      await clock.advance(10);
    }
    expect([...server.sessions].filter(({ away }) => away)).toHaveLength(4);
  });
});

describe('who subscribes, and vanishes', () => {
  test('is told no more than all of them may have kept', async () => {
    const clock = new VirtualClock();
    const follow = (fn: (text: string) => void): void => {
      const tell = (): void => {
        fn('x'.repeat(10_000));
        clock.after(100, tell);
      };
      tell();
    };
    const server = serverWith(clock, { follow }, { buffered: 200_000 });
    for (let n = 0; n < 5; n++) {
      const raw = lossy(clock, server).say(hello());
      await clock.advance(10);
      raw.say('{"method":"follow","arguments":["[Function]"],"callbacks":{"7":["0"]},"reply":1}\n');
      await clock.advance(10);
      raw.lose();
    }
    expect(server.sessions.size).toBe(5);
    // Each is told 10,000 characters ten times a second.
    const lines = () => [...server.sessions].reduce((sum, it) => sum + it.tables.pending, 0);
    for (let n = 0; n < 20; n++) {
      await clock.advance(100);
      if (server.sessions.size > 1) expect(lines()).toBeLessThan(25);
    }
    expect(server.sessions.size).toBe(1);
  });

  test('from one address: so many are waited for, the last ones', async () => {
    const clock = new VirtualClock();
    const server = serverWith(clock, {}, { sessionsPerAddress: 5 });
    const other = lossy(clock, server).say(hello());
    await clock.advance(10);
    other.lose();
    for (let n = 0; n < 20; n++) {
      const [near, far] = memoryPair({ clock });
      near.open({ receive() {}, drain() {}, close() {} });
      const peer = { transport: 'memory', address: `192.0.2.1:${1_000 + n}` };
      server.welcome(changed(far, { peer }));
      near.write(hello());
      await clock.advance(10);
      far.destroy(new Error('reset'));
      await clock.advance(0);
    }
    const { token } = other;
    expect(server.sessions.size).toBe(6);
    const back = new Raw(clock, server).say(hello({ resume: { session: token, got: 0 } }));
    await clock.advance(10);
    expect(back.text).toContain('resumed');
  });
});

describe('who comes back', () => {
  const setup = async (api?: object, limits?: Partial<Limits>) => {
    const clock = new VirtualClock();
    const server = serverWith(clock, api, limits);
    const raw = lossy(clock, server).say(hello());
    await clock.advance(10);
    return { clock, server, raw };
  };
  const resume = (session: string, got = 0): string => hello({ resume: { session, got } });

  test('in a loop, and never reads: what is sent again is kept once', async () => {
    const { clock, server, raw } = await setup({ big: () => 'x'.repeat(100_000) });
    raw.say('{"method":"big","arguments":[],"reply":1}\n');
    await clock.advance(10);
    let { token } = raw;
    const left = new Set<Channel>();
    for (let n = 0; n < 20; n++) {
      const [near, far] = memoryPair({ clock });
      left.add(far);
      const destroy = far.destroy.bind(far);
      far.destroy = (error) => {
        left.delete(far);
        destroy(error);
      };
      server.welcome(far);
      let text = '';
      near.open({
        receive(data) {
          text += String(data);
          near.pause();
        },
        drain() {},
        close() {},
      });
      near.write(resume(token));
      await clock.advance(10);
      token = /.*"session":"([0-9a-f]{32})"/s.exec(text)?.[1] ?? '';
      expect(token).not.toBe('');
    }
    expect(server.sessions.size).toBe(1);
    expect(left.size).toBe(1);
  });

  test('by an old secret, twice at once, or with what was acknowledged: never two of one session', async () => {
    const { clock, server, raw } = await setup();
    const { token } = raw;
    raw.say('{"method":"echo","arguments":[1],"reply":1}\n');
    await clock.advance(10);
    const both = [new Raw(clock, server), new Raw(clock, server)];
    for (const one of both) one.say(resume(token));
    await clock.advance(10);
    expect(both.map(({ text }) => text.includes('resumed'))).toEqual([true, true]);
    expect([both[0]?.closed, both[1]?.closed]).toEqual([true, false]);
    expect(server.sessions.size).toBe(1);
    // The last one's secret, and the one before it, are good; those before are not.
    const [first, second] = both.map((one) => one.token);
    const third = new Raw(clock, server).say(resume(second ?? '', 1));
    await clock.advance(10);
    expect(third.text).toContain('resumed');
    for (const [session, got] of [
      [token, 1],
      [first, 1],
      [third.token, 0],
      [third.token, 2],
    ] as const) {
      const refused = new Raw(clock, server).say(resume(session ?? '', got));
      await clock.advance(10);
      expect(refused.text).not.toContain('resumed');
    }
    third.say('{"method":"echo","arguments":["here"],"reply":9}\n');
    await clock.advance(10);
    expect(third.text).toContain('"here"');
  });

  test('and gave up a channel before it was known who is there: that one changes nothing', async () => {
    const clock = new VirtualClock();
    const limits = defaultLimits;
    const decide: ((identity: string) => void)[] = [];
    const authenticate = (): Promise<string> => new Promise((resolve) => decide.push(resolve));
    const resumables = new Resumables({ clock, limits, authenticate });
    const api = { echo: (x: unknown) => x };
    const server = new Server(api, {
      ...{ clock, scope, limits, logger, authenticate, resume: resumables },
    });
    const raw = lossy(clock, server).say(hello());
    await clock.advance(10);
    decide.shift()?.('me');
    await clock.advance(10);
    raw.lose();
    const slow = lossy(clock, server).say(resume(raw.token));
    await clock.advance(10);
    slow.lose();
    const quick = lossy(clock, server).say(resume(raw.token));
    await clock.advance(10);
    const [first, second] = decide;
    second?.('me');
    await clock.advance(10);
    expect(quick.text).toContain('resumed');
    first?.('me');
    await clock.advance(10);
    quick.say('{"method":"echo","arguments":["here"],"reply":9}\n');
    await clock.advance(10);
    expect(quick.text).toContain('"here"');
    expect([quick.closed, slow.text.includes('resumed')]).toEqual([false, false]);
  });

  test('finds its session while the server leaves, or is full', async () => {
    let finish: (value: string) => void = () => {};
    const slow = (): Promise<string> => new Promise((resolve) => (finish = resolve));
    const { clock, server, raw } = await setup({ slow }, { sessions: 1 });
    raw.say('{"method":"slow","arguments":[],"reply":1}\n');
    await clock.advance(10);
    raw.lose();
    const full = lossy(clock, server).say(resume(raw.token));
    await clock.advance(10);
    expect(full.text).toContain('resumed');
    const drained = server.drain(5_000);
    full.lose();
    const leaving = new Raw(clock, server).say(resume(full.token));
    const stranger = new Raw(clock, server).say(hello());
    await clock.advance(10);
    expect(leaving.text).toContain('"resumed"');
    expect([stranger.text, stranger.closed]).toEqual(['', true]);
    finish('done');
    await clock.advance(10);
    expect(leaving.text).toContain('"done"');
    leaving.say('{"control":"bye"}\n');
    await clock.advance(10);
    await drained;
    expect(server.sessions.size).toBe(0);
  });
});

test('an ack of one that takes no part in it means nothing', async () => {
  const clock = new VirtualClock();
  const server = serverWith(clock);
  const without = features.filter((feature) => feature !== 'resume');
  const raw = new Raw(clock, server).say(hello({}, without), '{"control":"ack","got":7}\n');
  raw.say('{"method":"echo","arguments":["here"],"reply":1}\n');
  await clock.advance(100);
  expect(raw.text).toContain('"here"');
});

describe('a session that was dialled', () => {
  /** Flags of the timers that were set, in order. */
  class Watched extends VirtualClock {
    readonly set: { ms: number; background: boolean }[] = [];

    override after(ms: number, fn: () => void, background = false): () => void {
      this.set.push({ ms, background });
      return super.after(ms, fn);
    }
  }

  const setup = async () => {
    const clock = new Watched();
    const never = (): Promise<void> => new Promise(() => {});
    const server = serverWith(clock, { never });
    const [near, far] = memoryPair({ clock });
    server.welcome(far);
    const options = { clock, scope, limits: defaultLimits, api: {}, resume: resumable() };
    const session = new Session({ ...options, channel: near });
    session.start();
    await clock.advance(10);
    return { clock, server, session, near, far };
  };

  test('and is away keeps the process alive as long as somebody waits for it', async () => {
    const { clock, session, near } = await setup();
    session.hold(true);
    clock.set.length = 0;
    near.destroy(new Error('cut'));
    await clock.advance(1_000);
    const waits = () => clock.set.filter(({ ms }) => ms > 20_000);
    expect(waits()).toEqual([{ ms: 30_000, background: false }]);
    session.hold(false);
    expect(waits().at(-1)).toEqual({ ms: 29_000, background: true });
    session.hold(true);
    await clock.advance(28_900);
    expect(session.ended).toBe(false);
    await clock.advance(200);
    expect(session.ended).toBe(true);
  });

  test('and could not move ends its channel with it', async () => {
    const { clock, server, session, far } = await setup();
    const [near] = memoryPair({ clock });
    const move = returnOver(session, near, { clock, limits: defaultLimits, time: 5_000 });
    const lost = expect(move).rejects.toMatchObject({ code: 'ERR_TIMEOUT' });
    await clock.advance(29_000);
    await lost;
    expect([session.ended, server.sessions.size]).toEqual([false, 1]);
    await clock.advance(1_100);
    expect([session.ended, server.sessions.size]).toEqual([true, 0]);
    expect(far.buffered).toBe(0);
  });

  test('and has moved looks after those who wait for it', async () => {
    const { clock, server, session } = await setup();
    void session.call('never', []);
    const [near, far] = memoryPair({ clock });
    server.welcome(far);
    const move = returnOver(session, near, { clock, limits: defaultLimits, time: 5_000 });
    await clock.advance(10);
    expect(await move).toBe(true);
    far.pause();
    const suspicions: boolean[] = [];
    session.on('suspect', (suspect) => suspicions.push(suspect));
    await clock.advance(3_500);
    expect(suspicions).toEqual([true]);
    // Another way proves that it lives.
    const pair = memoryPair({ clock });
    server.welcome(pair[1]);
    const again = returnOver(session, pair[0], { clock, limits: defaultLimits, time: 5_000 });
    await clock.advance(10);
    expect([await again, session.suspect]).toEqual([true, false]);
    expect(suspicions).toEqual([true, false]);
  });

  test('does not show its secret to who prints it', async () => {
    const { session } = await setup();
    const { continuity } = session;
    const { token = '' } = continuity ?? {};
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    expect(Object.values(continuity ?? {})).not.toContain(token);
    expect(JSON.stringify(session)).not.toContain(token);
  });
});

test('with the secret of another server nobody comes back', async () => {
  const clock = new VirtualClock();
  const [one, two] = [serverWith(clock), serverWith(clock)];
  const raw = lossy(clock, one).say(hello());
  const other = lossy(clock, two).say(hello());
  await clock.advance(10);
  const back = new Raw(clock, two).say(hello({ resume: { session: raw.token, got: 0 } }));
  await clock.advance(10);
  expect(back.text).not.toContain('resumed');
  expect(other.closed).toBe(false);
});
