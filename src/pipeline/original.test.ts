import { expect, test, vi } from 'vitest';
import { later, setup } from './fixtures/setup.js';
import type { Done, OriginalConstructor, OriginalStep, Payload } from './original.js';

/** The styles in which steps were written. */
const styles: Record<string, OriginalConstructor | OriginalStep> = {
  constructor: Constructor,
  'constructor on a prototype': (() => {
    function Old(this: OriginalStep) {
      this.input_queue = 'a';
    }
    Old.prototype.execute = execute;
    return Old;
  })(),
  class: class {
    input_queue = 'a';
    execute(payload: Payload, done: Done) {
      execute(payload, done);
    }
  } as unknown as OriginalConstructor,
  'function that builds and returns': Builder,
  'arrow function': () => ({ input_queue: 'a', execute }),
  'asynchronous function': async () => ({ input_queue: 'a', execute }),
  'function that returns a promise': Promiser,
  object: { input_queue: 'a', execute },
};

function Constructor(this: OriginalStep) {
  this.input_queue = 'a';
  this.execute = execute;
}

function Builder() {
  const self = { input_queue: 'a', execute };
  return self;
}

function Promiser() {
  return Promise.resolve({ input_queue: 'a', execute });
}

function execute(payload: Payload, done: Done): void {
  done(null, [payload.data, payload.id, payload.attempt, payload.key], 'b');
}

test.each(Object.entries(styles))('a step as %s', async (_, maker) => {
  const { clock, open } = setup();
  const p = open();
  p.step(maker);
  await p.start();
  await p.push('a', 7, { id: 'x', key: 'k' });
  await clock.advance(0);
  expect(await p.peek('b')).toMatchObject([{ id: 'x', key: 'k', data: [7, 'x', 1, 'k'] }]);
});

test('a constructor is given the logger and the pipeline', async () => {
  const { clock, log, open } = setup();
  const p = open();
  p.step(function (this: OriginalStep, logger, pipeline) {
    this.input_queue = 'a';
    this.execute = async (payload, done) => {
      logger.info('works');
      await pipeline.push('b', payload.data);
      done();
    };
  });
  await p.start();
  await p.push('a', 7);
  await clock.advance(0);
  expect(log).toEqual([{ level: 'info', text: 'works' }]);
  expect(await p.peek('b')).toMatchObject([{ data: 7 }]);
});

test('a path is loaded, once', async () => {
  const { clock, open } = setup();
  const load = vi.fn(async () => styles['constructor']);
  const p = open({ load });
  p.step('./steps/a.js', { retries: 0 });
  await p.start();
  await p.push('a', 7);
  await clock.advance(0);
  expect((await p.counts()).queues).toMatchObject({ b: { input: 1 } });
  await p.stop();
  await p.start();
  expect(load.mock.calls).toEqual([['./steps/a.js']]);
});

test.each([
  ['a path where none can be loaded', './a.js', 'ERR_OPTION'],
  ['a constructor of nothing', function () {}, 'ERR_OPTION'],
  ['a number', 7, 'ERR_OPTION'],
  ['an object without execute', { input_queue: 'a' }, 'ERR_OPTION'],
  ['a step without a queue', { execute }, 'ERR_OPTION'],
  ['an option that is wrong', { input_queue: 'a', execute, retries: -1 }, 'ERR_OPTION'],
])('start rejects for %s', async (_, maker, code) => {
  const { open } = setup();
  const p = open();
  p.step(maker as OriginalStep);
  await expect(p.start()).rejects.toMatchObject({ code });
  await expect(p.start()).rejects.toMatchObject({ code });
});

test('start rejects with what a constructor or a loader throws', async () => {
  const { open } = setup();
  const error = new Error('broken');
  const p = open({ load: () => Promise.reject(error) });
  p.step('./a.js');
  await expect(p.start()).rejects.toBe(error);
  const q = open();
  q.step(() => {
    throw error;
  });
  await expect(q.start()).rejects.toBe(error);
});

test('options are properties of the step, and those that are given come first', async () => {
  const { clock, open } = setup();
  const p = open();
  let tries = 0;
  p.step(
    {
      input_queue: 'a',
      retries: 7,
      backoff: () => 1,
      execute: (_, done) => {
        tries++;
        done(new Error('no'));
      },
    },
    { retries: 1 },
  );
  await p.start();
  await p.push('a');
  await clock.advance(100);
  expect(tries).toBe(2);
});

const error = Object.assign(new Error('broken'), { code: 'E_OLD' });

test('an error alone is tried again, and told', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step(
    {
      input_queue: 'a',
      execute: (payload, done) => {
        seen.push([payload.attempt, payload.error?.message]);
        if (payload.attempt === 1) done(error);
        else done();
      },
    },
    { backoff: () => 1 },
  );
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(10);
  expect(seen).toEqual([
    [1, undefined],
    [2, 'broken'],
  ]);
  expect(await p.finished('x')).toMatchObject({ state: 'finished' });
});

test('with a queue the result goes there, and an error along', async () => {
  const { clock, open } = setup();
  const p = open();
  const seen: unknown[] = [];
  p.step({ input_queue: 'a', execute: ({ data }, done) => done(data, { n: 1 }, 'b') });
  p.step({
    input_queue: 'b',
    execute: (payload, done) => {
      seen.push([payload.data, payload.error?.message, (payload.error as { code?: string })?.code]);
      done();
    },
  });
  await p.start();
  for (const err of [error, null, undefined, false, 0, '']) await p.push('a', err);
  await clock.advance(0);
  expect(seen).toEqual([
    [{ n: 1 }, 'broken', undefined],
    ...Array(5).fill([{ n: 1 }, undefined, undefined]),
  ]);
});

test.each([[null], [undefined], [false], [0], ['']])(
  'done(%j, result, %j) is the end of it',
  async (nothing) => {
    const { clock, open } = setup();
    const p = open();
    p.step({
      input_queue: 'a',
      execute: (_, done) => done(nothing, { n: 1 }, nothing as unknown as string),
    });
    await p.start();
    await p.push('a', 0, { id: 'x' });
    await clock.advance(0);
    expect(await p.finished('x')).toMatchObject({ state: 'finished', children: [] });
  },
);

test('done twice is logged and ignored', async () => {
  const { clock, log, open } = setup();
  const p = open();
  p.step({
    input_queue: 'a',
    execute: (_, done) => {
      done(null, 1, 'b');
      done(null, 2, 'c');
      done(error);
    },
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(0);
  expect((await p.counts()).queues).toMatchObject({ b: { input: 1 } });
  expect(log.filter(({ text }) => text.includes('twice'))).toHaveLength(1);
  expect((await p.counts()).queues).not.toHaveProperty('c');
});

test.each([
  ['throws', false],
  ['rejects', true],
])('what %s after done is logged and ignored; before it, tried again', async (_, rejects) => {
  const { clock, log, open } = setup();
  const p = open();
  p.step({
    input_queue: 'a',
    execute: ({ data }, done) => {
      if (data === 'after') done(null, 1, 'b');
      if (rejects) return Promise.reject(error);
      throw error;
    },
  });
  await p.start();
  await p.push('a', 'after');
  await clock.advance(0);
  expect((await p.counts()).queues).toMatchObject({ b: { input: 1 } });
  expect(log.filter(({ text }) => text.includes('broken'))).toHaveLength(1);
  await p.push('a', 'before');
  await clock.advance(0);
  expect(await p.peek('a', { state: 'waiting' })).toMatchObject([
    { tries: 1, error: { message: 'broken', code: 'E_OLD' } },
  ]);
});

test('what is thrown may be nothing', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step({
    input_queue: 'a',
    execute: () => {
      throw undefined;
    },
  });
  await p.start();
  await p.push('a');
  await clock.advance(0);
  expect((await p.counts()).queues).toMatchObject({ a: { waiting: 1 } });
});

test('one that never calls done is given up; what it answers later is ignored, and logged', async () => {
  const { clock, log, open } = setup();
  const p = open();
  const answer = later();
  const signals: boolean[] = [];
  p.step(
    {
      input_queue: 'a',
      execute: async (payload, done) => {
        const { signal } = payload;
        await answer.promise;
        signals.push(signal.aborted);
        done(null, 1, 'b');
      },
    },
    { timeout: 100, retries: 0 },
  );
  await p.start();
  await p.push('a');
  await clock.advance(100);
  answer.resolve();
  await clock.advance(0);
  expect(signals).toEqual([true]);
  expect((await p.dead())[0]?.error).toMatchObject({ code: 'ERR_TIMEOUT' });
  expect(log).toHaveLength(1);
  expect((await p.counts()).queues).toEqual({});
});

test('a result that cannot be stored, or a queue that is none, is an error of the step', async () => {
  const { clock, open } = setup();
  const p = open();
  p.step(
    {
      input_queue: 'a',
      execute: ({ data }, done) =>
        data === 1 ? done(null, () => {}, 'b') : done(null, 1, 7 as unknown as string),
    },
    { retries: 0 },
  );
  await p.start();
  await p.pushAll([
    { queue: 'a', data: 1 },
    { queue: 'a', data: 2 },
  ]);
  await clock.advance(0);
  expect((await p.dead()).map((each) => each.error)).toMatchObject([
    { code: 'ERR_DATA' },
    { code: 'ERR_OPTION' },
  ]);
});

test('there is one step a queue, and a queue is a string', async () => {
  const { open } = setup();
  const p = open();
  p.step('a', () => {});
  expect(() => p.step('a', () => {})).toThrow('there is a step for a already');
  expect(() => p.step('', () => {})).toThrow('is not empty');
  expect(() => p.step('b', () => {}, { retires: 3 } as object)).toThrow('"retires" is no option');
  p.step(styles['object'] as OriginalStep);
  await expect(p.start()).rejects.toMatchObject({ code: 'ERR_OPTION' });
});

test.each([
  [{ concurrency: 0 }],
  [{ concurrency: 1.5 }],
  [{ timeout: 0 }],
  [{ timeout: Infinity }],
  [{ timeout: '1 year' }],
  [{ retries: -1 }],
  [{ backoff: 7 }],
  [{ backoff: { fist: 1 } }],
  [{ key: 'k' }],
  [{ rate: { n: 0, per: 1 } }],
  [{ rate: { n: 1 } }],
  [7],
  [null],
])('the options %j of a step are refused', (options) => {
  const { open } = setup();
  const p = open();
  expect(() => p.step('a', () => {}, options as object)).toThrow();
});

test('done that comes after an error is logged and ignored', async () => {
  const { clock, log, open } = setup();
  const p = open();
  p.step({
    input_queue: 'a',
    execute: (_, done) => {
      clock.after(10, () => done(null, 1, 'b'));
      throw error;
    },
  });
  await p.start();
  await p.push('a');
  await clock.advance(12);
  expect(log).toHaveLength(1);
  expect(log[0]?.text).toContain('after it had answered');
  expect((await p.counts()).queues).not.toHaveProperty('b');
});
