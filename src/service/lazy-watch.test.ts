import { expect, test } from 'vitest';
import { MemoryHost } from '../testing/memory-host.js';
import { AskingMatcher } from './asking-matcher.js';
import { CycleWatch } from './cycle-watch.js';
import { makeDservice } from './dservice.js';
import { lazyWatch } from './lazy-watch.js';

/** Two that wait for each other, with a watch that is loaded after so many ms; and what they were told. */
async function circle(host: MemoryHost, load: () => Promise<typeof CycleWatch>): Promise<string[]> {
  const { runtime, clock } = host;
  const make = makeDservice({ ...runtime, watchCycle: (options) => lazyWatch(options, load) });
  const codes: string[] = [];
  for (const [name, other] of [
    ['a', 'b'],
    ['b', 'a'],
  ] as const) {
    const service = make(name, {}, { startTimeout: 5_000, logger: { warn: () => {} } }).rely(other);
    service.start().catch(({ code }: { code: string }) => codes.push(code));
  }
  await clock.advance(6_000);
  return codes;
}

test('a circle is named when it is loaded', async () => {
  const host = new MemoryHost();
  const late = new Promise<typeof CycleWatch>((resolve) => {
    host.clock.after(2_000, () => resolve(CycleWatch));
  });
  expect(await circle(host, () => late)).toEqual(['ERR_DEPENDENCY_CYCLE', 'ERR_DEPENDENCY_CYCLE']);
});

test.each<[string, (host: MemoryHost) => Promise<typeof CycleWatch>]>([
  ['cannot be loaded', () => Promise.reject(new Error('the network is gone'))],
  [
    'comes when all is over',
    ({ clock }) => new Promise((resolve) => clock.after(5_500, () => resolve(CycleWatch))),
  ],
])('what %s is done without', async (_, load) => {
  const host = new MemoryHost();
  expect(await circle(host, () => load(host))).toEqual(['ERR_DEPENDENCY', 'ERR_DEPENDENCY']);
  expect(host.clock.pending).toBe(0);
});

test('without it, and with a range that is asked for elsewhere, it is told what is waited for', async () => {
  const { runtime, clock } = new MemoryHost();
  const make = makeDservice({
    ...runtime,
    matcher: () =>
      new AskingMatcher((_, versions) => Promise.resolve(versions.map(() => true)), clock),
    watchCycle: (options) => lazyWatch(options, () => Promise.reject(new Error('not here'))),
  });
  const logger = { warn: () => {} };
  make('b@1.2.0', {}, { logger })
    .rely('never')
    .start()
    .catch(() => {});
  const starting = make('a', {}, { startTimeout: 5_000, logger }).rely('b@^1').start();
  starting.catch(() => {});
  await clock.advance(6_000);
  await expect(starting).rejects.toThrow('there is still no b@^1 (1.2.0 is waiting)');
});
