import { expect, test } from 'vitest';
import { MemoryHost } from '../testing/memory-host.js';
import { codeOf, peer } from '../testing/fixtures/peer.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { makeDservice } from './dservice.js';
import { health, HealthChecks } from './health.js';

const logger = { warn: () => {} };

test('the worst of all checks, with what each found, and why', async () => {
  const checks = new HealthChecks(new VirtualClock());
  expect(await checks.run()).toEqual({ status: 'up', checks: {} });
  const found: [unknown, string][] = [
    [undefined, 'up'],
    [true, 'up'],
    [Promise.resolve('fine'), 'up'],
    ['degraded', 'degraded'],
    [false, 'failing'],
  ];
  for (const [value, status] of found) {
    const each = new HealthChecks(new VirtualClock());
    each.add('fine', () => {});
    each.add('it', () => value);
    expect(await each.run()).toEqual({
      status,
      checks: { fine: { status: 'up', ms: 0 }, it: { status, ms: 0 } },
    });
  }
  const throwing = new HealthChecks(new VirtualClock());
  throwing.add('at once', () => {
    throw new Error('no disk');
  });
  throwing.add('later', () => Promise.reject(new Error('x'.repeat(5_000))));
  expect(await throwing.run()).toMatchObject({
    status: 'failing',
    checks: { 'at once': { status: 'failing', message: 'no disk' } },
  });
  expect((await throwing.run()).checks.later?.message).toHaveLength(500);
});

test('a check that hangs has its time, and is told when that is over', async () => {
  const clock = new VirtualClock();
  const checks = new HealthChecks(clock);
  let signal: AbortSignal | undefined;
  checks.add('hangs', (given) => new Promise(() => (signal = given)), 300);
  const asked = checks.run();
  await clock.advance(300);
  expect(await asked).toEqual({
    status: 'failing',
    checks: { hangs: { status: 'failing', message: 'no answer within 300 ms', ms: 300 } },
  });
  expect(signal?.aborted).toBe(true);
});

test('however often it is asked, the checks run once a second', async () => {
  const clock = new VirtualClock();
  const checks = new HealthChecks(clock);
  let runs = 0;
  const stop = checks.add('it', () => void runs++);
  await Promise.all([checks.run(), checks.run()]);
  await clock.advance(900);
  await checks.run();
  expect(runs).toBe(1);
  await clock.advance(200);
  await checks.run();
  expect(runs).toBe(2);
  stop();
  await clock.advance(1_001);
  expect((await checks.run()).checks).toEqual({});
});

test('a service is asked from afar, by a way that its api does not see', async () => {
  const host = new MemoryHost();
  const dservice = makeDservice(host.runtime);
  const service = dservice('a', { health: () => 'my own' }, { logger });
  service.check('db', () => 'degraded');
  await service.start();
  const remote = await dservice({ logger }).connect('a');
  expect(await remote.health()).toBe('my own');
  expect(await health(remote)).toEqual({
    status: 'degraded',
    checks: { db: { status: 'degraded', ms: 0 } },
    // The one that asks.
    calls: 1,
    sessions: 1,
  });
  expect(await service.health()).toMatchObject({ status: 'degraded', calls: 0 });
  expect(() => service.check('db', 7 as never)).toThrow('check() takes');
  expect(() => service.check('db', () => 1, { time: -1 })).toThrow('`time` is');
});

test('a check that never ends keeps its asker no longer than its deadline', async () => {
  const host = new MemoryHost();
  const dservice = makeDservice(host.runtime);
  const service = dservice('a', {}, { logger });
  service.check('db', () => new Promise(() => {}), { time: 60_000 });
  await service.start();
  const remote = await dservice({ logger }).connect('a');
  const asked = codeOf(health(remote, { deadline: 200 }));
  await host.clock.advance(250);
  expect(await asked).toBe('ERR_DEADLINE');
});

test('what a peer answers is believed as far as it is what it should be', async () => {
  const answers: [unknown, unknown][] = [
    [null, undefined],
    ['up', undefined],
    [{ status: 'great' }, undefined],
    [
      { status: 'up', checks: { a: 1, b: { status: 'up', ms: 'x', message: 2 } }, calls: 'many' },
      { status: 'up', checks: { b: { status: 'up' } } },
    ],
  ];
  for (const [answer, read] of answers) {
    const them = await peer();
    const asked = health(them.session);
    await them.clock.advance(0);
    const question = them.got.find(({ control }) => control === 'health')!;
    await them.send({ method: question.reply!, arguments: [null, answer] });
    expect(await asked).toEqual(read);
  }
});

test('a question without a way to answer, or with more than that, does no harm', async () => {
  let asked = 0;
  const them = await peer({ health: () => ({ status: 'up', asked: ++asked }) });
  await them.send({ control: 'health' }, { control: 'health', reply: 'x' as never });
  await them.send({ control: 'health', reply: 7, arguments: [1, 2] });
  expect(them.outcome(7)?.arguments).toEqual([null, { status: 'up', asked: 1 }]);
  expect(them.session.tables.serving).toBe(0);
});
