import { expect, test, vi } from 'vitest';
import { eventsOf, later, setup } from './fixtures/setup.js';
import type { StopOptions } from './pipeline.js';

/** A step that runs until it is told to end, or gives up when its signal fires. */
function held() {
  const ends: (() => void)[] = [];
  const started: unknown[] = [];
  const reasons: unknown[] = [];
  const attempts: number[] = [];
  const run = async (data: unknown, step: { signal: AbortSignal; attempt: number }) => {
    started.push(data);
    attempts.push(step.attempt);
    step.signal.addEventListener('abort', () => reasons.push(step.signal.reason));
    const { promise, resolve } = later();
    ends.push(resolve);
    await promise;
  };
  return { run, ends, started, reasons, attempts };
}

const items = Array.from({ length: 6 }, (_, i) => ({ queue: 'a', data: i, id: `${i}` }));

test('start and stop, again and again', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data));
  expect(p.start()).toBe(p.start());
  for (let i = 0; i < 3; i++) {
    await p.start();
    await p.push('a', i);
    await clock.advance(0);
    await p.stop();
    expect(clock.pending).toBe(0);
    await p.push('a', `stopped ${i}`);
    await clock.advance(10_000);
  }
  expect(seen).toEqual([0, 'stopped 0', 1, 'stopped 1', 2]);
});

test('a stop before anything, and a stop of what never started', async () => {
  const { clock, open } = setup();
  const [p, q] = [open(), open()];
  await p.stop();
  const pushed = q.push('a', 1);
  await q.stop();
  expect((await pushed).state).toBe('queued');
  expect(clock.pending).toBe(0);
  expect((await p.counts()).queues).toMatchObject({ a: { input: 1 } });
});

test('after a stop nothing is open', async () => {
  const { factory, open } = setup();
  let count = 0;
  const counting = {
    ...factory,
    open: async (...args: Parameters<typeof factory.open>) => {
      const store = await factory.open(...args);
      const close = store.close.bind(store);
      count++;
      store.close = () => {
        count--;
        return close();
      };
      return store;
    },
  };
  const p = open({ store: counting });
  p.step('a', (data, step) => step.next('b', data));
  const [started, pushed, ending] = [p.start(), p.push('a', 1), p.finished('x')];
  const seen = ending.catch((error: unknown) => error);
  await p.stop();
  await pushed;
  await started.catch(() => {});
  await seen;
  expect(count).toBe(0);
  await p.start();
  const counts = p.counts();
  void p.push('a', 2);
  await p.stop();
  await counts;
  expect(count).toBe(0);
});

test('a start while it stops begins anew, and a stop while it starts ends that', async () => {
  const { clock, open } = setup();
  const p = open();
  const { run, ends, started } = held();
  p.step('a', run);
  await p.start();
  await p.push('a', 1);
  await clock.advance(0);
  const stopped = p.stop({ drain: true });
  const again = p.start();
  expect(() => p.step('b', () => {})).toThrow('before start()');
  await clock.advance(0);
  ends[0]?.();
  await clock.advance(0);
  await Promise.all([stopped, again]);
  await p.push('a', 2);
  await clock.advance(0);
  expect(started).toEqual([1, 2]);
  ends[1]?.();

  const first = p.stop();
  const third = p.start();
  const refused = expect(third).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  await Promise.all([first, p.stop(), refused]);
  expect(clock.pending).toBe(0);
  await p.push('a', 3);
  await clock.advance(20_000);
  expect(started).toEqual([1, 2]);
});

test('a stop of what waits for its store does not wait', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  p.step('a', () => {});
  faulty.away = true;
  const started = p.start().catch((error: unknown) => error);
  await clock.advance(60_000);
  await p.stop();
  expect(await started).toMatchObject({ code: 'ERR_CLOSED' });
  expect(clock.pending).toBe(0);
});

test('a start after a stop of what waits for its store is a start', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data));
  faulty.away = true;
  const first = expect(p.start()).rejects.toMatchObject({ code: 'ERR_CLOSED' });
  await clock.advance(1_000);
  const stopped = p.stop();
  const second = p.start();
  await Promise.all([first, stopped]);
  expect(() => p.step('b', () => {})).toThrow('before start()');
  expect(p.start()).toBe(second);
  faulty.away = false;
  await clock.advance(6_000);
  await second;
  await p.push('a', 1);
  await clock.advance(0);
  expect(seen).toEqual([1]);
});

test('steps are added before the start, or after a stop', async () => {
  const { open } = setup();
  const p = open();
  await p.start();
  expect(() => p.step('a', () => {})).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
  await p.stop();
  expect(p.step('a', () => {})).toBe(p);
});

test('drain: true waits for what runs, and begins nothing', async () => {
  const { clock, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const { run, ends, started, reasons } = held();
  p.step('a', run, { concurrency: 2, timeout: '1h' });
  p.step('b', () => {});
  await p.start();
  await p.pushAll(items);
  await clock.advance(0);
  const stopped = vi.fn();
  void p.stop({ drain: true }).then(stopped);
  await clock.advance(600_000);
  expect(stopped).not.toHaveBeenCalled();
  for (const end of ends) end();
  await clock.advance(0);
  expect(stopped).toHaveBeenCalled();
  expect(started).toEqual([0, 1]);
  expect(reasons).toEqual([]);
  expect(events.filter((each) => each.startsWith('finished'))).toEqual([
    'finished 0',
    'finished 1',
  ]);
  expect(clock.pending).toBe(0);
});

test('a draining step may push, and what it moves to waits', async () => {
  const { clock, open } = setup();
  const p = open();
  const { run, ends } = held();
  p.step('a', async (data, step) => {
    await run(data, step);
    await p.push('c', data);
    step.next('b', data);
  });
  p.step('b', () => {});
  await p.start();
  await p.push('a', 1);
  await clock.advance(0);
  const stopped = p.stop({ drain: true });
  ends[0]?.();
  await stopped;
  expect((await p.counts()).queues).toMatchObject({ b: { input: 1 }, c: { input: 1 } });
});

test.each<[string, StopOptions, number]>([
  ['10 s if nothing is said', {}, 10_000],
  ['a time', { drain: '2s' }, 2_000],
  ['false: none', { drain: false }, 0],
  ['0', { drain: 0 }, 0],
])('drain: %s; what runs then is first in its queue, and not counted', async (_, options, ms) => {
  const { clock, log, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const { run, ends, reasons } = held();
  p.step('a', run, { concurrency: 3 });
  await p.start();
  await p.pushAll(items);
  await clock.advance(0);
  const stopped = vi.fn();
  void p.stop(options).then(stopped);
  if (ms > 0) {
    await clock.advance(ms - 1);
    expect(stopped).not.toHaveBeenCalled();
    expect(reasons).toEqual([]);
    await clock.advance(1);
  }
  await clock.advance(0);
  expect(stopped).toHaveBeenCalled();
  expect(clock.pending).toBe(0);
  expect(reasons).toMatchObject(Array(3).fill({ code: 'ERR_CLOSED' }));
  expect(events.filter((each) => !each.startsWith('pushed'))).toEqual([
    'started 0',
    'started 1',
    'started 2',
  ]);
  const left = await p.peek('a');
  expect(left.map(({ data, tries }) => [data, tries])).toEqual(items.map(({ data }) => [data, 0]));
  for (const end of ends) end();
  await clock.advance(0);
  // What those came to is of no account: that is logged for each.
  expect(log.filter(({ text }) => text.includes('given up'))).toHaveLength(3);
  expect(await p.peek('a')).toHaveLength(6);
});

test('what is claimed while it stops is given back, and not told', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const events = eventsOf(p);
  p.step('a', () => {});
  await p.start();
  await clock.advance(0);
  faulty.next({ fails: 'never', delay: 1_000 }, 'push');
  const pushed = p.pushAll(items);
  await clock.advance(0);
  const stopped = p.stop();
  await clock.advance(1_000);
  await Promise.all([stopped, pushed]);
  expect(events.filter((each) => each.startsWith('started'))).toEqual([]);
  const left = await p.peek('a');
  expect(left.map(({ data, tries }) => [data, tries])).toEqual(items.map(({ data }) => [data, 0]));
});

test('a stop waits for the last outcomes to be stored', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  p.step('a', held().run);
  await p.start();
  await p.push('a', 1);
  await clock.advance(0);
  faulty.next({ fails: 'never', delay: 1_000 }, 'turn');
  const stopped = vi.fn();
  void p.stop({ drain: false }).then(stopped);
  await clock.advance(999);
  expect(stopped).not.toHaveBeenCalled();
  await clock.advance(1);
  expect(stopped).toHaveBeenCalled();
  expect(await p.peek('a')).toMatchObject([{ data: 1, tries: 0 }]);
});

test('of two stops at once the shorter counts', async () => {
  const { clock, open } = setup();
  const p = open();
  const { run, reasons } = held();
  p.step('a', run, { timeout: '1h' });
  await p.start();
  await p.push('a');
  await clock.advance(0);
  const stops = [p.stop({ drain: true }), p.stop({ drain: '1m' })];
  await clock.advance(59_999);
  expect(reasons).toEqual([]);
  stops.push(p.stop({ drain: false }));
  await clock.advance(0);
  await Promise.all(stops);
  expect(reasons).toHaveLength(1);
  expect((await p.counts()).queues).toMatchObject({ a: { input: 1 } });
});

test('a drain that is no time is refused', async () => {
  const { open } = setup();
  const p = open();
  for (const drain of ['long', -1, Number.NaN, null]) {
    const stopped = p.stop({ drain: drain as number });
    await expect(stopped).rejects.toMatchObject({ code: 'ERR_OPTION' });
  }
});

test('a stop while the store is away ends, and the leases bring back what was done', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const { run, ends, attempts } = held();
  p.step('a', run, { timeout: 1_000, retries: 1 });
  await p.start();
  await p.push('a', 1, { id: 'x' });
  await clock.advance(0);
  faulty.away = true;
  ends[0]?.();
  const stopped = vi.fn();
  void p.stop().then(stopped);
  await clock.advance(60_000);
  expect(stopped).toHaveBeenCalled();
  expect(clock.pending).toBe(0);
  expect(events).toEqual(['pushed x', 'started x', 'degraded']);
  faulty.away = false;
  await p.start();
  await clock.advance(10_000);
  expect(attempts).toEqual([1, 2]);
});

test('stopped by await using', async () => {
  const { clock, open } = setup();
  {
    await using p = open();
    p.step('a', () => {});
    await p.start();
    await clock.advance(1_000);
  }
  expect(clock.pending).toBe(0);
});

test('events are told once the store has it, each once', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const events = eventsOf(p);
  p.step('a', (_, step) => step.next('b'));
  p.step('b', () => {});
  await p.start();
  await clock.advance(0);
  faulty.plan = ({ name }) =>
    name === 'push' || name === 'turn' ? { fails: 'never', delay: 100 } : undefined;
  void p.push('a', 0, { id: 'x' });
  await clock.advance(99);
  expect(events).toEqual([]);
  await clock.advance(1);
  expect(events).toEqual(['pushed x', 'started x']);
  await clock.advance(99);
  expect(events).toHaveLength(2);
  await clock.advance(1);
  expect(events.slice(2)).toEqual(['moved x', 'started x']);
  await clock.advance(100);
  expect(events.slice(4)).toEqual(['finished x']);
  void p.push('b', 0, { id: 'x' });
  await clock.advance(1_000);
  expect(events).toHaveLength(5);
});

test('a listener that throws disturbs nobody, and is told and logged', async () => {
  const { clock, log, open } = setup();
  const p = open();
  const told: unknown[] = [];
  const error = new Error('mine');
  for (const name of ['pushed', 'started', 'finished'] as const) {
    p.on(name, () => {
      throw error;
    });
  }
  const off = p.on('error', (each) => told.push(each));
  const events = eventsOf(p);
  p.step('a', () => {});
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(0);
  expect(events.filter((each) => each !== 'error')).toEqual([
    'pushed x',
    'started x',
    'finished x',
  ]);
  expect(told).toEqual([error, error, error]);
  expect(log.filter(({ level, text }) => level === 'error' && text.includes('mine'))).toHaveLength(
    3,
  );
  off();
  await p.push('a', 0, { id: 'y' });
  expect(told).toHaveLength(3);
});

test('what is stopped in a listener is stopped', async () => {
  const { clock, open } = setup();
  const p = open();
  const stopped = vi.fn();
  p.step('a', () => {});
  p.on('started', () => void p.stop().then(stopped));
  await p.start();
  await p.push('a');
  await clock.advance(11_000);
  expect(stopped).toHaveBeenCalled();
  expect((await p.counts()).queues).toEqual({});
});

test('what the store promises is told', async () => {
  const { open } = setup();
  expect(await open().supports()).toEqual({ durability: 'none', shared: 'none' });
});
