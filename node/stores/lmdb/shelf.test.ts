import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { VirtualClock } from '../../../src/testing/virtual-clock.js';
import { lmdb } from '../lmdb.js';

test('where the clock was set back, what is too old behind what is younger is gone, and can be asked for again', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dservice.lmdb-'));
  const clock = new VirtualClock();
  const store = await lmdb(folder).open('orders', {
    ...{ clock, dedupe: 30_000, dedupeMax: 10, deadAge: 30_000, deadMax: 10 },
    logger: { warn: () => {} },
  });
  let seq = 0;
  const op = () => ({ worker: 'w', seq: seq++ });
  const finish = async (ref: string): Promise<void> => {
    const entry = { ref, given: true, queue: 'q', body: store.pack(1).body };
    const { claims } = await store.push([entry], [{ queue: 'q', max: 1, lease: 1_000 }], op());
    const outcomes = claims.map((claim) => ({ ...claim, kind: 'done' as const, next: [] }));
    expect((await store.turn(outcomes, [], op())).held).toEqual([true]);
  };
  await finish('younger');
  clock.jump(-20_000);
  await finish('older');
  await clock.advance(40_000);
  expect(await store.find(['older'])).toEqual([undefined]);
  expect(await store.find(['older', 'younger'])).toEqual([
    undefined,
    { state: 'finished', children: 0 },
  ]);
  await finish('older');
  await store.close();
  await rm(folder, { recursive: true });
});
