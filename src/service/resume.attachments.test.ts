import { changed } from '../channel/fixtures/changed.js';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Channel } from '../channel/channel.js';
import { memoryPair } from '../channel/memory.js';
import { defaultLimits } from '../limits.js';
import { syncScope } from '../protocol/context.js';
import { resumable } from '../protocol/continuity.js';
import { Session } from '../protocol/session.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { Resumables, returnOver } from './resume.js';
import { Server } from './server.js';

const limits = { ...defaultLimits, replay: 100_000 };
const scope = syncScope();

/** A session dialled to a server that echoes, and what connects anew. */
async function setup(api: object = { echo: (...args: unknown[]) => args }) {
  const clock = new VirtualClock();
  const server = new Server(api, {
    ...{ clock, scope, limits, logger: { warn() {} } },
    resume: new Resumables({ clock, limits, authenticate: undefined }),
  });
  let last: readonly Channel[] = [];
  const connect = (framing: 'bytes' | 'messages'): Channel => {
    const pair = memoryPair({ clock, framing, piece: 1_000 });
    last = pair;
    server.welcome(pair[1]);
    return pair[0];
  };
  const channel = connect('bytes');
  const session = new Session({ channel, clock, scope, limits, api: {}, resume: resumable() });
  session.start();
  await clock.advance(0);
  const back = (to: Channel): Promise<boolean> =>
    returnOver(session, to, { clock, limits, time: 5_000 });
  const cut = (): void => {
    for (const end of last) end.destroy(new Error('cut'));
  };
  return { clock, server, session, connect, back, cut };
}

test(
  'bytes arrive once, in order and as they were, wherever the channel is lost, over channels of both kinds',
  { timeout: 60_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(60), { maxLength: 4 }), fc.nat(9), async (waits, shape) => {
        const heard: unknown[] = [];
        const { clock, session, connect, back, cut } = await setup({
          echo(n: number, data: unknown) {
            heard.push(n);
            return [n, data];
          },
        });
        const sent = Array.from({ length: 12 }, (_, n) => {
          const data = (n + shape) % 3 === 0 ? 'text' : new Uint8Array(300 + n * 3_000).fill(n);
          const outcome = session.call('echo', [n, data]);
          const expected = [n, typeof data === 'string' ? data : data.slice()];
          if (typeof data !== 'string') data.fill(99);
          return { outcome, expected };
        });
        for (const [i, wait] of waits.entries()) {
          for (let turn = 0; turn < wait; turn++) await Promise.resolve();
          cut();
          const back_ = back(connect((i + shape) % 2 === 0 ? 'messages' : 'bytes'));
          await clock.advance(100);
          expect(await back_).toBe(true);
        }
        await clock.advance(100);
        for (const { outcome, expected } of sent) expect(await outcome).toEqual(expected);
        expect(heard).toEqual(sent.map((_, n) => n));
      }),
      { numRuns: 8 },
    );
  },
);

test('bytes count among what is kept, and calls wait', async () => {
  const { clock, session, connect, back, cut } = await setup();
  cut();
  await clock.advance(1);
  const calls = [1, 2, 3].map((n) => session.call('echo', [new Uint8Array(70_000).fill(n)]));
  await clock.advance(1);
  expect(session.continuity?.kept).toBeLessThan(150_000);
  const returned = back(connect('bytes'));
  await clock.advance(100);
  expect(await returned).toBe(true);
  for (const [i, call] of calls.entries()) {
    expect(await call).toEqual([new Uint8Array(70_000).fill(i + 1)]);
  }
});

test('a session that agreed on bytes does not go on over a channel that carries none', async () => {
  for (const side of ['dialled', 'served'] as const) {
    const { clock, server, session, back } = await setup();
    const [near, far] = memoryPair({ clock });
    const [dials, serves] =
      side === 'dialled'
        ? [changed(near, { binary: false }), far]
        : [near, changed(far, { binary: false })];
    server.welcome(serves);
    const returned = back(dials);
    await clock.advance(100);
    expect(await returned).toBe(false);
    expect(session.ended).toBe(true);
  }
});
