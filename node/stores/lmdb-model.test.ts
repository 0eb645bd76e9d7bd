import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { modelTest } from '../../src/pipeline/fixtures/store-model.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { lmdb } from './lmdb.js';

test('any history of calls has the answers that it has in memory', { timeout: 120_000 }, () =>
  modelTest({
    async setup() {
      const folder = await mkdtemp(join(tmpdir(), 'dservice.lmdb-'));
      return {
        factory: lmdb(folder, { durability: 'flush' }),
        clock: new VirtualClock(),
        reopen: async () => lmdb(folder, { durability: 'flush' }),
        teardown: () => rm(folder, { recursive: true }),
      };
    },
    runs: 60,
    jumps: true,
  }),
);
