import { expect, test } from 'vitest';
import { peer, type Peer, type Wired } from '../testing/fixtures/peer.js';
import { Budget } from './budget.js';
import { turns } from '../testing/recorder.js';

const big = 'x'.repeat(10_000);
const api = { big: () => big, size: (text: string) => text.length, echo: (it: unknown) => it };
const limits = { unsent: 20_000, unsentMax: 400_000 };

/** A peer that asks for more than it reads: its further calls wait. */
async function greedy(more: object = {}): Promise<Peer> {
  const them = await peer({ api, limits, memory: { window: 10_000 }, ...more });
  them.recorder.channel.pause();
  await them.send(...[1, 2, 3].map((reply) => ({ method: 'big', arguments: [], reply })));
  return them;
}

const resume = async (them: Peer): Promise<void> => {
  them.recorder.channel.resume();
  await turns(10);
};

test('calls wait in order, also those of the same piece', async () => {
  const ran: unknown[] = [];
  const note = (n: unknown): string => {
    ran.push(n);
    return big;
  };
  const them = await peer({ api: { note }, limits, memory: { window: 10_000 } });
  them.recorder.channel.pause();
  await them.send(
    ...Array.from({ length: 100 }, (_, n) => ({ method: 'note', arguments: [n], reply: n })),
  );
  await them.send({ method: 'note', arguments: [100], reply: 100 });
  expect(ran.length).toBeLessThan(6);
  await resume(them);
  expect(ran).toEqual(Array.from({ length: 101 }, (_, n) => n));
});

test('outcomes, pings and the end do not wait', async () => {
  const them = await peer({ api, limits, memory: { window: 10_000 } });
  const call = them.session.call('x', []);
  await turns(1);
  const { reply = -1 } = them.last ?? {};
  them.recorder.channel.pause();
  const asked: Wired[] = [1, 2, 3, 4].map((n) => ({ method: 'big', arguments: [], reply: n }));
  await them.send(
    ...asked,
    { method: 'echo', arguments: [1], reply: 5 },
    { method: reply, arguments: [null, 'in'] },
    { control: 'ping', n: 7 },
  );
  expect(await call).toBe('in');
  expect(them.outcome(5)).toBeUndefined();
  await them.send({ control: 'close', code: 'ERR_X', message: 'm' });
  expect(them.session.ended).toBe(true);
});

test('an outcome twice is not let pass twice', async () => {
  const them = await greedy();
  const call = them.session.call('x', []);
  await turns(1);
  await resume(them);
  const { reply = -1 } = them.got.find((it) => it.method === 'x') ?? {};
  await them.send({ method: reply, arguments: [null, 1] }, { method: reply, arguments: [null, 2] });
  expect(await call).toBe(1);
  expect(them.failed).toEqual([]);
});

test('past half of what may be unsent the channel waits too, and gets one piece a second', async () => {
  const them = await greedy();
  // Forty pieces of 10 kB: twice what may wait.
  for (let n = 0; n < 40; n++)
    await them.send({ method: 'size', arguments: [big], reply: 100 + n });
  const waiting = (): number => them.recorder.channel.buffered;
  const before = waiting();
  expect(before).toBeGreaterThan(150_000);
  await them.clock.advance(1_000);
  expect(before - waiting()).toBeGreaterThan(0);
  expect(before - waiting()).toBeLessThan(30_000);
  for (let second = 0; second < 3; second++) {
    const at = waiting();
    await them.clock.advance(1_000);
    expect(at - waiting()).toBeLessThan(30_000);
  }
  expect(them.session.ended).toBe(false);
  await resume(them);
  for (let n = 0; n < 40; n++) expect(them.outcome(100 + n)?.arguments).toEqual([null, 10_000]);
});

test('a channel that cannot wait is ended where too much has come', async () => {
  const them = await greedy();
  // As a WebSocket of a page: nothing stops it.
  const { channel } = them.recorder;
  for (let n = 0; n < 60 && !them.session.ended; n++) {
    channel.write(
      JSON.stringify({ method: 'size', arguments: ['y'.repeat(20_000)], reply: 100 + n }),
    );
    await them.clock.advance(1_000);
  }
  expect(them.ends).toMatchObject([{ code: expect.stringMatching(/^ERR_(LIMIT|HEARTBEAT)$/) }]);
});

test('what waits counts among what the sessions of a server keep', async () => {
  const budget = new Budget(60_000);
  const them = await greedy({ budget });
  for (let n = 0; n < 10; n++)
    await them.send({ method: 'size', arguments: [big], reply: 100 + n });
  expect(budget.used).toBeGreaterThan(20_000);
  // Well before half lines of others have no room.
  expect(budget.used).toBeLessThan(50_000);
  expect(them.session.ended).toBe(false);
  await resume(them);
  expect(budget.used).toBe(0);
  expect(them.outcome(109)?.arguments).toEqual([null, 10_000]);
  const others = await greedy({ budget });
  await others.send({ method: 'size', arguments: [big], reply: 1 });
  expect(budget.used).toBeGreaterThan(0);
  others.session.close();
  expect(budget.used).toBe(0);
});

test('what has waited is handed over by so much in a turn, in order, and outcomes do not wait for it', async () => {
  const ran: unknown[] = [];
  const free: (() => void)[] = [];
  const api = {
    wait: () => new Promise<void>((resolve) => free.push(resolve)),
    note: (n: unknown) => void ran.push(n),
  };
  const them = await peer({ api, limits: { held: 20_000 } });
  const call = them.session.call('x', []);
  await turns(1);
  const { reply = -1 } = them.last ?? {};
  // Four times its text is held: the rest waits.
  await them.send({ method: 'wait', arguments: [big], reply: 1 });
  for (let n = 0; n < 100; n++) await them.send({ method: 'note', arguments: [n, big] });
  const taken: (() => void)[] = [];
  them.clock.defer = (fn) => void taken.push(fn);
  free[0]?.();
  await turns(2);
  const steps = [ran.length];
  for (let next = taken.shift(); next !== undefined; next = taken.shift()) {
    const before = ran.length;
    if (steps.length === 3) {
      them.recorder.channel.write(JSON.stringify({ method: reply, arguments: [null, 'in'] }));
      const deliver = taken.pop();
      deliver?.();
      expect(await call).toBe('in');
    }
    next();
    await turns(1);
    steps.push(ran.length - before);
  }
  expect(ran).toEqual(Array.from({ length: 100 }, (_, n) => n));
  expect(Math.max(...steps)).toBeLessThanOrEqual(7);
});
