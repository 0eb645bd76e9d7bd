import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { staticDiscovery } from '../src/discovery/static.js';
import type { Api } from '../src/protocol/api.js';
import { options } from '../src/protocol/options.js';
import { Session } from '../src/protocol/session.js';
import type { ServiceConnection } from '../src/service/caller.js';
import { makeDservice } from '../src/service/dservice.js';
import type { ServiceOptions } from '../src/service/service-options.js';
import { cert, key } from './channel/fixtures/certificate.js';
import { nodeClock } from './clock.js';
import { type Child, Children } from './fixtures/children.js';
import { Detour } from './fixtures/detour.js';
import { nodeRuntime } from './runtime.js';

const dservice = makeDservice(nodeRuntime);
const logger = { warn() {} };
const nowhere = () => staticDiscovery({ clock: nodeClock, instances: [] });

const folder = mkdtempSync(join(tmpdir(), 'dservice-resume-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** One instance's remote, and its connection. */
type One = [remote: Record<string, (...args: unknown[]) => Promise<unknown>>, d: ServiceConnection];

/** Finds what listens at these endpoints. */
async function reach(endpoints: readonly string[], given: ServiceOptions = {}) {
  const instances = [{ name: 'a', endpoints }];
  const caller = dservice({
    discovery: staticDiscovery({ clock: nodeClock, instances }),
    ...{ logger, ...given },
  });
  onTestFinished(() => caller.stop());
  const [one, d] = await new Promise<One>((resolve, reject) =>
    caller.dnodeFor<One[0]>('a', (error, remote, connection) =>
      error === null ? resolve([remote, connection]) : reject(error),
    ),
  );
  return { caller, one, d, remote: await caller.connect<One[0]>('a') };
}

const trust = { ca: cert, servername: 'localhost' };

type Way = 'tcp' | 'unix' | 'tls' | 'ws';

/** A service, and its caller, between which there is a proxy. */
async function apart(way: Way, api: Api) {
  const path = way === 'unix' ? join(folder, `a-${Math.random()}`) : undefined;
  const service = dservice('a', api, {
    ...{ discovery: nowhere(), logger },
    ...(path === undefined ? {} : { path }),
    ...(way === 'tls' ? { tls: { cert, key } } : {}),
  });
  const sessions: ServiceConnection['session'][] = [];
  service.on('session', (session) => sessions.push(session));
  onTestFinished(() => service.stop(0));
  await service.start();
  const port = Number(service.endpoints.at(-1)?.split(':').at(-1));
  const detour = new Detour(path === undefined ? { port, host: '127.0.0.1' } : { path });
  onTestFinished(() => detour.close());
  const near = await detour.listen(path === undefined ? undefined : `${path}-near`);
  const endpoint = path === undefined ? `${way}://127.0.0.1:${near}` : `unix:${path}-near`;
  const found = await reach([endpoint], way === 'tls' ? { tls: trust } : {});
  return { service, sessions, detour, ...found };
}

/** The secret by which it comes back: only dnode has one. */
const tokenOf = ({ session }: ServiceConnection): string =>
  session instanceof Session ? (session.continuity?.token ?? '') : '';

/** Resolves at the next event of a session. */
const told = (d: ServiceConnection, event: 'away' | 'moved' | 'suspect' | 'end') =>
  new Promise<unknown>((resolve) => d.session.on(event, resolve));

describe.each(['tcp', 'unix', 'tls', 'ws'] as const)('over %s', (way) => {
  test.each(way === 'unix' ? (['fin'] as const) : (['fin', 'reset'] as const))(
    'cut by a %s, and back: all goes on',
    async (how) => {
      const runs = new Map<number, number>();
      const answers: (() => void)[] = [];
      const awaited: unknown[] = [];
      let tick: ((n: number) => void) | undefined;
      const { detour, one, remote, d } = await apart(way, {
        wait(n: number) {
          runs.set(n, (runs.get(n) ?? 0) + 1);
          return new Promise((resolve) => answers.push(() => resolve(n)));
        },
        follow: (fn: typeof tick) => void (tick = fn),
        ask: async (fn: (n: number, text: string) => Promise<string>, count: number) => {
          const all = Array.from({ length: count }, (_, n) => fn(n, 'x'.repeat(10_000)));
          awaited.push(...(await Promise.all(all)));
          return count;
        },
      });
      const ticks: number[] = [];
      await one['follow']?.((n: number) => void ticks.push(n));
      const half = Array.from({ length: 500 }, (_, n) => remote['wait']?.(n));
      const heard: number[] = [];
      let asked = (): void => {};
      const begun = new Promise<void>((resolve) => (asked = resolve));
      const asking = one['ask']?.(async (n: number) => {
        heard.push(n);
        asked();
        await begun;
        return `${n}`;
      }, 300);
      await begun;
      for (let n = 0; n < 10; n++) tick?.(n);
      const away = told(d, 'away');
      detour.cut(how);
      await away;
      for (let n = 10; n < 20; n++) tick?.(n);
      const rest = Array.from({ length: 500 }, (_, n) => remote['wait']?.(500 + n));
      for (const answer of answers.splice(0)) answer();
      // It tries again and again, and is let in and thrown out.
      while (detour.count < 4)
        await new Promise((resolve) => nodeClock.after(10, () => resolve(0)));
      expect(d.session.away).toBe(true);
      const moved = told(d, 'moved');
      detour.mend();
      await moved;
      expect(await asking).toBe(300);
      while (runs.size < 1_000)
        await new Promise((resolve) => nodeClock.after(1, () => resolve(0)));
      for (const answer of answers.splice(0)) answer();
      expect(await Promise.all([...half, ...rest])).toEqual(
        Array.from({ length: 1_000 }, (_, n) => n),
      );
      expect([...runs.values()].every((count) => count === 1)).toBe(true);
      expect(ticks).toEqual(Array.from({ length: 20 }, (_, n) => n));
      expect(heard.sort((a, b) => a - b)).toEqual(Array.from({ length: 300 }, (_, n) => n));
      expect(awaited).toEqual(Array.from({ length: 300 }, (_, n) => `${n}`));
    },
  );

  test('ended in good order: nobody is away, and nothing is kept', async () => {
    const { service, sessions, d, caller } = await apart(way, { echo: (x: unknown) => x });
    const events: unknown[] = [];
    const [far] = sessions;
    for (const session of [d.session, far]) session?.on('away', () => events.push('away'));
    const ends = [told(d, 'end'), new Promise((resolve) => far?.on('end', resolve))];
    await caller.stop();
    expect(await Promise.all(ends)).toEqual([undefined, undefined]);
    const again = await reach(service.endpoints, way === 'tls' ? { tls: trust } : {});
    again.d.session.on('away', () => events.push('away'));
    const end = told(again.d, 'end');
    await service.stop();
    expect(await end).toBeUndefined();
    expect(events).toEqual([]);
  });
});

test('a service that stops waits a moment for who is away, and no call is lost', async () => {
  let finish = (): void => {};
  const slow = () => new Promise<string>((resolve) => (finish = () => resolve('done')));
  const { service, sessions, one, detour, d } = await apart('tcp', { slow, now: () => 'now' });
  const call = one['slow']?.();
  await one['now']?.();
  const away = [told(d, 'away'), new Promise((resolve) => sessions[0]?.on('away', resolve))];
  detour.cut('reset');
  await Promise.all(away);
  const stopped = service.stop();
  detour.mend();
  await told(d, 'moved');
  finish();
  expect(await call).toBe('done');
  await stopped;
});

describe('a stranger', () => {
  /** What a server says to who says this, over TCP. */
  async function answerTo(
    endpoint: string,
    resume?: object,
  ): Promise<{ line: string; socket: Socket }> {
    const url = new URL(endpoint);
    const socket = connect(Number(url.port), url.hostname);
    onTestFinished(() => void socket.destroy());
    socket.on('error', () => {});
    const limits = { line: 1, calls: 1, functions: 1 };
    const hello = { v: 1, features: ['reply', 'resume'], limits, ...(resume && { resume }) };
    socket.write(`${JSON.stringify({ method: 'methods', arguments: [{}], dservice: hello })}\n`);
    let text = '';
    while (!text.includes('\n')) text += String((await once(socket, 'data'))[0]);
    return { line: text, socket };
  }

  test('with a secret that is wrong, stale or stolen gets what all others get', async () => {
    const { service, d, one, detour } = await apart('tcp', { echo: (x: unknown) => x });
    const [endpoint = ''] = service.endpoints;
    const stale = tokenOf(d);
    for (let n = 0; n < 2; n++) {
      const moved = told(d, 'moved');
      detour.cut('reset');
      detour.mend();
      await moved;
    }
    const token = tokenOf(d);
    expect(token).not.toBe(stale);
    // The secret is different each time, of course, and all else is the same.
    const plain = ({ line }: { line: string }) => line.replace(/[0-9a-f]{32}/g, 'secret');
    const usual = plain(await answerTo(endpoint));
    expect(usual).toContain('"methods"');
    for (const resume of [
      { session: '0'.repeat(32), got: 0 },
      { session: stale, got: 0 },
      { session: token, got: 1_000_000 },
    ]) {
      expect(plain(await answerTo(endpoint, resume))).toBe(usual);
    }
    expect(await one['echo']?.(1)).toBe(1);
  });

  test('who says hello and crashes, again and again, leaves no more than is allowed', async () => {
    const service = dservice(
      'a',
      {},
      { discovery: nowhere(), logger, limits: { sessionsPerAddress: 20 } },
    );
    onTestFinished(() => service.stop(0));
    let sessions = 0;
    let ended = 0;
    service.on('session', (session) => {
      sessions++;
      session.on('end', () => ended++);
    });
    await service.start();
    for (let n = 0; n < 100; n++) {
      const { socket } = await answerTo(service.endpoints[0] ?? '');
      socket.resetAndDestroy();
      await once(socket, 'close');
    }
    while (ended < 80) await new Promise((resolve) => setImmediate(resolve));
    expect([sessions, ended]).toEqual([100, 80]);
  });

  test('who waits for the first word gets it, also where somebody may come back', async () => {
    const { service } = await apart('tcp', { echo: (x: unknown) => x });
    const url = new URL(service.endpoints[0] ?? '');
    const socket = connect(Number(url.port), url.hostname);
    onTestFinished(() => void socket.destroy());
    const began = performance.now();
    expect(String((await once(socket, 'data'))[0])).toContain('"methods"');
    expect(performance.now() - began).toBeGreaterThan(450);
  });
});

describe('a process', () => {
  let children: Children;
  beforeAll(() => (children = new Children()));
  afterAll(() => children.close());

  /** Serves at a port until it is ended. */
  async function serving(port = 0): Promise<{ child: Child; port: number }> {
    const child = children.start(`
      const discovery = all.staticDiscovery({ instances: [] });
      let runs = 0;
      const service = dservice('a', {
        wait: (ms) => { console.log('run ' + ++runs); return new Promise((ok) => setTimeout(ok, ms, process.pid)); },
        who: () => process.pid,
      }, { discovery, port: ${port} });
      service.start().then(() => console.log('up ' + service.endpoints[0]));
    `);
    const endpoint = (await child.line(/^up /)).slice(3);
    return { child, port: Number(endpoint.split(':').at(-1)) };
  }

  test.each([false, true])(
    'that is killed ends the session, and tells what may have run; another at its place: %s',
    async (another) => {
      const first = await serving();
      const { one, d, remote } = await reach([`tcp://127.0.0.1:${first.port}`]);
      const written = [one['wait']?.(60_000), remote['wait']?.(60_000)];
      await first.child.line(/^run 2/);
      const end = told(d, 'end');
      first.child.process.kill('SIGKILL');
      await first.child.ended;
      const second = another ? await serving(first.port) : undefined;
      expect(await end).toMatchObject({ code: 'ERR_CONNECTION_LOST' });
      for (const call of written) {
        await expect(call).rejects.toMatchObject({ code: 'ERR_CONNECTION_LOST', mayHaveRun: true });
      }
      await expect(one['who']?.()).rejects.toMatchObject({ mayHaveRun: false });
      // The service's remote opens another session with whoever is there, at once or later.
      const later = remote['who']?.();
      const now = second ?? (await serving(first.port));
      expect(await later).toBe(now.child.process.pid);
    },
  );

  test('that is stopped for a while goes on where it was', async () => {
    const { child, port } = await serving();
    const { d, one, remote } = await reach([`tcp://127.0.0.1:${port}`]);
    child.process.kill('SIGSTOP');
    const suspect = told(d, 'suspect');
    const calls: readonly unknown[] = [one['wait']?.(1), remote['who']?.()];
    const late = options(remote, { deadline: 500 })['who']?.();
    late?.catch(() => {});
    expect(await suspect).toBe(true);
    await expect(late).rejects.toMatchObject({ code: 'ERR_DEADLINE', mayHaveRun: true });
    child.process.kill('SIGCONT');
    expect([await calls[0], await calls[1]]).toEqual([child.process.pid, child.process.pid]);
    expect(d.session.ended).toBe(false);
    expect(child.lines.filter((line) => line.startsWith('run'))).toEqual(['run 1']);
  });
});
