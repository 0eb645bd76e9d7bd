import { expect, test } from 'vitest';
import { MemoryHost } from '../testing/memory-host.js';
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
