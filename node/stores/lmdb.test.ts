import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'vitest';
import { storeSuite } from '../../src/testing/store-suite.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { lmdb } from './lmdb.js';

storeSuite({
  test,
  async setup() {
    const folder = await mkdtemp(join(tmpdir(), 'dservice.lmdb-'));
    return {
      factory: lmdb(folder),
      clock: new VirtualClock(),
      reopen: async () => lmdb(folder),
      teardown: () => rm(folder, { recursive: true }),
    };
  },
  supports: { durability: 'always', shared: 'processes' },
});
