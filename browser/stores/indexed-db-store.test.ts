import { describe, test } from 'vitest';
import { storeSuite } from '../../src/testing/store-suite.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { removeDatabase, someName } from './fixtures/databases.js';
import { indexedDb } from './indexed-db.js';

describe('the suite', () => {
  storeSuite({
    test,
    setup: async () => {
      const name = someName();
      return {
        factory: indexedDb(name),
        reopen: async () => indexedDb(name),
        clock: new VirtualClock(),
        teardown: () => removeDatabase(name),
      };
    },
    supports: { durability: 'always', shared: 'tabs' },
  });
});
