import { test } from 'vitest';
import { modelTest } from '../../src/pipeline/fixtures/store-model.js';
import { VirtualClock } from '../../src/testing/virtual-clock.js';
import { removeDatabase, someName } from './fixtures/databases.js';
import { indexedDb } from './indexed-db.js';

async function setup() {
  const name = someName();
  return {
    factory: indexedDb(name),
    reopen: async () => indexedDb(name),
    clock: new VirtualClock(),
    teardown: () => removeDatabase(name),
  };
}

test('it does what the model does', () => modelTest({ setup, runs: 15 }), 60_000);
