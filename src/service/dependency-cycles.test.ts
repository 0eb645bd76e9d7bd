import { expect, test } from 'vitest';
import { MemoryHost } from '../testing/memory-host.js';
import { makeDservice } from './dservice.js';

const api = { shout: (s: string) => s.toUpperCase() };

/** Services that are started as they are written: `a@1.0.0: b@^1 ?c`. */
function makeTown() {
  const host = new MemoryHost();
  const make = makeDservice(host.runtime);
  const ends = new Map<string, { at: number; code: string; message: string }>();
  /** What a watcher heard of each name, last. */
  const states = new Map<string, string>();
  host.discovery().browse(undefined, ({ type, record }) => {
    states.set(record.name, type === 'down' ? 'gone' : record.state);
  });
  let count = 0;
  const start = (text: string, startTimeout = 30_000) => {
    const [what = '', relies = ''] = text.split(': ');
    const service = make(what, api, { startTimeout, logger: { warn: () => {} } });
    for (const query of relies.split(' ').filter(Boolean)) {
      service.rely(query.replace('?', ''), { optional: query.startsWith('?') });
    }
    const key = `${what} ${count++}`;
    service.start().then(
      () => ends.set(key, { at: host.clock.now(), code: 'up', message: '' }),
      ({ code, message }: { code: string; message: string }) =>
        ends.set(key, { at: host.clock.now(), code, message }),
    );
    return service;
  };
  return { host, clock: host.clock, start, ends, states };
}

test('each member of a circle names it after 500 ms, beginning with itself, and is known as stuck for 5 s', async () => {
  const { clock, start, ends, states } = makeTown();
  const a = start('a@1.0.0: b@^2');
  await clock.advance(2_000);
  start('b@2.1.0: a');
  await clock.advance(499);
  expect(ends.size).toBe(0);
  await clock.advance(200);
  expect([...ends.values()].map(({ code, message }) => [code, message.split(': ')[0]])).toEqual([
    ['ERR_DEPENDENCY_CYCLE', 'a@1.0.0 → b@2.1.0 → a'],
    ['ERR_DEPENDENCY_CYCLE', 'b@2.1.0 → a@1.0.0 → b'],
  ]);
  expect(a.state).toBe('stuck');
  expect(Object.fromEntries(states)).toEqual({ a: 'stuck', b: 'stuck' });
  await clock.advance(4_700);
  expect(a.state).toBe('stuck');
  await clock.advance(300);
  expect(a.state).toBe('stopped');
  expect(Object.fromEntries(states)).toEqual({ a: 'gone', b: 'gone' });
  expect(clock.pending).toBe(0);
});

test('a circle that opens in time is none', async () => {
  const { clock, start, ends } = makeTown();
  const a = start('a: b');
  start('b@1.0.0: a');
  await clock.advance(450);
  start('b@2.0.0');
  await clock.advance(1_000);
  expect(a.state).toBe('up');
  expect([...ends.values()].map(({ code }) => code)).toEqual(['up', 'up', 'up']);
});

test('neither is one that waits for somebody who may still come', async () => {
  const { clock, start, ends } = makeTown();
  start('a: b');
  start('b@1.0.0: a');
  start('b@1.0.1: late');
  await clock.advance(20_000);
  expect(ends.size).toBe(0);
  start('late');
  await clock.advance(100);
  expect([...ends.values()].map(({ code }) => code)).toEqual(['up', 'up', 'up', 'up']);
});

test('those behind a circle name it, once it is known as stuck', async () => {
  const { clock, start, ends, states } = makeTown();
  start('d: c');
  start('c: a ?z');
  start('a: b');
  start('b: a');
  await clock.advance(700);
  const told = Object.fromEntries(
    [...ends].map(([key, { code, message }]) => [key, [code, message]]),
  );
  expect(told['c 1']).toEqual([
    'ERR_DEPENDENCY',
    expect.stringMatching(
      /^there is no a \(0\.0\.0 is \w+\); these wait for each other: a@0\.0\.0 → b@0\.0\.0 → a$/,
    ),
  ]);
  expect(told['d 0']?.[1]).toMatch(/^there is no c .*: a@0\.0\.0 → b@0\.0\.0 → a$/);
  expect(states.get('d')).toBe('stuck');
});

test('one that lacks something else too waits for it, and tells all at the end', async () => {
  const { clock, start, ends } = makeTown();
  start('a: b absent', 3_000);
  start('b: a');
  await clock.advance(3_000);
  expect(ends.get('b 1')?.code).toBe('ERR_DEPENDENCY_CYCLE');
  expect(ends.get('a 0')).toMatchObject({
    code: 'ERR_DEPENDENCY',
    message: 'after 3000 ms there is still no b (0.0.0 is stuck), and no absent (never seen)',
  });
});

test('a timeout that is shorter than the patience names it too', async () => {
  const { clock, start, ends } = makeTown();
  start('a: b', 300);
  start('b: a', 300);
  await clock.advance(300);
  expect(ends.get('a 0')?.message).toMatch(
    /; these wait for each other: a@0\.0\.0 → b@0\.0\.0 → a$/,
  );
});

test('stopped, it stays known as stuck until the others know; or as long as it is given', async () => {
  const { clock, start, states } = makeTown();
  const a = start('a: b');
  const b = start('b: a');
  await clock.advance(600);
  let stopped = false;
  void a.stop().then(() => (stopped = true));
  const stopping = b.stop(100);
  await clock.advance(100);
  await stopping;
  expect(Object.fromEntries(states)).toEqual({ a: 'stuck', b: 'gone' });
  await clock.advance(4_600);
  expect(stopped).toBe(false);
  await clock.advance(300);
  expect(stopped).toBe(true);
  expect(clock.pending).toBe(0);
});

test('50 services in a circle with several instances each, and 50 behind it: all know within 2 s', async () => {
  const { clock, start, ends } = makeTown();
  const size = 50;
  for (let i = 0; i < size; i++) {
    for (let copy = 0; copy <= i % 3; copy++) start(`s${i}@1.${copy}.0: s${(i + 1) % size}@^1`);
    start(`b${i}: s${i} ${i === 0 ? '' : `b${i - 1}`}`);
  }
  const last = clock.now();
  await clock.advance(2_000);
  expect(ends.size).toBe(99 + 50);
  for (const [key, { at, code, message }] of ends) {
    expect(at - last).toBeLessThan(2_000);
    expect(code).toBe(key.startsWith('s') ? 'ERR_DEPENDENCY_CYCLE' : 'ERR_DEPENDENCY');
    if (code === 'ERR_DEPENDENCY_CYCLE') expect(message.split(' → ')).toHaveLength(size + 1);
  }
});

test('it listens to all only where one that it relies on waits for others, and no longer than it waits', async () => {
  const { host, clock, start } = makeTown();
  const browsed: (string | undefined)[] = [];
  const make = makeDservice({
    ...host.runtime,
    discover: () => {
      const discovery = host.discovery();
      return {
        ...discovery,
        browse(name, listener) {
          browsed.push(name);
          const stop = discovery.browse(name, listener);
          return () => {
            browsed.splice(browsed.indexOf(name), 1);
            stop();
          };
        },
      };
    },
  });
  const a = make('a', api).rely('b').rely('z', { optional: true });
  const starting = a.start();
  start('z: y');
  await clock.advance(100);
  expect(browsed).toEqual(['b', 'z']);
  start('b: c');
  await clock.advance(100);
  expect(browsed).toEqual(['b', 'z', undefined]);
  start('c');
  await starting;
  expect(browsed).toEqual(['b', 'z']);
  await a.stop();
  expect(browsed).toEqual([]);
});

test('strangers that rely on each other without end are looked at, and nothing comes of it', async () => {
  const { host, clock, start, ends } = makeTown();
  const air = host.discovery();
  for (let i = 0; i < 2_000; i++) {
    const relies = Array.from({ length: 100 }, (_, j) => ({ name: 's1', range: `<${i}.${j}` }));
    air.announce({
      ...{ id: i.toString(16).padStart(16, '0'), name: `s${i % 2}`, version: `1.0.${i}` },
      ...{ state: 'waiting', endpoints: [], relies },
    });
  }
  start('a: s0', 1_000);
  await clock.advance(1_000);
  expect(ends.get('a 0')?.code).toBe('ERR_DEPENDENCY');
});
