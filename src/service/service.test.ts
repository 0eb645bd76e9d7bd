import { describe, expect, test } from 'vitest';
import type { DiscoveryEvent } from '../discovery/discovery.js';
import type { Rely } from '../discovery/record.js';
import { MemoryHost } from '../testing/memory-host.js';
import { makeDservice } from './dservice.js';
import type { ServiceOptions } from './service-options.js';

const api = { shout: (s: string) => s.toUpperCase() };

function makeHost() {
  const host = new MemoryHost();
  const lines: string[] = [];
  const logger = { warn: (line: string) => void lines.push(line) };
  const make = makeDservice(host.runtime);
  const dservice = (name: string, options: ServiceOptions = {}) =>
    make(name, api, { logger, ...options });
  /** What somebody else hears of a name. */
  const events: DiscoveryEvent[] = [];
  host.discovery().browse(undefined, (event) => events.push(event));
  return { host, lines, logger, make, dservice, events };
}

const states = (events: readonly DiscoveryEvent[]): string[] =>
  events.map(({ type, record }) => `${type} ${record.state}`);

test('start, be there, stop', async () => {
  const { host, dservice, events } = makeHost();
  const service = dservice('greeter@1.2.0');
  const seen: string[] = [];
  service.on('state', (state) => seen.push(state));
  expect(service).toMatchObject({ name: 'greeter', version: '1.2.0', state: 'new', endpoints: [] });
  await service.start();
  expect(service.state).toBe('up');
  expect(service.record).toEqual({
    id: service.id,
    name: 'greeter',
    version: '1.2.0',
    endpoints: ['memory:1'],
    state: 'up',
    relies: [],
  });
  await host.clock.advance(0);
  expect(events).toEqual([{ type: 'up', record: service.record }]);
  await service.stop();
  await host.clock.advance(0);
  expect(states(events)).toEqual(['up up', 'update draining', 'down draining']);
  expect(seen).toEqual(['up', 'draining', 'stopped']);
  expect(host.open()).toBe(0);
  expect(host.clock.pending).toBe(0);
});

test('ids are 64 random bits', () => {
  const { dservice } = makeHost();
  const ids = Array.from({ length: 50 }, () => dservice('a').id);
  expect(new Set(ids).size).toBe(50);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
});

test('start and stop may be passed around', async () => {
  const { dservice } = makeHost();
  const { start, stop } = dservice('a');
  await start();
  await stop();
});

test('a second start is the first one, and a second stop too', async () => {
  const { dservice, events, host } = makeHost();
  const service = dservice('a');
  expect(service.start()).toBe(service.start());
  await service.start();
  expect(service.stop()).toBe(service.stop());
  await service.stop();
  await host.clock.advance(0);
  expect(states(events)).toEqual(['up up', 'update draining', 'down draining']);
});

test('`await using` stops it', async () => {
  const { dservice } = makeHost();
  const service = dservice('a');
  await service.start();
  await service[Symbol.asyncDispose]?.();
  expect(service.state).toBe('stopped');
});

describe('what does not start', () => {
  test('without a name', async () => {
    const { make, logger } = makeHost();
    await expect(make({ logger }).start()).rejects.toMatchObject({
      code: 'ERR_STATE',
      message: expect.stringContaining('without a name'),
    });
  });

  test('without an api', async () => {
    const { make, logger } = makeHost();
    await expect(make('a', undefined, { logger }).start()).rejects.toMatchObject({
      code: 'ERR_STATE',
      message: expect.stringContaining('without an api'),
    });
  });

  test('after stop', async () => {
    const { dservice, events, host } = makeHost();
    const service = dservice('a');
    await service.stop();
    await expect(service.start()).rejects.toMatchObject({ code: 'ERR_STATE' });
    await host.clock.advance(0);
    expect(events).toEqual([]);
  });

  test('stopped while it opens its port: nothing is left', async () => {
    const { dservice, events, host } = makeHost();
    const service = dservice('a');
    const starting = service.start();
    const stopping = service.stop();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_STATE' });
    await stopping;
    await host.clock.advance(0);
    expect(events).toEqual([]);
    expect(host.shutdowns.size).toBe(0);
    await expect(host.runtime.connect('memory:1', { limits: {} as never })).rejects.toMatchObject({
      code: 'ERR_CONNECT',
    });
  });

  test('a port that cannot be had', async () => {
    const { host, make, logger, events } = makeHost();
    const error = new Error('in use');
    const broken = makeDservice({ ...host.runtime, listen: () => Promise.reject(error) });
    const service = broken('a', api, { logger });
    await expect(service.start()).rejects.toBe(error);
    expect(service.state).toBe('stopped');
    await host.clock.advance(0);
    expect(events).toEqual([]);
    expect(make).toBeDefined();
  });
});

describe('a rejected start that nobody awaits', () => {
  test('goes to the event', async () => {
    const { host, make, lines, logger } = makeHost();
    const service = make({ logger });
    const told: unknown[] = [];
    service.on('error', (error) => told.push(error));
    void service.start();
    void service.start();
    await host.clock.advance(0);
    expect(told).toEqual([expect.objectContaining({ code: 'ERR_STATE' })]);
    expect(lines).toEqual([]);
  });

  test('else to the logger, once', async () => {
    const { host, make, lines, logger } = makeHost();
    const service = make('a', undefined, { logger });
    void service.start();
    void service.start();
    await host.clock.advance(0);
    expect(lines).toEqual([expect.stringMatching(/^dservice: a did not start: .*without an api/)]);
  });

  test('but to nobody where the program stopped it', async () => {
    const { host, dservice, lines } = makeHost();
    const service = dservice('a').rely('b');
    void service.start();
    await host.clock.advance(0);
    await service.stop();
    expect(lines).toEqual([]);
  });
});

describe('rely', () => {
  test('waits until what it needs is up', async () => {
    const { host, dservice, events } = makeHost();
    const a = dservice('a').rely('b@^1');
    let up = false;
    const starting = a.start().then(() => (up = true));
    await host.clock.advance(0);
    expect(a.state).toBe('waiting');
    expect(events).toEqual([{ type: 'up', record: a.record }]);
    expect(a.record).toMatchObject({ state: 'waiting', relies: [{ name: 'b', range: '^1' }] });
    // Neither one out of range, nor one that waits itself.
    await dservice('b@2.0.0').start();
    const waiting = dservice('b@1.0.0').rely('c');
    const later = waiting.start();
    await host.clock.advance(1_000);
    expect(up).toBe(false);
    await dservice('c').start();
    await later;
    await starting;
    expect(a.state).toBe('up');
    await host.clock.advance(0);
    expect(events.filter(({ record }) => record.id === a.id).map(({ type }) => type)).toEqual([
      'up',
      'update',
    ]);
    expect(host.clock.pending).toBe(0);
  });

  test('several, in whatever order they come', async () => {
    const { host, dservice } = makeHost();
    const a = dservice('a').rely('b').rely('c').rely('d', { optional: true });
    const starting = a.start();
    await host.clock.advance(0);
    await dservice('c').start();
    await host.clock.advance(0);
    expect(a.state).toBe('waiting');
    await dservice('b').start();
    await starting;
    expect(a.record.relies).toEqual([
      { name: 'b', range: '' },
      { name: 'c', range: '' },
      { name: 'd', range: '', optional: true },
    ]);
  });

  test('optional ones are not waited for', async () => {
    const { dservice } = makeHost();
    const a = dservice('a').rely('b', { optional: true });
    await a.start();
    expect(a.state).toBe('up');
  });

  test('what is there already is seen in the same turn', async () => {
    const { host, dservice } = makeHost();
    await dservice('b').start();
    const a = dservice('a').rely('b');
    await a.start();
    expect(a.state).toBe('up');
    expect(host.clock.now()).toBe(0);
  });

  test('one that is lost makes the service degraded, not down; and whole again', async () => {
    const { host, dservice, events } = makeHost();
    const b = dservice('b');
    await b.start();
    const a = dservice('a').rely('b').rely('c', { optional: true });
    await a.start();
    const told: unknown[] = [];
    a.on('degraded', (missing) => told.push(missing));
    await b.stop();
    await host.clock.advance(0);
    expect(told).toEqual([[{ name: 'b', range: '' }]]);
    expect(a.state).toBe('up');
    expect(a.record.degraded).toBe(true);
    const last = () => events.filter(({ record }) => record.id === a.id).at(-1);
    expect(last()).toMatchObject({ type: 'update', record: { degraded: true } });
    await dservice('b').start();
    await host.clock.advance(0);
    expect(told).toEqual([[{ name: 'b', range: '' }], []]);
    expect(last()?.record).toEqual(a.record);
    expect(a.record.degraded).toBeUndefined();
  });

  test('each further one that is lost, or back, is told', async () => {
    const { host, dservice, events } = makeHost();
    const b = dservice('b');
    const c = dservice('c');
    await Promise.all([b.start(), c.start()]);
    const a = dservice('a').rely('b').rely('c').rely('d', { optional: true });
    await a.start();
    const told: string[][] = [];
    a.on('degraded', (missing) => told.push(missing.map(({ name }) => name)));
    for (const each of [b, c]) {
      await each.stop();
      await host.clock.advance(0);
    }
    for (const name of ['b', 'd', 'c']) {
      await dservice(name).start();
      await host.clock.advance(0);
    }
    expect(told).toEqual([['b'], ['b', 'c'], ['c'], []]);
    // In the record it is one word, which came and went.
    const own = events.filter(({ record }) => record.id === a.id);
    expect(own.map(({ record: { degraded = false } }) => degraded)).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });

  test('several ranges of one name must all be met, maybe by several instances', async () => {
    const { host, dservice } = makeHost();
    const a = dservice('a').rely('b@^1').rely('b@^2').rely('b@^1', { optional: true }).rely('b@^1');
    const starting = a.start();
    await dservice('b@1.0.0').start();
    await host.clock.advance(1_000);
    expect(a.state).toBe('waiting');
    expect(a.record.relies).toEqual([
      { name: 'b', range: '^1' },
      { name: 'b', range: '^2' },
    ]);
    await dservice('b@2.0.0').start();
    await starting;
  });

  test('of the same twice, once optional, it is waited for', () => {
    const { dservice } = makeHost();
    const a = dservice('a').rely('b', { optional: true }).rely('b').rely('b', { optional: true });
    expect(a.record.relies).toEqual([{ name: 'b', range: '' }]);
  });

  test('a service does not rely on itself', () => {
    const { dservice } = makeHost();
    for (const query of ['a', 'a@^2']) {
      expect(() => dservice('a@1.0.0').rely(query)).toThrow(
        expect.objectContaining({
          code: 'ERR_DEPENDENCY_CYCLE',
          message: expect.stringMatching(/^a → a: /),
        }),
      );
    }
  });

  test('at most as much as a record holds', () => {
    const { dservice } = makeHost();
    const a = dservice('a');
    for (let i = 0; i < 256; i++) a.rely(`b${i}`);
    expect(() => a.rely('b256')).toThrow(expect.objectContaining({ code: 'ERR_LIMIT' }));
    expect(() => dservice('a').rely(`b@^1 ${'|| ^1 '.repeat(50)}`)).toThrow(
      expect.objectContaining({ code: 'ERR_RANGE' }),
    );
  });

  test('what never comes is named, each with why', async () => {
    const { host, dservice, events } = makeHost();
    await dservice('b@2.0.0').start();
    const waiting = dservice('c@1.0.0', { startTimeout: 90_000 }).rely('x');
    waiting.start().catch(() => {});
    const a = dservice('a').rely('b@^1').rely('c').rely('d@^3');
    const starting = a.start();
    starting.catch(() => {});
    await host.clock.advance(29_999);
    expect(a.state).toBe('waiting');
    await host.clock.advance(1);
    await expect(starting).rejects.toMatchObject({
      code: 'ERR_DEPENDENCY',
      message:
        'after 30000 ms there is still no b@^1 (2.0.0 is up, out of range), ' +
        'and no c (1.0.0 is waiting), and no d@^3 (never seen)',
    });
    await host.clock.advance(0);
    expect(a.state).toBe('stopped');
    expect(events.at(-1)).toMatchObject({ type: 'down', record: { id: a.id } });
  });

  test('startTimeout is the longest wait', async () => {
    const { host, dservice } = makeHost();
    const starting = dservice('a', { startTimeout: 50 }).rely('b').start();
    starting.catch(() => {});
    await host.clock.advance(50);
    await expect(starting).rejects.toMatchObject({ code: 'ERR_DEPENDENCY' });
  });

  test('stop ends the waiting', async () => {
    const { host, dservice, events } = makeHost();
    const a = dservice('a').rely('b');
    const starting = a.start();
    await host.clock.advance(0);
    await a.stop();
    await expect(starting).rejects.toMatchObject({
      code: 'ERR_STATE',
      message: 'the service was stopped before it was up',
    });
    await host.clock.advance(0);
    expect(events.at(-1)?.type).toBe('down');
    expect(host.clock.pending).toBe(0);
  });

  test('is for before the start', async () => {
    const { dservice } = makeHost();
    const a = dservice('a');
    const starting = a.start();
    expect(() => a.rely('b')).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
    await starting;
    expect(() => a.rely('b')).toThrow(expect.objectContaining({ code: 'ERR_STATE' }));
    expect(a.record.relies).toEqual([]);
  });

  test.each([
    ['B', 'ERR_NAME'],
    ['b@latest', 'ERR_RANGE'],
  ])('%s is refused with %s', (query, code) => {
    const { dservice } = makeHost();
    expect(() => dservice('a').rely(query)).toThrow(expect.objectContaining({ code }));
  });
});

describe('what the package declares', () => {
  const declaring = (relies: readonly Rely[]) => {
    const { host, logger } = makeHost();
    const runtime = { ...host.runtime, declared: () => Promise.resolve(relies) };
    const make = makeDservice(runtime);
    return { host, dservice: (name: string) => make(name, api, { logger }) };
  };

  test('is relied on too, but for what the service is itself', async () => {
    const { host, dservice } = declaring([
      { name: 'a', range: '^1' },
      { name: 'b', range: '^1' },
      { name: 'c', range: '', optional: true },
    ]);
    const a = dservice('a').rely('b@>=1.2');
    a.start().catch(() => {});
    await host.clock.advance(0);
    expect(a.record.relies).toEqual([
      { name: 'b', range: '>=1.2' },
      { name: 'b', range: '^1' },
      { name: 'c', range: '', optional: true },
    ]);
    await a.stop();
  });

  test('stopped while it is read: nothing is left', async () => {
    const { host, dservice } = declaring([]);
    const a = dservice('a');
    const starting = a.start();
    await a.stop();
    await expect(starting).rejects.toMatchObject({ code: 'ERR_STATE' });
    await expect(host.runtime.connect('memory:1', { limits: {} as never })).rejects.toMatchObject({
      code: 'ERR_CONNECT',
    });
    expect(host.shutdowns.size).toBe(0);
    expect(host.clock.pending).toBe(0);
  });
});

test('the network is told of in one line, with a warning where anybody may call', async () => {
  const { dservice, lines } = makeHost();
  await dservice('a', { reach: 'lan' }).start();
  await dservice('b', { reach: 'lan', authenticate: () => true }).start();
  await dservice('c').start();
  expect(lines).toEqual([
    'dservice: a can be reached from the network at memory:1, and anybody there may call it',
    'dservice: b can be reached from the network at memory:2',
  ]);
});

test('a service stops when the process is told to end', async () => {
  const { host, dservice } = makeHost();
  const service = dservice('a');
  await service.start();
  const [stop] = host.shutdowns;
  await stop?.();
  expect(service.state).toBe('stopped');
  expect(host.shutdowns.size).toBe(0);
});

test('a discovery that was given is not closed', async () => {
  const { host, dservice } = makeHost();
  const discovery = host.discovery();
  const service = dservice('a', { discovery });
  await service.start();
  await service.stop();
  await dservice('b', { discovery }).start();
  const names: string[] = [];
  discovery.browse(undefined, ({ record }) => names.push(record.name));
  await host.clock.advance(0);
  expect(names).toEqual(['b']);
});
