import { expect, test } from 'vitest';
import { eventsOf, later, setup } from './fixtures/setup.js';
import type { StepContext } from './step-context.js';

const many = (n: number, queue = 'a') =>
  Array.from({ length: n }, (_, i) => ({ queue, data: i, id: `${queue}${i}` }));

/** A step whose runs end when they are told to. */
function gate() {
  const running: { data: unknown; step: StepContext; end: () => void }[] = [];
  const started: unknown[] = [];
  let most = 0;
  const run = async (data: unknown, step: StepContext): Promise<void> => {
    const { promise, resolve } = later();
    const entry = { data, step, end: resolve };
    running.push(entry);
    started.push(data);
    most = Math.max(most, running.length);
    await promise;
    running.splice(running.indexOf(entry), 1);
  };
  return { run, running, started, most: () => most };
}

test('as many at once as the step says, in the order in which they came', async () => {
  const { clock, open } = setup();
  const p = open();
  const { run, running, started, most } = gate();
  p.step('a', run, { concurrency: 3 });
  await p.start();
  await p.pushAll(many(10));
  await clock.advance(0);
  expect(started).toEqual([0, 1, 2]);
  while (running.length > 0) {
    running[0]?.end();
    await clock.advance(0);
  }
  expect(started).toEqual(Array.from({ length: 10 }, (_, i) => i));
  expect(most()).toBe(3);
});

test('16, and any number', async () => {
  const { clock, open } = setup();
  const p = open();
  const [usual, any] = [gate(), gate()];
  p.step('a', usual.run);
  p.step('b', any.run, { concurrency: Infinity });
  await p.start();
  await p.pushAll([...many(20), ...many(2_500, 'b')]);
  await clock.advance(0);
  expect(usual.running).toHaveLength(16);
  expect(any.running).toHaveLength(2_500);
});

test('as many at once in all as the pipeline says, and none starves', async () => {
  const { clock, open } = setup();
  const p = open({ concurrency: 2 });
  const started: string[] = [];
  let [running, most] = [0, 0];
  for (const queue of ['a', 'b', 'c']) {
    p.step(queue, async () => {
      started.push(queue);
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => void clock.after(10, resolve));
      running--;
    });
  }
  await p.pushAll([...many(30), ...many(30, 'b'), ...many(30, 'c')]);
  await p.start();
  await clock.advance(300);
  expect(most).toBe(2);
  for (const queue of ['a', 'b', 'c']) {
    expect(started.filter((each) => each === queue).length).toBeGreaterThan(10);
  }
  await clock.advance(1_000);
  expect(started).toHaveLength(90);
});

test('who waits for the share of another gets it when it is not used', async () => {
  const { clock, open } = setup();
  const p = open({ concurrency: 1 });
  const started: unknown[] = [];
  for (const queue of ['a', 'b']) p.step(queue, () => void started.push(queue));
  await open().push('a', 0, { id: 'x' });
  await p.start();
  await clock.advance(0);
  await Promise.all([p.push('a', 0, { id: 'x' }), open().push('b')]);
  await clock.advance(0);
  expect(started).toEqual(['a', 'b']);
});

test('claims that the store answers late do not exceed what the step takes', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const { run, running } = gate();
  p.step('a', run, { concurrency: 2 });
  await p.start();
  await clock.advance(0);
  faulty.plan = ({ name }) => {
    if (name === 'push') return { fails: 'never', delay: 4_000 };
    return name === 'extend' ? { fails: 'never', delay: 4_000 } : undefined;
  };
  void p.pushAll(many(10));
  for (let i = 0; i < 20; i++) {
    await clock.advance(1_000);
    expect(running.length).toBeLessThanOrEqual(2);
  }
  expect(running).toHaveLength(2);
});

test('at most n in each interval, by all together', async () => {
  const { clock, open } = setup();
  const started: number[] = [];
  for (const p of [open(), open()]) {
    p.step('a', () => void started.push(Math.floor(clock.now() / 1_000)), {
      rate: { n: 3, per: '1s' },
    });
    await p.start();
  }
  await open().pushAll(many(10));
  await clock.advance(10_000);
  expect(started).toHaveLength(10);
  const each = new Map<number, number>();
  for (const second of started) each.set(second, (each.get(second) ?? 0) + 1);
  expect(Math.max(...each.values())).toBeLessThanOrEqual(3);
  expect(Math.max(...started)).toBeLessThanOrEqual(5);
});

test('one key, one at a time, in order, also where one is tried again or put off', async () => {
  const { clock, open } = setup();
  const seen: string[] = [];
  let running = 0;
  const pipelines = [open(), open()];
  for (const p of pipelines) {
    p.step(
      'a',
      async (data: number, step) => {
        expect(++running).toBe(1);
        await new Promise<void>((resolve) => void clock.after(10, resolve));
        running--;
        seen.push(`${data}.${step.attempt}`);
        if (data === 1 && step.attempt < 3) throw new Error('again');
        if (data === 3 && seen.filter((each) => each === '3.1').length === 1) step.delay('1s');
      },
      { key: () => 'k', backoff: () => 500 },
    );
    await p.start();
  }
  await pipelines[0]?.pushAll(many(6));
  await clock.advance(20_000);
  expect(seen).toEqual(['0.1', '1.1', '1.2', '1.3', '2.1', '3.1', '3.1', '4.1', '5.1']);
});

test('others run while a key waits', async () => {
  const { clock, open } = setup();
  const p = open();
  const { run, started } = gate();
  p.step('a', run);
  await p.start();
  await p.pushAll([
    { queue: 'a', data: 1, key: 'k' },
    { queue: 'a', data: 2, key: 'k' },
    { queue: 'a', data: 3, key: 'l' },
    { queue: 'a', data: 4 },
  ]);
  await clock.advance(0);
  expect(started).toEqual([1, 3, 4]);
  expect((await p.counts()).queues['a']).toMatchObject({ working: 3, held: 1 });
});

test('what is pushed with a delay takes its place at the end when it is due', async () => {
  const { clock, open } = setup();
  const p = open();
  const started: unknown[] = [];
  p.step('a', (data) => void started.push([data, Math.floor(clock.now() / 1_000)]), {
    key: () => 'k',
  });
  await p.start();
  await p.push('a', 1, { delay: '10s' });
  await clock.advance(4_000);
  await p.push('a', 2);
  await clock.advance(20_000);
  expect(started).toEqual([
    [2, 4],
    [1, 10],
  ]);
});

test('a heartbeat begins the timeout anew, and the lease', async () => {
  const { clock, open } = setup();
  const [p, other] = [open(), open()];
  const events = eventsOf(p);
  const others: unknown[] = [];
  p.step(
    'a',
    async (_, step) => {
      for (let i = 0; i < 60; i++) {
        await new Promise<void>((resolve) => void clock.after(900, resolve));
        step.heartbeat();
      }
      expect(step.signal.aborted).toBe(false);
    },
    { timeout: 1_000 },
  );
  await p.start();
  await p.push('a', 0, { id: 'x' });
  other.step('a', (_, step) => void others.push(step.id));
  await other.start();
  await clock.advance(120_000);
  expect(events).toEqual(['pushed x', 'started x', 'finished x']);
  expect(others).toEqual([]);
});

test('heartbeats cost the store little', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  p.step('a', async (_, step) => {
    for (let i = 0; i < 1_000; i++) {
      for (let j = 0; j < 100; j++) step.heartbeat();
      await new Promise<void>((resolve) => void clock.after(10, resolve));
    }
  });
  await p.start();
  await p.push('a');
  await clock.advance(11_000);
  expect(faulty.calls.filter(({ name }) => name === 'extend').length).toBeLessThan(5);
});

test('who has lost the lease is told, by the heartbeat', async () => {
  const { clock, faulty, open } = setup();
  const [p, other] = [open(), open()];
  const events = eventsOf(p);
  const beat = later();
  let step: StepContext | undefined;
  p.step(
    'a',
    async (_, context) => {
      step = context;
      await beat.promise;
    },
    { timeout: 60_000 },
  );
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(0);
  const signal = step?.signal;
  // Somebody whose clock goes wrong takes it away.
  clock.jump(3_600_000);
  other.step('a', () => new Promise(() => {}), { timeout: 3_600_000 });
  await other.start();
  await clock.advance(6_000);
  expect(signal?.aborted).toBe(false);
  step?.heartbeat();
  await clock.advance(0);
  expect(signal?.aborted).toBe(true);
  expect(signal?.reason).toMatchObject({ code: 'ERR_LEASE_LOST' });
  beat.resolve();
  await clock.advance(1_000);
  expect(events.filter((each) => each === 'leaseLost x')).toHaveLength(1);
  expect(events).not.toContain('finished x');
  expect((await p.counts()).queues['a']).toMatchObject({ working: 1 });
  expect(faulty.calls.some(({ name }) => name === 'extend')).toBe(true);
});

test('what somebody else has got meanwhile is not committed, and that is told and logged once', async () => {
  const { clock, log, open } = setup();
  const [p, other] = [open(), open()];
  const events = eventsOf(p);
  const { run, running } = gate();
  p.step('a', async (data, step) => {
    await run(data, step);
    step.next('b', 'first');
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(0);
  clock.jump(3_600_000);
  other.step('a', (_, step) => step.next('b', step.attempt));
  await other.start();
  await clock.advance(0);
  expect(await p.peek('b')).toMatchObject([{ id: 'x', data: 2 }]);
  running[0]?.end();
  await clock.advance(0);
  expect(await p.peek('b')).toMatchObject([{ id: 'x', data: 2 }]);
  expect(events).toEqual(['pushed x', 'started x', 'leaseLost x']);
  expect(log.filter(({ text }) => text.includes('ERR_LEASE_LOST'))).toHaveLength(1);
});

test('a step that blocks for longer than its lease is committed, unless somebody else has it', async () => {
  const { clock, open } = setup();
  const p = open();
  const events = eventsOf(p);
  p.step('a', (_, step) => {
    // As if the program had been busy, or the machine asleep.
    clock.jump(3_600_000);
    step.next('b');
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(10_000);
  expect(events).toEqual(['pushed x', 'started x', 'moved x']);
});

test('what a program leaves behind goes to the front in its order, an attempt on', async () => {
  const { clock, faulty, open } = setup();
  const dead = open();
  const { run, started } = gate();
  dead.step('a', run, { timeout: 1_000, concurrency: 3 });
  await dead.start();
  await dead.pushAll(many(5));
  await clock.advance(0);
  expect(started).toEqual([0, 1, 2]);
  await faulty.restart();
  const p = open();
  const events = eventsOf(p);
  const seen: unknown[] = [];
  p.step('a', (data, step) => void seen.push([data, step.attempt, step.error?.message]), {
    concurrency: 1,
  });
  await clock.advance(6_000);
  await p.start();
  await clock.advance(6_000);
  const text = 'the worker that had it was not heard of in time';
  expect(seen).toEqual([
    ...[0, 1, 2].map((data) => [data, 2, text]),
    [3, 1, undefined],
    [4, 1, undefined],
  ]);
  expect(events.filter((each) => each.startsWith('retried'))).toHaveLength(3);
});

test('beyond its retries it is dead of its lease', async () => {
  const { clock, faulty, open } = setup();
  for (let i = 0; i < 3; i++) {
    const p = open();
    p.step('a', () => new Promise(() => {}), { timeout: 1_000, retries: 2 });
    await p.start();
    await p.push('a', 0, { id: 'x', key: 'k' });
    await clock.advance(500);
    expect((await p.counts()).queues['a']).toMatchObject({ working: 1 });
    await faulty.restart();
    await clock.advance(10_000);
  }
  const p = open();
  const events = eventsOf(p);
  const keys: unknown[] = [];
  p.on('dead', ({ key, attempt }) => keys.push([key, attempt]));
  p.step('a', () => {}, { timeout: 1_000, retries: 2 });
  const ending = p.finished('x', { key: 'k' });
  await p.start();
  await clock.advance(0);
  expect(await ending).toMatchObject({ state: 'dead', error: { code: 'ERR_TIMEOUT' } });
  expect(events).toEqual(['dead x']);
  expect(keys).toEqual([['k', 3]]);
  expect(await p.dead()).toMatchObject([{ id: 'x', tries: 3 }]);
});

test('claims that come late are begun only if they are held still, and for the whole timeout', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const signals: AbortSignal[] = [];
  p.step(
    'a',
    (_, { signal }) => {
      signals.push(signal);
      return new Promise<void>((resolve) => void clock.after(50_000, resolve));
    },
    { timeout: 60_000 },
  );
  p.step('b', () => {}, { timeout: 1_000 });
  await p.start();
  await clock.advance(0);
  faulty.next({ fails: 'never', delay: 5_000 }, 'push');
  void p.pushAll([
    { queue: 'a', id: 'long' },
    { queue: 'b', id: 'short' },
  ]);
  await clock.advance(5_000);
  expect(events).toContain('started long');
  await clock.advance(100_000);
  // It was not taken away before its own time was over, though the other's lease is short.
  expect(events.filter((each) => each.endsWith('long')).sort()).toEqual([
    'finished long',
    'pushed long',
    'started long',
  ]);
});

test('claims that came too late are not begun', async () => {
  const { clock, faulty, open } = setup();
  const [p, other] = [open(), open()];
  const [seen, others]: string[][] = [[], []];
  p.step('a', (_, { id }) => void seen?.push(id), { timeout: 1_000 });
  await p.start();
  await clock.advance(0);
  faulty.next({ fails: 'never', delay: 20_000 }, 'push');
  const pushed = p.push('a', 0, { id: 'x' });
  other.step('a', (_, { id }) => void others?.push(id), { timeout: 1_000 });
  await other.start();
  await clock.advance(30_000);
  await pushed;
  expect([seen, others]).toEqual([[], ['x']]);
});

test('two on one store share the work', async () => {
  const { clock, open } = setup();
  const gates = [gate(), gate()];
  for (const { run } of gates) {
    const p = open();
    p.step('a', run, { concurrency: 5 });
    await p.start();
  }
  await open().pushAll(many(10));
  await clock.advance(0);
  expect(gates.map(({ running }) => running.length)).toEqual([5, 5]);
});

test('who has nothing to do looks rarely', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  for (const queue of ['a', 'b', 'c']) p.step(queue, () => {});
  await p.start();
  await clock.advance(60_000);
  faulty.calls.length = 0;
  await clock.advance(3_600_000);
  const count = (name: string) => faulty.calls.filter((call) => call.name === name).length;
  expect(count('turn')).toBeGreaterThanOrEqual(3_600 / 7.5 - 1);
  expect(count('turn')).toBeLessThanOrEqual(3_600 / 5 + 1);
  expect(count('reap')).toBeGreaterThanOrEqual(3_600 / 5.5 - 1);
  expect(count('reap')).toBeLessThanOrEqual(3_600 / 5 + 1);
  expect(faulty.calls.length).toBe(count('turn') + count('reap'));
});

test('what nobody was woken for is found by a look', async () => {
  const { clock, factory, open } = setup();
  const deaf = {
    ...factory,
    open: async (...args: Parameters<typeof factory.open>) => {
      const store = await factory.open(...args);
      store.watch = () => () => {};
      return store;
    },
  };
  const p = open({ store: deaf });
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data));
  await p.start();
  await clock.advance(0);
  await open().push('a', 1);
  await clock.advance(7_500);
  expect(seen).toEqual([1]);
});

test('a move and the claim of what is moved are one call', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  p.step('a', (data, step) => step.next('b', data));
  p.step('b', (data, step) => step.next('c', data));
  p.step('c', () => {});
  await p.start();
  await clock.advance(0);
  faulty.calls.length = 0;
  await p.push('a', 1);
  await clock.advance(0);
  expect((await p.counts()).queues).toEqual({});
  expect(faulty.calls.map(({ name }) => name)).toEqual(['push', 'turn', 'turn', 'turn', 'counts']);
});

test('when the clock goes back nothing is lost, and nothing is done without end', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data), { rate: { n: 1, per: '1s' } });
  await p.start();
  await p.push('a', 1, { delay: '10s' });
  await p.push('a', 2);
  await p.push('a', 3);
  clock.jump(-3_600_000);
  faulty.calls.length = 0;
  await clock.advance(60_000);
  expect(seen).toEqual([2, 3]);
  expect(faulty.calls.length).toBeLessThan(60);
  await clock.advance(3_600_000);
  expect(seen).toEqual([2, 3, 1]);
  await p.push('a', 4, { delay: '1h' });
  clock.jump(7_200_000);
  await clock.advance(8_000);
  expect(seen).toEqual([2, 3, 1, 4]);
});

test('who was behind its key is begun with the same call', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step('a', (data) => void seen.push(data), { key: () => 'k' });
  await p.pushAll(many(20));
  await p.start();
  await clock.advance(0);
  expect(seen).toHaveLength(20);
});

test('a worker that has stopped does nothing more, though answers come late', async () => {
  const { clock, faulty, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const { run, running } = gate();
  p.step('a', run);
  await p.start();
  await p.pushAll(many(3));
  await clock.advance(0);
  faulty.plan = ({ name }) => (name === 'turn' ? { fails: 'never', delay: 60_000 } : undefined);
  running[0]?.end();
  await clock.advance(0);
  const stopped = p.stop({ drain: false });
  await clock.advance(6_000);
  await stopped;
  const before = faulty.calls.length;
  await clock.advance(120_000);
  expect(faulty.calls.slice(before)).toEqual([]);
  // The store had that one.
  expect(events.filter((each) => !/pushed|started/.test(each))).toEqual(['finished a0']);
});

test('what is taken back is begun at once', async () => {
  const { clock, factory, faulty, open } = setup();
  const [gone, p] = [open(), open({ store: factory })];
  gone.step('a', () => new Promise(() => {}), { timeout: 1_000 });
  await gone.start();
  await gone.push('a', 0, { id: 'x' });
  await clock.advance(0);
  await faulty.restart();
  const times: number[] = [];
  p.on('retried', () => times.push(clock.now()));
  p.step('a', () => void times.push(clock.now()));
  await p.start();
  await clock.advance(20_000);
  expect(times).toHaveLength(2);
  expect(times[1]).toBe(times[0]);
  // The lease is over after 6 s; a look comes with its end.
  expect(times[0]).toBeGreaterThanOrEqual(6_000);
  expect(times[0]).toBeLessThanOrEqual(7_100);
});
