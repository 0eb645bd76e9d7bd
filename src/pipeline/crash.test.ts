import { describe, expect, test } from 'vitest';
import { type CrashPoint, FaultyStores, type StoreFault } from '../testing/faulty-store.js';
import { VirtualClock } from '../testing/virtual-clock.js';
import { eventsOf, lines } from './fixtures/setup.js';
import { makePipeline } from './make-pipeline.js';
import { memory } from './memory.js';
import type { Pipeline } from './pipeline.js';
import { idOf } from './ref.js';
import type { StoreFactory } from './store.js';

// A program fails at each call of its store, or ends there, and the promises of docs/pipelines.md hold.

/** What is pushed: of two keys and of none, one of each that is tried again, put off, split, and dead. */
const items = [
  { queue: 'a', id: '1', key: 'k', data: 'plain' },
  { queue: 'a', id: '2', key: 'k', data: 'throws' },
  { queue: 'a', id: '3', key: 'k', data: 'puts off' },
  { queue: 'a', id: '4', key: 'l', data: 'splits' },
  { queue: 'a', id: '5', key: 'k', data: 'splits' },
  { queue: 'a', id: '6', data: 'dies' },
  { queue: 'a', id: '7', data: 'late', delay: 2_000 },
];

/** Every command that there ever is, with the queues that it has to leave, once each. */
const expected = [
  ...['1', '2', '3', '4', '5', '7'].flatMap((id) => [`${id} a`, `${id} b`]),
  ...['4/1', '4/2', '5/1', '5/2'].map((id) => `${id} c`),
  '6 a',
];

function world() {
  const clock = new VirtualClock();
  const commits: string[] = [];
  const factory = recorded(memory(), commits);
  const faulty = new FaultyStores(factory, clock);
  /** Starts, as `queue key id`. */
  const started: string[] = [];
  const attempts: number[] = [];
  const open = (store: StoreFactory = faulty.factory): Pipeline => {
    const make = makePipeline({ clock, store: () => store });
    const p = make('p', { store, logger: lines().logger });
    for (const queue of ['a', 'b', 'c']) {
      p.step(
        queue,
        async (data: string, step) => {
          started.push(`${queue} ${step.key ?? '-'} ${step.id}`);
          attempts.push(step.attempt);
          await new Promise<void>((resolve) => void clock.after(10, resolve));
          if (queue === 'c') return;
          if (data === 'throws' && step.attempt === 1) throw new Error('first');
          if (data === 'puts off' && started.filter((each) => each.endsWith(' 3')).length === 1) {
            step.delay(100);
            return;
          }
          if (data === 'dies') step.fail(new Error('never'));
          if (queue === 'a') step.next('b', data);
          else if (data === 'splits') for (const n of [1, 2]) step.next('c', n);
        },
        { timeout: 1_000, backoff: () => 100, concurrency: 3 },
      );
    }
    return p;
  };
  return { clock, faulty, factory, commits, started, attempts, open };
}

/** Writes down each command that left its queue by a commit, once for each operation. */
function recorded(factory: StoreFactory, commits: string[]): StoreFactory {
  const seen = new Set<string>();
  return {
    ...factory,
    async open(...args) {
      const store = await factory.open(...args);
      const turn = store.turn.bind(store);
      store.turn = async (outcomes, wants, op) => {
        const turned = await turn(outcomes, wants, op);
        const name = `${op.worker} ${op.seq}`;
        if (seen.has(name)) return turned;
        seen.add(name);
        for (const [i, { kind, ref, queue }] of outcomes.entries()) {
          if (kind !== 'retry' && turned.held[i]) commits.push(`${idOf(ref)} ${queue}`);
        }
        return turned;
      };
      return store;
    },
  };
}

/** Pushes one after the other, each until it is taken. Ends with the program. */
async function push({ clock }: { clock: VirtualClock }, p: Pipeline): Promise<void> {
  for (const item of items) {
    const { queue, data, ...options } = item;
    for (let done = false; !done;) {
      done = await p.push(queue, data, options).then(
        () => true,
        () => new Promise<boolean>((resolve) => void clock.after(200, () => resolve(false))),
      );
    }
  }
}

async function check({ commits, started, attempts, factory, clock }: ReturnType<typeof world>) {
  const store = await factory.open('p', {
    clock,
    dedupe: 1e9,
    dedupeMax: 100,
    deadAge: 1e9,
    deadMax: 100,
    logger: { warn: () => {} },
  });
  // Nothing is lost, nothing is in two places, all has come to its end.
  const { queues, dead } = await store.counts();
  expect(queues).toEqual({});
  expect(dead).toBe(1);
  expect((await store.range(undefined, 'dead', { limit: 9 })).commands).toMatchObject([
    { ref: '6' },
  ]);
  // Each left each queue by one commit.
  expect([...commits].sort()).toEqual([...expected].sort());
  // Of each key, in each queue, one after the other; those that are begun again are the last.
  for (const [queue, key, order] of [
    ['a', 'k', ['1', '2', '3', '5']],
    ['b', 'k', ['1', '2', '3', '5']],
    ['c', 'k', ['5/1', '5/2']],
    ['c', 'l', ['4/1', '4/2']],
  ] as const) {
    const own = started.flatMap((each) => {
      const [inQueue, ofKey, id] = each.split(' ');
      return inQueue === queue && ofKey === key ? [id] : [];
    });
    expect(own.filter((id, i) => id !== own[i - 1])).toEqual(order);
  }
  expect(Math.max(...attempts)).toBeLessThanOrEqual(4);
  await store.close();
}

/** Lets time pass until all is done, and some more, or until too much has. */
async function pass({ clock, commits }: ReturnType<typeof world>, ms: number): Promise<void> {
  for (let i = 0; i < ms && commits.length < expected.length; i += 500) await clock.advance(500);
  await clock.advance(7_000);
}

/** How many calls of its store a program makes that nothing happens to. */
async function callsWithout(): Promise<number> {
  const w = world();
  const p = w.open();
  await p.start();
  await Promise.all([push(w, p), pass(w, 6_000)]);
  await check(w);
  await stop(w, p);
  return w.faulty.calls.length;
}

const calls = await callsWithout();

/** Stops a program whose store may be slow. */
async function stop({ clock }: { clock: VirtualClock }, p: Pipeline): Promise<void> {
  const stopped = p.stop({ drain: false });
  await clock.advance(30_000);
  await stopped;
}

test('there is something to fail', () => {
  expect(calls).toBeGreaterThan(20);
  expect(calls).toBeLessThan(80);
});

describe.each<CrashPoint>(['before', 'during', 'after'])('a program ends %s a call', (point) => {
  test('and another one begins', async () => {
    for (let index = 0; index < calls; index++) {
      const w = world();
      w.faulty.crashAt(index, point);
      const p = w.open();
      // What it waits for never comes: it is dead.
      void p.start();
      void push(w, p);
      await pass(w, 6_000);
      await w.faulty.restart();
      const next = w.open();
      await next.start();
      await Promise.all([push(w, next), pass(w, 20_000)]);
      await check(w).catch((cause: unknown) => {
        throw new Error(`at call ${index}`, { cause });
      });
      await stop(w, next);
    }
  }, 60_000);

  test('and others go on', async () => {
    for (let index = 0; index < calls; index++) {
      const w = world();
      w.faulty.crashAt(index, point);
      const [p, other] = [w.open(), w.open(w.factory)];
      await other.start();
      void p.start();
      await Promise.all([push(w, other), pass(w, 20_000)]);
      await check(w).catch((cause: unknown) => {
        throw new Error(`at call ${index}`, { cause });
      });
      await stop(w, other);
    }
  }, 60_000);
});

const faults: StoreFault[] = [
  { fails: 'before' },
  { fails: 'during' },
  { fails: 'before', code: 'ERR_STORE_FULL' },
  { fails: 'during', code: 'ERR_STORE' },
  { fails: 'never', delay: 3_000 },
  { fails: 'during', delay: 20_000 },
];

test.each(faults)(
  'each call fails once: %j',
  async (fault) => {
    for (let index = 0; index < calls; index++) {
      const w = world();
      const p = w.open();
      const events = eventsOf(p);
      w.faulty.plan = (call) => (call.index === index ? fault : undefined);
      await Promise.all([start(w.clock, p), push(w, p), pass(w, 60_000)]);
      await check(w).catch((cause: unknown) => {
        throw new Error(`at call ${index}, ${w.faulty.calls[index]?.name}`, { cause });
      });
      // Ends are told once, of all that ended here.
      const ends = events.filter((each) => /^(finished|dead) /.test(each));
      expect(new Set(ends).size).toBe(ends.length);
      // An answer that comes too late for the lease is told by whoever was next.
      if (fault.delay === undefined) expect(ends).toHaveLength(11);
      await stop(w, p);
    }
  },
  60_000,
);

async function start(clock: VirtualClock, p: Pipeline): Promise<void> {
  await p.start().catch(async () => {
    await new Promise<void>((resolve) => void clock.after(200, resolve));
    await start(clock, p);
  });
}

test('every third call fails, one way or the other', async () => {
  for (let seed = 0; seed < 20; seed++) {
    const w = world();
    const p = w.open();
    w.faulty.plan = ({ index }) => {
      if ((index + seed) % 3 !== 0) return undefined;
      return faults[(index * 7 + seed) % 4];
    };
    await Promise.all([start(w.clock, p), push(w, p), pass(w, 60_000)]);
    await check(w).catch((cause: unknown) => {
      throw new Error(`with seed ${seed}`, { cause });
    });
    await stop(w, p);
  }
}, 60_000);
