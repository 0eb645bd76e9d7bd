import { expect, test, vi } from 'vitest';
import { memory } from '../pipeline/memory.js';
import type { Store, StoreFactory } from '../pipeline/store.js';
import { storeSuite } from './store-suite.js';
import { VirtualClock } from './virtual-clock.js';

vi.setConfig({ testTimeout: 30_000 });

/** Runs the suite on memory stores that are changed, and tells of each test that fails. */
async function* failing(
  change: (store: Store, kept: Map<string, unknown>) => Partial<Store>,
  factory: () => StoreFactory = memory,
): AsyncGenerator<string> {
  const tests: [string, () => Promise<void>][] = [];
  storeSuite({
    test: (name, fn) => void tests.push([name, fn]),
    setup: async () => {
      const made = factory();
      const kept = new Map<string, unknown>();
      const open: StoreFactory['open'] = async (...args) => {
        const store = await made.open(...args);
        return but(store, change(store, kept));
      };
      return { factory: { ...made, open }, clock: new VirtualClock(), teardown: async () => {} };
    },
    supports: { durability: 'none', shared: 'none' },
  });
  for (const [name, fn] of tests) {
    const passed = await fn().then(
      () => true,
      () => false,
    );
    if (!passed) yield name;
  }
}

function but(store: Store, members: Partial<Store>): Store {
  const all = {
    supports: store.supports,
    pack: (data) => store.pack(data),
    unpack: (body) => store.unpack(body),
    push: (...args) => store.push(...args),
    turn: (...args) => store.turn(...args),
    extend: (...args) => store.extend(...args),
    reap: (...args) => store.reap(...args),
    counts: () => store.counts(),
    find: (...args) => store.find(...args),
    range: (...args) => store.range(...args),
    redrive: (...args) => store.redrive(...args),
    purge: (...args) => store.purge(...args),
    watch: (wake) => store.watch(wake),
    flush: () => store.flush(),
    close: () => store.close(),
  } satisfies Store;
  return { ...all, ...members };
}

test('memory passes', async () => {
  for await (const name of failing(() => ({}))) expect.unreachable(name);
});

test('places that are one place fail first', async () => {
  const shared = memory();
  const { value } = await failing(
    () => ({}),
    () => shared,
  ).next();
  expect(value).toBe('two pipelines, and two places, are isolated');
});

const bugs: [string, (store: Store, kept: Map<string, unknown>) => Partial<Store>][] = [
  [
    'a turn that is repeated answers the same, and does nothing',
    (store) => {
      let seq = 0;
      return {
        turn: (outcomes, wants, { worker }) => store.turn(outcomes, wants, { worker, seq: seq++ }),
      };
    },
  ],
  [
    'who lost its lease changes nothing',
    (store, kept) => ({
      turn: async (outcomes, wants, op) => {
        const forged = outcomes.map((it) => {
          const token = kept.get(it.ref);
          return typeof token === 'string' ? { ...it, token } : it;
        });
        const answer = await store.turn(forged, wants, op);
        for (const { ref, token } of answer.claims) kept.set(ref, token);
        return answer;
      },
    }),
  ],
  [
    'what is reaped comes in the order of deadline, token and place',
    (store) => ({
      turn: (outcomes, wants, op) =>
        store.turn(
          outcomes,
          wants.map((it) => ({ ...it, lease: 1_000 })),
          op,
        ),
    }),
  ],
  [
    'a retry at once comes to the front',
    (store) => ({
      turn: (outcomes, wants, op) => store.turn(outcomes.toReversed(), wants, op),
    }),
  ],
  [
    'those of a key come one at a time, in order',
    (store) => ({
      push: (entries, wants, op) =>
        store.push(
          entries.map((it) => ({ ...it, key: undefined })),
          wants,
          op,
        ),
    }),
  ],
  [
    'what is given can be changed after it was packed, and what comes out too',
    () => ({ unpack: (body) => body }),
  ],
  [
    'data comes back as it was',
    () => ({
      pack: (data) => ({ body: JSON.stringify(data), size: 1 }),
      unpack: (body) => JSON.parse(body as string) as unknown,
    }),
  ],
  [
    'who stops watching is not woken',
    (store) => ({
      watch: (wake) => {
        store.watch(wake);
        return () => {};
      },
    }),
  ],
  ['after the close every call rejects', () => ({ close: async () => {} })],
];

test.each(bugs)('who does not do it fails: %s', async (name, change) => {
  for await (const failed of failing(change)) if (failed === name) return;
  expect.unreachable('it passed');
});
