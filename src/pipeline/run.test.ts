import { expect, test } from 'vitest';
import type { Clock } from '../clock.js';
import type { VirtualClock } from '../testing/virtual-clock.js';
import { eventsOf, later, setup } from './fixtures/setup.js';
import type { StepContext } from './step-context.js';

test('a step is told about its command', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step('a', (data, step) => {
    const { id, key, queue, attempt, error, pushed } = step;
    seen.push({ data, id, key, queue, attempt, error, pushed });
    step.next('b', data);
  });
  p.step('b', (_, step) => {
    seen.push([step.id, step.key, step.attempt, step.error, step.pushed.getTime()]);
  });
  const pushed = new Date(clock.wall());
  await p.push('a', 7, { id: 'x', key: 'k' });
  await clock.advance(1_000);
  await p.start();
  await p.finished('x', { key: 'k' });
  expect(seen).toEqual([
    { data: 7, id: 'x', key: 'k', queue: 'a', attempt: 1, error: undefined, pushed },
    ['x', 'k', 1, undefined, pushed.getTime()],
  ]);
});

test('what a step throws is tried again, and it is told why; then it is dead', async () => {
  const { clock, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const seen: unknown[] = [];
  p.step(
    'a',
    async (_, step) => {
      seen.push([step.attempt, step.error?.message]);
      throw Object.assign(new TypeError(`no. ${step.attempt}`), { code: 'E_NO' });
    },
    { retries: 2, backoff: () => 10 },
  );
  await p.start();
  await p.push('a', 7, { id: 'x' });
  const ending = p.finished('x');
  await clock.advance(100);
  expect(seen).toEqual([
    [1, undefined],
    [2, 'no. 1'],
    [3, 'no. 2'],
  ]);
  const { state, error } = await ending;
  expect(state).toBe('dead');
  expect(error).toMatchObject({ name: 'TypeError', message: 'no. 3', code: 'E_NO' });
  expect(await p.dead()).toMatchObject([{ id: 'x', queue: 'a', data: 7, tries: 3 }]);
  expect(events).toEqual([
    'pushed x',
    'started x',
    'retried x',
    'started x',
    'retried x',
    'started x',
    'dead x',
  ]);
});

test.each([
  ['nothing', () => Promise.reject<unknown>(undefined), 'undefined'],
  [
    'text',
    () => {
      throw 'text';
    },
    'text',
  ],
  ['an object', () => Promise.reject<unknown>({ code: 7 }), 'an object was thrown'],
])('%s that is thrown is an error too', async (_, run, message) => {
  const { open } = setup();
  const p = open();
  p.step('a', run, { retries: 0 });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  expect((await p.finished('x')).error?.message).toBe(message);
});

test('pauses grow, by chance between nothing and twice the one before, up to the longest', async () => {
  const { clock, open } = setup();
  const p = open();
  const delays: number[] = [];
  p.on('retried', ({ delay }) => delays.push(delay));
  p.step(
    'a',
    () => {
      throw new Error('no');
    },
    { retries: 40, backoff: { first: '1s', longest: '60s' } },
  );
  await p.start();
  await p.push('a');
  await clock.advance(3_600_000);
  expect(delays).toHaveLength(40);
  for (const [i, delay] of delays.entries()) {
    expect(delay).toBeGreaterThanOrEqual(1);
    expect(delay).toBeLessThanOrEqual(Math.min(60_000, 1_000 * 2 ** i));
  }
  const late = delays.slice(10);
  expect(Math.min(...late)).toBeLessThan(20_000);
  expect(Math.max(...late)).toBeGreaterThan(40_000);
});

test.each([
  ['500ms', 500, undefined],
  [0, 0, undefined],
  [Number.NaN, 1_000, 'backoff() gave no time'],
  [Infinity, 1_000, 'backoff() gave no time'],
  [new Error('oh'), 1_000, 'Error: oh backoff() threw'],
])('a backoff of %s is %s ms', async (value, expected, said) => {
  const { clock, log, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.on('retried', ({ attempt, delay }) => seen.push([attempt, delay]));
  p.step(
    'a',
    () => {
      throw new Error('no');
    },
    {
      retries: 1,
      backoff: () => {
        if (value instanceof Error) throw value;
        return value;
      },
    },
  );
  await p.start();
  await p.push('a');
  await clock.advance(2_000);
  expect(seen).toEqual([[1, expected]]);
  if (said === undefined) expect(log).toEqual([]);
  else expect(log[0]?.text).toContain(said);
});

test('a step that never answers is given up at its timeout, and what it answers later is logged once', async () => {
  const { clock, log, open } = setup();
  const p = open();
  const answer = later();
  const signals: AbortSignal[] = [];
  let late: StepContext | undefined;
  p.step(
    'a',
    async (_, step) => {
      signals.push(step.signal);
      if (step.attempt > 1) return;
      late = step;
      await answer.promise;
      step.next('b', 1);
      step.next('b', 2);
    },
    { timeout: 1_000, backoff: () => 10 },
  );
  await p.start();
  await p.push('a', 0, { id: 'x' });
  const ending = p.finished('x');
  await clock.advance(999);
  expect(signals[0]?.aborted).toBe(false);
  await clock.advance(1);
  expect(signals[0]?.aborted).toBe(true);
  expect(signals[0]?.reason).toMatchObject({ code: 'ERR_TIMEOUT' });
  await clock.advance(20);
  expect(await ending).toMatchObject({ state: 'finished', children: [] });
  answer.resolve();
  await clock.advance(0);
  expect(log).toHaveLength(1);
  expect(log[0]).toMatchObject({ level: 'warn' });
  expect(log[0]?.text).toMatch(/\[orders a x\].*next came after it had been given up/);
  late?.heartbeat();
  late?.delay(3);
  expect(log).toHaveLength(1);
  expect(await p.counts()).toEqual({ queues: {}, dead: 0 });
});

test('what a step throws because its signal fired is no news; another error is', async () => {
  const { clock, log, open } = setup();
  const p = open();
  p.step(
    'a',
    (data, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(data === 1 ? signal.reason : new Error('e')));
      }),
    { timeout: 100, retries: 0 },
  );
  await p.start();
  await p.push('a', 1);
  await clock.advance(200);
  expect(log).toEqual([]);
  await p.push('a', 2);
  await clock.advance(200);
  expect(log).toHaveLength(1);
  expect(log[0]?.text).toContain('Error: e an error came after');
  expect((await p.dead()).map(({ error }) => error)).toMatchObject([
    { code: 'ERR_TIMEOUT' },
    { code: 'ERR_TIMEOUT' },
  ]);
});

test('who looks at the signal after the timeout sees it fired', async () => {
  const { clock, open } = setup();
  const p = open();
  let step: StepContext | undefined;
  p.step(
    'a',
    (_, context) => {
      step = context;
      return new Promise(() => {});
    },
    { timeout: 100, retries: 0 },
  );
  await p.start();
  await p.push('a');
  await clock.advance(100);
  expect(step?.signal.aborted).toBe(true);
  expect(step?.signal.reason).toMatchObject({ code: 'ERR_TIMEOUT' });
});

test('a delay puts it off, and is no attempt', async () => {
  const { clock, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const seen: unknown[] = [];
  p.step('a', (_, step) => {
    seen.push([Math.round(clock.now() / 10) * 10, step.attempt]);
    if (seen.length < 4) step.delay('10s');
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(5_000);
  expect((await p.counts()).queues['a']).toMatchObject({ waiting: 1 });
  await clock.advance(60_000);
  expect(seen).toEqual([
    [0, 1],
    [10_000, 1],
    [20_000, 1],
    [30_000, 1],
  ]);
  expect(events).toEqual(['pushed x', ...Array(4).fill('started x'), 'finished x']);
});

test('fail puts it to the dead letters at once, also where the step catches it', async () => {
  const { open } = setup();
  const p = open();
  p.step('a', (data, step) => {
    try {
      step.fail(new RangeError('never'));
    } catch (error) {
      if (data === 1) throw error;
    }
  });
  await p.start();
  await p.push('a', 1, { id: 'x' });
  await p.push('a', 2, { id: 'y' });
  for (const id of ['x', 'y']) {
    const { state, error } = await p.finished(id);
    expect(state).toBe('dead');
    expect(error).toMatchObject({ name: 'RangeError', message: 'never' });
  }
  expect(await p.dead()).toMatchObject([{ tries: 1 }, { tries: 1 }]);
});

test('next and delay exclude each other', async () => {
  const { open } = setup();
  const p = open();
  p.step(
    'a',
    (data, step) => {
      if (data === 1) step.delay(1);
      step.next('b');
      step.delay(1);
    },
    { retries: 0 },
  );
  await p.start();
  await p.push('a', 1, { id: 'x' });
  await p.push('a', 2, { id: 'y' });
  expect((await p.finished('x')).error?.message).toMatch(/next\(\) after delay\(\)/);
  expect((await p.finished('y')).error).toMatchObject({ code: 'ERR_STEP' });
});

test.each([
  [(step: StepContext) => step.next(7 as unknown as string), 'ERR_OPTION', 'the queue of next()'],
  [(step: StepContext) => step.next('b', () => {}), 'ERR_DATA', 'data cannot be stored'],
  [(step: StepContext) => step.next('b', { a: () => {} }), 'ERR_DATA', 'data.a cannot be stored'],
  [(step: StepContext) => step.next('b', 'x'.repeat(300_000)), 'ERR_DATA', 'data has'],
  [(step: StepContext) => step.next('b', 1, { delay: 'x' }), 'ERR_OPTION', 'the delay of next()'],
  [(step: StepContext) => step.next('b', 1, { delay: Infinity }), 'ERR_OPTION', 'the delay of'],
  [(step: StepContext) => step.next('b', 1, { key: '' }), 'ERR_OPTION', 'the key of next()'],
  [(step: StepContext) => step.delay('x'), 'ERR_OPTION', 'the time of delay()'],
])('what a step says wrongly is thrown where it says it: %#', async (say, code, text) => {
  const { open } = setup();
  const p = open();
  const thrown: unknown[] = [];
  p.step('a', (_, step) => {
    try {
      say(step);
    } catch (error) {
      thrown.push(error);
    }
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  expect(await p.finished('x')).toMatchObject({ state: 'finished' });
  expect(thrown).toMatchObject([{ code }]);
  expect((thrown[0] as Error).message).toContain(text);
});

test('one next keeps the id and takes data, key, delay and error along', async () => {
  const { clock, open } = setup();
  const p = open();
  const events = eventsOf(p);
  const data = { n: 1 };
  p.step('a', (_, step) => {
    step.next('b', data, { key: 'k', delay: '1m', error: new Error('half') });
    data.n = 2;
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(0);
  expect(await p.peek('b', { state: 'waiting' })).toMatchObject([
    { id: 'x', key: 'k', data: { n: 1 }, tries: 0 },
  ]);
  await clock.advance(60_000);
  const other = open();
  const seen: unknown[] = [];
  other.step('b', (got, step) => {
    seen.push([got, step.id, step.key, step.attempt, step.error?.message]);
  });
  await other.start();
  await clock.advance(0);
  expect(seen).toEqual([[{ n: 1 }, 'x', 'k', 1, 'half']]);
  expect(events).toEqual(['pushed x', 'started x', 'moved x']);
});

test('the key stays, is given, or is taken away', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', (data, step) => step.next('b', 0, data));
  p.step('c', (data, step) => step.next('d', 0, data));
  p.step('d', (_, step) => step.delay('1h'), { key: () => 'of d' });
  await p.start();
  for (const [i, options] of [{}, { key: 'own' }, { key: null }].entries()) {
    await p.push('a', options, { id: `${i}`, key: 'k' });
    await p.push('c', options, { id: `${i}`, key: 'l' });
  }
  await clock.advance(0);
  const keys = async (queue: string, state: 'input' | 'waiting') =>
    (await p.peek(queue, { state })).map(({ key }) => key);
  expect(new Set(await keys('b', 'input'))).toEqual(new Set(['k', 'own', undefined]));
  expect(new Set(await keys('d', 'waiting'))).toEqual(new Set(['of d', 'own', undefined]));
});

test('several make children, in the order of the calls, once', async () => {
  const { clock, open } = setup();
  const p = open();
  const events = eventsOf(p);
  p.step('a', async (_, step) => {
    step.next('b', 'first');
    step.next('c', 'second', { key: 'other' });
    step.next('b', 'third', { key: null });
  });
  await p.start();
  await p.push('b', 'was there', { id: 'x/1', key: 'k' });
  await p.push('a', 0, { id: 'x', key: 'k' });
  const ending = await p.finished('x', { key: 'k' });
  expect(ending).toEqual({ id: 'x', state: 'finished', children: ['x/1', 'x/2', 'x/3'] });
  const b = await p.peek('b');
  expect(b.map(({ id, key, data }) => [id, key, data])).toEqual([
    ['x/1', 'k', 'was there'],
    ['x/3', undefined, 'third'],
  ]);
  expect(await p.peek('c')).toMatchObject([{ id: 'x/2', key: 'other', data: 'second' }]);
  expect(events.filter((each) => !each.startsWith('pushed'))).toEqual(['started x', 'finished x']);
  await clock.advance(0);
  expect(await open().finished('x', { key: 'k' })).toEqual(ending);
});

test('children of given ids are remembered, and their children have ids made of theirs', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: string[] = [];
  p.step('a', (depth: number, step) => {
    seen.push(step.id);
    if (depth === 0) return;
    step.next('a', depth - 1);
    step.next('a', depth - 1);
  });
  await p.start();
  await p.push('a', 2, { id: 'x' });
  await clock.advance(0);
  expect(seen.sort()).toEqual(['x', 'x/1', 'x/1/1', 'x/1/2', 'x/2', 'x/2/1', 'x/2/2']);
  expect((await p.push('a', 0, { id: 'x/2/1' })).state).toBe('finished');
});

test('a command whose children would have too long ids is dead', async () => {
  const { open } = setup();
  const p = open();
  p.step('a', (_, step) => {
    step.next('b');
    step.next('b');
  });
  await p.start();
  const id = 'x'.repeat(255);
  await p.push('a', 0, { id });
  expect((await p.finished(id)).error).toMatchObject({ code: 'ERR_LIMIT' });
  const fits = 'x'.repeat(254);
  await p.push('a', 0, { id: fits });
  expect((await p.finished(fits)).children).toEqual([`${fits}/1`, `${fits}/2`]);
});

test('where nobody reads, it moves and waits, and that is logged once a queue', async () => {
  const { clock, log, open } = setup();
  const p = open();
  p.step('a', (data, step) => step.next(data, 0, { key: 'k' }));
  await p.start();
  for (const queue of ['b', 'b', 'c']) await p.push('a', queue);
  await clock.advance(0);
  expect((await p.counts()).queues).toMatchObject({ b: { input: 1, held: 1 }, c: { input: 1 } });
  expect(log.map(({ text }) => /queue (\w)/.exec(text)?.[1])).toEqual(['b', 'c']);
});

test('a step gets a copy of the data, in each attempt', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step(
    'a',
    (data: { n: number }) => {
      seen.push(data.n);
      data.n++;
      if (seen.length < 3) throw new Error('no');
    },
    { backoff: () => 1 },
  );
  await p.start();
  await p.push('a', { n: 1 });
  await clock.advance(10);
  expect(seen).toEqual([1, 1, 1]);
});

test('a thenable is waited for', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', (data, step) => ({
    then: (resolve: () => void, reject: (error: Error) => void) => {
      clock.after(100, () => {
        step.next('b');
        if (data === 1) resolve();
        else reject(new Error('no'));
      });
    },
  }));
  await p.start();
  await p.push('a', 1);
  await p.push('a', 2);
  await clock.advance(100);
  expect((await p.counts()).queues).toMatchObject({ a: { waiting: 1 }, b: { input: 1 } });
});

test('what throws when it is looked at is an error of the step', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step('a', () => ({
    get then() {
      throw new Error('do not look');
    },
  }));
  await p.start();
  await p.push('a');
  await clock.advance(0);
  expect(await p.peek('a', { state: 'waiting' })).toMatchObject([
    { tries: 1, error: { message: 'do not look' } },
  ]);
});

test('what a step does before it waits is a part of its time', async () => {
  const { clock, open } = setup();
  const p = open();
  const timeouts: number[] = [];
  let busy = 0;
  const slow = { ...timed(clock), now: () => clock.now() + busy };
  const q = open({ clock: slow });
  q.on('retried', () => timeouts.push(clock.now()));
  q.step(
    'a',
    () => {
      busy = 800;
      return new Promise(() => {});
    },
    { timeout: 1_000, backoff: () => 60_000 },
  );
  await q.start();
  await p.push('a');
  await clock.advance(500);
  expect(timeouts).toEqual([200]);
});

/** The clock, as an object that can be spread. */
function timed(clock: VirtualClock): Clock {
  return {
    now: () => clock.now(),
    wall: () => clock.wall(),
    after: (ms, fn) => clock.after(ms, fn),
    defer: (fn) => clock.defer(fn),
    endOfTurn: (fn) => clock.endOfTurn(fn),
    random: () => clock.random(),
  };
}
