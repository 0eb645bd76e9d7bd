import { expect, test, vi } from 'vitest';
import type { ErrorCode } from '../errors.js';
import { eventsOf, later, setup } from './fixtures/setup.js';

const broken = [
  'ERR_STORE_FULL',
  'ERR_STORE_READ_ONLY',
  'ERR_STORE_CORRUPT',
  'ERR_STORE_VERSION',
  'ERR_STORE',
] as const satisfies readonly ErrorCode[];

test.each(broken)('%s: push and start reject at once', async (code) => {
  const { faulty, open } = setup();
  const p = open();
  faulty.plan = ({ name }) => (name === 'push' ? { fails: 'before', code } : undefined);
  await expect(p.push('a')).rejects.toMatchObject({ code });
  await expect(p.pushAll([{ queue: 'a' }, { queue: 'b' }])).rejects.toMatchObject({ code });
  await p.stop();
  faulty.plan = ({ name }) => (name === 'open' ? { fails: 'before', code } : undefined);
  await expect(p.start()).rejects.toMatchObject({ code });
  await expect(p.push('a')).rejects.toMatchObject({ code });
  await expect(p.counts()).rejects.toMatchObject({ code });
  faulty.plan = undefined;
  await p.start();
  expect(await p.counts()).toEqual({ queues: {}, dead: 0 });
});

test.each([...broken, 'ERR_STORE_AWAY' as const])(
  '%s: who works already waits, tells it once, and goes on',
  async (code) => {
    const { clock, faulty, log, open } = setup();
    const p = open();
    const events = eventsOf(p);
    const gate = later();
    p.step('a', async (_, step) => {
      await gate.promise;
      step.next('b');
    });
    p.step('b', () => {});
    await p.start();
    await p.push('a', 0, { id: 'x' });
    await clock.advance(0);
    faulty.plan = () => ({ fails: 'before', code });
    gate.resolve();
    faulty.calls.length = 0;
    await clock.advance(60_000);
    expect(events).toEqual(['pushed x', 'started x', 'degraded']);
    // Every 5 s, by the worker and by who takes leases back.
    expect(faulty.calls.length).toBeGreaterThan(15);
    expect(faulty.calls.length).toBeLessThan(60);
    faulty.plan = undefined;
    await clock.advance(6_000);
    expect(events.slice(3)).toEqual(['recovered', 'moved x', 'started x', 'finished x']);
    const [waits, goes, ...rest] = log;
    expect(waits?.text).toContain(`the pipeline orders on memory: waits: ${code}`);
    expect(goes?.text).toContain('goes on');
    expect(rest).toEqual([]);
  },
);

test('push waits for a store that is away, and is done once', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  await p.counts();
  faulty.next({ fails: 'during' });
  faulty.next({ fails: 'before' });
  faulty.next({ fails: 'during' });
  const pushed = p.push('a', 7);
  await clock.advance(1_000);
  expect(await pushed).toMatchObject({ state: 'queued' });
  expect(await p.peek('a')).toHaveLength(1);
});

test('push gives up after a while, which can be set; with an id it can be pushed again', async () => {
  const { clock, faulty, open } = setup();
  const [p, q] = [open(), open({ pushTimeout: '2s' })];
  const gone: string[] = [];
  await p.counts();
  faulty.plan = ({ name }) =>
    name === 'push' || name === 'open' ? { fails: 'during' } : undefined;
  for (const [name, each] of Object.entries({ p, q })) {
    each.push('a', 7, { id: 'x' }).catch((error: { code: string }) => {
      gone.push(`${name} ${error.code} ${Math.round(clock.now() / 10_000)}`);
    });
  }
  await clock.advance(40_000);
  expect(gone).toEqual(['q ERR_STORE_AWAY 0', 'p ERR_STORE_AWAY 3']);
  faulty.plan = undefined;
  expect(await p.push('a', 7, { id: 'x' })).toEqual({ id: 'x', state: 'known' });
});

test('a push that gave up leaves what it claimed to the leases, and those behind it go on', async () => {
  const { clock, faulty, open } = setup();
  const p = open({ pushTimeout: '2s' });
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data), { timeout: 1_000 });
  await p.start();
  await clock.advance(0);
  faulty.plan = ({ name }) => (name === 'push' ? { fails: 'during' } : undefined);
  const refused = expect(p.push('a', 1)).rejects.toMatchObject({ code: 'ERR_STORE_AWAY' });
  await clock.advance(0);
  const behind = p.push('a', 2);
  await clock.advance(2_000);
  await refused;
  faulty.plan = undefined;
  await clock.advance(1_000);
  await behind;
  expect(seen).toEqual([2]);
  await clock.advance(10_000);
  expect(seen).toEqual([2, 1]);
});

test('a question waits 10 s', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  faulty.away = true;
  const asked = vi.fn();
  p.counts().catch((error: { code: string }) => asked(error.code));
  await clock.advance(5_000);
  expect(asked).not.toHaveBeenCalled();
  await clock.advance(5_000);
  expect(asked.mock.calls).toEqual([['ERR_STORE_AWAY']]);
});

test('what the store throws that is no error of ours has a code all the same', async () => {
  const { factory, open } = setup();
  const odd = {
    ...factory,
    open: async (...args: Parameters<typeof factory.open>) => {
      const store = await factory.open(...args);
      store.push = () => Promise.reject(new TypeError('odd'));
      store.counts = () => {
        throw 'text';
      };
      return store;
    },
  };
  const p = open({ store: odd });
  const pushed = p.push('a');
  await expect(pushed).rejects.toMatchObject({ code: 'ERR_STORE' });
  await expect(pushed).rejects.toThrow('the store failed: odd');
  await expect(p.counts()).rejects.toThrow('the store failed: text');
});

test('the worker waits for a store that is away when it starts', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const events = eventsOf(p);
  p.step('a', () => {});
  faulty.away = true;
  const started = vi.fn();
  void p.start().then(started);
  await clock.advance(300_000);
  expect(started).not.toHaveBeenCalled();
  faulty.away = false;
  await clock.advance(6_000);
  expect(started).toHaveBeenCalled();
  expect(events).toEqual(['degraded', 'recovered']);
});

test('eight operations and more may wait for one that does not come', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data));
  await p.start();
  await clock.advance(0);
  faulty.next({ fails: 'never', delay: 20_000 }, 'push');
  void p.push('a', 'late');
  await clock.advance(0);
  const other = open();
  for (let i = 0; i < 30; i++) {
    await other.push('a', i);
    await clock.advance(100);
  }
  await clock.advance(30_000);
  expect(seen.filter((each) => each !== 'late').sort((a, b) => Number(a) - Number(b))).toEqual(
    Array.from({ length: 30 }, (_, i) => i),
  );
  expect(seen).toContain('late');
});

test('an answer of the store that comes late is still one commit', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const events = eventsOf(p);
  p.step('a', (_, step) => step.next('b'));
  await p.start();
  await clock.advance(0);
  let turns = 0;
  faulty.plan = ({ name }) => {
    if (name !== 'turn' || turns++ > 0) return undefined;
    return { fails: 'during', delay: 60_000 };
  };
  await p.push('a', 0, { id: 'x' });
  await clock.advance(120_000);
  expect(events.filter((each) => each.endsWith('x'))).toEqual(['pushed x', 'started x', 'moved x']);
  expect(await p.peek('b')).toHaveLength(1);
});
