import { Console } from 'node:console';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { setup } from './fixtures/setup.js';
import type { Logger } from './logger.js';

/** What is written, line by line. */
function sink() {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk, _, done) {
      written.push(...String(chunk).trimEnd().split('\n'));
      done();
    },
  });
  return { written, stream };
}

async function work(logger: Logger): Promise<void> {
  const { clock, open } = setup();
  const p = open({ logger });
  p.step(
    'a',
    async (_, step) => {
      step.logger.info('works');
      step.logger.debug?.('in detail');
      await new Promise<void>((resolve) => void clock.after(200, resolve));
      throw new TypeError('too late');
    },
    { timeout: 100, retries: 0 },
  );
  p.on('started', () => {
    throw new RangeError('a listener');
  });
  await p.start();
  await p.push('a', 0, { id: 'x' });
  await clock.advance(1_000);
}

test('a pino logger is given the fields of the command, and errors as errors', async () => {
  const { written, stream } = sink();
  const logger = pino({ level: 'debug' }, stream);
  // It is a logger as it is.
  const given: Logger = logger;
  await work(given);
  const lines = written.map((line) => JSON.parse(line) as Record<string, unknown>);
  const about = { pipeline: 'orders', queue: 'a', id: 'x' };
  expect(lines).toMatchObject([
    { level: 50, msg: 'a listener of the pipeline orders threw', err: { message: 'a listener' } },
    { level: 30, msg: 'works', ...about },
    { level: 20, msg: 'in detail', ...about },
    {
      level: 40,
      msg: 'an error came after it had been given up, and is ignored',
      err: { type: 'Error', message: 'too late', stack: expect.stringContaining('TypeError') },
      ...about,
    },
  ]);
});

test('a console is, and lines say whose they are', async () => {
  const { written, stream } = sink();
  await work(new Console(stream));
  const lines = written.filter((line) => !line.startsWith('    at '));
  expect(lines[0]).toMatch(/RangeError.*: a listener/);
  const own = lines.filter((line) => line.startsWith('[orders a x] '));
  expect(own[0]).toBe('[orders a x] works');
  expect(own[1]).toBe('[orders a x] in detail');
  expect(own[2]).toMatch(/^\[orders a x\] .*TypeError.*: too late/);
  expect(written.join('\n')).toContain('an error came after it had been given up');
});

test('a logger without debug and without children is one', async () => {
  const written: unknown[][] = [];
  const log = (...data: unknown[]) => void written.push(data);
  await work({ info: log, warn: log, error: log });
  expect(written.map(([first]) => first)).toEqual([
    expect.any(Error),
    '[orders a x]',
    '[orders a x]',
  ]);
});
