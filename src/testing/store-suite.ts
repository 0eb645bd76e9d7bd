import { batchTests } from './store-suite/batches.js';
import { clockTests } from './store-suite/clocks.js';
import { dataTests } from './store-suite/data.js';
import { deadTests } from './store-suite/dead.js';
import { dedupeTests } from './store-suite/dedupe.js';
import { delayTests } from './store-suite/delays.js';
import { isolationTests } from './store-suite/isolation.js';
import { keepingTests } from './store-suite/keeping.js';
import { keyTests } from './store-suite/keys.js';
import { leaseTests } from './store-suite/leases.js';
import { listingTests } from './store-suite/listing.js';
import { moveTests } from './store-suite/moves.js';
import { nameTests } from './store-suite/names.js';
import { orderTests } from './store-suite/order.js';
import { type On, Place, type StoreSuite } from './store-suite/place.js';
import { rateTests } from './store-suite/rates.js';
import { receiptTests } from './store-suite/receipts.js';
import { watchTests } from './store-suite/watching.js';

export type { StoreSetup, StoreSuite } from './store-suite/place.js';

/**
 * What every store of durable queues has to do, whatever runs the tests. For adapters written elsewhere too:
 *
 * `storeSuite({ test, setup: async () => ({ factory, clock: new VirtualClock(), teardown }), supports })`
 *
 * Stores are opened with the clock of the setup, and have no other time. Where a store is cut in parts, it is set up
 * with one. Nothing here sleeps: who is not woken leaves a test waiting, for the runner to end.
 */
export function storeSuite({ test, setup, supports }: StoreSuite): void {
  const on: On = (name, fn) =>
    test(name, async () => {
      const place = new Place(await setup());
      try {
        await fn(place);
      } finally {
        await place.teardown();
      }
    });
  isolationTests({ test, setup });
  orderTests(on);
  leaseTests(on);
  receiptTests(on);
  dedupeTests(on);
  keyTests(on);
  delayTests(on);
  moveTests(on);
  deadTests(on);
  rateTests(on);
  listingTests(on);
  watchTests(on);
  batchTests(on);
  keepingTests(on, supports);
  dataTests(on);
  nameTests(on);
  clockTests(on);
}
